"""The profiled deviance of a linear mixed model with its exact gradient and Hessian.

Fixed effects and the residual variance are profiled out, after Bates, Mächler, Bolker and Walker (2015),
doi 10.18637/jss.v067.i01, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from studypkg.models.linear.covariances import bend, elements, slopes
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.moments import Moments, moments
from studypkg.models.linear.taylor import Floats, pairs


@dataclass(frozen=True)
class Point:
    """What one θ says.

    Notes
    -----
    ``deviance`` is −2 (restricted) log-likelihood, with ``gradient`` (k) and ``curvature`` (k × k) over θ.
    ``phi_gradient`` is the one over φ. ``beta`` and ``vcov`` are the fixed effects and Cov(β̂) on the
    data's scale; ``vcov_slopes`` (k × p × p)
    are the derivatives of Cov(β̂) with respect to θ, σ² profiled out. ``basis_beta`` and ``inverse`` belong to
    the orthonormal basis: its coefficients and (Q'V⁻¹Q)⁻¹ at σ² = 1.
    """

    theta: Floats
    deviance: float
    gradient: Floats
    curvature: Floats
    sigma2: float
    beta: Floats
    vcov: Floats
    vcov_slopes: Floats
    basis_beta: Floats
    inverse: Floats
    moments: Moments
    phi_gradient: Floats


def evaluate(theta: Floats, sums: CrossProducts, *, reml: bool, order: int = 2) -> Point:
    """Evaluate the profiled (restricted) deviance.

    Parameters
    ----------
    theta
        The free elements of the covariance factors in the order of the plan, on the scale of the random
        columns in ``sums`` (root mean square one).
    sums
        The sums of products.
    reml
        Restricted likelihood when true.
    order
        2 for gradient and Hessian, 1 for the gradient alone, 0 for neither; what is left out is empty.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the moments are not positive definite at θ.

    Notes
    -----
    With M = [Q r]'V⁻¹[Q r], ν = n (ML) or n − p (REML) and r² = M_rr − M_rQ M_QQ⁻¹ M_Qr,

    deviance = log|V| + ν (1 + log(2π r²/ν)) + [REML: log|X'V⁻¹X|] − Σ log w.

    With e = (−γ̂, 1) and g_i = (M_i e)_Q, r²_i = e'M_ie and r²_ij = e'M_ije − 2 g_i'M_QQ⁻¹g_j.
    """
    found = moments(sums, elements(theta, sums), order)
    p, nu = sums.p, sums.n - sums.p if reml else sums.n
    m = found.products.value
    # A jet lost to rounding would show here: the Cholesky factor exists only for a positive definite M.
    triangle = linalg.cholesky(m, lower=True, check_finite=True)
    root = linalg.solve_triangular(triangle[:p, :p], np.eye(p), lower=True) if p else np.zeros((0, 0))
    inverse = root.T @ root
    gamma = root.T @ triangle[p, :p]
    r2 = float(triangle[p, p] ** 2)
    sigma2 = r2 / nu
    deviance = float(found.log_det.value) + nu * (1.0 + np.log(2.0 * np.pi * sigma2)) - sums.log_weights
    if reml and p:
        deviance += 2.0 * float(np.log(np.diag(triangle)[:p]).sum())
        deviance += 2.0 * float(np.log(np.abs(np.diag(sums.triangle))).sum())
    back = linalg.solve_triangular(sums.triangle, np.eye(p)) if p else np.zeros((0, 0))
    e = np.append(-gamma, 1.0)
    k = len(theta)
    gradient = phi_gradient = np.zeros(0)
    curvature, vcov_slopes = np.zeros((0, 0)), np.zeros((0, p, p))
    if order:
        first = found.products.first
        along = first @ e
        g, r2_first = along[:, :p], along @ e
        phi_gradient = found.log_det.first + nu * r2_first / r2
        spread = inverse @ first[:, :p, :p] @ inverse
        if reml:
            phi_gradient = phi_gradient + np.einsum("kij,ij->k", first[:, :p, :p], inverse)
        jacobian = slopes(theta, sums)
        gradient = jacobian.T @ phi_gradient
        in_basis = (r2_first / nu)[:, None, None] * inverse - sigma2 * spread
        vcov_slopes = np.tensordot(jacobian.T, back @ in_basis @ back.T, axes=1)
    if order > 1:
        i, j = pairs(k)
        second = found.products.second
        r2_second = (second @ e) @ e - 2.0 * np.einsum("ka,ab,kb->k", g[i], inverse, g[j])
        packed = found.log_det.second + nu * (r2_second / r2 - r2_first[i] * r2_first[j] / r2**2)
        if reml:
            packed = packed + np.einsum("kij,ij->k", second[:, :p, :p], inverse)
            packed = packed - np.einsum("kij,kji->k", spread[i], first[j][:, :p, :p])
        phi_curvature = np.zeros((k, k))
        phi_curvature[i, j] = phi_curvature[j, i] = packed
        curvature = jacobian.T @ phi_curvature @ jacobian + bend(phi_gradient, sums)
    return Point(
        theta, float(deviance), gradient, curvature, sigma2, sums.least_squares + back @ gamma,
        sigma2 * back @ inverse @ back.T, vcov_slopes, gamma, inverse, found, phi_gradient,
    )  # fmt: skip

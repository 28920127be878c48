"""The profiled deviance of a linear mixed model with its exact gradient and Hessian.

Fixed effects and the residual variance are profiled out, after Bates, Mächler, Bolker and Walker (2015),
doi 10.18637/jss.v067.i01, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from studypkg.models.linear.covariances import bend, elements, slopes
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.moments import Moments, moments
from studypkg.models.linear.taylor import Floats, pairs


@dataclass(frozen=True, eq=False)
class Point:
    """What one θ says.

    Notes
    -----
    ``deviance`` is −2 (restricted) log-likelihood, with ``gradient`` (k) and ``curvature`` (k × k) over θ.
    ``phi_gradient`` is the one over φ. ``basis_beta`` and ``inverse`` belong to the orthonormal basis: its
    coefficients and (Q'V⁻¹Q)⁻¹ at σ² = 1; ``basis_slopes`` (k × p × p) are the derivatives of σ̂² times the
    latter with respect to φ.
    """

    theta: Floats
    deviance: float
    gradient: Floats
    curvature: Floats
    sigma2: float
    basis_beta: Floats
    inverse: Floats
    basis_slopes: Floats
    moments: Moments
    phi_gradient: Floats
    sums: CrossProducts

    @cached_property
    def beta(self) -> Floats:
        """The fixed effects on the data's scale, p."""
        return np.asarray(self.sums.least_squares + self.sums.back @ self.basis_beta)

    @cached_property
    def vcov(self) -> Floats:
        """Cov(β̂) on the data's scale, p × p."""
        back = self.sums.back
        return np.asarray(self.sigma2 * back @ self.inverse @ back.T)

    @cached_property
    def vcov_slopes(self) -> Floats:
        """The derivatives of Cov(β̂) with respect to θ, σ² profiled out, k × p × p."""
        back = self.sums.back
        if not len(self.basis_slopes):
            return np.zeros((0, *self.inverse.shape))
        changes = back @ self.basis_slopes @ back.T
        return np.asarray(np.tensordot(slopes(self.theta, self.sums).T, changes, axes=1))


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
    # A jet lost to rounding would show here: the Cholesky factor exists only for a positive definite M.
    triangle = np.linalg.cholesky(found.products.value)
    if not np.isfinite(triangle[p, p]):
        raise np.linalg.LinAlgError
    root = lapack.dtrtri(triangle[:p, :p], lower=1)[0] if p else np.zeros((0, 0))
    inverse = root.T @ root
    gamma = root.T @ triangle[p, :p]
    r2 = float(triangle[p, p] ** 2)
    sigma2 = r2 / nu
    deviance = float(found.log_det.value) + nu * (1.0 + np.log(2.0 * np.pi * sigma2)) - sums.log_weights
    if reml and p:
        deviance += 2.0 * float(np.log(np.diag(triangle)[:p]).sum()) + sums.log_triangle
    gradient = phi_gradient = np.zeros(0)
    curvature, basis_slopes = np.zeros((0, 0)), np.zeros((0, p, p))
    if order:
        k = len(theta)
        e = np.append(-gamma, 1.0)
        first = found.products.first
        along = first @ e
        g, r2_first = along[:, :p], along @ e
        phi_gradient = found.log_det.first + nu * r2_first / r2
        inner = first[:, :p, :p]
        spread = inverse @ inner @ inverse
        if reml:
            phi_gradient = phi_gradient + inner.reshape(k, p * p) @ inverse.ravel()
        jacobian = slopes(theta, sums)
        gradient = jacobian.T @ phi_gradient
        basis_slopes = (r2_first / nu)[:, None, None] * inverse - sigma2 * spread
    if order > 1:
        i, j = pairs(k)
        second = found.products.second
        r2_second = (second @ e) @ e - 2.0 * (g @ inverse @ g.T)[i, j]
        packed = found.log_det.second + nu * (r2_second / r2 - r2_first[i] * r2_first[j] / r2**2)
        if reml:
            packed = packed + second[:, :p, :p].reshape(len(i), p * p) @ inverse.ravel()
            packed = packed - (spread.reshape(k, p * p) @ inner.reshape(k, p * p).T)[i, j]
        phi_curvature = np.empty((k, k))
        phi_curvature[i, j] = phi_curvature[j, i] = packed
        curvature = jacobian.T @ phi_curvature @ jacobian + bend(phi_gradient, sums)
    return Point(
        theta,
        float(deviance),
        gradient,
        curvature,
        sigma2,
        gamma,
        inverse,
        basis_slopes,
        found,
        phi_gradient,
        sums,
    )

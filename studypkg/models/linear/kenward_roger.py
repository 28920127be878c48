"""Kenward and Roger's small-sample quantities from the second derivatives of the moments.

The covariance of the response is linear in the elements φ of the random effects' covariances and in σ², so
every sum in their formulas is a derivative of X'V⁻¹X or of log|V|, and no n × n matrix is needed.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from studypkg.models.fit import KenwardRoger
from studypkg.models.linear.covariances import elements
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point
from studypkg.models.linear.taylor import Floats, pairs


def kenward_roger(point: Point, sums: CrossProducts, *, reml: bool) -> KenwardRoger:
    """Compute the adjusted covariance of the fixed effects and what its degrees of freedom need.

    Parameters
    ----------
    point
        The optimum, evaluated with second derivatives.
    sums
        The sums of products.
    reml
        Whether the fit is by REML, for which alone the method is defined.

    Notes
    -----
    Kenward and Roger (1997), doi 10.2307/2533558. With M = X'V⁻¹X, Φ = M⁻¹, P_i = ∂M/∂φ_i and
    Q_ij + Q_ji = ∂²M/∂φ_i∂φ_j, the expected information is
    ½ [−∂²log|V|/∂φ_i∂φ_j − tr(Φ(Q_ij + Q_ji)) + tr(ΦP_iΦP_j)], W its inverse, and the adjusted covariance
    Φ + 2 Φ {Σ W_ij (Q_ij − P_iΦP_j)} Φ. V is homogeneous of degree one in (φ, σ²), so the derivatives with
    respect to σ² follow from the others by Euler's theorem.
    """
    p, k = sums.p, len(point.theta)
    nothing = KenwardRoger(np.zeros((p, p)), np.zeros((0, p, p)), np.zeros((0, 0)))
    if not reml:
        problem = (
            "Kenward and Roger's method is defined for restricted maximum likelihood: fit with reml=True"
        )
        return KenwardRoger(nothing.vcov, nothing.vcov_jacobian, nothing.parameter_cov, problem)
    products, log_det = point.moments.products, point.moments.log_det
    sigma2 = point.sigma2
    phi = sigma2 * elements(point.theta, sums)
    i, j = pairs(k)
    first, second = np.zeros((k + 1, p, p)), np.zeros((k + 1, k + 1, p, p))
    first[:k] = products.first[:, :p, :p] / sigma2**2
    second[i, j] = second[j, i] = products.second[:, :p, :p] / sigma2**3
    log_first, log_second = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    log_first[:k] = log_det.first / sigma2
    log_second[i, j] = log_second[j, i] = log_det.second / sigma2**2
    # Euler: Σ φ ∂F/∂φ + σ² ∂F/∂σ² = degree · F, with degree −1 for M, −2 for its derivatives and so on.
    first[k] = (-products.value[:p, :p] / sigma2 - np.tensordot(phi, first[:k], axes=1)) / sigma2
    mixed = (-2.0 * first[:k] - np.tensordot(second[:k, :k], phi, axes=([1], [0]))) / sigma2
    second[:k, k] = second[k, :k] = mixed
    second[k, k] = (-2.0 * first[k] - np.tensordot(phi, mixed, axes=1)) / sigma2
    log_first[k] = (sums.n - phi @ log_first[:k]) / sigma2
    log_mixed = (-log_first[:k] - log_second[:k, :k] @ phi) / sigma2
    log_second[:k, k] = log_second[k, :k] = log_mixed
    log_second[k, k] = (-log_first[k] - phi @ log_mixed) / sigma2
    cov = sigma2 * point.inverse
    changed = cov @ first
    information = 0.5 * (
        -log_second - np.einsum("ab,ijba->ij", cov, second) + np.einsum("iab,jba->ij", changed, changed)
    )
    scale = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if not values[0] > 1e-12 * values[-1]:
        problem = "the expected information of the variance parameters is not positive definite"
        return KenwardRoger(nothing.vcov, nothing.vcov_jacobian, nothing.parameter_cov, problem)
    w = np.outer(scale, scale) * ((vectors / values) @ vectors.T)
    middle = 0.5 * np.einsum("ij,ijab->ab", w, second) - np.einsum("ij,iab,jbc->ac", w, first, changed)
    adjusted = cov + 2.0 * cov @ (0.5 * (middle + middle.T)) @ cov
    back = linalg.solve_triangular(sums.triangle, np.eye(p)) if p else np.zeros((0, 0))
    jacobian: Floats = -changed @ cov
    return KenwardRoger(back @ adjusted @ back.T, back @ jacobian @ back.T, w)

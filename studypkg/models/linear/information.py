"""Derivatives on the scale of the data's variances, and the expected information they give.

The covariance of the response is linear in the elements φ of the random effects' covariances and in σ², so
every sum in the formulas of Fisher scoring and of Kenward and Roger is a derivative of X'V⁻¹X or log|V|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.linear.covariances import elements
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point
from studypkg.models.linear.taylor import Floats, pairs


@dataclass(frozen=True)
class Absolute:
    """First and second derivatives of M = Q'V⁻¹Q and of log|V| with respect to (φ, σ²), k + 1 of them.

    Notes
    -----
    ``cov`` is M⁻¹ (p × p), ``first`` (k + 1) × p × p and ``second`` (k + 1) × (k + 1) × p × p belong to M,
    ``log_second`` to log|V|, and ``changed`` is M⁻¹ ∂M.
    """

    phi: Floats
    cov: Floats
    first: Floats
    second: Floats
    log_second: Floats
    changed: Floats

    def information(self, *, reml: bool) -> Floats:
        """Return the expected (restricted) information of (φ, σ²).

        Notes
        -----
        ½ tr(V⁻¹V_iV⁻¹V_j) = −½ ∂²log|V|/∂φ_i∂φ_j, and for the restricted likelihood
        ½ [… − tr(M⁻¹ ∂²M/∂φ_i∂φ_j) + tr(M⁻¹∂M_i M⁻¹∂M_j)]: Kenward and Roger (1997), doi 10.2307/2533558.
        """
        found = -self.log_second
        if reml:
            k = len(found)
            found = found - self.second.reshape(k, k, self.cov.size) @ self.cov.ravel()
            turned = self.changed.swapaxes(1, 2).reshape(k, -1)
            found = found + self.changed.reshape(k, -1) @ turned.T
        return np.asarray(0.5 * found, dtype=float)


def absolute(point: Point, sums: CrossProducts) -> Absolute:
    """Bring the derivatives of a point, taken at σ² = 1, to the scale of the data.

    Notes
    -----
    V is homogeneous of degree one in (φ, σ²), so the derivatives with respect to σ² follow from the others
    by Euler's theorem: Σ φ ∂F/∂φ + σ² ∂F/∂σ² = degree · F, with degree −1 for M and −2 for its derivatives.
    """
    p, k, sigma2 = sums.p, len(point.theta), point.sigma2
    products, log_det = point.moments.products, point.moments.log_det
    phi = sigma2 * elements(point.theta, sums)
    i, j = pairs(k)
    first, second = np.zeros((k + 1, p, p)), np.zeros((k + 1, k + 1, p, p))
    first[:k] = products.first[:, :p, :p] / sigma2**2
    second[i, j] = second[j, i] = products.second[:, :p, :p] / sigma2**3
    log_first, log_second = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    log_first[:k] = log_det.first / sigma2
    log_second[i, j] = log_second[j, i] = log_det.second / sigma2**2
    first[k] = (-products.value[:p, :p] / sigma2 - np.tensordot(phi, first[:k], axes=1)) / sigma2
    mixed = (-2.0 * first[:k] - np.tensordot(second[:k, :k], phi, axes=([1], [0]))) / sigma2
    second[:k, k] = second[k, :k] = mixed
    second[k, k] = (-2.0 * first[k] - np.tensordot(phi, mixed, axes=1)) / sigma2
    log_first[k] = (sums.n - phi @ log_first[:k]) / sigma2
    log_mixed = (-log_first[:k] - log_second[:k, :k] @ phi) / sigma2
    log_second[:k, k] = log_second[k, :k] = log_mixed
    log_second[k, k] = (-log_first[k] - phi @ log_mixed) / sigma2
    cov = sigma2 * point.inverse
    return Absolute(phi, cov, first, second, log_second, cov @ first)


def scoring_step(point: Point, sums: CrossProducts, *, reml: bool) -> Floats | None:
    """Return the θ a step of Fisher scoring leads to, or None where the information is singular.

    Notes
    -----
    Far from the optimum scoring is steadier than Newton's method: its matrix is positive definite everywhere.
    A variance that would become negative is divided by ten instead.
    """
    found = absolute(point, sums)
    information = found.information(reml=reml)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    score = np.append(-0.5 * point.phi_gradient / point.sigma2, 0.0)
    try:
        step = scale * np.linalg.solve(information * np.outer(scale, scale), scale * score)
    except np.linalg.LinAlgError:
        return None
    sigma2 = max(point.sigma2 + float(step[-1]), 0.1 * point.sigma2)
    old, new = found.phi / point.sigma2, (found.phi + step[:-1]) / sigma2
    theta = np.zeros(len(new))
    order = sums.layout.order
    for at, factor in enumerate(sums.factors):
        own = [place for place, (k, _, _) in enumerate(order) if k == at]
        before, after = np.zeros((factor.size, factor.size)), np.zeros((factor.size, factor.size))
        for place in own:
            _, i, j = order[place]
            before[i, j] = before[j, i] = old[place]
            after[i, j] = after[j, i] = new[place]
        triangle = _inside(before, after)
        if triangle is None:
            return None
        for place in own:
            _, i, j = order[place]
            theta[place] = triangle[i, j]
    return theta


def _inside(before: Floats, after: Floats) -> Floats | None:
    """Return the Cholesky factor of a covariance matrix, moved back until it is one."""
    for share in (1.0, 0.9, 0.7, 0.4, 0.1):
        trial = before + share * (after - before)
        low = np.diag(trial) < 0.1 * np.diag(before)
        if low.any():
            shrink = np.where(low, np.sqrt(0.1), 1.0)
            trial = np.where(
                np.outer(low, low) | low[:, None] | low, before * np.outer(shrink, shrink), trial
            )
        try:
            return np.asarray(np.linalg.cholesky(trial), dtype=float)
        except np.linalg.LinAlgError:
            continue
    return None

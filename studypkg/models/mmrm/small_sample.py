"""What small-sample inference needs of an optimum: Cov(β̂), its derivatives, Kenward and Roger's matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from studypkg.models.design import Floats
from studypkg.models.mmrm.likelihood import Point


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The fixed effects at the optimum, in the data's own units.

    Notes
    -----
    ``beta`` (p), ``vcov`` (p × p) and ``vcov_jacobian`` (k × p × p): Cov(β̂) = (X'Σ⁻¹X)⁻¹ and its derivatives
    by θ. ``parameter_cov`` (k × k) is the inverse of the observed information of θ. ``back`` (p × p) leads
    from the orthonormal basis to the columns of the formula.
    """

    beta: Floats
    vcov: Floats
    vcov_jacobian: Floats
    parameter_cov: Floats
    back: Floats


def coefficients(point: Point) -> Coefficients:
    """Work out the fixed effects and how their covariance depends on θ."""
    sums, p = point.sums, point.sums.p
    back = sums.unit * linalg.solve_triangular(sums.triangle, np.eye(p)) if p else np.zeros((0, 0))
    change = -point.vcov @ point.gram_first[:, :p, :p] @ point.vcov
    covariance = linalg.inv(point.hessian)
    return Coefficients(
        sums.least_squares + back @ point.gamma,
        back @ point.vcov @ back.T,
        back @ change @ back.T,
        covariance + covariance.T,
        back,
    )


def kenward_roger_vcov(point: Point, found: Coefficients, *, linear: bool) -> Floats:
    """Return Kenward and Roger's adjusted covariance of the fixed effects, p × p.

    Notes
    -----
    With Φ = Cov(β̂), P_h = X'(∂Σ⁻¹/∂θ_h)X and W the covariance of θ̂,

    Φ_A = Φ + 2 Φ {Σ_hj W_hj (Q_hj − P_h Φ P_j − ¼ R_hj)} Φ.

    R_hj = X'Σ⁻¹(∂²Σ/∂θ_h∂θ_j)Σ⁻¹X belongs to the parametrisation; it is left out when ``linear``, which is
    what a parametrisation by the elements of Σ gives (SAS, unstructured). Kenward and Roger (1997),
    doi 10.2307/2533558.
    """
    p = point.sums.p
    weight = found.parameter_cov
    q_sum, r_sum = np.zeros((p, p)), np.zeros((p, p))
    start = 0
    for part, state in zip(point.sums.parts, point.states, strict=True):
        own = slice(start, start + part.k)
        q_part, r_part = state.second_moments(weight[own, own])
        q_sum, r_sum = q_sum + q_part[:p, :p], r_sum + r_part[:p, :p]
        start += part.k
    slopes = point.gram_first[:, :p, :p]
    weighted = np.tensordot(weight, slopes, axes=1)
    middle = q_sum - np.einsum("kab,bc,kcd->ad", weighted, point.vcov, slopes, optimize=True)
    if not linear:
        middle = middle - 0.25 * r_sum
    adjustment = 2.0 * point.vcov @ (0.5 * (middle + middle.T)) @ point.vcov
    return np.asarray(found.vcov + found.back @ adjustment @ found.back.T)

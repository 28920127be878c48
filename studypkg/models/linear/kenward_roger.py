"""Kenward and Roger's small-sample quantities from the second derivatives of the moments; no n × n matrix."""

from __future__ import annotations

import numpy as np

from studypkg.models.fit import KenwardRoger
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point
from studypkg.models.linear.information import absolute
from studypkg.models.linear.taylor import Floats


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
    Kenward and Roger (1997), doi 10.2307/2533558. With M = X'V⁻¹X, Φ = M⁻¹, P_i = ∂M/∂φ_i,
    Q_ij + Q_ji = ∂²M/∂φ_i∂φ_j and W the inverse of the expected information, the adjusted covariance is
    Φ + 2 Φ {Σ W_ij (Q_ij − P_iΦP_j)} Φ.
    """
    if not reml:
        return _none(
            sums.p,
            "Kenward and Roger's method is defined for restricted maximum likelihood: fit with reml=True",
        )
    found = absolute(point, sums)
    information = found.information(reml=True)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if not values[0] > 1e-12 * values[-1]:
        return _none(sums.p, "the expected information of the variance parameters is not positive definite")
    w = np.outer(scale, scale) * ((vectors / values) @ vectors.T)
    cov = found.cov
    middle = 0.5 * np.tensordot(w, found.second, axes=2)
    middle = middle - (found.first @ np.tensordot(w, found.changed, axes=1)).sum(axis=0)
    adjusted = cov + 2.0 * cov @ (0.5 * (middle + middle.T)) @ cov
    back = sums.back
    jacobian: Floats = -found.changed @ cov
    return KenwardRoger(back @ adjusted @ back.T, back @ jacobian @ back.T, w)


def _none(p: int, problem: str) -> KenwardRoger:
    return KenwardRoger(np.zeros((p, p)), np.zeros((0, p, p)), np.zeros((0, 0)), problem)

"""What an optimiser hands back, in arrays and without its own objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.fit import KenwardRoger

# Standard deviations below this share of the residual one are on the boundary (lme4: 1e-4).
SINGULAR_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Solution:
    """The optimum of one model.

    Notes
    -----
    ``factors`` are the relative covariance factors T of the grouping factors (Σ = σ² T T'), in the order
    and on the scale of the sums of products. ``vcov_jacobian`` (k × p × p) holds the derivatives of
    Cov(β̂) with respect to k variance parameters whose estimates have covariance ``parameter_cov`` (k × k).
    ``df_problem`` says why these two are absent, or is empty. ``path`` lists θ and the deviance from step to
    step.
    """

    beta: Floats
    vcov: Floats
    sigma2: float
    loglik: float
    factors: tuple[Floats, ...]
    method: str
    evaluations: int
    gradient_norm: float | None
    code: str
    message: str
    vcov_jacobian: Floats
    parameter_cov: Floats
    df_problem: str
    notes: tuple[str, ...]
    kenward_roger: KenwardRoger
    path: tuple[tuple[float, ...], ...] = ()


def fixed_curvature(
    curvature: Floats, jacobian: Floats, vcov: Floats, sigma2: float, nu: float
) -> tuple[Floats, Floats, str]:
    """Turn the curvature of the profiled deviance into the covariance of the variance parameters.

    Parameters
    ----------
    curvature
        Hessian of the deviance over the free elements of θ, k × k.
    jacobian
        Derivatives of Cov(β̂) with respect to them, σ² profiled out, k × p × p.
    vcov, sigma2, nu
        Cov(β̂), the residual variance and its divisor.

    Returns
    -------
    tuple
        The derivatives and the covariance with the residual scale as last parameter, and a problem or "".

    Notes
    -----
    In the coordinates (θ, κ) with κ = σ²/σ̂²(θ) the information is block-diagonal at the optimum, so
    Var(θ̂) = 2 H⁻¹ and Var(σ̂² | θ) = 2 σ⁴ / ν. Directions in which the deviance is flat (a covariance
    factor of lower rank) carry no information about Cov(β̂) and are left out, as lmerTest does.
    """
    k = len(curvature)
    covariance = np.zeros((k + 1, k + 1))
    problem = ""
    if k:
        values, vectors = np.linalg.eigh(curvature)
        usable = values > 1e-6 * max(float(values.max()), 0.0)
        if float(values.min()) < -1e-4 * abs(float(values.max())):
            problem = "the deviance curves downwards in a variance parameter, so this is no minimum"
        covariance[:k, :k] = 2.0 * (vectors[:, usable] / values[usable]) @ vectors[:, usable].T
    covariance[k, k] = 2.0 * sigma2**2 / nu
    return np.concatenate([jacobian, vcov[None] / sigma2]), covariance, problem


def exact_zeros(factor: Floats) -> Floats:
    """Make a row of a covariance factor exactly zero when it is zero to the search's precision."""
    tidy = factor.copy()
    tidy[np.sqrt((factor**2).sum(axis=1)) < SINGULAR_TOLERANCE] = 0.0
    return tidy

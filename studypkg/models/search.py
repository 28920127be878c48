"""Finding the variance parameters: a derivative-free search, an exact boundary, a Newton finish.

The finish gives what degrees of freedom need: the curvature of the deviance at the optimum and the
change of the fixed effects' covariance with every variance parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from studypkg.models.crossproducts import CrossProducts
from studypkg.models.design import Floats
from studypkg.models.profiled import Evaluation, evaluate, theta_shape

# A search that leaves more deviance than this unclaimed has not converged.
DECREMENT_LIMIT = 1e-6
# Standard deviations below this share of the residual one are tried at exactly zero.
NEAR_ZERO = 1e-2
STEP = 1e-3
_ROUNDS = 12


@dataclass(frozen=True)
class Search:
    """Where a search ended, how well, and the curvature there.

    Notes
    -----
    ``free`` marks the elements of θ that are not held at zero. ``curvature`` is the Hessian of the
    deviance over them, ``vcov_jacobian`` (free × p × p) the derivative of Cov(β̂) with σ² profiled out.
    """

    theta: Floats
    free: np.ndarray
    at: Evaluation
    evaluations: int
    decrement: float
    gradient_norm: float
    converged: bool
    message: str
    curvature: Floats
    vcov_jacobian: Floats


class _Counted:
    """The deviance with a count of its evaluations."""

    def __init__(self, sums: CrossProducts, reml: bool) -> None:
        self.sums, self.reml, self.count = sums, reml, 0

    def full(self, theta: Floats) -> Evaluation:
        self.count += 1
        return evaluate(theta, self.sums, reml=self.reml)

    def __call__(self, theta: Floats) -> float:
        return self.full(theta).deviance


def search(sums: CrossProducts, *, reml: bool, start: Floats | None = None) -> Search:
    """Minimise the profiled deviance over θ.

    Parameters
    ----------
    sums
        The sums of products of the model.
    reml
        Restricted likelihood when true.
    start
        Where to begin; identity covariance factors when not given.

    Notes
    -----
    1. COBYQA (a trust-region method without derivatives) with diagonal elements kept at or above zero.
    2. Small diagonal elements are set to exactly zero where that does not raise the deviance; an
       element held at zero is let go again if the deviance falls when it is raised.
    3. Newton steps on the free elements until the predicted gain is below `DECREMENT_LIMIT`.
    """
    shape = theta_shape(sums.factors)
    diagonal = np.array([row == column for _, row, column in shape])
    deviance = _Counted(sums, reml)
    begin = diagonal.astype(float) if start is None else start
    bounds = optimize.Bounds(np.where(diagonal, 0.0, -np.inf), np.full(len(begin), np.inf))
    options = {"maxfev": 400 * len(begin), "final_tr_radius": 1e-3, "initial_tr_radius": 0.5}
    found = optimize.minimize(deviance, begin, method="COBYQA", bounds=bounds, options=options)
    theta = np.asarray(found.x, dtype=float)
    free = np.ones(len(theta), dtype=bool)
    gradient, curvature, jacobian = np.zeros(0), np.zeros((0, 0)), np.zeros((0, sums.p, sums.p))
    decrement = np.inf
    for _ in range(_ROUNDS):
        theta, free = _settle_boundary(theta, diagonal, deviance)
        gradient, curvature, jacobian = _derivatives(theta, free, deviance)
        step, decrement = _newton(gradient, curvature)
        moved = _backtrack(theta, free, step, diagonal, deviance)
        theta = theta if moved is None else moved
        # So near the optimum the last step does not change the curvature to any printed digit.
        if moved is None or decrement < DECREMENT_LIMIT * 1e-2:
            break
    at = deviance.full(theta)
    converged = bool(decrement < DECREMENT_LIMIT and np.isfinite(at.deviance))
    norm = float(np.linalg.norm(gradient)) if gradient.size else 0.0
    return Search(
        theta,
        free,
        at,
        deviance.count,
        float(decrement),
        norm,
        converged,
        str(found.message),
        curvature,
        jacobian,
    )


def _settle_boundary(theta: Floats, diagonal: np.ndarray, deviance: _Counted) -> tuple[Floats, np.ndarray]:
    """Hold at exactly zero what is best there, let go what is not."""
    theta = np.where(diagonal, np.abs(theta), theta)
    best = deviance(theta)
    slack = 1e-11 * max(1.0, abs(best))
    free = np.ones(len(theta), dtype=bool)
    for at in np.flatnonzero(diagonal & (theta < NEAR_ZERO)):
        zero, raised = theta.copy(), theta.copy()
        zero[at], raised[at] = 0.0, 2.0 * NEAR_ZERO
        at_zero, at_raised = deviance(zero), deviance(raised)
        if at_zero <= best + slack and at_zero <= at_raised:
            theta, best, free[at] = zero, at_zero, False
        elif at_raised < best:
            theta, best = raised, at_raised
    return theta, free


def _derivatives(theta: Floats, free: np.ndarray, deviance: _Counted) -> tuple[Floats, Floats, Floats]:
    """Central differences over the free elements: gradient, Hessian, and the Jacobian of Cov(β̂).

    The deviance does not change when a column of a covariance factor changes sign, so it is smooth
    through zero and may be evaluated on both sides.
    """
    places = np.flatnonzero(free)
    k = len(places)
    here = deviance(theta)
    ahead: list[Evaluation] = []
    behind: list[Evaluation] = []
    for at in places:
        shift = np.zeros(len(theta))
        shift[at] = STEP
        ahead.append(deviance.full(theta + shift))
        behind.append(deviance.full(theta - shift))
    gradient = np.array([(a.deviance - b.deviance) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)])
    p = deviance.sums.p
    jacobian = np.zeros((k, p, p))
    curvature = np.zeros((k, k))
    for i, at in enumerate(places):
        jacobian[i] = (ahead[i].vcov - behind[i].vcov) / (2 * STEP)
        curvature[i, i] = (ahead[i].deviance - 2 * here + behind[i].deviance) / STEP**2
        for j in range(i):
            corners = 0.0
            for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                shift = np.zeros(len(theta))
                shift[at], shift[places[j]] = s * STEP, t * STEP
                corners += s * t * deviance(theta + shift)
            curvature[i, j] = curvature[j, i] = corners / (4 * STEP**2)
    return gradient, curvature, jacobian


def _newton(gradient: Floats, curvature: Floats) -> tuple[Floats, float]:
    """Return the Newton step along directions of positive curvature and the gain it promises."""
    if not gradient.size:
        return gradient, 0.0
    values, vectors = np.linalg.eigh(curvature)
    usable = values > 1e-6 * max(float(values.max()), 0.0)
    along = vectors.T @ gradient
    step = -(vectors[:, usable] @ (along[usable] / values[usable]))
    return step, 0.5 * float((along[usable] ** 2 / values[usable]).sum())


def _backtrack(
    theta: Floats, free: np.ndarray, step: Floats, diagonal: np.ndarray, deviance: _Counted
) -> Floats | None:
    here = deviance(theta)
    for share in (1.0, 0.5, 0.25, 0.1, 0.01):
        trial = theta.copy()
        trial[free] += share * step
        trial = np.where(diagonal, np.abs(trial), trial)
        if deviance(trial) < here:
            return trial
    return None

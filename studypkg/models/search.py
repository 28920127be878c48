"""Finding the variance parameters: a derivative-free search, an exact boundary, a Newton finish.

The finish gives what degrees of freedom need: the curvature of the deviance at the optimum and the
change of the fixed effects' covariance with every variance parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from studypkg.models.boundary import settle, upright
from studypkg.models.crossproducts import CrossProducts
from studypkg.models.design import Floats
from studypkg.models.profiled import Evaluation, evaluate, theta_shape
from studypkg.models.slope import Slope, derivatives

# A search that leaves more deviance than this unclaimed has not converged.
DECREMENT_LIMIT = 1e-5
# Curvatures below this share of the largest are flat; below minus the other share they point downhill.
_FLAT, _DOWNHILL = 1e-6, 1e-4
_ROUNDS = 25


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
    3. Newton steps on the free elements until the predicted gain is below `DECREMENT_LIMIT`. Where the
       curvature points down along a direction the point is a saddle: it is left and the search repeated.
    """
    shape = theta_shape(sums.factors)
    diagonal = np.array([row == column for _, row, column in shape])
    deviance = _Counted(sums, reml)
    begin = diagonal.astype(float) if start is None else start
    bounds = optimize.Bounds(np.where(diagonal, 0.0, -np.inf), np.full(len(begin), np.inf))
    options = {"maxfev": 400 * len(begin), "final_tr_radius": 1e-3, "initial_tr_radius": 0.5}
    found = optimize.minimize(deviance, begin, method="COBYQA", bounds=bounds, options=options)
    theta = np.asarray(found.x, dtype=float)
    slope = Slope(np.zeros(0), np.zeros((0, 0)), np.zeros((0, sums.p, sums.p)))
    free = np.ones(len(theta), dtype=bool)
    decrement, saddle = np.inf, False
    for _ in range(_ROUNDS):
        theta, free = settle(theta, sums.factors, deviance)
        # Over all elements, held ones too: a zero may be best for each alone and yet not for both together.
        whole = derivatives(theta, deviance.full)
        slope = whole.only(free)
        step, decrement = _newton(slope)
        downhill = _downhill(whole.curvature)
        saddle = downhill is not None
        if downhill is not None:
            theta = _leave_saddle(theta, downhill, deviance)
            again = optimize.minimize(
                deviance, upright(theta, shape), method="COBYQA", bounds=bounds,
                options=options | {"initial_tr_radius": 0.1},
            )  # fmt: skip
            theta = np.asarray(again.x, dtype=float) if again.fun < deviance(theta) else theta
            continue
        moved = _backtrack(theta, free, step, deviance)
        theta = theta if moved is None else moved
        # So near the optimum the last step does not change the curvature to any printed digit.
        if moved is None or decrement < DECREMENT_LIMIT * 1e-3:
            break
    theta = upright(theta, shape)
    at = deviance.full(theta)
    converged = bool(decrement < DECREMENT_LIMIT and not saddle and np.isfinite(at.deviance))
    return Search(
        theta,
        free,
        at,
        deviance.count,
        float(decrement),
        float(np.linalg.norm(slope.gradient)),
        converged,
        str(found.message),
        slope.curvature,
        slope.vcov_jacobian,
    )


def _newton(slope: Slope) -> tuple[Floats, float]:
    """Return the Newton step along directions that curve upwards, and the gain it promises."""
    if not slope.gradient.size:
        return slope.gradient, 0.0
    values, vectors = np.linalg.eigh(slope.curvature)
    usable = values > _FLAT * float(np.abs(values).max())
    along = vectors.T @ slope.gradient
    step = -(vectors[:, usable] @ (along[usable] / values[usable]))
    return step, 0.5 * float((along[usable] ** 2 / values[usable]).sum())


def _downhill(curvature: Floats) -> Floats | None:
    """Return the direction in which the deviance curves downwards most, if there is one."""
    values, vectors = np.linalg.eigh(curvature)
    downwards = float(values[0]) < -_DOWNHILL * float(np.abs(values).max())
    return np.asarray(vectors[:, 0], dtype=float) if downwards else None


def _leave_saddle(theta: Floats, direction: Floats, deviance: _Counted) -> Floats:
    """Return the best of some points on both sides along a direction, or the point itself."""
    trials = [theta + s * length * direction for length in (0.02, 0.05, 0.1, 0.2, 0.5) for s in (1.0, -1.0)]
    return min([theta, *trials], key=deviance)


def _backtrack(theta: Floats, free: np.ndarray, step: Floats, deviance: _Counted) -> Floats | None:
    here = deviance(theta)
    for share in (1.0, 0.5, 0.25, 0.1, 0.01):
        trial = theta.copy()
        trial[free] += share * step
        if deviance(trial) < here:
            return trial
    return None

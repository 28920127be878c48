"""Finding the covariance parameters: Newton steps on the exact deviance, and an exact boundary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.models.linear.covariances import standing, upright
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point, evaluate
from studypkg.models.linear.information import scoring_step
from studypkg.models.linear.taylor import Floats

# A search that leaves more deviance than this unclaimed has not converged. It has no unit: a difference of
# deviances does not depend on the units of anything.
DECREMENT_LIMIT = 1e-7
# Once a step promises less than this, rounding hides what it gains; below the second nothing is left to gain.
_NEARLY, _DONE = 1e-5, 1e-9
# A step that promises less than this is likely to be the last.
_LAST = 1e-4
# Curvatures below this share of the largest are flat; below minus the other share they point downhill.
_FLAT, _DOWNHILL = 1e-9, 1e-6
# Standard deviations below this share of the residual one are tried at exactly zero.
_NEAR_ZERO = 1e-2
_STEPS, _ROUNDS = 60, 8
_LONGEST = 2.0
# A start for other rows need not be nearer than this.
_ROUGHLY = 0.5
# Above this promised gain Fisher scoring leads, below it Newton's method.
_FAR = 1.0
# More levels, or pairs of columns, than this make second derivatives dear.
_MANY = 3000


@dataclass(frozen=True)
class Search:
    """Where a search ended and how.

    Notes
    -----
    ``free`` marks the elements of θ that are not held at zero. ``decrement`` is the deviance a further
    Newton step promises; ``path`` lists θ and the deviance from step to step.
    """

    at: Point
    free: NDArray[np.bool_]
    evaluations: int
    decrement: float
    converged: bool
    path: tuple[tuple[Floats, float], ...]


class _Deviance:
    """The deviance with a memory of the way taken."""

    def __init__(self, sums: CrossProducts, reml: bool) -> None:
        self.sums, self.reml, self.count = sums, reml, 0
        # Where second derivatives cost much, they are computed at both ends of the way only.
        self.lean = sums.gram.shape[-1] > _MANY or len(sums.layout.rows) > _MANY
        self.done = _DONE if self.lean else 0.01 * _DONE
        self.path: list[tuple[Floats, float]] = []

    def __call__(self, theta: Floats, order: int = 2) -> Point:
        self.count += 1
        return evaluate(theta, self.sums, reml=self.reml, order=order)

    def value(self, theta: Floats) -> float:
        """Return the deviance alone, infinite where it cannot be computed."""
        try:
            return self(theta, 0).deviance
        except np.linalg.LinAlgError:
            return float("inf")


def rough_search(sums: CrossProducts, *, reml: bool) -> Floats:
    """Return a θ from which little is left to gain, for a start elsewhere."""
    deviance = _Deviance(sums, reml)
    point = deviance(_diagonal(sums))
    for _ in range(_STEPS):
        step, decrement = newton_step(point.gradient, point.curvature)
        if decrement < _ROUGHLY:
            return upright(point.theta + step, sums)
        scored = _score(point, deviance) if decrement > _FAR else None
        following = scored or _shortened(point, step, decrement, deviance, order=2)
        if following is None:
            break
        point = following
    return point.theta


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
    1. Steps of Fisher scoring while much is to be gained, then Newton steps with the exact Hessian, its
       eigenvalues taken positive, no longer than 2 and shortened until the deviance falls. A variance
       that is best at zero is a minimum inside this parameter space, because the deviance does not depend
       on the sign of a column of T. With many levels the Hessian is computed at the first and the last
       points only and kept up by secants between them.
    2. Diagonal elements near zero are set to exactly zero where that does not raise the deviance.
    3. Where the Hessian then points downhill the point is a saddle: it is left and the search goes on.

    Done when a further step promises less than `DECREMENT_LIMIT` of deviance.
    """
    deviance = _Deviance(sums, reml)
    point = deviance(_diagonal(sums) if start is None else start)
    deviance.path.append((point.theta, point.deviance))
    free = np.ones(len(point.theta), dtype=bool)
    decrement, saddle = np.inf, False
    for _ in range(_ROUNDS):
        point = _descend(point, deviance)
        point, free = _settle(point, deviance)
        decrement = newton_step(point.gradient[free], point.curvature[np.ix_(free, free)])[1]
        downhill = _downhill(point.curvature)
        saddle = downhill is not None
        if downhill is not None:
            point = _leave(point, downhill, deviance)
        elif decrement < DECREMENT_LIMIT:
            break
    converged = bool(decrement < DECREMENT_LIMIT and not saddle and np.isfinite(point.deviance))
    return Search(point, free, deviance.count, float(decrement), converged, tuple(deviance.path))


def _diagonal(sums: CrossProducts) -> Floats:
    return np.array([float(row == column) for _, row, column in sums.layout.order])


def newton_step(gradient: Floats, curvature: Floats) -> tuple[Floats, float]:
    """Return the Newton step, downhill along every direction that is not flat, and the gain it promises."""
    if not gradient.size:
        return gradient, 0.0
    values, vectors = np.linalg.eigh(curvature)
    size = np.abs(values)
    usable = size > _FLAT * float(size.max(initial=0.0))
    along = vectors.T @ gradient
    step = -(vectors[:, usable] @ (along[usable] / size[usable]))
    return step, 0.5 * float((along[usable] ** 2 / size[usable]).sum())


def _descend(point: Point, deviance: _Deviance) -> Point:
    """Walk downhill until a further step promises next to nothing; the result has its exact Hessian."""
    curvature = point.curvature
    step, decrement = newton_step(point.gradient, curvature)
    lost = False
    for _ in range(_STEPS):
        exact = bool(point.curvature.size)
        if not decrement > 0.0 or (decrement < deviance.done and exact):
            break
        if not exact and (lost or decrement < deviance.done):
            # Secants have gone astray, or arrived.
            point, lost = deviance(point.theta), False
            curvature = point.curvature
            step, decrement = newton_step(point.gradient, curvature)
            continue
        following = _score(point, deviance) if exact and decrement > _FAR else None
        # Where second derivatives are dear they wait until the step is likely to be the last.
        order = 1 if deviance.lean and decrement > _LAST else 2
        following = following or _shortened(point, step, decrement, deviance, order=order)
        if following is None:
            break
        moved, change = following.theta - point.theta, following.gradient - point.gradient
        curvature = following.curvature if following.curvature.size else _secant(curvature, moved, change)
        point, before = following, decrement
        deviance.path.append((point.theta, point.deviance))
        step, decrement = newton_step(point.gradient, curvature)
        lost = decrement > 0.2 * before
    return point if point.curvature.size else deviance(point.theta)


def _shortened(point: Point, step: Floats, decrement: float, deviance: _Deviance, order: int) -> Point | None:
    """Take the step, shorter if need be, or None where no length lowers the deviance."""
    longest = float(np.abs(step).max())
    size = max(1.0, float(np.abs(point.theta).max()))
    share = min(1.0, _LONGEST * size / longest)
    while share * longest > 1e-12 * size:
        try:
            trial = deviance(upright(point.theta + share * step, deviance.sums), order)
        except np.linalg.LinAlgError:
            trial = None
        if trial is not None and trial.deviance <= point.deviance - 1e-4 * share * decrement:
            return trial
        if trial is not None and decrement < _NEARLY and share == 1.0:
            # Rounding hides so small a gain: the gradient, which keeps its digits, decides.
            shorter = float(np.abs(trial.gradient).max()) < float(np.abs(point.gradient).max())
            return trial if shorter else None
        share *= 0.35
    return None


def _secant(curvature: Floats, moved: Floats, change: Floats) -> Floats:
    """Update a Hessian by the symmetric rank-one formula from a step and the gradient's change."""
    miss = change - curvature @ moved
    along = float(miss @ moved)
    if abs(along) < 1e-8 * float(np.linalg.norm(miss)) * float(np.linalg.norm(moved)):
        return curvature
    return np.asarray(curvature + np.outer(miss, miss) / along, dtype=float)


def _score(point: Point, deviance: _Deviance) -> Point | None:
    """Take a step of Fisher scoring where it lowers the deviance."""
    theta = scoring_step(point, deviance.sums, reml=deviance.reml)
    if theta is None:
        return None
    try:
        trial = deviance(theta)
    except np.linalg.LinAlgError:
        return None
    return trial if trial.deviance < point.deviance - 1e-3 else None


def _settle(point: Point, deviance: _Deviance) -> tuple[Point, NDArray[np.bool_]]:
    """Hold at exactly zero what is best there, and write the covariance factors in their one form."""
    sums = deviance.sums
    theta, best = upright(point.theta, sums), point.deviance
    slack = 1e-11 * max(1.0, abs(best))
    order = sums.layout.order
    near = [at for at, (_, row, column) in enumerate(order) if row == column and theta[at] < _NEAR_ZERO]
    settled, free = point, np.ones(len(theta), dtype=bool)
    for at in near:
        zero = theta.copy()
        zero[at] = 0.0
        zero, standing_free = standing(zero, sums)
        try:
            trial = deviance(zero)
        except np.linalg.LinAlgError:
            continue
        if trial.deviance <= best + slack:
            theta, best = zero, min(best, trial.deviance)
            settled, free = trial, standing_free
    return settled, free


def _downhill(curvature: Floats) -> Floats | None:
    """Return the direction in which the deviance curves downwards most, if there is one."""
    if not curvature.size:
        return None
    values, vectors = np.linalg.eigh(curvature)
    downwards = float(values[0]) < -_DOWNHILL * float(np.abs(values).max())
    return np.asarray(vectors[:, 0], dtype=float) if downwards else None


def _leave(point: Point, direction: Floats, deviance: _Deviance) -> Point:
    """Return the best of some points on both sides along a direction, or the point itself."""
    trials = [
        point.theta + s * length * direction for length in (0.01, 0.05, 0.1, 0.2, 0.5) for s in (1.0, -1.0)
    ]
    best = min(trials, key=deviance.value)
    return deviance(best) if deviance.value(best) < point.deviance else point

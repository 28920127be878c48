"""The log-likelihood as a surface to climb: points, guesses of its curvature, and steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studypkg.models.generalised.likelihood import Point, evaluate
from studypkg.models.generalised.problem import Problem
from studypkg.models.links import Floats

# Curvatures below this share of the largest are flat.
_FLAT = 1e-8
_LONGEST = 1.5
# Beyond this the spread of a random effect, or the logarithm of the size, is on its way to infinity.
MOST_SPREAD, MOST_LOG_SIZE = 20.0, 13.0


class Surface:
    """Minus the log-likelihood with a memory of the way taken."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.count = problem, 0
        self.path: list[tuple[Floats, float]] = []

    def __call__(self, psi: Floats, near: Point | None, *, slopes: bool = True) -> Point:
        """Evaluate at ψ, the modes' search beginning at those of a point nearby."""
        self.count += 1
        return evaluate(psi, self.problem, None if near is None else near.modes.effects, slopes=slopes)

    def value(self, psi: Floats, near: Point) -> float:
        """Return the log-likelihood alone, minus infinity where it cannot be computed."""
        try:
            return self(psi, near, slopes=False).value
        except np.linalg.LinAlgError:
            return -np.inf

    def hessian(self, point: Point, free: NDArray[np.bool_], widths: Floats) -> Floats:
        """Measure the information by central differences of the exact gradient."""
        places = np.flatnonzero(free)
        found = np.zeros((len(free), len(free)))
        for k in places:
            step = np.zeros(len(free))
            step[k] = widths[k]
            ahead, behind = self(point.psi + step, point), self(point.psi - step, point)
            found[k] = (behind.gradient - ahead.gradient) / (2.0 * widths[k])
        found = 0.5 * (found + found.T)
        found[~free], found[:, ~free] = 0.0, 0.0
        return found


def newton_step(gradient: Floats, hessian: Floats, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Return the step uphill, in which flat and downward curvatures count as upward ones, and its promise."""
    step = np.zeros(len(gradient))
    if not free.any():
        return step, 0.0
    own, slope = hessian[np.ix_(free, free)], gradient[free]
    length = np.sqrt(np.maximum(np.abs(np.diag(own)), 1e-8 * max(float(np.abs(own).max()), 1e-300)))
    values, vectors = np.linalg.eigh(own / np.outer(length, length))
    most = float(np.abs(values).max())
    values = np.where(values > 0.0, np.maximum(values, _FLAT * most), np.maximum(-values, 1e-3 * most))
    along = vectors.T @ (slope / length)
    step[free] = (vectors @ (along / values)) / length
    return step, 0.5 * float(slope @ step[free])


def rough_curvature(point: Point, surface: Surface) -> Floats:
    """Return positive guesses of the diagonal of the information."""
    problem = surface.problem
    found = np.ones(problem.size)
    found[: problem.p] = max(float(point.modes.local.weight.sum()), 1e-3)
    levels = [float(problem.levels.counts[at]) for at, _, _ in problem.order]
    found[problem.p : problem.p + len(levels)] = levels
    if problem.family.has_size:
        found[-1] = max(0.05 * len(problem.y), 1.0)
    return found


def first_hessian(point: Point, surface: Surface, free: NDArray[np.bool_]) -> Floats:
    """Guess the information: of the coefficients from the curvature, of the rest by differences."""
    problem, p = surface.problem, surface.problem.p
    modes, levels = point.modes, surface.problem.levels
    triangles = problem.triangles(point.psi)
    weight = modes.local.weight
    found = np.diag(rough_curvature(point, surface))
    weighted = problem.fixed * weight[:, None]
    found[:p, :p] = problem.fixed.T @ weighted
    for j in range(p):
        right = [s @ t for s, t in zip(levels.totals(weighted[:, j]), triangles, strict=True)]
        moved = modes.curvature.solve([r.copy() for r in right])
        spread = levels.spread([v @ t.T for v, t in zip(moved, triangles, strict=True)])
        found[j, :p] -= weighted.T @ spread
    found[:p, :p] = 0.5 * (found[:p, :p] + found[:p, :p].T)
    for k in range(p, problem.size):
        if not free[k]:
            continue
        width = 1e-4
        step = np.zeros(problem.size)
        step[k] = width
        column = (point.gradient - surface(point.psi + step, point).gradient) / width
        found[k], found[:, k] = column, column
    return found


def limited(step: Floats, problem: Problem) -> Floats:
    """Shorten a step whose covariance factors or size move too far at once."""
    longest = float(np.abs(step[problem.p :]).max(initial=0.0))
    far = max(longest / _LONGEST, float(np.abs(step[: problem.p]).max(initial=0.0)) / (2.0 * _LONGEST), 1.0)
    return step / far


def climb(point: Point, step: Floats, surface: Surface) -> Point | None:
    """Return a better point along a step, halving it, or None."""
    promise = float(point.gradient @ step)
    slack = 1e-12 * max(1.0, abs(point.value))
    for _ in range(14):
        try:
            trial = surface(point.psi + step, point)
        except np.linalg.LinAlgError:
            trial = None
        if trial is not None and trial.value >= point.value + 1e-4 * promise - slack:
            return trial
        step, promise = 0.4 * step, 0.4 * promise
    return None


def runaway(point: Point, problem: Problem) -> bool:
    """Say whether a spread or the size is on its way to infinity."""
    spreads = np.abs(point.psi[problem.p : problem.p + len(problem.order)]).max(initial=0.0)
    return bool(spreads > MOST_SPREAD or problem.log_size(point.psi) > MOST_LOG_SIZE)

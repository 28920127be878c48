"""Finding the maximum: quasi-Newton steps on the exact gradient, an exact boundary, a measured Hessian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.models.laplace.secant import updated
from studypkg.models.linear.covariances import semidefinite_cholesky
from studypkg.models.links import Floats
from studypkg.models.ordinal.likelihood import Point, evaluate, outer_at
from studypkg.models.ordinal.problem import Problem
from studypkg.models.ordinal.start import information, sensitivities

# A search that leaves more log-likelihood than this unclaimed has not converged.
DECREMENT_LIMIT = 1e-7
# Once a quasi-Newton step promises less than the first, Newton steps finish; below the second they are done.
_NEARLY, _DONE = 1e-6, 1e-11
# An information measured where more than this was promised is measured again at the end.
_STALE = 1e-8
# Standard deviations below this are tried at exactly zero.
_NEAR_ZERO = 2e-2
# What was held at zero is tried here again at the end.
_OFF_ZERO = 3e-2
_LONGEST = 1.5
_STEPS, _ROUNDS, _TURNS = 150, 12, 8
# Differences are taken over this share of a parameter's standard error.
_WIDTH = 2e-3
# Beyond this the spread of a random effect is on its way to infinity.
MOST_SPREAD = 30.0


@dataclass(frozen=True, eq=False)
class Search:
    """Where a search ended and how.

    Notes
    -----
    ``free`` marks the elements of ψ that are not held at zero; ``hessian`` (k × k) is the observed
    information, zero for what is held. ``decrement`` is the log-likelihood that a further Newton step
    promises.
    """

    at: Point
    free: NDArray[np.bool_]
    hessian: Floats
    evaluations: int
    decrement: float
    path: tuple[tuple[Floats, float], ...]


class _Surface:
    """The log-likelihood with a memory of the way taken."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.count = problem, 0
        self.path: list[tuple[Floats, float]] = []

    def __call__(self, psi: Floats, near: Point | None, *, slopes: bool = True) -> Point:
        self.count += 1
        return evaluate(psi, self.problem, None if near is None else near.modes.effects, slopes=slopes)

    def visit(self, point: Point) -> Point:
        self.path.append((point.psi, point.value))
        return point

    def hessian(self, point: Point, free: NDArray[np.bool_], rough: Floats) -> Floats:
        """Measure the information by central differences of the exact gradient."""
        found = np.zeros((len(free), len(free)))
        for k in np.flatnonzero(free):
            step = np.zeros(len(free))
            step[k] = _WIDTH / np.sqrt(rough[k])
            ahead, behind = self(point.psi + step, point), self(point.psi - step, point)
            found[k] = (behind.gradient - ahead.gradient) / (2.0 * step[k])
        found = 0.5 * (found + found.T)
        found[~free], found[:, ~free] = 0.0, 0.0
        return found


def search(problem: Problem, start: Floats) -> Search:
    """Maximise the log-likelihood over ψ from a start.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix on the way cannot be factorised.
    """
    surface = _Surface(problem)
    point = surface.visit(surface(start, None))
    free = np.ones(problem.size, dtype=bool)
    for _ in range(_TURNS):
        point, hessian = _approach(point, surface, free)
        settled, still_free = _settle(point, surface, free)
        if not bool((still_free == free).all()):
            point, free = settled, still_free
            continue
        point, hessian, decrement = _finish(point, hessian, surface, free)
        if runaway(point.psi, problem):
            break
        settled, still_free = _settle(point, surface, free, at_end=True)
        if not bool((still_free == free).all()):
            point, free = settled, still_free
            continue
        released = _release(point, surface, free)
        if released is None:
            break
        point, free = released, np.ones(problem.size, dtype=bool)
    else:
        hessian, decrement = np.zeros((problem.size,) * 2), np.inf
    return Search(point, free, hessian, surface.count, decrement, tuple(surface.path))


def newton_step(gradient: Floats, hessian: Floats, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Return the step uphill, in which flat and downward curvatures count as upward ones, and its promise."""
    step = np.zeros(len(gradient))
    if not free.any():
        return step, 0.0
    own, slope = hessian[np.ix_(free, free)], gradient[free]
    length = np.sqrt(np.maximum(np.abs(np.diag(own)), 1e-8 * max(float(np.abs(own).max()), 1e-300)))
    values, vectors = np.linalg.eigh(own / np.outer(length, length))
    # What is measured as flat here is judged as flat at the end; on the way it only bounds the step.
    values = np.maximum(np.abs(values), 1e-6 * np.abs(values).max())
    along = vectors.T @ (slope / length)
    step[free] = (vectors @ (along / values)) / length
    return step, 0.5 * float(slope @ step[free])


def _first_hessian(point: Point, surface: _Surface, free: NDArray[np.bool_]) -> Floats:
    """Guess the information: by the curvature, for the covariance factors by differences."""
    problem, modes = surface.problem, point.modes
    stop, levels = problem.t + problem.p, problem.levels
    triangles = problem.triangles(point.psi)
    outer = outer_at(problem, modes.local.upper, modes.local.lower)
    by_row = sensitivities(problem, modes.local, outer)
    found = np.zeros((problem.size,) * 2)
    found[:stop, :stop] = information(problem, modes.local, outer, by_row)
    for j in range(stop):
        right = [s @ t for s, t in zip(levels.totals(by_row[:, j]), triangles, strict=True)]
        moved = modes.curvature.solve([r.copy() for r in right])
        along = levels.spread([v @ t.T for v, t in zip(moved, triangles, strict=True)])
        found[j, :stop] -= along @ by_row
    found[:stop, :stop] = 0.5 * (found[:stop, :stop] + found[:stop, :stop].T)
    for k in range(stop, problem.size):
        if not free[k]:
            continue
        step = np.zeros(problem.size)
        step[k] = 1e-4
        column = (point.gradient - surface(point.psi + step, point).gradient) / step[k]
        found[k], found[:, k] = column, column
    return found


def _limited(step: Floats, point: Point, problem: Problem) -> Floats:
    """Shorten a step that moves too far at once, or closes the room of a category by more than two thirds."""
    stop = problem.t + problem.p
    longest = max(
        float(np.abs(step[stop:]).max(initial=0.0)) / _LONGEST,
        float(np.abs(step[problem.t : stop]).max(initial=0.0)) / (2.0 * _LONGEST),
        1.0,
    )
    room, closing = (np.diff(problem.shape @ v[: problem.t]) for v in (point.psi, step))
    return step / max(longest, float((-closing / room).max(initial=0.0)) / 0.67)


def _climb(point: Point, step: Floats, surface: _Surface) -> Point | None:
    """Return a better point along a step, shortening it, or None."""
    promise = float(point.gradient @ step)
    slack = 1e-12 * max(1.0, abs(point.value))
    for _ in range(16):
        for psi in (point.psi + step, _bent(point.psi, step, surface.problem)):
            if psi is None:
                continue
            try:
                trial = surface(psi, point)
            except np.linalg.LinAlgError:
                continue
            if trial.value >= point.value + 1e-4 * promise - slack:
                return surface.visit(trial)
        step, promise = 0.4 * step, 0.4 * promise
    return None


def _bent(psi: Floats, step: Floats, problem: Problem) -> Floats | None:
    """Follow a step on a curve that is straight for the covariances TT' instead of their factors T.

    Where a variance is small the likelihood's valley is straight there, and bent for T.
    """
    if all(f.size == 1 for f in problem.factors):
        return None
    found = []
    for t, moved in zip(problem.triangles(psi), problem.triangles(step), strict=True):
        try:
            root = np.linalg.cholesky(t @ t.T + moved @ t.T + t @ moved.T)
        except np.linalg.LinAlgError:
            return None
        found.append(np.asarray(root * np.where(np.diag(t) < 0.0, -1.0, 1.0), dtype=float))
    after = psi + step
    after[problem.t + problem.p :] = problem.packed(found)
    return after


def _approach(point: Point, surface: _Surface, free: NDArray[np.bool_]) -> tuple[Point, Floats]:
    """Take quasi-Newton steps until little is promised."""
    hessian = _first_hessian(point, surface, free)
    for _ in range(_STEPS):
        step, decrement = newton_step(point.gradient, hessian, free)
        if decrement < _NEARLY or runaway(point.psi, surface.problem):
            break
        after = _climb(point, _limited(step, point, surface.problem), surface)
        if after is None:
            break
        hessian = updated(hessian, after.psi - point.psi, point.gradient - after.gradient)
        point = after
    return point, hessian


def _finish(
    point: Point, hessian: Floats, surface: _Surface, free: NDArray[np.bool_]
) -> tuple[Point, Floats, float]:
    """Take Newton steps with a measured information until nothing is promised."""
    if runaway(point.psi, surface.problem):
        return point, hessian, np.inf
    least = 1e-3 * _scale(surface.problem)
    rough = np.maximum(np.diag(hessian), least)
    decrement, measured = np.inf, np.inf
    for _ in range(_ROUNDS):
        if measured > _NEARLY:
            hessian = surface.hessian(point, free, rough)
            rough = np.maximum(np.diag(hessian), least)
            measured = newton_step(point.gradient, hessian, free)[1]
        step, decrement = newton_step(point.gradient, hessian, free)
        if decrement < _DONE:
            break
        after = _climb(point, _limited(step, point, surface.problem), surface)
        if after is None:
            break
        point = after
    if measured > _STALE:
        hessian = surface.hessian(point, free, rough)
        _, decrement = newton_step(point.gradient, hessian, free)
    return point, hessian, decrement


def _scale(problem: Problem) -> Floats:
    """Return the size that the diagonal of the information has at least, roughly."""
    found = np.full(problem.size, 0.1 * len(problem.category))
    found[: problem.t] /= problem.t
    found[problem.t + problem.p :] = [float(problem.levels.counts[at]) for at, _, _ in problem.order]
    return found


def runaway(psi: Floats, problem: Problem) -> bool:
    """Say whether the spread of a random effect grows without limit."""
    return bool(np.abs(psi[problem.t + problem.p :]).max(initial=0.0) > MOST_SPREAD)


def _settle(
    point: Point, surface: _Surface, free: NDArray[np.bool_], *, at_end: bool = False
) -> tuple[Point, NDArray[np.bool_]]:
    """Hold at exactly zero what is best there, and write the covariance factors in their one form.

    Notes
    -----
    Where the first variance of a term is small, the rest of its factor can turn with little change: a curved
    valley, at whose end a correlation reaches ±1. At the end of a search that point is tried at once, the
    variances kept.
    """
    problem = surface.problem
    stop = problem.t + problem.p
    best, psi, changed = point.value, point.psi.copy(), False
    slack = 1e-10 * max(1.0, abs(best))
    for k, (factor, row, column) in enumerate(problem.order, start=stop):
        if row != column or not free[k]:
            continue
        zero = psi.copy()
        zero[k] = 0.0
        if abs(psi[k]) >= _NEAR_ZERO:
            beside = [
                stop + at
                for at, (f, i, j) in enumerate(problem.order)
                if (f, i) == (factor, row) and j != column
            ]
            length = float(np.linalg.norm(psi[beside]))
            if not at_end or length < _NEAR_ZERO:
                continue
            zero[beside] *= float(np.hypot(length, psi[k])) / length
        value = _value(zero, point, surface)
        if value >= best - slack:
            psi, best, changed = zero, max(best, value), True
    if not changed:
        return point, free
    triangles = [semidefinite_cholesky(t @ t.T) for t in problem.triangles(psi)]
    psi[stop:] = problem.packed(triangles)
    free = np.ones(problem.size, dtype=bool)
    free[stop:] = [triangles[at][column, column] > 0.0 for at, _, column in problem.order]
    return surface.visit(surface(psi, point)), free


def _release(point: Point, surface: _Surface, free: NDArray[np.bool_]) -> Point | None:
    """Return a better point off the boundary, where zero is a stationary point whatever the likelihood."""
    problem = surface.problem
    for k, (_, row, column) in enumerate(problem.order, start=problem.t + problem.p):
        if row != column or free[k]:
            continue
        for width in (_OFF_ZERO, 5.0 * _OFF_ZERO):
            psi = point.psi.copy()
            psi[k] = width
            if _value(psi, point, surface) > point.value + _STALE:
                return surface.visit(surface(psi, point))
    return None


def _value(psi: Floats, near: Point, surface: _Surface) -> float:
    try:
        return surface(psi, near, slopes=False).value
    except np.linalg.LinAlgError:
        return -np.inf

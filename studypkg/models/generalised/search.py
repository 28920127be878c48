"""Finding the maximum: quasi-Newton steps on the exact gradient, an exact boundary, a measured Hessian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from studypkg.models.generalised.boundary import higher_beside, upright
from studypkg.models.generalised.likelihood import Point
from studypkg.models.generalised.problem import Problem
from studypkg.models.generalised.surface import (
    Surface,
    climb,
    first_hessian,
    limited,
    newton_step,
    rough_curvature,
    runaway,
)
from studypkg.models.laplace.secant import updated
from studypkg.models.links import Floats

# A search that leaves more log-likelihood than this unclaimed has not converged.
DECREMENT_LIMIT = 1e-7
# Once a quasi-Newton step promises less than the first, Newton steps finish; below the second they are done.
_NEARLY, _DONE = 1e-4, 1e-14
# Pivots below this are tried at exactly zero.
_NEAR_ZERO = 0.6
# A pivot of more standard errors than this is not zero.
_SURE = 3.5
_STEPS, _ROUNDS = 150, 12
# What coefficients may leave unclaimed before the variances join in.
_ROUGHLY = 0.5
# An information measured where more than this was promised is measured again at once, and at the end.
_STALE, _SAME_PLACE = 1e-5, 1e-9
# Differences are taken over this share of a parameter's standard error.
_WIDTH = 2e-3


@dataclass(frozen=True, eq=False)
class Search:
    """Where a search ended and how.

    Notes
    -----
    ``free`` marks the elements of ψ that are not held at zero; ``hessian`` (k × k) is that of −2
    log-likelihood halved, the observed information, zero for what is held. ``decrement`` is the
    log-likelihood that a further Newton step promises.
    """

    at: Point
    free: NDArray[np.bool_]
    hessian: Floats
    evaluations: int
    decrement: float
    path: tuple[tuple[Floats, float], ...]


def search(problem: Problem, starts: Sequence[Floats]) -> Search:
    """Maximise the log-likelihood over ψ; later starts are taken only when those before them fail.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix on the way from the last start cannot be factorised.
    """
    found: Search | None = None
    for start in starts:
        try:
            found = _search(problem, start)
        except np.linalg.LinAlgError:
            continue
        if found.decrement < DECREMENT_LIMIT:
            break
    if found is None:
        raise np.linalg.LinAlgError
    return found


def _search(problem: Problem, start: Floats) -> Search:
    """Maximise the log-likelihood over ψ from a start.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix on the way cannot be factorised.
    """
    surface = Surface(problem)
    point = surface(start, None)
    free = np.ones(problem.size, dtype=bool)
    # With the covariance factors as they are guessed the coefficients find their place first.
    rest = free.copy()
    rest[problem.p : problem.p + len(problem.order)] = False
    point, _ = _approach(point, first_hessian(point, surface, rest), surface, rest, enough=_ROUGHLY)
    point, hessian = _approach(point, first_hessian(point, surface, free), surface, free)
    found = Search(point, free, hessian, 0, np.inf, ())
    for _ in range(2 * len(problem.order) + 4):
        # A pivot on its way to zero slows the search, so it is settled first.
        settled = _settle(found, surface)
        if settled is not None:
            found = settled
        elif found.decrement < DECREMENT_LIMIT or runaway(found.at, problem):
            break
        else:
            point, hessian = found.at, found.hessian
            if np.isfinite(found.decrement):
                point, hessian = _approach(point, hessian, surface, found.free)
            point, hessian, decrement = _finish(point, hessian, surface, found.free)
            found = Search(point, found.free, hessian, 0, decrement, ())
    return replace(found, evaluations=surface.count, path=tuple(surface.path))


def confirm(problem: Problem, psi: Floats, free: NDArray[np.bool_]) -> Search:
    """Measure at a point that another program found what the likelihood still promises there."""
    surface = Surface(problem)
    point = surface(psi, None)
    hessian = surface.hessian(point, free, _WIDTH / np.sqrt(rough_curvature(point, surface)))
    _, decrement = newton_step(point.gradient, hessian, free)
    if higher_beside(point, free, surface) is not None:
        decrement = np.inf
    return Search(point, free, hessian, surface.count, decrement, ())


def _approach(
    point: Point, hessian: Floats, surface: Surface, free: NDArray[np.bool_], *, enough: float = _NEARLY
) -> tuple[Point, Floats]:
    """Take quasi-Newton steps until no more than ``enough`` is promised."""
    surface.path.append((point.psi, point.value))
    for _ in range(_STEPS):
        step, decrement = newton_step(point.gradient, hessian, free)
        if decrement < enough or runaway(point, surface.problem):
            break
        after = climb(point, limited(step, surface.problem), surface)
        if after is None:
            break
        hessian = updated(hessian, after.psi - point.psi, point.gradient - after.gradient)
        point = after
        surface.path.append((point.psi, point.value))
    return point, hessian


def _finish(
    point: Point, hessian: Floats, surface: Surface, free: NDArray[np.bool_]
) -> tuple[Point, Floats, float]:
    """Take Newton steps with a measured information until nothing is promised."""
    if runaway(point, surface.problem):
        return point, hessian, np.inf
    rough = np.maximum(np.diag(hessian), 1e-3 * rough_curvature(point, surface))
    decrement, measured = np.inf, np.inf
    for _ in range(_ROUNDS):
        if measured > _STALE:
            hessian = surface.hessian(point, free, _WIDTH / np.sqrt(rough))
            rough = np.maximum(np.diag(hessian), 1e-3 * rough)
            measured = -1.0
        step, decrement = newton_step(point.gradient, hessian, free)
        measured = decrement if measured < 0.0 else measured
        if decrement < _DONE:
            break
        after = climb(point, limited(step, surface.problem), surface)
        if after is None:
            break
        point = after
        surface.path.append((point.psi, point.value))
    if measured > _SAME_PLACE:
        hessian = surface.hessian(point, free, _WIDTH / np.sqrt(rough))
        _, decrement = newton_step(point.gradient, hessian, free)
    return point, hessian, decrement


def _settle(found: Search, surface: Surface) -> Search | None:
    """Hold one more pivot at exactly zero where that is best, or return None.

    Notes
    -----
    The likelihood is even in a pivot, so zero is a stationary point, and no other parameter is correlated
    with the pivot there: it is a maximum when the likelihood falls in the pivot alone.
    """
    problem, point = surface.problem, found.at
    if runaway(point, problem):
        return None
    slack = 1e-10 * max(1.0, abs(point.value))
    errors = _standard_errors(found)
    near = [
        k
        for k, (_, row, column) in enumerate(problem.order, start=problem.p)
        if row == column and found.free[k] and abs(point.psi[k]) < min(_NEAR_ZERO, _SURE * errors[k])
    ]
    for k in sorted(near, key=lambda k: abs(point.psi[k])):
        psi = point.psi.copy()
        psi[k] = 0.0
        psi, free = upright(psi, problem)
        try:
            held, hessian = _approach(surface(psi, point), found.hessian, surface, free)
            if held.value < point.value - 10.0 * _NEARLY:
                continue
            held, hessian, decrement = _finish(held, hessian, surface, free)
        except np.linalg.LinAlgError:
            continue
        if held.value < point.value - slack:
            continue
        higher = higher_beside(held, free, surface)
        if higher is None:
            return Search(held, free, hessian, 0, decrement, ())
        if higher.value > point.value + slack:
            free = np.ones(problem.size, dtype=bool)
            risen, hessian = _approach(higher, first_hessian(higher, surface, free), surface, free)
            return Search(risen, free, hessian, 0, np.inf, ())
    return None


def _standard_errors(found: Search) -> Floats:
    """Return standard errors of ψ, infinite where the information cannot be inverted."""
    errors = np.full(len(found.free), np.inf)
    own = found.hessian[np.ix_(found.free, found.free)]
    try:
        variances = np.diag(np.linalg.inv(own))
    except np.linalg.LinAlgError:
        return errors
    errors[found.free] = np.where(variances > 0.0, np.sqrt(np.abs(variances)), np.inf)
    return errors

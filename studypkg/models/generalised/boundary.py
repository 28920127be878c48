"""Variances at zero: how a covariance factor is written there, and whether the likelihood rises beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studypkg.models.generalised.likelihood import Point
from studypkg.models.generalised.problem import Problem
from studypkg.models.generalised.surface import Surface
from studypkg.models.linear.covariances import semidefinite_cholesky
from studypkg.models.links import Floats

# From a variance of zero the likelihood must not rise at these distances.
_BESIDE_ZERO = (0.03, 0.15)


def upright(psi: Floats, problem: Problem) -> tuple[Floats, NDArray[np.bool_]]:
    """Write every T as the Cholesky factor of T T' and say which elements are free."""
    triangles = [semidefinite_cholesky(t @ t.T) for t in problem.triangles(psi)]
    stop = problem.p + len(problem.order)
    found = psi.copy()
    found[problem.p : stop] = problem.packed(triangles)
    free = np.ones(problem.size, dtype=bool)
    free[problem.p : stop] = [triangles[at][column, column] > 0.0 for at, _, column in problem.order]
    return found, free


def higher_beside(held: Point, free: NDArray[np.bool_], surface: Surface) -> Point | None:
    """Return a higher point beside variances that are held at zero, or None.

    Notes
    -----
    Two ways lead away: a variance of its own, and one in line with another column of the same level (a
    correlation of ±1), which for the same variance changes the likelihood in the first order.
    """
    problem = surface.problem
    slack = 1e-9 * max(1.0, abs(held.value))
    best: Point | None = None
    for k, (at, row, column) in enumerate(problem.order, start=problem.p):
        if row != column or free[k]:
            continue
        triangles = problem.triangles(held.psi)
        own = triangles[at]
        alone = np.eye(len(own))[row]
        lines = [other / np.linalg.norm(other) for other in own[row + 1 :] if np.linalg.norm(other) > 0.0]
        pattern = problem.factors[at].pattern
        if not pattern[row + 1 :, row].any() or float(np.linalg.norm(own[row])) > 0.0:
            lines = []
        for direction in [alone, *lines, *(-line for line in lines)]:
            for distance in _BESIDE_ZERO:
                moved = own.copy()
                moved[row] = moved[row] + distance * direction
                triangles[at] = semidefinite_cholesky(moved @ moved.T)
                psi = held.psi.copy()
                psi[problem.p : problem.p + len(problem.order)] = problem.packed(triangles)
                value = surface.value(psi, held)
                if value > (held.value + slack if best is None else best.value):
                    best = surface(psi, held)
    return best

"""Conditional modes of a generalised model."""

from __future__ import annotations

from studypkg.models.generalised.families import Local, local
from studypkg.models.generalised.problem import Problem
from studypkg.models.laplace.modes import Modes, climb_to_modes
from studypkg.models.links import Floats


def find_modes(
    problem: Problem, base: Floats, triangles: list[Floats], log_size: float, start: list[Floats]
) -> Modes[Local]:
    """Find the modes, with the logarithm of the negative binomial's size; see `climb_to_modes`."""

    def density(eta: Floats) -> Local:
        return local(problem.family, problem.y, problem.trials, eta, log_size, problem.weights)

    return climb_to_modes(problem.levels, base, triangles, start, density)

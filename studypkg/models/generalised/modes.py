"""Conditional modes: where, given the parameters, the random effects are most likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.generalised.curvature import Curvature, eliminate
from studypkg.models.generalised.families import Local, local
from studypkg.models.generalised.problem import Problem
from studypkg.models.links import Floats

# Newton's decrement per level at which the modes are exact to rounding.
_DONE, _NEARLY = 1e-20, 1e-9
_STEPS, _HALVINGS = 60, 30


@dataclass(frozen=True, eq=False)
class Modes:
    """The modes û of the spherical effects (levels × q per factor) and the rows' densities there.

    Notes
    -----
    ``value`` is Σ log f(y|η̂) − û'û/2, the logarithm of the joint density at the modes up to constants that
    Laplace's approximation cancels; ``curvature`` is minus its second derivative in u.
    """

    effects: list[Floats]
    eta: Floats
    local: Local
    curvature: Curvature
    value: float
    steps: int


def find_modes(
    problem: Problem, base: Floats, triangles: list[Floats], log_size: float, start: list[Floats]
) -> Modes:
    """Maximise the joint density of response and effects over the effects, by Newton steps.

    Parameters
    ----------
    problem
        The rows.
    base
        Linear predictor without random effects, n.
    triangles, log_size
        Covariance factors and the logarithm of the negative binomial's size.
    start
        Effects to begin with.

    Raises
    ------
    numpy.linalg.LinAlgError
        If no maximum can be found in floating point.

    Notes
    -----
    The densities are log-concave, so there is one maximum and halved Newton steps reach it. Bates, Mächler,
    Bolker and Walker call the same search penalised iteratively reweighted least squares; here the weights
    are the observed second derivatives, whatever the link.
    """
    levels = problem.levels
    effects, step = start, [np.zeros_like(u) for u in start]
    best, share, last = -np.inf, 1.0, np.inf
    goal = sum(u.size for u in start)
    halved = 0
    for count in range(_STEPS):
        trial = [u + share * s for u, s in zip(effects, step, strict=True)]
        eta = base + levels.spread([u @ t.T for u, t in zip(trial, triangles, strict=True)])
        found = local(problem.family, problem.y, problem.trials, eta, log_size, problem.weights)
        value = float(found.value.sum()) - 0.5 * sum(float((u * u).sum()) for u in trial)
        if not value >= best - 1e-12 * max(1.0, abs(best)):
            share, halved = 0.5 * share, halved + 1
            if halved > _HALVINGS:
                raise np.linalg.LinAlgError
            continue
        effects, best, share = trial, value, 1.0
        sums = levels.totals(found.score)
        slope = [s @ t - u for s, t, u in zip(sums, triangles, effects, strict=True)]
        curvature = eliminate(levels, found.weight, triangles)
        step = curvature.solve([s.copy() for s in slope])
        decrement = sum(float((a * b).sum()) for a, b in zip(slope, step, strict=True)) / goal
        if not np.isfinite(decrement):
            raise np.linalg.LinAlgError
        if decrement < _DONE or (decrement < _NEARLY and decrement > 0.1 * last):
            return Modes(effects, eta, found, curvature, value, count + 1)
        last = decrement
    raise np.linalg.LinAlgError

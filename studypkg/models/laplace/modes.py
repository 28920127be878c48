"""Conditional modes: where, given the parameters, the random effects are most likely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from studypkg.models.laplace.curvature import Curvature, eliminate
from studypkg.models.laplace.levels import Levels
from studypkg.models.links import Floats

# Newton's decrement per level at which the modes are exact to rounding.
_DONE, _NEARLY = 1e-20, 1e-9
_STEPS, _HALVINGS = 80, 40


class Density(Protocol):
    """The rows' log-densities at a linear predictor, their first and minus their second derivatives (n)."""

    @property
    def value(self) -> Floats:
        """Log-densities."""

    @property
    def score(self) -> Floats:
        """First derivatives."""

    @property
    def weight(self) -> Floats:
        """Minus second derivatives."""


D = TypeVar("D", bound=Density)


@dataclass(frozen=True, eq=False)
class Modes(Generic[D]):
    """The modes û of the spherical effects (levels × q per factor) and the rows' densities there.

    Notes
    -----
    ``value`` is Σ log f(y|η̂) − û'û/2, the logarithm of the joint density at the modes up to constants that
    Laplace's approximation cancels; ``curvature`` is minus its second derivative in u.
    """

    effects: list[Floats]
    eta: Floats
    local: D
    curvature: Curvature
    value: float
    steps: int


def climb_to_modes(
    levels: Levels,
    base: Floats,
    triangles: list[Floats],
    start: list[Floats],
    density: Callable[[Floats], D],
) -> Modes[D]:
    """Maximise the joint density of response and effects over the effects, by Newton steps.

    Parameters
    ----------
    levels
        Which rows belong to which levels.
    base
        Linear predictor without random effects, n.
    triangles
        Covariance factors.
    start
        Effects to begin with.
    density
        The rows' densities at a linear predictor.

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
    effects, step = start, [np.zeros_like(u) for u in start]
    best, share, last = -np.inf, 1.0, np.inf
    goal = sum(u.size for u in start)
    halved = 0
    for count in range(_STEPS):
        trial = [u + share * s for u, s in zip(effects, step, strict=True)]
        eta = base + levels.spread([u @ t.T for u, t in zip(trial, triangles, strict=True)])
        found = density(eta)
        value = float(found.value.sum()) - 0.5 * sum(float((u * u).sum()) for u in trial)
        if not value >= best - 1e-12 * max(1.0, abs(best)) or not np.isfinite(value):
            share, halved = 0.5 * share, halved + 1
            if halved > _HALVINGS or not np.isfinite(best):
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

"""Newton's method with exact derivatives, kept on a leash until the deviance is convex.

Distances are measured in the parameters themselves, which are logarithms of standard deviations and
correlations on a scale without limits: no unit of the data enters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.design import Floats
from studypkg.models.mmrm.likelihood import Point, Sums
from studypkg.models.mmrm.patterns import ScheduledState

# The deviance still to be gained, by the quadratic at the last point, when the search stops; and the most
# that may be left where rounding ends it.
DECREMENT_LIMIT = 1e-14
_LEFT_AT_MOST = 1e-9
_ROUNDS = 200
# The longest step in any one parameter, or in its share where it is large.
_LEASH = 1.0
# Beyond this a correlation is ±1 or a standard deviation 0 to all printed digits.
_EDGE = 1e3
# A search that failed this far out, or at correlations this close to a singular matrix, was on its way there.
_FAR, _SINGULAR = 50.0, 1e-5
# Curvature below this share of the others, parameters scaled to unit curvature, is none.
_FLAT = 1e-9
# Curvature of a parameter below this leaves its logarithm or logit open by a factor of e^40: it is unknown.
_UNKNOWN = 1e-3
_AT_THE_EDGE = (
    "The covariance between visits runs to the edge of what its structure can hold (a visit that follows "
    "from the others, a correlation of ±1 or zero, no variance), so it has no estimate. Use another or a "
    "simpler structure; an unstructured one needs enough subjects seen at all visits."
)
_NOT_IDENTIFIED = (
    "The data do not identify every covariance parameter: the likelihood is flat in one direction. "
    "Use a simpler covariance structure."
)
_NOT_CONVERGED = (
    "The search for the covariance parameters did not converge, so there is no number to show. "
    "Use a simpler covariance structure, or look for visits with few subjects."
)


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the search ended: the point, what it cost, and the gain the last quadratic still promised.

    Notes
    -----
    ``path`` has one entry per step: θ as the search sees it, and the deviance last.
    """

    point: Point
    evaluations: int
    decrement: float
    path: tuple[tuple[float, ...], ...]


def minimise(sums: Sums, start: Floats, *, reml: bool) -> Optimum:
    """Minimise the deviance over θ.

    Parameters
    ----------
    sums
        The sums of the model.
    start
        Where to begin; Σ must be positive definite there.
    reml
        Restricted likelihood when true.

    Raises
    ------
    ModelError
        If no minimum is reached inside the parameter space, or the data do not identify a parameter.
    """
    point = Point(sums, start, reml=reml)
    evaluations, best, path = 1, np.inf, [_place(point)]
    for _ in range(_ROUNDS):
        step, decrement, convex = _step(point)
        if convex and decrement < DECREMENT_LIMIT:
            break
        if convex and decrement < 1e-4 and decrement >= 0.5 * best:
            # Rounding: what is promised does not shrink any more.
            break
        best = min(best, decrement) if convex else np.inf
        moved, tried = _advance(point, step, decrement)
        evaluations += tried
        if moved is None:
            break
        point = moved
        path.append(_place(point))
        _refuse_edge(point.theta)
    step, decrement, convex = _step(point)
    problem = _problem(point, decrement, convex)
    if problem:
        raise ModelError(problem)
    return Optimum(point, evaluations, decrement, tuple(path))


def _place(point: Point) -> tuple[float, ...]:
    return (*(float(v) for v in point.theta), float(point.deviance))


def _step(point: Point) -> tuple[Floats, float, bool]:
    """Return the step, the gain it promises, and whether the deviance is convex here."""
    size = np.sqrt(np.maximum(np.abs(np.diag(point.hessian)), 1e-12))
    values, vectors = np.linalg.eigh(point.hessian / np.outer(size, size))
    along = vectors.T @ (point.gradient / size)
    safe = np.maximum(np.abs(values), 1e-8)
    step = -(vectors @ (along / safe)) / size
    return step, 0.5 * float((along**2 / safe).sum()), bool(values[0] > 0.0)


def _advance(point: Point, step: Floats, decrement: float) -> tuple[Point | None, int]:
    """Walk along a step until the deviance falls; near the minimum rounding decides, and any step will do."""
    longest = float((np.abs(step) / np.maximum(np.abs(point.theta), 1.0)).max())
    share = min(1.0, _LEASH / longest) if longest > 0.0 else 1.0
    rounding = 1e-12 * (1.0 + abs(point.deviance))
    for tried in range(1, 41):
        try:
            trial = Point(point.sums, point.theta + share * step, reml=point.reml)
        except np.linalg.LinAlgError:
            share *= 0.5
            continue
        if trial.deviance <= point.deviance - 1e-4 * share * decrement + rounding:
            return trial, tried
        share *= 0.5
    return None, tried


def _refuse_edge(theta: Floats) -> None:
    if np.abs(theta).max() > _EDGE:
        raise ModelError(_AT_THE_EDGE)


def _problem(point: Point, decrement: float, convex: bool) -> str:
    """Say why the last point is no estimate; nothing when it is one."""
    curvature = np.diag(point.hessian)
    if (np.abs(curvature) * np.maximum(1.0, point.theta**2) < _UNKNOWN).any():
        return _AT_THE_EDGE
    size = np.sqrt(np.abs(curvature))
    if abs(np.linalg.eigvalsh(point.hessian / np.outer(size, size))[0]) < _FLAT:
        return _NOT_IDENTIFIED
    if convex and decrement <= _LEFT_AT_MOST:
        return ""
    return _AT_THE_EDGE if _far_out(point) else _NOT_CONVERGED


def _far_out(point: Point) -> bool:
    """Whether a search that failed had left for infinity or for a singular matrix."""
    if np.abs(point.theta).max() > _FAR:
        return True
    for state in point.states:
        if isinstance(state, ScheduledState):
            sd = np.sqrt(np.diag(state.covariance.value))
            if np.linalg.eigvalsh(state.covariance.value / np.outer(sd, sd))[0] < _SINGULAR:
                return True
    return False

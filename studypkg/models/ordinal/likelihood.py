"""The log-likelihood of an ordinal mixed model and its exact gradient, by Laplace or by quadrature.

The modes of the random effects move with the parameters; the gradient takes that into account by the
implicit-function theorem, at the price of one more solve with the curvature of the modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from studypkg.models.laplace.modes import Modes, climb_to_modes
from studypkg.models.links import Floats
from studypkg.models.ordinal.densities import Inner, Outer
from studypkg.models.ordinal.problem import Problem


@dataclass(frozen=True, eq=False)
class AtEnds(Inner):
    """The rows' log-probabilities with the ends a and c (n) they were taken between."""

    upper: Floats
    lower: Floats


@dataclass(frozen=True, eq=False)
class Point:
    """The log-likelihood at parameters ψ, with its gradient (k) unless only the value was asked for."""

    psi: Floats
    value: float
    gradient: Floats
    modes: Modes[AtEnds]


@dataclass(frozen=True, eq=False)
class _Direct:
    """Derivatives with the modes held, and how the value depends on them.

    ``score``, ``upper`` and ``lower`` (n) are derivatives in η and in the ends a and c, ``triangles`` in the
    covariance factors. ``pull`` (levels) is the derivative in the modes, ``stretch`` (levels) the factor by
    which log|H| counts; None for Laplace, where they are 0 and 1.
    """

    value: float
    score: Floats
    upper: Floats
    lower: Floats
    triangles: list[Floats]
    pull: Floats | None = None
    stretch: Floats | None = None


def inner_at(problem: Problem, upper: Floats, lower: Floats) -> Inner:
    """Evaluate the rows' log-probabilities, weighted."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        found = problem.link.inner(upper, lower)
    w = problem.weights
    return found if w is None else Inner(w * found.value, w * found.score, w * found.weight)


def outer_at(problem: Problem, upper: Floats, lower: Floats) -> Outer:
    """Evaluate the rows' other derivatives, weighted."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        found = problem.link.outer(upper, lower)
    w = problem.weights
    return found if w is None else Outer(*(w * value for value in vars(found).values()))


def ends(alpha: Floats, problem: Problem) -> tuple[Floats, Floats]:
    """Return the thresholds above and below the category of every row, n each."""
    bounds = np.concatenate([[-np.inf], alpha, [np.inf]])
    return bounds[problem.category + 1], bounds[problem.category]


def by_threshold(upper: Floats, lower: Floats, problem: Problem) -> Floats:
    """Sum derivatives in the ends a and c of rows (n) to derivatives in the thresholds."""
    many = len(problem.shape)
    above = np.bincount(problem.category, upper, minlength=many + 1)[:many]
    under = np.bincount(problem.category, lower, minlength=many + 1)[1:]
    return np.asarray(above + under)


def find_modes(
    problem: Problem,
    tops: Floats,
    bottoms: Floats,
    base: Floats,
    triangles: list[Floats],
    start: list[Floats],
) -> Modes[AtEnds]:
    """Find the modes, with the thresholds above and below every row's category; see `climb_to_modes`."""

    def density(eta: Floats) -> AtEnds:
        upper, lower = tops - eta, bottoms - eta
        found = inner_at(problem, upper, lower)
        return AtEnds(found.value, found.score, found.weight, upper, lower)

    return climb_to_modes(problem.levels, base, triangles, start, density)


def evaluate(
    psi: Floats, problem: Problem, start: list[Floats] | None = None, *, slopes: bool = True
) -> Point:
    """Evaluate the log-likelihood at ψ.

    Parameters
    ----------
    psi
        Parameters, as `Problem` lists them.
    problem
        The rows.
    start
        Random effects to begin the search for their modes with.
    slopes
        Whether the gradient is wanted.

    Raises
    ------
    numpy.linalg.LinAlgError
        If thresholds are out of order or the modes cannot be found in floating point.

    Notes
    -----
    With g(u) = Σ log p(η(u)) − u'u/2 and H = −∂²g/∂u∂u' at its maximum û, Laplace's approximation is
    g(û) − log|H|/2 (Tierney and Kadane 1986, doi 10.1080/01621459.1986.10478240). Adaptive quadrature puts
    the nodes x_k at û + √2 H^(−1/2) x_k for each level (Pinheiro and Bates 1995, doi
    10.1080/10618600.1995.10474663). Since ∂g/∂u = 0, dû/dψ = H⁻¹ ∂²g/∂u∂ψ.
    """
    triangles = problem.triangles(psi)
    tops, bottoms = ends(problem.alpha(psi), problem)
    base = problem.predictor(psi)
    if start is None:
        start = [np.zeros((f.n_levels, f.size)) for f in problem.factors]
    modes = find_modes(problem, tops, bottoms, base, triangles, start)
    outer = outer_at(problem, modes.local.upper, modes.local.lower) if slopes else None
    if len(problem.nodes) > 1:
        direct = _quadrature(problem, modes, tops - base, bottoms - base, triangles, slopes)
    else:
        direct = _laplace(problem, modes, outer)
    if not np.isfinite(direct.value):
        raise np.linalg.LinAlgError
    gradient = np.zeros(0) if outer is None else _gradient(problem, modes, outer, triangles, direct)
    return Point(psi, direct.value, gradient, modes)


def _laplace(problem: Problem, modes: Modes[AtEnds], outer: Outer | None) -> _Direct:
    value = modes.value - 0.5 * modes.curvature.logdet
    none = np.zeros(0)
    if outer is None:
        return _Direct(value, none, none, none, [])
    sums = problem.levels.totals(modes.local.score)
    by_triangle = [s.T @ u for s, u in zip(sums, modes.effects, strict=True)]
    return _Direct(value, modes.local.score, outer.upper, outer.lower, by_triangle)


def _quadrature(
    problem: Problem,
    modes: Modes[AtEnds],
    tops: Floats,
    bottoms: Floats,
    triangles: list[Floats],
    slopes: bool,
) -> _Direct:
    """Sum over the nodes of every level of the one factor, which has one column."""
    levels, t = problem.levels, float(triangles[0][0, 0])
    codes, z, many = levels.codes[0], levels.columns[0][0], levels.counts[0]
    spread = np.sqrt(modes.curvature.lead_inverse[:, 0, 0])
    logs, places, rows = [], [], []
    for node, log_weight in zip(problem.nodes, problem.log_weights, strict=True):
        effect = modes.effects[0][:, 0] + np.sqrt(2.0) * spread * node
        shift = z * (t * effect)[codes]
        upper, lower = tops - shift, bottoms - shift
        inner = inner_at(problem, upper, lower)
        logs.append(log_weight + np.bincount(codes, inner.value, minlength=many) - 0.5 * effect**2)
        places.append(effect)
        rows.append((inner.score, upper, lower))
    joint = np.array(logs)
    top = joint.max(axis=0)
    shares = np.exp(joint - top)
    total = shares.sum(axis=0)
    value = float((top + np.log(total) + np.log(spread)).sum())
    none = np.zeros(0)
    if not slopes:
        return _Direct(value, none, none, none, [])
    score, above, under = np.zeros(len(codes)), np.zeros(len(codes)), np.zeros(len(codes))
    by_triangle, pull, stretch = 0.0, np.zeros(many), np.ones(many)
    for node, effect, share, (scores, upper, lower) in zip(
        problem.nodes, places, shares / total, rows, strict=True
    ):
        outer, of_row = outer_at(problem, upper, lower), share[codes]
        score += of_row * scores
        above += of_row * outer.upper
        under += of_row * outer.lower
        slope = np.bincount(codes, scores * z, minlength=many)
        by_triangle += float(share @ (slope * effect))
        inward = share * (t * slope - effect)
        pull += inward
        stretch += spread * np.sqrt(2.0) * node * inward
    return _Direct(value, score, above, under, [np.array([[by_triangle]])], pull, stretch)


def _gradient(
    problem: Problem, modes: Modes[AtEnds], outer: Outer, triangles: list[Floats], direct: _Direct
) -> Floats:
    levels, curvature, inner = problem.levels, modes.curvature, modes.local
    inverse = curvature.inverse_blocks
    if direct.stretch is not None:
        inverse = {(0, 0): inverse[0, 0] * direct.stretch[:, None, None]}
    quadratics = curvature.row_quadratics(inverse)
    bend = -(outer.weight_upper + outer.weight_lower) * quadratics
    right = [s @ t for s, t in zip(levels.totals(bend), triangles, strict=True)]
    if direct.pull is not None:
        right[0] = right[0] - 2.0 * direct.pull[:, None]
    moved = curvature.solve(right)
    along = levels.spread([v @ t.T for v, t in zip(moved, triangles, strict=True)])
    total = bend - inner.weight * along
    above = direct.upper - 0.5 * (outer.weight_upper * quadratics + outer.score_upper * along)
    under = direct.lower - 0.5 * (outer.weight_lower * quadratics + outer.score_lower * along)
    score_sums, total_sums = levels.totals(inner.score), levels.totals(total)
    traces = curvature.traces(inverse)
    by_triangle = [
        direct.triangles[f]
        - traces[f]
        - 0.5 * (total_sums[f].T @ modes.effects[f] + score_sums[f].T @ moved[f])
        for f in range(len(triangles))
    ]
    return np.concatenate(
        [
            problem.shape.T @ by_threshold(above, under, problem),
            problem.fixed.T @ (direct.score - 0.5 * total),
            problem.packed(by_triangle),
        ]
    )


def laplace_only(problem: Problem) -> Problem:
    """Return the same problem with one node: a start for quadrature."""
    return replace(problem, nodes=np.zeros(1), log_weights=np.zeros(1))

"""The log-likelihood of a generalised mixed model and its exact gradient, by Laplace or by quadrature.

The modes of the random effects move with the parameters; the gradient takes that into account by the
implicit-function theorem, at the price of one more solve with the curvature of the modes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from studypkg.models.generalised.families import Local, local
from studypkg.models.generalised.modes import find_modes
from studypkg.models.generalised.problem import Problem
from studypkg.models.laplace.modes import Modes
from studypkg.models.links import Floats


@dataclass(frozen=True, eq=False)
class Point:
    """The log-likelihood at parameters ψ, with its gradient (k) unless only the value was asked for."""

    psi: Floats
    value: float
    gradient: Floats
    modes: Modes[Local]


@dataclass(frozen=True, eq=False)
class _Direct:
    """Derivatives with the modes held, and how the value depends on them.

    ``score`` (n) is the derivative in η, ``triangles`` (q × q per factor) in the covariance factors,
    ``by_size`` in the log size. ``pull`` (levels) is the derivative in the modes, ``stretch`` (levels) the
    factor by which log|H| counts; both None for Laplace, where they are 0 and 1.
    """

    value: float
    score: Floats
    triangles: list[Floats]
    by_size: float
    pull: Floats | None = None
    stretch: Floats | None = None


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
        If the modes cannot be found in floating point.

    Notes
    -----
    With g(u) = Σ log f(y|η(u)) − u'u/2 and H = −∂²g/∂u∂u' at its maximum û, Laplace's approximation is
    g(û) − log|H|/2 (Tierney and Kadane 1986, doi 10.1080/01621459.1986.10478240). Adaptive quadrature puts
    the nodes x_k at û + √2 H^(−1/2) x_k for each level (Pinheiro and Bates 1995, doi
    10.1080/10618600.1995.10474663). Since ∂g/∂u = 0, dû/dψ = H⁻¹ ∂²g/∂u∂ψ.
    """
    triangles, log_size = problem.triangles(psi), problem.log_size(psi)
    base = problem.fixed @ psi[: problem.p] + problem.offset
    if start is None:
        start = [np.zeros((f.n_levels, f.size)) for f in problem.factors]
    modes = find_modes(problem, base, triangles, log_size, start)
    if len(problem.nodes) > 1:
        direct = _quadrature(problem, modes, base, triangles, log_size)
    else:
        direct = _laplace(problem, modes)
    if not np.isfinite(direct.value):
        raise np.linalg.LinAlgError
    gradient = _gradient(problem, modes, triangles, direct) if slopes else np.zeros(0)
    return Point(psi, direct.value + problem.constant, gradient, modes)


def _laplace(problem: Problem, modes: Modes[Local]) -> _Direct:
    found = modes.local
    sums = problem.levels.totals(found.score)
    return _Direct(
        modes.value - 0.5 * modes.curvature.logdet,
        found.score,
        [s.T @ u for s, u in zip(sums, modes.effects, strict=True)],
        0.0 if found.by_log_size is None else float(found.by_log_size.sum()),
    )


def _quadrature(
    problem: Problem, modes: Modes[Local], base: Floats, triangles: list[Floats], log_size: float
) -> _Direct:
    """Sum over the nodes of every level of the one factor, which has one column."""
    levels, t = problem.levels, float(triangles[0][0, 0])
    codes, z, many = levels.codes[0], levels.columns[0][0], levels.counts[0]
    mode = modes.effects[0][:, 0]
    spread = np.sqrt(modes.curvature.lead_inverse[:, 0, 0])
    logs, slopes, places, scores, sizes = [], [], [], [], []
    for node, log_weight in zip(problem.nodes, problem.log_weights, strict=True):
        effect = mode + np.sqrt(2.0) * spread * node
        found = local(
            problem.family,
            problem.y,
            problem.trials,
            base + z * (t * effect)[codes],
            log_size,
            problem.weights,
        )
        logs.append(log_weight + np.bincount(codes, found.value, minlength=many) - 0.5 * effect**2)
        slopes.append(np.bincount(codes, found.score * z, minlength=many))
        places.append(effect)
        scores.append(found.score)
        sizes.append(
            None if found.by_log_size is None else np.bincount(codes, found.by_log_size, minlength=many)
        )
    joint = np.array(logs)
    top = joint.max(axis=0)
    shares = np.exp(joint - top)
    total = shares.sum(axis=0)
    shares = shares / total
    score = np.zeros(len(codes))
    by_triangle, by_size = 0.0, 0.0
    pull, stretch = np.zeros(many), np.ones(many)
    for k, share in enumerate(shares):
        score += share[codes] * scores[k]
        by_triangle += float(share @ (slopes[k] * places[k]))
        size = sizes[k]
        by_size += 0.0 if size is None else float(share @ size)
        inward = share * (t * slopes[k] - places[k])
        pull += inward
        stretch += spread * np.sqrt(2.0) * problem.nodes[k] * inward
    value = float((top + np.log(total) + np.log(spread)).sum())
    return _Direct(value, score, [np.array([[by_triangle]])], by_size, pull, stretch)


def _gradient(problem: Problem, modes: Modes[Local], triangles: list[Floats], direct: _Direct) -> Floats:
    levels, curvature, found = problem.levels, modes.curvature, modes.local
    inverse = curvature.inverse_blocks
    if direct.stretch is not None:
        inverse = {(0, 0): inverse[0, 0] * direct.stretch[:, None, None]}
    quadratics = curvature.row_quadratics(inverse)
    bend = found.weight_slope * quadratics
    right = [s @ t for s, t in zip(levels.totals(bend), triangles, strict=True)]
    if direct.pull is not None:
        right[0] = right[0] - 2.0 * direct.pull[:, None]
    moved = curvature.solve(right)
    total = bend - found.weight * levels.spread([v @ t.T for v, t in zip(moved, triangles, strict=True)])
    score_sums, total_sums = levels.totals(found.score), levels.totals(total)
    traces = curvature.traces(inverse)
    by_triangle = [
        direct.triangles[f]
        - traces[f]
        - 0.5 * (total_sums[f].T @ modes.effects[f] + score_sums[f].T @ moved[f])
        for f in range(len(triangles))
    ]
    parts = [problem.fixed.T @ (direct.score - 0.5 * total), problem.packed(by_triangle)]
    if found.weight_by_log_size is not None and found.score_by_log_size is not None:
        turned = sum(
            float((s @ t * v).sum())
            for s, t, v in zip(levels.totals(found.score_by_log_size), triangles, moved, strict=True)
        )
        parts.append(
            np.array([direct.by_size - 0.5 * (float(found.weight_by_log_size @ quadratics) + turned)])
        )
    return np.concatenate(parts)


def laplace_only(problem: Problem) -> Problem:
    """Return the same problem with one node: a start for quadrature."""
    return replace(problem, nodes=np.zeros(1), log_weights=np.zeros(1))

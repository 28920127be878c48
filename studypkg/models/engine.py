"""The one door to the optimisers: a design goes in, a solution comes out, whoever found it.

``own`` is the engine of `studypkg.models.linear`. ``glmm`` is a compiled package that shares no code with it;
it takes most models and serves as a second opinion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.compiled import compiled_solution
from studypkg.models.design import Design, Floats, GroupTerm
from studypkg.models.linear.checks import check_rows, check_sums
from studypkg.models.linear.covariances import pack, unpack
from studypkg.models.linear.crossproducts import CrossProducts, gather
from studypkg.models.linear.deviance import Point, evaluate
from studypkg.models.linear.grouping import gather_factors
from studypkg.models.linear.kenward_roger import kenward_roger
from studypkg.models.linear.sample import sample_start
from studypkg.models.linear.search import DECREMENT_LIMIT, Search, search
from studypkg.models.solution import SINGULAR_TOLERANCE, Solution, exact_zeros, fixed_curvature

ENGINES = ("own", "glmm")
# A relative standard deviation above this means that no residual variance is left.
_NO_RESIDUAL = 1e5


@dataclass(frozen=True)
class Solved:
    """A solution with the sums of products it was found on and its point in the likelihood."""

    solution: Solution
    sums: CrossProducts
    point: Point


def solve(design: Design, *, reml: bool, start: Sequence[float] | None = None, engine: str = "own") -> Solved:
    """Find the variance parameters and all that follows from them.

    Parameters
    ----------
    design
        The matrices.
    reml
        Restricted likelihood when true.
    start
        Where the search begins: θ on the data's scale in lme4's order, as `Optimisation.theta` has it.
    engine
        ``own`` or ``glmm``.

    Raises
    ------
    ConfigError
        If there is no such engine, or ``start`` has the wrong length.
    ModelError
        If the rows cannot carry the model or no optimum was reached. There is then no number to show.
    """
    if engine not in ENGINES:
        raise ConfigError(
            f'There is no engine "{engine}".{nearest(engine, ENGINES)} Available: {", ".join(ENGINES)}.'
        )
    check_rows(design)
    sums = gather(design, gather_factors(design))
    check_sums(sums, design)
    if engine == "glmm":
        return _compiled(design, sums, reml)
    if start is not None:
        return solve_sums(sums, reml=reml, start=inner_theta(start, design.terms, sums))
    return solve_sums(sums, reml=reml, near=sample_start(design, sums, reml=reml))


def solve_sums(
    sums: CrossProducts, *, reml: bool, start: Floats | None = None, near: Floats | None = None
) -> Solved:
    """Find the optimum from the sums of products alone; ``near`` is a start close to it. See `solve`."""
    try:
        found = search(sums, reml=reml, start=near if start is None else start)
        if not found.converged:
            # A path along the edge of the parameter space can get stuck; begin once more inside it.
            found = search(sums, reml=reml, start=np.full(len(sums.layout.order), 0.3))
    except np.linalg.LinAlgError:
        raise ModelError(
            "The model did not converge: a matrix on the way could not be factorised, which happens when the "
            "response is explained exactly or columns almost repeat each other. Simplify the random terms."
        ) from None
    triangles = unpack(found.at.theta, sums)
    if max(float(np.abs(t).max(initial=0.0)) for t in triangles) > _NO_RESIDUAL:
        raise ModelError(
            "The residual variance is estimated at zero: the groups and the columns explain the response "
            "exactly, or each group holds one distinct row. Simplify the random terms."
        )
    if not found.converged:
        raise ModelError(
            f"The model did not converge after {found.evaluations} evaluations (a gain of "
            f"{found.decrement:.2g} in deviance was still promised, {DECREMENT_LIMIT:g} is allowed). "
            "Simplify the random terms; subtract the mean from covariates that lie far from zero."
        )
    return Solved(_solution(found, sums, reml), sums, found.at)


def _solution(found: Search, sums: CrossProducts, reml: bool) -> Solution:
    at, free = found.at, found.free
    nu = sums.n - sums.p if reml else sums.n
    jacobian, parameter_cov, problem = fixed_curvature(
        at.curvature[np.ix_(free, free)], at.vcov_slopes[free], at.vcov, at.sigma2, nu
    )
    return Solution(
        beta=at.beta,
        vcov=at.vcov,
        sigma2=at.sigma2,
        loglik=-at.deviance / 2.0,
        factors=tuple(exact_zeros(t) for t in unpack(at.theta, sums)),
        method="Newton steps with the exact Hessian of the profiled deviance",
        evaluations=found.evaluations,
        gradient_norm=float(np.linalg.norm(at.gradient[free])),
        code="converged",
        message=f"a further step promises {found.decrement:.1g} of deviance",
        vcov_jacobian=jacobian,
        parameter_cov=parameter_cov,
        df_problem=problem,
        notes=(),
        kenward_roger=kenward_roger(at, sums, reml=reml),
        path=tuple((*(float(v) for v in theta), deviance) for theta, deviance in found.path),
    )


def _compiled(design: Design, sums: CrossProducts, reml: bool) -> Solved:
    solution, problem = compiled_solution(design, sums, reml=reml)
    if solution is None:
        reason = (
            problem
            or "it takes one random term per factor, with an intercept and columns that are fixed ones too"
        )
        raise ModelError(f'The engine "glmm" does not answer this model: {reason}. Use engine="own".')
    return Solved(solution, sums, evaluate(pack(list(solution.factors), sums), sums, reml=reml, order=0))


def inner_theta(start: Sequence[float], terms: Sequence[GroupTerm], sums: CrossProducts) -> Floats:
    """Bring θ from the data's scale and the formula's order to the engine's."""
    sizes = [t.columns.shape[1] for t in terms]
    wanted = sum(q * (q + 1) // 2 for q in sizes)
    values = np.asarray(start, dtype=float)
    if values.shape != (wanted,) or not np.isfinite(values).all():
        raise ConfigError(f"A start has {wanted} finite numbers for this formula, one per element of θ.")
    triangles: dict[int, Floats] = {}
    at = 0
    for k, q in enumerate(sizes):
        triangle = np.zeros((q, q))
        rows, columns = np.triu_indices(q)
        triangle[columns, rows] = values[at : at + len(rows)]
        triangles[k] = triangle
        at += len(rows)
    matrices = []
    for factor in sums.factors:
        whole = np.zeros((factor.size, factor.size))
        for k, places in factor.members.items():
            whole[np.ix_(places, places)] = triangles[k] * factor.scales[list(places)][:, None]
        matrices.append(whole)
    return pack(matrices, sums)


def factors_by_term(solution: Solution, sums: CrossProducts, n_terms: int) -> list[Floats]:
    """Take the covariance factors apart by term, in the formula's order, on the data's scale."""
    found: dict[int, Floats] = {}
    for factor, triangle in zip(sums.factors, solution.factors, strict=True):
        for at, places in factor.members.items():
            found[at] = triangle[np.ix_(places, places)] / factor.scales[list(places)][:, None]
    return [found[at] for at in range(n_terms)]


def singular_terms(parts: list[tuple[str, tuple[str, ...], Floats]], sums: CrossProducts) -> tuple[str, ...]:
    """Name what sits on the boundary: variances that are zero, and correlations that are ±1."""
    found = []
    scales = {at: f.scales[list(places)] for f in sums.factors for at, places in f.members.items()}
    for at, (group, names, factor) in enumerate(parts):
        relative = factor * scales[at][:, None]
        for j, name in enumerate(names):
            if np.sqrt((relative[j] ** 2).sum()) < SINGULAR_TOLERANCE:
                found.append(f"{name} | {group}: variance 0")
            elif abs(relative[j, j]) < SINGULAR_TOLERANCE:
                found.append(f"{name} | {group}: correlation at its limit")
    return tuple(found)

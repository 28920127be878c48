"""The one door to the optimisers: a design goes in, a solution comes out, whoever found it.

Two optimisers stand behind it. The compiled package glmm is quick with one grouping factor. The search in
`studypkg.models.search` takes every other shape: several factors, ``||``, slopes without intercept, slopes
whose column is not a fixed effect. It is also asked again where the first one gives up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.compiled import compiled_solution
from studypkg.models.crossproducts import CrossProducts, gather
from studypkg.models.design import Design
from studypkg.models.profiled import unpack
from studypkg.models.search import DECREMENT_LIMIT, Search, search
from studypkg.models.solution import Solution, exact_zeros, fixed_curvature


@dataclass(frozen=True)
class Solved:
    """A solution with the sums of products it was found on."""

    solution: Solution
    sums: CrossProducts


def solve(design: Design, *, reml: bool) -> Solved:
    """Find the variance parameters and all that follows from them.

    Parameters
    ----------
    design
        The matrices, already checked by `studypkg.models.checks`.
    reml
        Restricted likelihood when true.

    Raises
    ------
    ModelError
        If no optimum was reached. There is then no number to show.
    """
    sums = gather(design)
    solution, first_problem = compiled_solution(design, sums, reml=reml)
    if solution is not None:
        return Solved(solution, sums)
    try:
        found = search(sums, reml=reml)
        if not found.converged:
            # A path along the edge of the parameter space can get stuck; begin once more inside it.
            found = search(sums, reml=reml, start=np.full(len(found.theta), 0.3))
    except np.linalg.LinAlgError:
        raise ModelError(
            "The model did not converge: a matrix on the way could not be factorised, which happens when the "
            "response is explained exactly or columns almost repeat each other. Simplify the random terms."
        ) from None
    if not found.converged:
        raise ModelError(
            f"The model did not converge after {found.evaluations} evaluations (a gain of "
            f"{found.decrement:.2g} in deviance was still promised, {DECREMENT_LIMIT:g} is allowed). "
            "Simplify the random terms."
        )
    return Solved(_solution(found, sums, reml, first_problem), sums)


def _solution(found: Search, sums: CrossProducts, reml: bool, first_problem: str) -> Solution:
    factors = unpack(found.theta, sums.factors)
    nu = sums.n - sums.p if reml else sums.n
    limit = 1e5
    if max(float(np.abs(f).max(initial=0.0)) for f in factors) > limit:
        raise ModelError(
            "The residual variance is estimated at zero: the groups and the columns explain the response "
            "exactly, or each group holds one distinct row. Simplify the random terms."
        )
    factors = [exact_zeros(f) for f in factors]
    jacobian, parameter_cov, problem = fixed_curvature(
        found.curvature, found.vcov_jacobian, found.at.vcov, found.at.sigma2, nu
    )
    notes = (f"A first search stopped ({first_problem}); a second one converged.",) if first_problem else ()
    return Solution(
        beta=found.at.beta,
        vcov=found.at.vcov,
        sigma2=found.at.sigma2,
        loglik=-found.at.deviance / 2.0,
        factors=tuple(factors),
        method="COBYQA, then Newton steps on the profiled deviance",
        evaluations=found.evaluations,
        gradient_norm=found.gradient_norm,
        code="converged",
        message=found.message,
        vcov_jacobian=jacobian,
        parameter_cov=parameter_cov,
        df_problem=problem,
        notes=notes,
    )

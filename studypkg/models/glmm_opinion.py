"""What the compiled package glmm says of a model: the first second opinion that is asked."""

from __future__ import annotations

import numpy as np

from studypkg.models.compiled import compiled_solution
from studypkg.models.design import Design
from studypkg.models.linear.crossproducts import gather
from studypkg.models.linear.grouping import gather_factors
from studypkg.models.opinion import Opinion, no_opinion


def ask_glmm(design: Design, *, reml: bool) -> Opinion:
    """Fit the model by glmm; the reason says why there is no answer.

    Parameters
    ----------
    design
        Any model; glmm takes one random term per factor, each with an intercept first.
    reml
        Restricted likelihood when true.
    """
    sums = gather(design, gather_factors(design))
    solution, problem = compiled_solution(design, sums, reml=reml)
    if solution is None:
        return no_opinion(len(design.names), problem or "glmm does not take this kind of random term")
    sds: dict[int, tuple[float, ...]] = {}
    for factor, triangle in zip(sums.factors, solution.factors, strict=True):
        spread = np.sqrt(solution.sigma2 * (triangle**2).sum(axis=1)) / factor.scales
        for at, places in factor.members.items():
            sds[at] = tuple(float(spread[k]) for k in places)
    return Opinion(
        solution.beta,
        np.sqrt(np.diag(solution.vcov)),
        tuple(sd for at in range(len(design.terms)) for sd in sds[at]),
        float(np.sqrt(solution.sigma2)),
        solution.loglik,
        "",
    )

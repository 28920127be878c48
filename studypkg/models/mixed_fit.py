"""From a solved linear mixed model to its `Fit`: labels put to numbers, wherever the rows were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studypkg.models.design import Floats, GroupTerm
from studypkg.models.engine import Solved, factors_by_term, singular_terms
from studypkg.models.fit import Fit, Optimisation, variance_table
from studypkg.models.rows import FitRows


@dataclass(frozen=True)
class Described:
    """What a fit says about its model and data: names and counts.

    Notes
    -----
    ``names`` are those of the fixed columns; ``n`` of ``n_read`` rows were used, ``dropped`` counts missing
    values by variable and ``aliased`` names the columns left out.
    """

    formula: str
    names: tuple[str, ...]
    terms: tuple[GroupTerm, ...]
    n: int
    n_read: int
    weighted: bool
    dropped: dict[str, int]
    aliased: tuple[str, ...]


def mixed_fit(
    solved: Solved, described: Described, *, reml: bool, rows: Callable[[list[Floats]], FitRows]
) -> Fit:
    """Put a fit together.

    Parameters
    ----------
    solved
        The solution and the sums of products it was found on.
    described
        Names and counts.
    reml
        Whether the likelihood was the restricted one.
    rows
        Makes what the fit knows about rows and levels from the relative covariance factor of every term.
    """
    solution, sums, terms = solved.solution, solved.sums, described.terms
    by_term = factors_by_term(solution, sums, len(terms))
    parts = [(t.group, t.names, f) for t, f in zip(terms, by_term, strict=True)]
    singular = singular_terms(parts, sums)
    theta = tuple(float(v) for f in by_term for v in f.T[np.triu_indices(len(f))])
    names = pd.Index(list(described.names), dtype=object)
    n_par = len(names) + len(theta) + 1
    deviance = -2.0 * solution.loglik
    return Fit(
        formula=described.formula,
        params=pd.Series(solution.beta, index=names, name="estimate"),
        bse=pd.Series(np.sqrt(np.diag(solution.vcov)), index=names, name="se"),
        vcov=pd.DataFrame(solution.vcov, index=names, columns=names),
        varcomp=variance_table(parts, solution.sigma2),
        sigma=float(np.sqrt(solution.sigma2)),
        loglik=solution.loglik,
        deviance=deviance,
        aic=deviance + 2.0 * n_par,
        bic=deviance + n_par * float(np.log(described.n)),
        n=described.n,
        n_read=described.n_read,
        groups={t.group: t.n_levels for t in terms},
        is_singular=bool(singular),
        singular_terms=singular,
        reml=reml,
        weighted=described.weighted,
        dropped=described.dropped,
        aliased=described.aliased,
        notes=solution.notes,
        optimisation=_optimisation(solved, theta),
        vcov_jacobian=solution.vcov_jacobian,
        parameter_cov=solution.parameter_cov,
        df_problem=solution.df_problem,
        rows=rows(by_term),
        kenward_roger=solution.kenward_roger,
    )


def _optimisation(solved: Solved, theta: tuple[float, ...]) -> Optimisation:
    found = solved.solution
    return Optimisation(
        found.method, found.evaluations, found.gradient_norm, found.code, found.message, theta, found.path
    )

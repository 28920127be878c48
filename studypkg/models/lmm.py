"""Fit a linear mixed model from a formula and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from studypkg.models.design import Design, build_design
from studypkg.models.engine import Solved, factors_by_term, singular_terms, solve
from studypkg.models.fit import Fit, Optimisation, variance_table
from studypkg.models.formula import ParsedFormula, parse_formula
from studypkg.models.mixed_rows import MixedRows


def fit_lmm(
    formula: str,
    data: pd.DataFrame,
    *,
    reml: bool = True,
    weights: str | Sequence[float] | None = None,
    start: Sequence[float] | None = None,
    engine: str = "own",
) -> Fit:
    """Fit ``y = Xβ + Zb + ε`` with normal random effects b and residuals ε.

    Parameters
    ----------
    formula
        In lme4's notation, for example ``pain ~ weeks * adherence + (1 + weeks | patient) + (1 | clinic)``.
        ``||`` means uncorrelated terms, ``a/b`` means a and b within a.
    data
        One row per observation. Rows with a missing value in a column the formula reads are left out and
        counted by variable.
    reml
        Restricted maximum likelihood (default) or maximum likelihood. Compare different fixed parts
        by maximum likelihood only.
    weights
        A column name, or one positive number per row: the residual variance of a row is σ² / weight.
    start
        Where the search begins: the elements of the relative covariance factors, term by term, lower
        triangle column by column, as ``optimisation.theta`` of another fit has them.
    engine
        ``own``, or ``glmm`` for the compiled package of that name, an independent second opinion.

    Returns
    -------
    Fit
        Estimates, variance components and how they were found.

    Raises
    ------
    ConfigError
        If the formula cannot be read or names a column that is not there.
    ModelError
        If the rows cannot carry the model, or the search does not converge. No number is returned then.

    Notes
    -----
    Profiled (restricted) likelihood of Bates, Mächler, Bolker and Walker (2015), Journal of Statistical
    Software 67(1), doi 10.18637/jss.v067.i01. A variance whose best value is zero is exactly zero.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"who": list("aabbcc"), "score": [4.0, 6.0, 5.0, 7.0, 9.0, 11.0]})
    >>> fit = fit_lmm("score ~ 1 + (1 | who)", rows)
    >>> round(fit.params["Intercept"], 6), fit.groups
    (np.float64(7.0), {'who': 3})
    """
    parsed = parse_formula(formula)
    return _fit(parsed, build_design(parsed, data, weights), reml, start, engine)


def _fit(
    parsed: ParsedFormula, design: Design, reml: bool, start: Sequence[float] | None, engine: str
) -> Fit:
    solved = solve(design, reml=reml, start=start, engine=engine)
    solution, sums = solved.solution, solved.sums
    by_term = factors_by_term(solution, sums, len(design.terms))
    parts = [(t.group, t.names, f) for t, f in zip(design.terms, by_term, strict=True)]
    singular = singular_terms(parts, sums)
    theta = tuple(float(v) for f in by_term for v in f.T[np.triu_indices(len(f))])
    names = pd.Index(list(design.names), dtype=object)
    n, n_par = len(design.y), len(names) + len(theta) + 1
    deviance = -2.0 * solution.loglik
    return Fit(
        formula=parsed.text,
        params=pd.Series(solution.beta, index=names, name="estimate"),
        bse=pd.Series(np.sqrt(np.diag(solution.vcov)), index=names, name="se"),
        vcov=pd.DataFrame(solution.vcov, index=names, columns=names),
        varcomp=variance_table(parts, solution.sigma2),
        sigma=float(np.sqrt(solution.sigma2)),
        loglik=solution.loglik,
        deviance=deviance,
        aic=deviance + 2.0 * n_par,
        bic=deviance + n_par * float(np.log(n)),
        n=n,
        n_read=design.n_read,
        groups={t.group: t.n_levels for t in design.terms},
        is_singular=bool(singular),
        singular_terms=singular,
        reml=reml,
        weighted=design.weights is not None,
        dropped=design.dropped,
        aliased=design.aliased,
        notes=solution.notes,
        optimisation=_optimisation(solved, theta),
        vcov_jacobian=solution.vcov_jacobian,
        parameter_cov=solution.parameter_cov,
        df_problem=solution.df_problem,
        rows=MixedRows(
            design,
            sums,
            solved.point,
            by_term,
            lambda y: _fit(parsed, replace(design, y=y), reml, None, engine),
            lambda: _fit(parsed, design, False, None, engine),
        ),
        kenward_roger=solution.kenward_roger,
    )


def _optimisation(solved: Solved, theta: tuple[float, ...]) -> Optimisation:
    found = solved.solution
    return Optimisation(
        found.method, found.evaluations, found.gradient_norm, found.code, found.message, theta, found.path
    )

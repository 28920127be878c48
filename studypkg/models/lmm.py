"""Fit a linear mixed model from a formula and a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from studypkg.models.checks import check_identifiable
from studypkg.models.crossproducts import CrossProducts
from studypkg.models.design import Design, Floats, build_design
from studypkg.models.engine import solve
from studypkg.models.fit import Fit, Optimisation, variance_table
from studypkg.models.formula import ParsedFormula, parse_formula
from studypkg.models.modes import conditional_modes
from studypkg.models.rows import Rows
from studypkg.models.solution import SINGULAR_TOLERANCE, Solution


def fit_lmm(
    formula: str,
    data: pd.DataFrame,
    *,
    reml: bool = True,
    weights: str | Sequence[float] | None = None,
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
    return _fit(parsed, build_design(parsed, data, weights), reml)


def _fit(parsed: ParsedFormula, design: Design, reml: bool) -> Fit:
    check_identifiable(design)
    solved = solve(design, reml=reml)
    solution, sums = solved.solution, solved.sums
    by_term = _factors_by_term(solution, sums, len(design.terms))
    parts = [(t.group, t.names, f) for t, f in zip(design.terms, by_term, strict=True)]
    singular = _singular_terms(parts, sums, solution)
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
        groups={t.group: len(t.levels) for t in design.terms},
        is_singular=bool(singular),
        singular_terms=singular,
        reml=reml,
        weighted=design.weights is not None,
        dropped=design.dropped,
        aliased=design.aliased,
        notes=solution.notes,
        optimisation=Optimisation(
            solution.method,
            solution.evaluations,
            solution.gradient_norm,
            solution.code,
            solution.message,
            theta,
        ),
        vcov_jacobian=solution.vcov_jacobian,
        parameter_cov=solution.parameter_cov,
        df_problem=solution.df_problem,
        rows=_rows(design, solution, sums, lambda y: _fit(parsed, replace(design, y=y), reml)),
    )


def _factors_by_term(solution: Solution, sums: CrossProducts, n_terms: int) -> list[Floats]:
    """Take the covariance factors apart by term, in the formula's order, on the data's scale."""
    found: dict[int, Floats] = {}
    for factor, triangle in zip(sums.factors, solution.factors, strict=True):
        for at, places in factor.members.items():
            found[at] = triangle[np.ix_(places, places)] / factor.scales[list(places)][:, None]
    return [found[at] for at in range(n_terms)]


def _singular_terms(
    parts: list[tuple[str, tuple[str, ...], Floats]], sums: CrossProducts, solution: Solution
) -> tuple[str, ...]:
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


def _rows(design: Design, solution: Solution, sums: CrossProducts, refit: Callable[[Floats], Fit]) -> Rows:
    """Work out random effects and fitted values."""
    modes = conditional_modes(list(solution.factors), solution.beta, solution.sigma2, sums)
    effects: dict[int, Floats] = {}
    tables: dict[int, pd.DataFrame] = {}
    fitted = design.fixed @ solution.beta
    for factor, mode in zip(sums.factors, modes, strict=True):
        for at, places in factor.members.items():
            term, own = design.terms[at], list(places)
            effects[at] = mode.values[:, own]
            fitted = fitted + (term.columns * effects[at][term.codes]).sum(axis=1)
            m, q = effects[at].shape
            tables[at] = pd.DataFrame(
                {
                    "group": term.group,
                    "level": np.repeat(np.array(term.levels, dtype=object), q),
                    "term": np.tile(np.array(term.names, dtype=object), m),
                    "value": effects[at].ravel(),
                    "sd": mode.sds[:, own].ravel(),
                }
            )
    order = range(len(design.terms))
    return Rows(
        pd.Series(fitted, index=design.index, name="fitted"),
        pd.Series(design.y - fitted, index=design.index, name="residual"),
        pd.concat([tables[at] for at in order], ignore_index=True),
        design.spec,
        design.fixed_columns,
        design.terms,
        tuple(effects[at] for at in order),
        design.y,
        design.fixed,
        design.frame,
        refit,
        lambda random: _draw(design, solution, sums, random),
    )


def _draw(design: Design, solution: Solution, sums: CrossProducts, random: np.random.Generator) -> Floats:
    """Draw a response from the fitted model."""
    drawn = design.fixed @ solution.beta
    sigma = float(np.sqrt(solution.sigma2))
    by_term = _factors_by_term(solution, sums, len(design.terms))
    for term, factor in zip(design.terms, by_term, strict=True):
        effects = sigma * random.standard_normal((len(term.levels), len(factor))) @ factor.T
        drawn = drawn + (term.columns * effects[term.codes]).sum(axis=1)
    spread = sigma if design.weights is None else sigma / np.sqrt(design.weights)
    return np.asarray(drawn + spread * random.standard_normal(len(drawn)), dtype=float)

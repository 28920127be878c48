"""Fit an ordinal mixed model from a formula and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import Codes, Design, build_design
from studypkg.models.fit import Fit, Optimisation, variance_table
from studypkg.models.formula import ParsedFormula, parse_formula
from studypkg.models.laplace.quadrature import check_quadrature, quadrature_rule
from studypkg.models.links import Floats
from studypkg.models.ordinal.checks import check_found, check_model
from studypkg.models.ordinal.densities import CUMULATIVE_LINKS, CumulativeLink
from studypkg.models.ordinal.likelihood import laplace_only
from studypkg.models.ordinal.problem import Problem, set_up
from studypkg.models.ordinal.response import Categories, code_categories
from studypkg.models.ordinal.rows import OrdinalRows
from studypkg.models.ordinal.search import Search, search
from studypkg.models.ordinal.start import first_guess
from studypkg.models.ordinal.thresholds import THRESHOLDS, threshold_map
from studypkg.models.random_effects import on_the_boundary, triangles_by_term

_ASYMPTOTIC = (
    "an ordinal model has no residual variance to borrow degrees of freedom from; its inference is "
    "asymptotic (normal)"
)


@dataclass(frozen=True, eq=False)
class _Request:
    """What is fitted, the response apart; ``design.fixed`` has no intercept."""

    parsed: ParsedFormula
    design: Design
    categories: Categories
    link: CumulativeLink
    structure: str
    quadrature: int


def fit_ordinal(
    formula: str,
    data: pd.DataFrame,
    *,
    link: str = "logit",
    quadrature: int = 1,
    thresholds: str = "flexible",
    levels: Sequence[Any] | None = None,
    weights: str | Sequence[float] | None = None,
) -> Fit:
    """Fit P(Y ≤ k) = F(α_k − Xβ − Zb) with normal random effects b, by maximum likelihood.

    Parameters
    ----------
    formula
        In lme4's notation, for example ``pain ~ weeks * adherence + (1 + weeks | patient)``. The thresholds
        are the intercepts, so the fixed part keeps its own, which is not printed.
    data
        One row per observation. Rows with a missing value in anything used are left out and counted. The
        response is an ordered category, whole numbers, true or false, or anything that ``levels`` orders.
    link
        F: ``logit`` (proportional odds), ``probit``, or ``cloglog`` (proportional hazards).
    quadrature
        Nodes per level: 1 is Laplace's approximation; more (odd numbers up to 51 are usual) are adaptive
        Gauss–Hermite quadrature, for one grouping factor with one column.
    thresholds
        ``flexible``, ``symmetric`` (mirrored around their middle) or ``equidistant``.
    levels
        All categories, lowest first. A category that no row has is left out, with a note.
    weights
        A column name, or one positive number per row: how many times the row stands for itself.

    Returns
    -------
    Fit
        ``kind`` is ``ordinal``; ``params`` are the thresholds, named ``1|2``, and then the coefficients: a
        positive one shifts responses to higher categories. ``vcov`` is their block in the inverse observed
        information of all parameters. ``sigma`` is 1 and ``varcomp`` has no residual row. ``fitted`` is the
        expected score given the random effects, `Fit.predict` the linear predictor without thresholds;
        `category_probabilities` gives the probability of every category.

    Raises
    ------
    ConfigError
        If the formula, a name or an argument is wrong, or the response has no order.
    ModelError
        If the rows cannot carry the model, categories are separated, or no maximum was reached.

    Notes
    -----
    McCullagh (1980), doi 10.1111/j.2517-6161.1980.tb01109.x; Tutz and Hennevogl (1996), doi
    10.1016/0167-9473(96)00004-7. A variance whose best value is zero is exactly zero.

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame({"who": list("aaabbbcccddd"), "week": [0, 1, 2] * 4})
    >>> visits["pain"] = [3, 2, 2, 3, 3, 1, 2, 1, 1, 2, 3, 1]
    >>> fit = fit_ordinal("pain ~ week + (1 | who)", visits)
    >>> list(fit.params.index), bool(fit.params["week"] < 0)
    (['1|2', '2|3', 'week'], True)
    """
    chosen = CUMULATIVE_LINKS.get(str(link))
    if chosen is None:
        raise _unknown("link", link, list(CUMULATIVE_LINKS))
    if thresholds not in THRESHOLDS:
        raise _unknown("structure of thresholds", thresholds, list(THRESHOLDS))
    check_quadrature(quadrature)
    parsed = parse_formula(formula)
    coded, categories = code_categories(parsed.response, data, levels)
    design = build_design(parsed, coded, weights)
    if categories.response in design.fixed_columns:
        raise ConfigError(f'"{categories.response}" stands on both sides of the formula.')
    design = _without_intercept(design)
    request = _Request(parsed, design, categories, chosen, thresholds, int(quadrature))
    return _fit(request, design.y.astype(np.int64))


def _unknown(what: str, given: object, known: list[str]) -> ConfigError:
    return ConfigError(
        f'There is no {what} "{given}".{nearest(str(given), known)} Available: {", ".join(known)}.'
    )


def _without_intercept(design: Design) -> Design:
    if "Intercept" not in design.names:
        raise ConfigError(
            "The thresholds of an ordinal model are its intercepts: write the formula without '0 +' or '- 1'."
        )
    at = design.names.index("Intercept")
    fixed = np.asfortranarray(np.delete(design.fixed, at, axis=1))
    return replace(design, fixed=fixed, names=design.names[:at] + design.names[at + 1 :])


def _fit(request: _Request, codes: Codes) -> Fit:
    design, categories = request.design, request.categories
    present = np.bincount(codes, minlength=len(categories.labels)) > 0
    notes: tuple[str, ...] = ()
    if not present.all():
        empty = ", ".join(label for label, found in zip(categories.labels, present, strict=True) if not found)
        notes = (f"Categories without a row, left out: {empty}.",)
        categories = categories.only(present)
        codes = (np.cumsum(present) - 1)[codes]
    many = len(categories.labels) - 1
    if many < 1:
        raise ModelError(
            f'The response "{categories.response}" is the same in all {len(codes)} complete rows: nothing '
            "can be estimated."
        )
    shape = threshold_map(request.structure, many)
    check_model(design, codes, shape.shape[1], request.quadrature)
    problem = set_up(design, codes, request.link, shape, quadrature_rule(request.quadrature))
    try:
        start = first_guess(problem)
        if request.quadrature > 1:
            start = _off_zero(search(laplace_only(problem), start).at.psi, problem)
        found = search(problem, start)
    except np.linalg.LinAlgError:
        raise ModelError(
            "The model did not converge: a matrix on the way could not be factorised. Simplify the random "
            "terms, and look for predictors that explain the response exactly."
        ) from None
    check_found(found, problem)
    return _labelled(found, request, problem, categories, codes, notes)


def _off_zero(psi: Floats, problem: Problem) -> Floats:
    """Move variances of zero off the boundary, which is a stationary point whatever the likelihood."""
    found = psi.copy()
    for k, (_, row, column) in enumerate(problem.order, start=problem.t + problem.p):
        if row == column and abs(found[k]) < 0.1:
            found[k] = 0.1
    return found


def _labelled(
    found: Search,
    request: _Request,
    problem: Problem,
    categories: Categories,
    codes: Codes,
    notes: tuple[str, ...],
) -> Fit:
    design, psi, stop = request.design, found.at.psi, problem.t + problem.p
    triangles = problem.triangles(psi)
    by_term = triangles_by_term(problem.factors, triangles)
    parts = [(t.group, t.names, f) for t, f in zip(design.terms, by_term, strict=True)]
    singular = on_the_boundary(problem.factors, triangles, parts)
    between = [f"{a}|{b}" for a, b in zip(categories.labels[:-1], categories.labels[1:], strict=True)]
    names = pd.Index([*between, *design.names], dtype=object)
    inverse = np.zeros_like(found.hessian)
    inverse[np.ix_(found.free, found.free)] = np.linalg.inv(found.hessian[np.ix_(found.free, found.free)])
    back = problem.to_data()
    estimates, vcov = back @ psi[:stop], back @ inverse[:stop, :stop] @ back.T
    vcov = 0.5 * (vcov + vcov.T)
    counted = float(len(codes)) if design.weights is None else float(design.weights.sum())
    deviance, n_par = -2.0 * found.at.value, problem.size
    theta = tuple(float(v) for f in by_term for v in f.T[np.triu_indices(len(f))])
    many = len(between)
    return Fit(
        formula=request.parsed.text,
        params=pd.Series(estimates, index=names, name="estimate"),
        bse=pd.Series(np.sqrt(np.diag(vcov)), index=names, name="se"),
        vcov=pd.DataFrame(vcov, index=names, columns=names),
        varcomp=variance_table(parts, 1.0).iloc[:-1],
        sigma=1.0,
        loglik=found.at.value,
        deviance=deviance,
        aic=deviance + 2.0 * n_par,
        bic=deviance + n_par * float(np.log(counted)),
        n=len(codes),
        n_read=design.n_read,
        groups={t.group: t.n_levels for t in design.terms},
        is_singular=bool(singular),
        singular_terms=singular,
        reml=False,
        weighted=design.weights is not None,
        dropped=design.dropped,
        aliased=design.aliased,
        notes=(*notes, *_notes(request)),
        optimisation=Optimisation(
            "quasi-Newton and Newton steps on the exact gradient",
            found.evaluations,
            float(np.linalg.norm(found.at.gradient[found.free])),
            "converged",
            f"a further step promises {found.decrement:.1g} of log-likelihood",
            theta,
            tuple((*(float(v) for v in way[stop:]), -2.0 * value) for way, value in found.path),
        ),
        vcov_jacobian=np.zeros((0, len(names), len(names))),
        parameter_cov=np.zeros((0, 0)),
        df_problem=_ASYMPTOTIC,
        rows=OrdinalRows(
            design,
            categories,
            codes,
            estimates[:many],
            estimates[many:],
            problem,
            found.at,
            by_term,
            lambda y: _fit(request, _codes_of_scores(y, request)),
        ),
        kind="ordinal",
        family="cumulative",
        link=request.link.name,
    )


def _codes_of_scores(y: Floats, request: _Request) -> Codes:
    values, scores = np.asarray(y, dtype=float), request.categories.scores
    if values.shape != request.design.y.shape or not np.isin(values, scores).all():
        raise ModelError(
            f"A response to fit again has {len(request.design.y)} values, one per row used, all of them "
            "scores of categories."
        )
    return np.asarray(np.searchsorted(scores, values), dtype=np.int64)


def _notes(request: _Request) -> tuple[str, ...]:
    how = "Likelihood by Laplace's approximation."
    if request.quadrature > 1:
        how = f"Likelihood by adaptive Gauss–Hermite quadrature with {request.quadrature} nodes per level."
    if request.structure == "flexible":
        return (how,)
    return (how, f"The thresholds are bound to be {request.structure}: their covariance matrix is singular.")

"""A second engine's word on a fit: agreement, disagreement, or an honest 'cannot say'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import Design, build_design
from studypkg.models.fit import Fit
from studypkg.models.formula import parse_formula
from studypkg.models.glmm_opinion import ask_glmm
from studypkg.models.least_squares import least_squares, rising_terms
from studypkg.models.opinion import Opinion
from studypkg.models.second_opinion import (
    ESTIMATE_TOLERANCE,
    LOGLIK_TOLERANCE,
    ask_statsmodels,
    nested_order,
)

STATUSES: dict[str, str] = {
    "agrees": "a second engine found the same optimum and the same estimates",
    "disagrees": "a second engine found a better optimum or other estimates: do not publish the fit",
    "inconclusive": "the second engine's word does not count here",
    "not_comparable": "the second engine cannot fit this model",
    "too_large": "the second engine would take too long",
}
# MixedLM takes minutes with several grouping factors: no more rows than this are tried.
NESTED_ROWS = 300
# Standard errors and standard deviations may differ by this share.
SPREAD_TOLERANCE = 0.02
_ELSEWHERE = {
    "glmm": (
        "A generalised mixed model is checked by fitting it again by the compiled package: "
        'fit_glmm(..., engine="glmm"), and comparing estimates and log-likelihood.'
    ),
    "mmrm": (
        "A mixed model for repeated measures has no second engine here: compare its log-likelihood and "
        "estimates with a fit in other software."
    ),
    "ordinal": (
        "An ordinal mixed model has no second engine here: fit it with more quadrature points, or in other "
        "software, and compare the log-likelihoods."
    ),
}


@dataclass(frozen=True, eq=False)
class CrossCheck:
    """The outcome of a cross-check.

    Notes
    -----
    ``status`` is a key of `STATUSES`. ``table`` has columns ``term``, ``ours``, ``theirs`` and
    ``difference``: in standard errors for fixed effects, as a share for standard errors and standard
    deviations (rows ``se …`` and ``sd …``). It is empty when there is nothing to compare. ``against``
    says what was asked.
    """

    status: str
    reason: str
    against: str
    table: pd.DataFrame


def cross_check(
    fit: Fit, data: pd.DataFrame, *, formula: str | None = None, max_rows: int = 5000
) -> CrossCheck:
    """Ask a second engine about a fit, under guards.

    Parameters
    ----------
    fit
        A fit of `fit_lmm`.
    data
        The rows it was fitted on.
    formula
        Only to state again what was fitted; must be the formula of the fit.
    max_rows
        Above this many rows MixedLM is not asked.

    Raises
    ------
    ConfigError
        If the fit is no linear mixed model; the message says what to do instead.
    ModelError
        If the data are not the rows of the fit.

    Notes
    -----
    A fit with a variance of exactly zero is compared with the fit without that term, which has the same
    likelihood: MixedLM is known to fail there. Without a random term left that is least squares, and the
    slope of the likelihood at zero must not point upwards. Elsewhere the compiled package glmm is asked, at
    any size. Where it does not take the model or ends below our likelihood, statsmodels MixedLM is asked with
    unlike optimisers, never lbfgs, and counts only when two of them meet.
    A second engine that ends at a lower likelihood has not found the optimum: no disagreement.
    """
    if fit.kind != "lmm":
        raise ConfigError(_ELSEWHERE.get(fit.kind, "Only linear mixed models are cross-checked here."))
    if formula is not None and formula.split() != fit.formula.split():
        raise ConfigError("The formula given is not the one the fit was made with: leave it out.")
    if fit.weighted:
        return _without("not_comparable", "MixedLM takes no weights")
    design = build_design(parse_formula(fit.formula), data)
    if len(design.y) != fit.n or list(design.names) != list(fit.params.index):
        raise ModelError(
            f"The data give {len(design.y)} complete rows and {len(design.names)} columns, the fit was made "
            f"on {fit.n} and {len(fit.params)}: give the rows of the fit."
        )
    if any(name.endswith("limit") for name in fit.singular_terms):
        return _without("inconclusive", "a correlation is at its limit, where MixedLM has no stable answer")
    variable = [sd > 0.0 for sd in fit.varcomp["sd"].iloc[:-1]]
    reduced = _without_zeros(design, variable)
    if not reduced.terms:
        rising = rising_terms(design, reml=fit.reml)
        if rising:
            return _without(
                "disagrees", f"the likelihood rises from a variance of zero in {', '.join(rising)}"
            )
        opinion = least_squares(design, fit.reml)
        return _compare(fit, opinion, "least squares, the same model when the variance is zero", [])
    first = ask_glmm(reduced, reml=fit.reml)
    labels = [(t.group, name) for t in reduced.terms for name in t.names]
    left_out = "" if len(reduced.terms) == len(design.terms) else ", zero terms left out"
    said = _compare(fit, first, "the compiled package glmm" + left_out, labels)
    if said.status != "inconclusive":
        return said
    multiple = len(reduced.terms) > 1
    if len(design.y) > (NESTED_ROWS if multiple else max_rows):
        return _without(
            "too_large",
            f"MixedLM would take minutes for {len(design.y)} rows with {len(reduced.terms)} random term(s); "
            f"check a fit {'with one grouping factor' if multiple else 'on a sample of patients'} instead",
        )
    terms = nested_order(reduced)
    if terms is None:
        return _without("not_comparable", "MixedLM is asked about one term, or factors nested in one another")
    opinion = ask_statsmodels(reduced, reml=fit.reml)
    names = [(t.group, name) for t in terms for name in t.names]
    return _compare(fit, opinion, "statsmodels MixedLM" + left_out, names)


def _without(status: str, reason: str) -> CrossCheck:
    table = pd.DataFrame(columns=["term", "ours", "theirs", "difference"])
    return CrossCheck(status, reason + ".", "", table)


def _without_zeros(design: Design, variable: Iterable[bool]) -> Design:
    """Leave out the random columns whose variance is zero."""
    flags = iter(variable)
    terms = []
    for term in design.terms:
        keep = [j for j, live in enumerate([next(flags) for _ in term.names]) if live]
        if keep:
            names = tuple(term.names[j] for j in keep)
            terms.append(replace(term, names=names, columns=term.columns[:, keep]))
    return replace(design, terms=tuple(terms))


def _compare(fit: Fit, opinion: Opinion, against: str, names: list[tuple[str, str]]) -> CrossCheck:
    if opinion.reason:
        return replace(
            _without("inconclusive", f"the second engine gave no trustworthy answer ({opinion.reason})"),
            against=against,
        )
    se = fit.bse.to_numpy()
    sds = fit.varcomp.set_index(["group", "term"])["sd"]
    ours = [float(sds.loc[name]) for name in names] + [fit.sigma]
    rows = [
        *zip(
            fit.params.index,
            fit.params,
            opinion.beta,
            (opinion.beta - fit.params.to_numpy()) / se,
            strict=True,
        ),
        *zip([f"se {n}" for n in fit.params.index], se, opinion.se, opinion.se / se - 1.0, strict=True),
        *(
            (f"sd {label}", mine, other, other / mine - 1.0)
            for label, mine, other in zip(
                [*(f"{term} | {group}" for group, term in names), "Residual"],
                ours,
                [*opinion.sds, opinion.sigma],
                strict=True,
            )
        ),
    ]
    table = pd.DataFrame(rows, columns=["term", "ours", "theirs", "difference"])
    gain = opinion.loglik - fit.loglik
    if gain < -LOGLIK_TOLERANCE:
        reason = f"the second engine stopped {-gain:.3g} below our log-likelihood, so it missed the optimum."
        return CrossCheck("inconclusive", reason, against, table)
    if gain > LOGLIK_TOLERANCE:
        reason = f"the second engine found a log-likelihood {gain:.3g} higher than ours."
        return CrossCheck("disagrees", reason, against, table)
    fixed = len(se)
    worst = float(table["difference"].iloc[:fixed].abs().max())
    spreads = float(table["difference"].iloc[fixed:].abs().max())
    if worst <= ESTIMATE_TOLERANCE and spreads <= SPREAD_TOLERANCE:
        reason = f"estimates within {worst:.2g} standard errors, spreads within {spreads:.2%}."
        return CrossCheck("agrees", reason, against, table)
    if worst <= ESTIMATE_TOLERANCE:
        reason = f"same estimates and likelihood, but spreads differ by up to {spreads:.2%}."
        return CrossCheck("inconclusive", reason, against, table)
    return CrossCheck("disagrees", f"estimates differ by up to {worst:.3g} standard errors.", against, table)

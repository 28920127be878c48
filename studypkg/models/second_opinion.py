"""statsmodels MixedLM, asked under guard: what it says, or why its word does not count.

MixedLM can stop far from the optimum and report convergence, above all near a variance of zero and with
the lbfgs optimiser. So lbfgs is never used, two unlike optimisers must meet, and every warning is kept.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
from statsmodels.tools.sm_exceptions import ModelWarning

from studypkg.models.design import Design, Floats, GroupTerm
from studypkg.models.opinion import Opinion

# The two must not be of one kind: a direction-set search, then one with gradients, then a simplex.
OPTIMISERS = ("powell", "bfgs", "nm")
# Two optimisers have met when log-likelihoods differ by less than this and estimates by less than …
LOGLIK_TOLERANCE = 1e-3
# … this share of a standard error.
ESTIMATE_TOLERANCE = 0.01


@dataclass(frozen=True)
class _Attempt:
    method: str
    beta: Floats
    se: Floats
    sds: tuple[float, ...]
    scale: float
    loglik: float
    failures: tuple[str, ...]


def ask_statsmodels(design: Design, *, reml: bool) -> Opinion:
    """Fit the model by statsmodels MixedLM with unlike optimisers until two of them meet.

    Parameters
    ----------
    design
        One term, or several terms of which each finer factor is nested in the coarsest.
    reml
        Restricted likelihood when true.

    Returns
    -------
    Opinion
        With an empty ``reason`` when two optimisers met.
    """
    rms = np.sqrt(np.mean(design.fixed**2, axis=0))
    spread = float(np.std(design.y))
    model = _model(design, rms, spread)
    kept: list[_Attempt] = []
    reasons: list[str] = []
    for method in OPTIMISERS:
        attempt = _attempt(model, method, reml, len(rms))
        if attempt.failures:
            reasons.append(f"{method}: {', '.join(attempt.failures)}")
            continue
        if any(_meet(attempt, other) for other in kept):
            best = max((attempt, *kept), key=lambda a: a.loglik)
            return _on_data_scale(best, design, rms, spread, reml)
        kept.append(attempt)
    if len(kept) > 1:
        reasons.append(f"{' and '.join(a.method for a in kept)} ended at different answers")
    empty = np.zeros(0)
    return Opinion(
        empty, empty, (), np.nan, np.nan, "; ".join(reasons) or "only one optimiser came to an end"
    )


def nested_order(design: Design) -> tuple[GroupTerm, ...] | None:
    """Put terms coarsest first, or say None when a finer factor is not nested in the coarsest."""
    terms = tuple(sorted(design.terms, key=lambda t: len(t.levels)))
    outer = terms[0]
    for term in terms[1:]:
        if term.group == outer.group or term.columns.shape[1] > 1:
            return None
        pairs = np.unique(np.column_stack([term.codes, outer.codes]), axis=0)
        if len(pairs) != len(term.levels):
            return None
    return terms


def _model(design: Design, rms: Floats, spread: float) -> MixedLM:
    terms = nested_order(design)
    if terms is None:
        raise ValueError
    outer = terms[0]
    components = None
    if len(terms) > 1:
        names, columns, matrices = [], [], []
        for term in terms[1:]:
            names.append(term.group)
            per_group, per_matrix = [], []
            for level in range(len(outer.levels)):
                inside = outer.codes == level
                own, places = np.unique(term.codes[inside], return_inverse=True)
                block = np.zeros((int(inside.sum()), len(own)))
                block[np.arange(len(block)), places] = term.columns[inside, 0]
                per_group.append([str(k) for k in own])
                per_matrix.append(block)
            columns.append(per_group)
            matrices.append(per_matrix)
        components = VCSpec(names, columns, matrices)
    return MixedLM(
        design.y / spread, design.fixed / rms, outer.codes, exog_re=outer.columns, exog_vc=components
    )


def _attempt(model: MixedLM, method: str, reml: bool, p: int) -> _Attempt:
    failures: list[str] = []
    empty = np.zeros(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = model.fit(reml=reml, method=[method], full_output=True)
            beta, se = np.asarray(result.fe_params), np.asarray(result.bse_fe)
            sds = (*np.sqrt(np.maximum(np.diag(np.atleast_2d(result.cov_re)), 0.0)), *np.sqrt(result.vcomp))
            scale, loglik, converged = float(result.scale), float(result.llf), bool(result.converged)
        except (np.linalg.LinAlgError, ValueError, ZeroDivisionError) as fault:
            return _Attempt(method, empty, empty, (), np.nan, np.nan, (type(fault).__name__,))
    if not converged:
        failures.append("not converged")
    failures += sorted(
        {w.category.__name__ for w in caught if issubclass(w.category, ModelWarning | RuntimeWarning)}
    )
    if not (np.isfinite(loglik) and np.isfinite(beta).all() and np.isfinite(se).all()):
        failures.append("not finite")
    return _Attempt(method, beta[:p], se[:p], tuple(float(s) for s in sds), scale, loglik, tuple(failures))


def _meet(one: _Attempt, other: _Attempt) -> bool:
    near = np.abs(one.beta - other.beta) <= ESTIMATE_TOLERANCE * one.se
    return abs(one.loglik - other.loglik) < LOGLIK_TOLERANCE and bool(near.all())


def _on_data_scale(best: _Attempt, design: Design, rms: Floats, spread: float, reml: bool) -> Opinion:
    n, p = design.fixed.shape
    loglik = best.loglik - (n - p if reml else n) * np.log(spread)
    if reml:
        loglik -= float(np.log(rms).sum())
    return Opinion(
        best.beta * spread / rms,
        best.se * spread / rms,
        tuple(s * spread for s in best.sds),
        float(np.sqrt(best.scale)) * spread,
        float(loglik),
        "",
    )

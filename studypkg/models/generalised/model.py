"""Fit a generalised mixed model from a formula and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.fit import Fit, Optimisation, variance_table
from studypkg.models.generalised.checks import check_model
from studypkg.models.generalised.compiled import compiled_start
from studypkg.models.generalised.families import Family, family_of
from studypkg.models.generalised.likelihood import laplace_only
from studypkg.models.generalised.observations import Observations, observe
from studypkg.models.generalised.problem import Problem, set_up
from studypkg.models.generalised.rows import GlmmRows
from studypkg.models.generalised.search import (
    DECREMENT_LIMIT,
    Search,
    confirm,
    search,
)
from studypkg.models.generalised.start import first_guesses
from studypkg.models.generalised.surface import MOST_LOG_SIZE, MOST_SPREAD
from studypkg.models.laplace.quadrature import check_quadrature
from studypkg.models.links import Floats
from studypkg.models.offset import Values
from studypkg.models.random_effects import on_the_boundary, triangles_by_term

ENGINES = ("own", "glmm")
# What another program's answer may leave unclaimed: half a percent of a standard error in any direction.
_CONFIRMED = 1e-5
# On the link scale, where a standard deviation of 8 means probabilities of 0 and 1.
_VERY_WIDE = 8.0
# The logarithm of a size at which counts are Poisson counts to a thousandth of their variance or so.
_NEARLY_POISSON = 7.0
_ALIKE = (
    "The variance of a random effect grows without limit: within its groups the responses are all alike, "
    "so that the groups explain them exactly. Use coarser groups or leave the term out."
)
_ASYMPTOTIC = (
    "a generalised mixed model has no residual variance to borrow degrees of freedom from; its inference is "
    "asymptotic (normal)"
)


def fit_glmm(
    formula: str,
    data: pd.DataFrame,
    *,
    family: str = "binomial",
    link: str | None = None,
    trials: Values | None = None,
    offset: Values | None = None,
    weights: str | Sequence[float] | None = None,
    quadrature: int = 1,
    engine: str = "own",
) -> Fit:
    """Fit g(E(y|b)) = Xβ + Zb + offset with normal random effects b, by maximum likelihood.

    Parameters
    ----------
    formula
        In lme4's notation, for example ``responder ~ weeks * adherence + (1 | patient)``. The response may be
        ``cbind(successes, failures)``, and the right side may hold ``offset(log(days))``.
    data
        One row per observation. Rows with a missing value in anything used are left out and counted.
    family
        ``binomial``, ``poisson`` or ``negative-binomial`` (variance μ + μ²/size, size estimated).
    link
        ``logit`` (default), ``probit`` or ``cloglog`` for binomial responses; ``log`` for counts.
    trials
        How many attempts each row counts: a column name, an expression or numbers. The response is then the
        number of successes; written as ``successes / attempts`` it is a proportion. Without trials a response
        is 0 or 1, true or false, or of two categories, the second one being success.
    offset
        A known part of the linear predictor: a column name, an expression such as ``log(days)``, or numbers.
    weights
        A column name, or one positive number per row by which the row's log-density is multiplied (repeated
        rows, say). With a response ``successes / attempts`` and no trials they are the trials, as in R.
    quadrature
        Nodes per level: 1 is Laplace's approximation; more (7 to 25 are usual, 101 the most) are adaptive
        Gauss–Hermite quadrature, for one grouping factor with one column.
    engine
        ``own``, or ``glmm`` for the compiled package of that name; its answer is returned only if this
        package's likelihood confirms that it is a maximum.

    Returns
    -------
    Fit
        ``kind`` is ``glmm``; ``sigma`` is 1; ``loglik`` holds all constants. ``vcov`` is the block of the
        coefficients in the inverse observed information of all parameters, as lme4's `glmer` reports it.
        ``fitted`` are conditional means, `Fit.predict` gives means or the linear predictor.

    Raises
    ------
    ConfigError
        If the formula, a name, the family, the link or the quadrature is wrong.
    ModelError
        If the rows cannot carry the model, responses are separated, or no maximum was reached.

    Notes
    -----
    Breslow and Clayton (1993), doi 10.1080/01621459.1993.10594284; Bates, Mächler, Bolker and Walker (2015),
    doi 10.18637/jss.v067.i01. A variance whose best value is zero is exactly zero.

    Examples
    --------
    >>> import pandas as pd
    >>> herds = pd.DataFrame({"herd": list("aabbccdd"), "ill": [2, 3, 0, 1, 6, 5, 1, 2], "n": [9] * 8})
    >>> fit = fit_glmm("ill ~ 1 + (1 | herd)", herds, family="binomial", trials="n")
    >>> round(float(fit.params["Intercept"]), 3)
    -1.156
    """
    if engine not in ENGINES:
        raise ConfigError(
            f'There is no engine "{engine}".{nearest(str(engine), ENGINES)} Available: {", ".join(ENGINES)}.'
        )
    chosen = family_of(family, link)
    check_quadrature(quadrature)
    seen = observe(formula, data, family=chosen.name, trials=trials, offset=offset, weights=weights)
    return _fit(seen, chosen, quadrature, engine)


def _fit(seen: Observations, family: Family, quadrature: int, engine: str) -> Fit:
    check_model(seen, family, quadrature)
    problem = set_up(seen, family, quadrature)
    try:
        if engine == "glmm":
            psi, free = compiled_start(seen, problem, quadrature)
            found = confirm(problem, psi, free)
        else:
            starts = first_guesses(problem)
            if quadrature > 1:
                near = search(laplace_only(problem), starts).at.psi
                starts = (_off_zero(near, problem), *starts)
            found = search(problem, starts)
    except np.linalg.LinAlgError:
        raise ModelError(
            "The model did not converge: a matrix on the way could not be factorised. Simplify the random "
            "terms, and look for predictors that explain the response exactly."
        ) from None
    _check_found(found, problem, _CONFIRMED if engine == "glmm" else DECREMENT_LIMIT)
    return _labelled(found, seen, problem, quadrature, engine)


def _off_zero(psi: Floats, problem: Problem) -> Floats:
    """Move variances of zero off the boundary, which is a stationary point whatever the likelihood."""
    found = psi.copy()
    for k, (_, row, column) in enumerate(problem.order, start=problem.p):
        if row == column and abs(found[k]) < 0.1:
            found[k] = 0.1
    return found


def _check_found(found: Search, problem: Problem, limit: float) -> None:
    psi = found.at.psi
    spread = np.abs(psi[problem.p : problem.p + len(problem.order)]).max(initial=0.0)
    if spread > MOST_SPREAD or (spread > _VERY_WIDE and not found.decrement < limit):
        raise ModelError(_ALIKE)
    log_size = problem.log_size(psi)
    if log_size > MOST_LOG_SIZE or (log_size > _NEARLY_POISSON and not found.decrement < limit):
        raise ModelError(
            "The negative binomial's size grows without limit: given the random effects the counts vary no "
            'more than Poisson counts do. Fit family="poisson".'
        )
    if not found.decrement < limit:
        raise ModelError(
            f"The model did not converge after {found.evaluations} evaluations (a gain of "
            f"{found.decrement:.2g} in log-likelihood was still promised, {limit:g} is allowed). Simplify "
            "the random terms."
        )
    own = found.hessian[np.ix_(found.free, found.free)]
    length = np.sqrt(np.maximum(np.diag(own), 1e-300))
    smallest = float(np.linalg.eigvalsh(own / np.outer(length, length))[0]) if len(own) else 1.0
    if not (np.diag(own) > 0.0).all() or smallest < 1e-7:
        if spread > _VERY_WIDE:
            raise ModelError(_ALIKE)
        raise ModelError(
            "The likelihood is flat at its maximum, so some parameter cannot be told from the others (or "
            "lies at infinity): leave out a random term, or the columns that separate the responses."
        )


def _labelled(found: Search, seen: Observations, problem: Problem, quadrature: int, engine: str) -> Fit:
    design, psi, p = seen.design, found.at.psi, problem.p
    triangles = problem.triangles(psi)
    by_term = triangles_by_term(problem.factors, triangles)
    parts = [(t.group, t.names, f) for t, f in zip(design.terms, by_term, strict=True)]
    singular = on_the_boundary(problem.factors, triangles, parts)
    names = pd.Index(list(design.names), dtype=object)
    inverse = np.zeros_like(found.hessian)
    inverse[np.ix_(found.free, found.free)] = np.linalg.inv(found.hessian[np.ix_(found.free, found.free)])
    back = np.linalg.inv(problem.triangle) if p else np.zeros((0, 0))
    vcov = back @ inverse[:p, :p] @ back.T
    vcov = 0.5 * (vcov + vcov.T)
    loglik, n, n_par = found.at.value, len(design.y), problem.size
    deviance = -2.0 * loglik
    theta = tuple(float(v) for f in by_term for v in f.T[np.triu_indices(len(f))])
    family = problem.family
    return Fit(
        formula=seen.formula.text,
        params=pd.Series(problem.beta(psi), index=names, name="estimate"),
        bse=pd.Series(np.sqrt(np.diag(vcov)), index=names, name="se"),
        vcov=pd.DataFrame(vcov, index=names, columns=names),
        varcomp=variance_table(parts, 1.0).iloc[:-1],
        sigma=1.0,
        loglik=loglik,
        deviance=deviance,
        aic=deviance + 2.0 * n_par,
        bic=deviance + n_par * float(np.log(n)),
        n=n,
        n_read=design.n_read,
        groups={t.group: t.n_levels for t in design.terms},
        is_singular=bool(singular),
        singular_terms=singular,
        reml=False,
        weighted=seen.weights is not None,
        dropped=design.dropped,
        aliased=design.aliased,
        notes=(*seen.notes, *_notes(seen, problem, quadrature)),
        optimisation=Optimisation(
            _METHODS[engine],
            found.evaluations,
            float(np.linalg.norm(found.at.gradient[found.free])),
            "converged",
            f"a further step promises {found.decrement:.1g} of log-likelihood",
            theta,
            tuple((*(float(v) for v in way[p:]), -2.0 * value) for way, value in found.path),
        ),
        vcov_jacobian=np.zeros((0, p, p)),
        parameter_cov=np.zeros((0, 0)),
        df_problem=_ASYMPTOTIC,
        rows=GlmmRows(
            seen,
            problem,
            found.at,
            by_term,
            lambda y: _fit(_other_response(seen, y, family), family, quadrature, engine),
        ),
        kind="glmm",
        family=family.name,
        link=family.link.name,
        size=float(np.exp(problem.log_size(psi))) if family.has_size else None,
    )


_METHODS = {
    "own": "quasi-Newton and Newton steps on the exact gradient",
    "glmm": "the compiled package glmm, confirmed by this package's likelihood",
}


def _other_response(seen: Observations, y: Floats, family: Family) -> Observations:
    values = np.asarray(y, dtype=float)
    if values.shape != seen.design.y.shape or not np.isfinite(values).all():
        raise ModelError(f"A response to fit again has {len(seen.design.y)} finite values, one per row used.")
    return replace(seen, design=replace(seen.design, y=values))


def _notes(seen: Observations, problem: Problem, quadrature: int) -> tuple[str, ...]:
    if quadrature > 1:
        how = f"Likelihood by adaptive Gauss–Hermite quadrature with {quadrature} nodes per level."
    else:
        how = "Likelihood by Laplace's approximation."
    return (how,)

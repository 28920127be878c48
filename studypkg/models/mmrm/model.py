"""Fit a mixed model for repeated measures from a formula and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from studypkg.errors import ModelError
from studypkg.models.design import Design, Floats, build_design
from studypkg.models.fit import Fit, KenwardRoger, Optimisation
from studypkg.models.mmrm.checks import check_rows
from studypkg.models.mmrm.likelihood import Point, Sums, gather
from studypkg.models.mmrm.newton import Optimum, minimise
from studypkg.models.mmrm.request import Request, make_request
from studypkg.models.mmrm.sandwich import VCOV_POWERS, Sandwich, sandwich
from studypkg.models.mmrm.schedule import Schedule, make_schedule
from studypkg.models.mmrm.small_sample import Coefficients, coefficients, kenward_roger_vcov
from studypkg.models.mmrm.start import starting_values
from studypkg.models.mmrm.structures import STRUCTURES
from studypkg.models.mmrm.subjects import subject_factors
from studypkg.models.mmrm.table import covariance_table, native_theta
from studypkg.models.rows import Rows

_NOT_THE_MODELS_OWN = "the covariance of the fixed effects is empirical, not the model's own"


def fit_mmrm(
    formula: str,
    data: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    cov: str = "un",
    group: str | None = None,
    reml: bool = True,
    weights: str | Sequence[float] | None = None,
    vcov: str = "model",
    kenward_roger: str = "linear",
) -> Fit:
    """Fit ``y = Xβ + ε`` where the rows of a subject are correlated across visits.

    Parameters
    ----------
    formula
        Response and fixed part, for example ``pain ~ arm * visit + baseline``; no random terms.
    data
        One row per subject and visit seen. Rows with a missing value in a column that is read are left out
        and counted by variable: valid when what is missing depends on what is seen.
    subject, visit
        Columns. Visits are in category order, or sorted (``week 4`` before ``week 12``). For ``sp_exp`` the
        visit is a number, such as days since the start, and may be irregular.
    cov
        Covariance between visits: ``un``, ``ar1``, ``ar1h``, ``cs``, ``csh``, ``toep``, ``toeph``, ``ad``,
        ``adh`` (an h means a variance per visit) or ``sp_exp``.
    group
        A column of subjects (such as the arm): every level has its own covariance matrix.
    reml
        Restricted maximum likelihood (default) or maximum likelihood. Compare different fixed parts by
        maximum likelihood only.
    weights
        A column name, or one positive number per row: residuals are scaled by 1/√w.
    vcov
        Covariance of the fixed effects: ``model``, ``empirical`` (sandwich, CR0), ``empirical-jackknife``
        (CR3) or ``empirical-bias-reduced`` (CR2).
    kenward_roger
        Which adjustment `Fit.kenward_roger` holds: ``linear``, or ``full`` with the term of second
        derivatives that R's mmrm adds by default. It depends on how Σ is parametrised, and makes the standard
        errors of few subjects too small (see the explanation of this model).

    Returns
    -------
    Fit
        Estimates, the covariance between visits in ``varcomp``, and how they were found. ``sigma`` is the
        standard deviation at the first visit of the first group. AIC counts the covariance parameters, BIC
        weighs them with the number of subjects, as R's mmrm does.

    Raises
    ------
    ConfigError
        If the formula cannot be read or a name is not there.
    ModelError
        If the rows cannot carry the model, or the search does not converge. No number is returned then.

    Notes
    -----
    Mallinckrodt, Clark and David (2001), doi 10.1081/BIP-100104194; Pinheiro and Bates (2000),
    Mixed-Effects Models in S and S-PLUS, chapter 5, doi 10.1007/b98882.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"who": list("aabbccdd"), "visit": [1, 2] * 4})
    >>> rows["score"] = [4.0, 6.0, 5.0, 8.0, 9.0, 11.0, 7.0, 8.0]
    >>> fit = fit_mmrm("score ~ C(visit)", rows, subject="who", visit="visit")
    >>> round(float(fit.params["C(visit)[T.2]"]), 6), fit.groups
    (2.0, {'who': 4})
    """
    request = make_request(
        formula, subject=subject, visit=visit, cov=cov, group=group, reml=reml, vcov=vcov,
        kenward_roger=kenward_roger,
    )  # fmt: skip
    design = build_design(request.formula, data, weights)
    schedule = make_schedule(design, data, subject=subject, visit=visit, group=group, spatial=request.spatial)
    return _fit(request, design, schedule)


def _fit(request: Request, design: Design, schedule: Schedule) -> Fit:
    check_rows(request, design, schedule)
    sums = gather(design, schedule, request.covariance)
    optimum, search_notes = _search(sums, schedule, reml=request.reml)
    point = optimum.point
    found = coefficients(point)
    power = VCOV_POWERS[request.vcov]
    robust = None if power is None else sandwich(point, schedule, found, power)
    covariance = found.vcov if robust is None else robust.vcov
    varcomp = covariance_table(point, schedule)
    names = pd.Index(list(design.names), dtype=object)
    loglik = point.loglik
    groups = {schedule.subject_name: schedule.n_subjects}
    if schedule.group_name is not None:
        groups[schedule.group_name] = len(schedule.groups)
    return Fit(
        formula=request.formula.text,
        params=pd.Series(found.beta, index=names, name="estimate"),
        bse=pd.Series(np.sqrt(np.diag(covariance)), index=names, name="se"),
        vcov=pd.DataFrame(covariance, index=names, columns=names),
        varcomp=varcomp,
        sigma=float(varcomp["sd"].iloc[0]),
        loglik=loglik,
        deviance=-2.0 * loglik,
        aic=-2.0 * loglik + 2.0 * sums.k,
        bic=-2.0 * loglik + sums.k * float(np.log(schedule.n_subjects)),
        n=sums.n,
        n_read=design.n_read,
        groups=groups,
        is_singular=False,
        singular_terms=(),
        reml=request.reml,
        weighted=design.weights is not None,
        dropped=design.dropped,
        aliased=design.aliased,
        notes=(*_notes(request, schedule), *search_notes),
        optimisation=Optimisation(
            "Newton's method with exact derivatives",
            optimum.evaluations,
            float(np.linalg.norm(point.gradient)),
            "converged",
            f"deviance still to be gained: {optimum.decrement:.1e}",
            native_theta(point),
            optimum.path,
        ),
        vcov_jacobian=found.vcov_jacobian if robust is None else robust.jacobian,
        parameter_cov=found.parameter_cov if robust is None else robust.spread,
        df_problem="" if robust is None else _NOT_THE_MODELS_OWN,
        rows=_rows(request, design, schedule, found, point),
        kind="mmrm",
        kenward_roger=_kenward_roger(request, point, found, robust),
        vcov_expected=None if robust is None else robust.expected,
    )


def _search(sums: Sums, schedule: Schedule, *, reml: bool) -> tuple[Optimum, tuple[str, ...]]:
    try:
        return minimise(sums, starting_values(sums, schedule), reml=reml), ()
    except ModelError:
        start = starting_values(sums, schedule, independent=True)
        note = "The first search did not converge; a second one, from nearly independent visits, did."
        return minimise(sums, start, reml=reml), (note,)


def _notes(request: Request, schedule: Schedule) -> tuple[str, ...]:
    structure = None if request.spatial else STRUCTURES[request.covariance]
    title = "correlation falls exponentially with distance in time" if structure is None else structure.title
    apart = f', one for each level of "{request.group}"' if request.group else ""
    notes = [f"Covariance between visits: {request.covariance} ({title}){apart}."]
    if structure is not None and structure.in_order:
        notes.append(f"Visits in this order: {', '.join(schedule.visits)}.")
    if request.vcov != "model":
        notes.append(f"Standard errors of the fixed effects: {request.vcov}.")
    if request.kenward_roger != "linear":
        notes.append(f"Kenward and Roger's adjustment: {request.kenward_roger}.")
    return tuple(notes)


def _kenward_roger(
    request: Request, point: Point, found: Coefficients, robust: Sandwich | None
) -> KenwardRoger:
    problem = ""
    if not request.reml:
        problem = "it adjusts a restricted likelihood fit: fit with reml=True"
    elif robust is not None:
        problem = f'the covariance of this fit is "{request.vcov}": fit with vcov="model"'
    if problem:
        return KenwardRoger(found.vcov, found.vcov_jacobian, found.parameter_cov, problem)
    adjusted = kenward_roger_vcov(point, found, linear=request.kenward_roger == "linear")
    if not (np.diag(adjusted) > 0.0).all():
        problem = "the adjusted covariance has a negative variance: too little information for its expansion"
    return KenwardRoger(adjusted, found.vcov_jacobian, found.parameter_cov, problem)


def _rows(request: Request, design: Design, schedule: Schedule, found: Coefficients, point: Point) -> Rows:
    fitted = design.fixed @ found.beta

    def refit(y: Floats) -> Fit:
        return _fit(request, replace(design, y=y), schedule)

    def simulate(random: np.random.Generator) -> Floats:
        errors = np.empty(len(fitted))
        for rows, lower in subject_factors(point, schedule):
            draws = random.standard_normal(rows.shape)
            errors[schedule.order[rows]] = (lower @ draws[:, :, None])[:, :, 0]
        spread = point.sums.unit if design.weights is None else point.sums.unit / np.sqrt(design.weights)
        return np.asarray(fitted + spread * errors)

    subjects = np.empty(len(fitted), dtype=np.int64)
    subjects[schedule.order] = np.repeat(np.arange(schedule.n_subjects), schedule.sizes)
    nobody = pd.DataFrame({name: pd.Series(dtype=object) for name in ("group", "level", "term")})
    return Rows(
        fitted=pd.Series(fitted, index=design.index, name="fitted"),
        residuals=pd.Series(design.y - fitted, index=design.index, name="residual"),
        ranef=nobody.assign(value=np.zeros(0), sd=np.zeros(0)),
        spec=design.spec,
        fixed_columns=design.fixed_columns,
        terms=(),
        effects=(),
        y=design.y,
        fixed=design.fixed,
        frame=design.frame,
        refit=refit,
        simulate=simulate,
        by_ml=lambda: _fit(replace(request, reml=False), design, schedule),
        strata=(subjects,),
        weights=design.weights,
        structure="|".join(filter(None, (request.covariance, request.group))),
    )

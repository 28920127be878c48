"""The compiled optimiser glmm: an engine that shares no code with ours.

It is handed the least-squares residual of the response over its own spread and columns of root mean
square one, under generated names. So neither units nor column names reach it, and what comes back is
taken to the data's scale here.
"""

from __future__ import annotations

import warnings
from typing import Any

import glmm
import numpy as np
import pandas as pd

from studypkg.models.design import Design, Floats, GroupTerm
from studypkg.models.fit import KenwardRoger
from studypkg.models.linear.covariances import semidefinite_cholesky
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.solution import Solution, exact_zeros

# Findings after which the optimiser's numbers are not used.
_FATAL = frozenset(
    {
        "search_limit", "fit_failed", "design_unsolvable", "constant_response", "too_few_rows",
        "no_coefficients", "se_unavailable", "precision_limited", "variance_at_limit",
        "single_level_grouping_dropped",
    }
)  # fmt: skip


def _slopes(design: Design, term: GroupTerm) -> list[int] | None:
    """Find the fixed column of every random column; -1 stands for the intercept, which comes first."""
    places: list[int] = []
    for at, column in enumerate(term.columns.T):
        if np.all(column == 1.0):
            if at:
                return None
            places.append(-1)
            continue
        same = [j for j, fixed in enumerate(design.fixed.T) if np.array_equal(fixed, column)]
        if not same or not places:
            return None
        places.append(same[0])
    return places


def _written(design: Design) -> list[list[int]] | None:
    """Say which columns every random term has, or None when the model has a shape glmm does not take."""
    if not design.fixed.shape[1] or len({t.group for t in design.terms}) < len(design.terms):
        return None
    found = [_slopes(design, term) for term in design.terms]
    return [places for places in found if places is not None] if all(found) else None


def compiled_solution(design: Design, sums: CrossProducts, *, reml: bool) -> tuple[Solution | None, str]:
    """Fit, and bring the answer to the data's scale.

    Returns
    -------
    tuple
        The solution, or None and the kind of finding that speaks against it; the kind is empty when the
        model has a shape this optimiser does not take: it needs one term per grouping factor, each with an
        intercept first, and slopes whose columns are fixed columns too.
    """
    written = _written(design)
    if written is None:
        return None, ""
    n, p = design.fixed.shape
    scales = np.sqrt(np.mean(design.fixed**2, axis=0))
    residual = design.y - design.fixed @ sums.least_squares
    spread = float(np.sqrt(np.mean(residual**2)))
    table: dict[str, Any] = {"y": residual / spread}
    table |= {f"x{j}": design.fixed[:, j] / scales[j] for j in range(p)}
    formula = f"y ~ 0 + {' + '.join(f'x{j}' for j in range(p))}"
    for at, (term, places) in enumerate(zip(design.terms, written, strict=True)):
        table[f"g{at}"] = pd.Categorical.from_codes(term.codes, categories=pd.RangeIndex(term.n_levels))
        inside = " + ".join("1" if j < 0 else f"x{j}" for j in places)
        formula += f" + ({inside} | g{at})"
    with warnings.catch_warnings():
        # Every finding is read below from the fit itself.
        warnings.simplefilter("ignore", glmm.DiagnosticWarning)
        try:
            fit = glmm.fit(table, formula, weights=design.weights, reml=reml, anova_test="Wald")
        except BaseException as fault:
            # A fault inside compiled code arrives as an exception that is no Exception.
            if type(fault).__name__ not in ("PanicException", "TypeError", "ValueError"):
                raise
            return None, type(fault).__name__
    kinds = [w["kind"] for w in fit.warnings]
    fatal = sorted(_FATAL.intersection(kinds))
    record = fit.satterthwaite_record
    if fatal or not fit.converged or fit.aliased.any() or record is None:
        return None, ", ".join(fatal) or "not converged"
    if "satterthwaite_curvature" in kinds and not fit.singular:
        return None, "satterthwaite_curvature"
    to_data = spread / scales
    nu = n - p if reml else n
    sigma2 = float(fit.dispersion)
    vcov = fit.vcov * np.outer(to_data, to_data)
    # The last parameter is the residual variance: its derivative and spread go to the data's units.
    jacobian = np.array([j.reshape(p, p) for j in record["jac_theta"]]).reshape(-1, p, p)
    size = len(record["jac_theta"]) + 1
    parameter_cov = np.asarray(record["a_eff"], dtype=float).reshape(size, size).copy()
    parameter_cov[-1] *= spread**2
    parameter_cov[:, -1] *= spread**2
    solution = Solution(
        beta=sums.least_squares + fit.beta * to_data,
        vcov=vcov,
        sigma2=sigma2 * spread**2,
        loglik=float(fit.loglik) - nu * float(np.log(spread)) - _reml_shift(scales, reml),
        factors=_factors(fit, sigma2, design, sums),
        method="BFGS with an exact gradient" if fit.n_grad else "BOBYQA",
        evaluations=int(fit.n_eval) + int(fit.n_grad),
        gradient_norm=None,
        code="converged",
        message=str(fit.outer_stop or fit.diagnostics["boundary"]),
        vcov_jacobian=np.concatenate(
            [jacobian * np.outer(to_data, to_data), vcov[None] / (sigma2 * spread**2)]
        ),
        parameter_cov=parameter_cov,
        df_problem="",
        notes=tuple(sorted(set(kinds) - {"singular"})),
        kenward_roger=KenwardRoger(
            np.zeros((p, p)),
            np.zeros((0, p, p)),
            np.zeros((0, 0)),
            "the engine glmm does not compute Kenward and Roger's quantities",
        ),
    )
    return solution, ""


def _reml_shift(scales: Floats, reml: bool) -> float:
    """Return log|D| of the column scaling: the restricted likelihood depends on the units of X."""
    return float(np.log(scales).sum()) if reml else 0.0


def _factors(fit: Any, sigma2: float, design: Design, sums: CrossProducts) -> tuple[Floats, ...]:
    """Factorise the relative covariances as T T', in the order of the sums, exactly zero where pinned."""
    by_name = {name: at for at, (name, _) in enumerate(fit.re_groups)}
    found: dict[str, Floats] = {}
    for at, term in enumerate(design.terms):
        place = by_name[f"g{at}"]
        packed = np.asarray(fit.varcorr[place], dtype=float)
        q = int((np.sqrt(1 + 8 * len(packed)) - 1) / 2)
        covariance = np.zeros((q, q))
        covariance[np.triu_indices(q)] = packed / sigma2
        covariance = covariance + np.triu(covariance, 1).T
        factor = semidefinite_cholesky(covariance)
        pinned = fit.diagnostics["pinned"]
        if pinned:
            own = np.asarray(pinned[place], dtype=bool)
            factor[own, own] = 0.0
        found[term.group] = exact_zeros(factor)
    return tuple(found[factor.group] for factor in sums.factors)

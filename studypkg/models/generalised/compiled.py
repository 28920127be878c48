"""The compiled package glmm as an engine for generalised models: it shares no code with ours."""

from __future__ import annotations

import warnings
from typing import Any

import glmm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.models.design import GroupTerm
from studypkg.models.generalised.observations import Observations
from studypkg.models.generalised.problem import Problem
from studypkg.models.linear.covariances import semidefinite_cholesky
from studypkg.models.links import Floats

_FAMILIES = {"binomial": "binomial", "poisson": "poisson", "negative-binomial": "negativebinomial"}
_FATAL = frozenset(
    {
        "search_limit", "fit_failed", "design_unsolvable", "constant_response", "too_few_rows",
        "no_coefficients",
        "precision_limited", "variance_at_limit", "single_level_grouping_dropped", "agq_fallback",
        "glm_diverged", "pirls_exhausted", "nb_shape_unsettled",
    }
)  # fmt: skip
_ZERO = 1e-5


def compiled_start(seen: Observations, problem: Problem, quadrature: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Fit by the compiled package and return its answer as ψ, with what of it is off the boundary.

    Raises
    ------
    ModelError
        If it does not take this shape of model, or did not converge.
    """
    table, formula = _request(seen, problem)
    weights = seen.trials if seen.counted else None
    if seen.weights is not None:
        raise _silent("it takes no weights beside trials")
    with warnings.catch_warnings():
        # Every finding is read below from the fit itself.
        warnings.simplefilter("ignore", glmm.DiagnosticWarning)
        try:
            fit = glmm.fit(
                table, formula, _FAMILIES[problem.family.name], link=problem.family.link.name,
                weights=weights, offset=seen.offset if seen.offset.any() else None, nagq=quadrature,
                anova_test="Wald",
            )  # fmt: skip
        except BaseException as fault:
            # A fault inside compiled code arrives as an exception that is no Exception.
            if type(fault).__name__ not in ("PanicException", "TypeError", "ValueError"):
                raise
            raise _silent(type(fault).__name__) from None
    fatal = sorted(_FATAL.intersection(w["kind"] for w in fit.warnings))
    if fatal or not fit.converged or fit.aliased.any():
        raise _silent(", ".join(fatal) or "it did not converge")
    return _parameters(fit, seen, problem)


def _silent(reason: str) -> ModelError:
    return ModelError(f'The engine "glmm" does not answer this model: {reason}. Use engine="own".')


def _request(seen: Observations, problem: Problem) -> tuple[dict[str, Any], str]:
    """Write the model under generated names, columns of root mean square one."""
    design = seen.design
    scales = _scales(seen)
    table: dict[str, Any] = {"y": design.y / seen.trials}
    table |= {f"x{j}": design.fixed[:, j] / scales[j] for j in range(len(scales))}
    fixed = " + ".join(f"x{j}" for j in range(len(scales)))
    if not fixed or len({t.group for t in design.terms}) < len(design.terms):
        raise _silent("it takes one random term per factor, and at least one fixed column")
    formula = f"y ~ 0 + {fixed}"
    for at, term in enumerate(design.terms):
        places = _places(term, seen)
        table[f"g{at}"] = pd.Categorical.from_codes(term.codes, categories=pd.RangeIndex(term.n_levels))
        formula += f" + ({' + '.join('1' if j < 0 else f'x{j}' for j in places)} | g{at})"
    return table, formula


def _scales(seen: Observations) -> Floats:
    return np.asarray(np.sqrt((seen.design.fixed**2).mean(axis=0)))


def _places(term: GroupTerm, seen: Observations) -> list[int]:
    """Find the fixed column of every random column; -1 stands for the intercept, which comes first."""
    found = []
    for at, column in enumerate(term.columns.T):
        if bool((column == 1.0).all()):
            same = [-1] if at == 0 else []
        else:
            same = [j for j, x in enumerate(seen.design.fixed.T) if np.array_equal(x, column)] if at else []
        if not same:
            raise _silent(
                "its random terms begin with an intercept and have slopes that are fixed columns too"
            )
        found.append(same[0])
    return found


def _parameters(fit: Any, seen: Observations, problem: Problem) -> tuple[Floats, NDArray[np.bool_]]:
    psi = np.zeros(problem.size)
    psi[: problem.p] = problem.triangle @ (fit.beta / _scales(seen))
    by_name = {name: at for at, (name, _) in enumerate(fit.re_groups)}
    matrices = []
    for factor in problem.factors:
        (at,) = factor.members
        packed = np.asarray(fit.varcorr[by_name[f"g{at}"]], dtype=float)
        covariance = np.zeros((factor.size, factor.size))
        # Columns of the request and of the problem have the same length, root mean square one.
        covariance[np.triu_indices(factor.size)] = packed
        covariance = covariance + np.triu(covariance, 1).T
        triangle = semidefinite_cholesky(covariance)
        triangle[np.sqrt((triangle**2).sum(axis=1)) < _ZERO] = 0.0
        matrices.append(triangle)
    stop = problem.p + len(problem.order)
    psi[problem.p : stop] = problem.packed(matrices)
    free = np.ones(problem.size, dtype=bool)
    free[problem.p : stop] = [matrices[at][column, column] > _ZERO for at, _, column in problem.order]
    if problem.family.has_size:
        psi[-1] = float(np.log(fit.dispersion))
    return psi, free

"""A fit as a page of text or HTML: coefficients, variance components, and what should be known."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from studypkg.models.fit import Fit

_MODEL = {
    "lmm": "Linear mixed model",
    "mmrm": "Mixed model for repeated measures",
    "glmm": "Generalised mixed model",
    "ordinal": "Ordinal mixed model",
}


def summary_text(fit: Fit) -> str:
    """Write a fit as text."""
    parts = [
        *_heading(fit),
        "",
        _variance_title(fit),
        _number_table(fit.varcomp).to_string(index=False, na_rep=""),
        "",
        "Fixed effects",
        _number_table(_coefficients(fit)).to_string(),
    ]
    remarks = _remarks(fit)
    return "\n".join([*parts, "", *remarks]) if remarks else "\n".join(parts)


def summary_html(fit: Fit) -> str:
    """Write a fit as an HTML fragment; every name is escaped."""
    heading = "".join(f"<p>{escape(line)}</p>" for line in _heading(fit))
    remarks = "".join(f"<p>{escape(line)}</p>" for line in _remarks(fit))
    random = _number_table(fit.varcomp).to_html(index=False, na_rep="", border=0)
    fixed = _number_table(_coefficients(fit)).to_html(border=0)
    title = _variance_title(fit)
    return f"<section>{heading}<h4>{title}</h4>{random}<h4>Fixed effects</h4>{fixed}{remarks}</section>"


def _variance_title(fit: Fit) -> str:
    return "Covariance between visits" if fit.kind == "mmrm" else "Random effects"


def _heading(fit: Fit) -> list[str]:
    groups = ", ".join(f"{count} {name}" for name, count in fit.groups.items())
    return [
        f"{_MODEL.get(fit.kind, 'Mixed model')} by {'REML' if fit.reml else 'maximum likelihood'}",
        *_distribution(fit),
        fit.formula,
        f"{fit.n} of {fit.n_read} rows; groups: {groups}",
        f"log-likelihood {fit.loglik:.4f}, AIC {fit.aic:.2f}, BIC {fit.bic:.2f}",
    ]


def _distribution(fit: Fit) -> list[str]:
    if fit.kind not in ("glmm", "ordinal"):
        return []
    size = "" if fit.size is None else f", size {fit.size:.5g}"
    return [f"family {fit.family}, link {fit.link}{size}"]


def _coefficients(fit: Fit) -> pd.DataFrame:
    return pd.DataFrame({"estimate": fit.params, "se": fit.bse})


def _number_table(table: pd.DataFrame) -> pd.DataFrame:
    shown = table.copy()
    for name in shown.columns:
        if pd.api.types.is_float_dtype(shown[name].dtype):
            shown[name] = [("" if pd.isna(v) else f"{v:.5g}") for v in shown[name]]
    return shown


def _remarks(fit: Fit) -> list[str]:
    remarks = []
    if fit.dropped:
        counts = ", ".join(f"{name} {count}" for name, count in fit.dropped.items())
        remarks.append(f"Rows left out for missing values, by variable: {counts}.")
    if fit.aliased:
        remarks.append(f"Left out because they repeat other columns: {', '.join(fit.aliased)}.")
    if fit.is_singular:
        remarks.append(f"On the boundary: {', '.join(fit.singular_terms)}.")
    how = fit.optimisation
    remarks.append(f"Found by {how.method} in {how.evaluations} evaluations ({how.code}).")
    return [*remarks, *fit.notes]

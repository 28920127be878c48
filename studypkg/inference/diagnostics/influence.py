"""How much the fixed effects rest on one level of a grouping factor: case deletion without refitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import Design, Floats, drop_aliased
from studypkg.models.engine import solve
from studypkg.models.fit import Fit
from studypkg.models.levels import Codes
from studypkg.models.linear.influence import Whitener, leave_out
from studypkg.models.mixed_rows import MixedRows


@dataclass(frozen=True, eq=False)
class Influence:
    """What leaving out each level does. Levels may be patients: do not publish; see `ranked`.

    Notes
    -----
    ``table`` has one row per level: ``level``, ``rows`` left out, ``cooks_distance`` (squared change of β̂ in
    Cov(β̂), per coefficient), ``mdffits`` (the same in Cov(β̂_(g))), ``covratio`` (|Cov β̂_(g)| / |Cov β̂|; above
    1 the level adds precision), ``covtrace`` (|tr(Cov(β̂)⁻¹Cov(β̂_(g))) − p|), ``fitted_change`` (root mean
    square change of Xβ̂ over all rows, in units of the response) and ``problem`` (why numbers are missing).
    ``changes`` (levels × coefficients) is β̂ − β̂_(g); ``dfbetas`` divides it by the standard error of β̂_(g).
    ``refitted`` says whether variances were estimated anew.
    """

    group: str
    refitted: bool
    table: pd.DataFrame
    changes: pd.DataFrame
    dfbetas: pd.DataFrame

    def ranked(self, top: int | None = None) -> pd.DataFrame:
        """Return the table, most influential first, with a rank in place of the level."""
        table = self.table.sort_values("cooks_distance", ascending=False, na_position="last", kind="stable")
        table = table.drop(columns=["level"]).reset_index(drop=True)
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table if top is None else table.head(top)


def influence(fit: Fit, group: str | Sequence[Any] | pd.Series, *, refit: bool = False) -> Influence:
    """Leave out each level of a grouping factor with all its rows.

    Parameters
    ----------
    fit
        A linear mixed model of `fit_lmm`, rows in memory.
    group
        A grouping factor of the model, a column of its fixed part, or one label per row used (for example
        therapists who are not in the model).
    refit
        Estimate the variances anew without each level: one fit per level, for small data.

    Raises
    ------
    ConfigError
        If there is no such group, or labels do not match the rows.
    ModelError
        If the fit is not a linear mixed model in memory, or a refit does not converge.

    Notes
    -----
    Without ``refit`` β̂_(g) is the exact generalised least squares estimate without the level at the estimated
    variances; see `studypkg.models.linear.influence`. Definitions after Cook (1977), doi
    10.2307/1268249, Belsley, Kuh and Welsch (1980), doi 10.1002/0471725153, and Demidenko and Stukel (2005),
    Statistics in Medicine 24, 893–909, doi 10.1002/sim.1974.
    """
    rows = fit.rows
    if not isinstance(rows, MixedRows):
        raise ModelError("Influence needs a linear mixed model (fit_lmm) with its rows in memory.")
    name, codes, levels = _levels(fit, rows, group)
    if len(levels) < 2:
        raise ConfigError(f'The group "{name}" has one level: nothing is left without it.')
    design, names = rows.design, list(fit.params.index)
    if not names:
        raise ModelError("The model has no fixed effects, so no level can change them.")
    if refit:
        return _refitted(fit, design, name, codes, levels)
    whitener = Whitener(design.terms, rows.triangles, design.weights, len(design.y))
    left = design.y - design.fixed @ fit.params.to_numpy()
    found = leave_out(whitener, design.fixed, left, fit.sigma**2, codes, len(levels))
    table = pd.DataFrame(
        {
            "level": levels,
            "rows": np.bincount(codes, minlength=len(levels)),
            "cooks_distance": found.cook,
            "mdffits": found.mdffits,
            "covratio": found.covratio,
            "covtrace": found.covtrace,
            "fitted_change": _fitted_change(design, found.change),
            "problem": np.where(found.estimable, "", "a coefficient is known from this level alone"),
        }
    )
    index = pd.Index(levels, name="level")
    changes = pd.DataFrame(found.change, index=index, columns=names)
    return Influence(
        name, False, table, changes, pd.DataFrame(found.change / found.sds, index=index, columns=names)
    )


def _levels(
    fit: Fit, rows: MixedRows, group: str | Sequence[Any] | pd.Series
) -> tuple[str, Codes, list[str]]:
    if isinstance(group, str):
        for term in rows.terms:
            if term.group == group:
                return group, term.codes, list(term.levels)
        if group not in rows.frame.columns:
            known = [*dict.fromkeys(t.group for t in rows.terms), *map(str, rows.frame.columns)]
            raise ConfigError(
                f'The model has no group "{group}".{nearest(group, known)} Available: {", ".join(known)}; '
                "or give one label per row used."
            )
        labels, name = pd.Series(rows.frame[group].to_numpy()), group
    else:
        labels = group if isinstance(group, pd.Series) else pd.Series(list(group))
        name = str(labels.name) if labels.name is not None else "group"
        index = rows.design.index
        if isinstance(group, pd.Series) and len(group) != fit.n and index.is_unique and group.index.is_unique:
            labels = group.reindex(index)
        if len(labels) != fit.n:
            raise ConfigError(f"{len(labels)} labels were given for {fit.n} rows used: give one per row.")
    if labels.isna().any():
        raise ConfigError(f'{int(labels.isna().sum())} rows have no label in "{name}": every row needs one.')
    codes, uniques = pd.factorize(labels)
    return name, np.asarray(codes, dtype=np.int64), [str(u) for u in uniques]


def _fitted_change(design: Design, change: Floats) -> Floats:
    products = design.fixed.T @ design.fixed
    squares = np.einsum("gi,ij,gj->g", change, products, change)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0) / len(design.y)))


def _refitted(fit: Fit, design: Design, name: str, codes: Codes, levels: list[str]) -> Influence:
    p, names = len(fit.params), list(fit.params.index)
    change, sds = np.full((len(levels), p), np.nan), np.full((len(levels), p), np.nan)
    measures, problems = np.full((len(levels), 4), np.nan), [""] * len(levels)
    whole = np.linalg.inv(fit.vcov.to_numpy())
    for g in range(len(levels)):
        part = _rest(design, codes != g)
        if drop_aliased(part.fixed, part.names)[2]:
            problems[g] = "a coefficient is known from this level alone"
            continue
        point = solve(part, reml=fit.reml).point
        d = fit.params.to_numpy() - point.beta
        ratio = whole @ point.vcov
        change[g], sds[g] = d, np.sqrt(np.diag(point.vcov))
        measures[g] = (
            d @ whole @ d / p, d @ np.linalg.solve(point.vcov, d) / p, np.linalg.det(ratio),
            abs(np.trace(ratio) - p),
        )  # fmt: skip
    table = pd.DataFrame({"level": levels, "rows": np.bincount(codes, minlength=len(levels))})
    table[["cooks_distance", "mdffits", "covratio", "covtrace"]] = measures
    table["fitted_change"] = _fitted_change(design, change)
    table["problem"] = problems
    index = pd.Index(levels, name="level")
    changes = pd.DataFrame(change, index=index, columns=names)
    return Influence(name, True, table, changes, pd.DataFrame(change / sds, index=index, columns=names))


def _rest(design: Design, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> Design:
    terms = []
    for term in design.terms:
        used, codes = np.unique(term.codes[kept], return_inverse=True)
        columns = np.asfortranarray(term.columns[kept])
        terms.append(replace(term, codes=codes, uniques=term.uniques[used], columns=columns))
    weights = None if design.weights is None else design.weights[kept]
    return replace(
        design, y=design.y[kept], fixed=np.asfortranarray(design.fixed[kept]), terms=tuple(terms),
        weights=weights, index=design.index[kept],
    )  # fmt: skip

"""Residuals on every scale, their quantiles and shape, and where their spread changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg, sparse, special
from scipy.sparse import csgraph

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import Codes, Floats
from studypkg.models.fit import Fit
from studypkg.models.generalised.rows import GlmmRows
from studypkg.models.mixed_rows import MixedRows

# Rows that hang together through random effects: a dense factor of more is not made.
MOST_TOGETHER = 3000


def residuals(fit: Fit, *, scaled: bool = True) -> pd.DataFrame:
    """Return the residuals of every row used, under the data's index. Rows are patients'.

    Returns
    -------
    pandas.DataFrame
        ``fitted`` (with random effects), ``conditional`` (response − fitted) and ``pearson`` (conditional
        over the standard deviation of a row given its random effects). For a linear mixed model also
        ``marginal`` (y − Xβ̂), ``marginal_pearson`` (over its standard deviation from V) and, when asked,
        ``scaled``: L⁻¹(y − Xβ̂) / σ̂ with V = LL' over rows that share random effects. These are uncorrelated
        with variance 1 when the model holds, apart from the estimation of β (Fitzmaurice, Laird and Ware
        2011, doi 10.1002/9781119513469).

    Raises
    ------
    ModelError
        If rows are not in memory, or more than `MOST_TOGETHER` rows hang together and ``scaled`` is asked.
    """
    rows = fit.rows
    table = pd.DataFrame({"fitted": fit.fitted, "conditional": fit.residuals})
    if isinstance(rows, GlmmRows):
        mean = table["fitted"].to_numpy()
        size = 0.0 if fit.size is None else float(np.log(fit.size))
        variance = rows.problem.family.variance(mean, size) / rows.seen.trials
        table["pearson"] = table["conditional"] / np.sqrt(variance)
        return table
    if not isinstance(rows, MixedRows):
        raise ModelError(f"Residuals on several scales are not made for a fit of kind {fit.kind}.")
    design = rows.design
    root = np.ones(fit.n) if design.weights is None else np.sqrt(design.weights)
    table["pearson"] = table["conditional"] * root / fit.sigma
    marginal = design.y - design.fixed @ fit.params.to_numpy()
    table["marginal"] = marginal
    variance = 1.0 / root**2
    for term, triangle in zip(design.terms, rows.triangles, strict=True):
        variance = variance + ((term.columns @ triangle) ** 2).sum(axis=1)
    table["marginal_pearson"] = marginal / (fit.sigma * np.sqrt(variance))
    if scaled:
        table["scaled"] = _scaled(rows, root, marginal) / fit.sigma
    return table


def _scaled(rows: MixedRows, root: Floats, marginal: Floats) -> Floats:
    together = _components(rows)
    order = np.argsort(together, kind="stable")
    starts = np.flatnonzero(np.diff(together[order], prepend=-1))
    largest = int(np.diff(np.append(starts, len(order))).max())
    if largest > MOST_TOGETHER:
        raise ModelError(
            f"{largest} rows hang together through random effects, and scaled residuals need a dense factor "
            f"of them (at most {MOST_TOGETHER}): ask with scaled=False."
        )
    found = np.empty(len(root))
    for part in np.split(order, starts[1:]):
        v = np.diag(1.0 / root[part] ** 2)
        for term, triangle in zip(rows.terms, rows.triangles, strict=True):
            z = term.columns[part] @ triangle
            v += (z @ z.T) * (term.codes[part][:, None] == term.codes[part])
        found[part] = linalg.solve_triangular(np.linalg.cholesky(v), marginal[part], lower=True)
    return found


def _components(rows: MixedRows) -> Codes:
    """Return, per row, the number of the set of rows that it shares random effects with."""
    n, width, places = rows.design.y.size, 0, []
    for term in rows.terms:
        places.append(width + term.codes)
        width += term.n_levels
    ends = np.concatenate(places)
    link = sparse.coo_array(
        (np.ones(len(ends)), (np.tile(np.arange(n), len(places)), n + ends)), (n + width,) * 2
    )
    return np.asarray(csgraph.connected_components(link, directed=False)[1][:n])


def quantiles(values: Floats | pd.Series[float], points: int = 99) -> pd.DataFrame:
    """Return a normal quantile plot as numbers: ``expected`` and ``observed`` (centred, over their SD).

    Notes
    -----
    At probabilities (i − ½) / points. With no more values than points every value is shown: ask for fewer
    points where that could be a person.
    """
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    if points < 1:
        raise ConfigError(f"A quantile plot needs at least one point, not {points}.")
    if len(x) < 2 or x.std() == 0.0:
        raise ModelError("A quantile plot needs at least two different values.")
    share = (np.arange(min(points, len(x))) + 0.5) / min(points, len(x))
    observed = np.quantile((x - x.mean()) / x.std(ddof=1), share, method="hazen")
    return pd.DataFrame({"probability": share, "expected": special.ndtri(share), "observed": observed})


def residual_shape(fit: Fit, kind: str = "pearson") -> pd.Series[float]:
    """Describe residuals of one kind by ``n``, ``mean``, ``sd``, ``skewness``, ``kurtosis`` (excess).

    Notes
    -----
    Descriptive: with many rows a test rejects any shape, with few it accepts any.
    """
    table = residuals(fit, scaled=kind == "scaled")
    if kind not in table.columns:
        raise ConfigError(f'There are no residuals "{kind}".{nearest(kind, list(table.columns))}')
    return shape(table[kind].to_numpy())


def shape(x: Floats) -> pd.Series[float]:
    """Describe values by their moments."""
    centred = x - x.mean()
    sd = float(np.sqrt((centred**2).mean()))
    moment = [float((centred**k).mean()) / sd**k if sd > 0 else np.nan for k in (3, 4)]
    return pd.Series(
        {"n": float(len(x)), "mean": float(x.mean()), "sd": float(x.std(ddof=1)) if len(x) > 1 else np.nan,
         "skewness": moment[0], "kurtosis": moment[1] - 3.0, "beyond_3": float((np.abs(x) > 3.0).mean())}
    )  # fmt: skip


def residual_spread(fit: Fit, bins: int = 10) -> pd.DataFrame:
    """Return Pearson residuals by fitted value, in bins of equal number.

    Returns
    -------
    pandas.DataFrame
        ``fitted`` (mean of the bin), ``n``, ``mean``, ``sd``, ``lower`` and ``upper`` (quartiles).
    """
    if bins < 1:
        raise ConfigError(f"There must be at least one bin, not {bins}.")
    table = residuals(fit, scaled=False)
    place = np.minimum(table["fitted"].rank(method="first").to_numpy() - 1, fit.n - 1) * bins // fit.n
    return _described(table, place).drop(columns="by").reset_index(drop=True)


def spread_by_group(fit: Fit, group: str) -> pd.DataFrame:
    """Return Pearson residuals by level of a grouping factor. Levels may be patients: do not publish."""
    rows = fit.rows
    terms = () if rows is None else rows.terms
    for term in terms:
        if term.group == group:
            table = residuals(fit, scaled=False)
            return _described(table, np.array(term.levels, dtype=object)[term.codes]).rename(
                columns={"by": "level"}
            )
    known = [t.group for t in terms]
    raise ConfigError(f'The model has no group "{group}".{nearest(group, known)}')


def _described(table: pd.DataFrame, by: np.ndarray[tuple[int], np.dtype[Any]]) -> pd.DataFrame:
    grouped = table.assign(by=by).groupby("by", sort=True)
    pearson = grouped["pearson"]
    found = pd.DataFrame(
        {"fitted": grouped["fitted"].mean(), "n": grouped.size(), "mean": pearson.mean(), "sd": pearson.std(),
         "lower": pearson.quantile(0.25), "upper": pearson.quantile(0.75)}
    )  # fmt: skip
    return found.reset_index()

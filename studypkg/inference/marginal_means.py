"""Estimated marginal means: what a model says of each level when everything else is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError
from studypkg.inference.marginal_categories import category_table
from studypkg.inference.marginal_grid import (
    ReferenceGrid,
    Values,
    cell_weights,
    fitted_rows,
    names_in,
    reference_grid,
)
from studypkg.inference.marginal_notes import grid_notes
from studypkg.inference.marginal_result import MarginalMeans, without_empty_reason
from studypkg.inference.marginal_rows import NO_ROWS, NOT_ESTIMABLE, Columns, columns_of_fit, estimates
from studypkg.inference.marginal_scale import checked_scale, link_of, means_on_response
from studypkg.inference.marginal_standardised import ROWS, over_rows
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]


def marginal_means(
    fit: Fit,
    specs: str | Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Values] | None = None,
    weights: str = "equal",
    ddf: str | None = None,
    level: float = 0.95,
    scale: str = "link",
) -> MarginalMeans:
    """Estimate the mean of every level, other factors averaged over and covariates at their mean.

    Parameters
    ----------
    fit
        A fit in memory.
    specs
        One or more variables of the fixed part: a mean for each combination of their levels.
    by
        Variables that split the means into families: means for their levels too, but comparisons within.
    at
        Values by variable instead of the mean or all levels: one, several, or a function of the column of
        the rows used, such as ``{"age": [40, 60], "baseline": np.median, "arm": ["new", "usual"]}``.
    weights
        How the cells averaged over are weighed: ``equal``, ``proportional`` (to the rows of the combinations
        of the factors averaged over), ``outer`` (product of each factor's shares), ``cells`` (rows of each
        cell itself), ``flat`` (equal, cells without rows left out), or ``rows``: every row used, with its
        covariates, is set to one level after the other (standardisation).
    ddf
        Degrees of freedom as in `contrast`; by default those that belong to the fit.
    level
        Level of the intervals.
    scale
        ``link``, where the model is linear, or ``response``: means transformed back after averaging; for an
        ordinal response the probabilities of its categories, one row each.

    Returns
    -------
    MarginalMeans
        The table with its linear functions; it compares its means by `pairwise`, `contrast` and `joint`.

    Raises
    ------
    ConfigError
        If a variable, level or choice is unknown, or nothing was asked.
    ModelError
        If the fit holds no rows, or the degrees of freedom cannot be computed for it.

    Notes
    -----
    Population marginal means of Searle, Speed and Milliken (1980), doi 10.1080/00031305.1980.10483031. A
    formula's functions of a covariate are taken at the covariate's mean. A mean that the rows cannot tell,
    such as that of an empty cell with an interaction, is missing with its reason: whether a combination is
    estimable is seen from the null space of the fixed columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from studypkg.models import fit_lmm
    >>> rows = pd.DataFrame({"who": list("aabbccdd"), "arm": ["new"] * 4 + ["usual"] * 4})
    >>> rows["score"] = [4.0, 6.0, 5.0, 7.0, 9.0, 11.0, 8.0, 10.0]
    >>> means = marginal_means(fit_lmm("score ~ arm + (1 | who)", rows), "arm", ddf="residual")
    >>> means.table[["arm", "estimate"]].round(3).to_dict("list")
    {'arm': ['new', 'usual'], 'estimate': [5.5, 9.5]}
    """
    rows = fitted_rows(fit)
    variables = names_in(specs, rows, "specs")
    split = names_in([] if by is None else by, rows, "by", may_be_empty=True)
    if set(variables) & set(split):
        raise ConfigError(f"{', '.join(set(variables) & set(split))} is in specs and in by: once is enough.")
    checked_scale(scale)
    kept = (*variables, *split)
    if weights == ROWS and scale == "response" and fit.link != "identity":
        raise ConfigError(
            'weights="rows" is for scale="link": a mean of the response over rows is not built here.'
        )
    grid = reference_grid(fit, at, kept, whole=weights != ROWS)
    columns = columns_of_fit(fit)
    if weights == ROWS:
        full = over_rows(grid, kept, rows, columns.at)
        reasons = np.full(len(full), "", dtype=object)
    else:
        full, reasons = averaged(columns, columns.at(grid.cells), grid, kept, weights)
    notes = grid_notes(grid, kept, rows, weights)
    return tabulated(
        columns, full, reasons, grid, variables, split,
        quantity="mean", ddf=ddf, level=level, scale=scale, notes=notes,
    )  # fmt: skip


def averaged(
    columns: Columns, values: Floats, grid: ReferenceGrid, kept: tuple[str, ...], weights: str
) -> tuple[Floats, NDArray[np.object_]]:
    """Average rows of the grid over the variables that are not kept.

    Parameters
    ----------
    columns
        The columns of the fit.
    values
        The columns (or their slopes) at every cell, cells × c.
    grid
        The reference grid; the kept variables come first in it.
    kept
        The variables of the table.
    weights
        The name of the weights.

    Returns
    -------
    tuple
        One row per combination of the kept variables (m × c), and the reasons (m) why a row is missing. A
        cell that is not estimable has no part in it when its weight is zero.
    """
    weigh = cell_weights(grid, kept, fitted_rows(columns.fit), weights)
    m = int(np.prod([len(grid.variable(name).values) for name in kept], dtype=int))
    weigh = weigh.reshape(-1, m)
    total = weigh.sum(axis=0)
    shares = weigh / np.where(total > 0.0, total, 1.0)
    full = np.einsum("rm,rmc->mc", shares, values.reshape(-1, m, values.shape[1]))
    full[total <= 0.0] = np.nan
    return full, np.where(total > 0.0, "", NO_ROWS).astype(object)


def tabulated(
    columns: Columns,
    full: Floats,
    reasons: NDArray[np.object_],
    grid: ReferenceGrid,
    variables: tuple[str, ...],
    by: tuple[str, ...],
    *,
    quantity: str,
    ddf: str | None,
    level: float,
    scale: str,
    notes: list[str],
) -> MarginalMeans:
    """Estimate linear functions of all columns and lay them out with their levels."""
    found, reasons = estimates(columns, full, reasons, ddf=ddf, level=level)
    fit = columns.fit
    levels = grid.cells.loc[: len(full) - 1, [*variables, *by]].reset_index(drop=True)
    places = np.arange(len(full))
    if scale == "response" and fit.link != "identity":
        if fit.kind == "ordinal":
            found, places = category_table(columns, full, reasons, ddf=ddf, level=level)
        else:
            found = means_on_response(found, link_of(fit))
        notes = [*notes, f"Averaged on the {fit.link} scale and then transformed back."]
        if fitted_rows(fit).terms:
            notes.append("For random effects of zero: the mean of a typical group, not over all groups.")
    if (reasons == NOT_ESTIMABLE).any():
        notes = [*notes, "What is not estimable depends on coefficients the rows cannot tell apart."]
    shown = [c for c in ("category", "estimate", "se", "df", "ci_low", "ci_high") if c in found]
    table = pd.concat([levels.iloc[places].reset_index(drop=True), found[shown]], axis=1)
    table["reason"] = reasons[places]
    weights = columns.of_coefficients(full)
    weights[(reasons == NOT_ESTIMABLE) | (reasons == NO_ROWS)] = np.nan
    linear = pd.DataFrame(weights, columns=[str(c) for c in fit.params.index])
    percent = f"{100.0 * level:g}%"
    return MarginalMeans(
        without_empty_reason(table), linear, quantity, variables, by, ddf, level, scale,
        (*notes, f"{percent} intervals, each by itself."), levels, columns, full, reasons,
    )  # fmt: skip

"""Estimated slopes: how fast the mean changes with a covariate, at each level of the factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.marginal_grid import (
    Values,
    fitted_rows,
    is_factor,
    names_in,
    reference_grid,
)
from studypkg.inference.marginal_means import averaged, tabulated
from studypkg.inference.marginal_notes import grid_notes
from studypkg.inference.marginal_result import MarginalMeans
from studypkg.inference.marginal_rows import Columns, columns_of_fit
from studypkg.inference.marginal_standardised import ROWS, over_rows
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]
# Five places this share of the covariate's range apart: exact for polynomials up to the fourth degree.
_STEP = 1e-3
_PLACES = np.arange(5.0) - 2.0
# A slope of a column below this share of the column over the step is rounding.
_ROUNDING = 1e-12


def marginal_trends(
    fit: Fit,
    variable: str,
    specs: str | Sequence[str] | None = None,
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Values] | None = None,
    weights: str = "equal",
    ddf: str | None = None,
    level: float = 0.95,
) -> MarginalMeans:
    """Estimate the slope in a covariate at every level, other factors averaged over.

    Parameters
    ----------
    fit
        A fit in memory.
    variable
        A number in the fixed part. Slopes are per unit of it, on the link scale, at its mean or where ``at``
        puts it.
    specs
        Variables with a slope for each combination of their levels; none for one slope.
    by, at, weights, ddf, level
        As in `marginal_means`.

    Returns
    -------
    MarginalMeans
        Slopes in place of means: they are compared in the same ways.

    Raises
    ------
    ConfigError
        If ``variable`` is unknown, a factor, or never changes; or as in `marginal_means`.

    Notes
    -----
    The slope of every column of the formula is taken by a polynomial through five near places, which is exact
    for straight lines and polynomials up to the fourth degree. Where the covariate is at an end of the rows
    used all places are inside, so that splines are not left.

    Examples
    --------
    >>> import pandas as pd
    >>> from studypkg.models import fit_lmm
    >>> rows = pd.DataFrame({"who": list("aaabbbccc"), "week": [0.0, 1, 2] * 3})
    >>> rows["score"] = [9.0, 7.1, 5.0, 8.0, 6.2, 4.1, 7.0, 5.1, 2.9]
    >>> fit = fit_lmm("score ~ week + (1 | who)", rows)
    >>> marginal_trends(fit, "week", ddf="residual").table["estimate"].round(3).tolist()
    [-2.0]
    """
    rows = fitted_rows(fit)
    (variable,) = names_in([variable], rows, "variable")
    if is_factor(variable, rows):
        raise ConfigError(f'variable: "{variable}" is a factor, so it has no slope: use marginal_means.')
    variables = names_in([] if specs is None else specs, rows, "specs", may_be_empty=specs is None)
    split = names_in([] if by is None else by, rows, "by", may_be_empty=True)
    if set(variables) & set(split):
        raise ConfigError(f"{', '.join(set(variables) & set(split))} is in specs and in by: once is enough.")
    kept = (*variables, *split)
    grid = reference_grid(fit, at, kept, whole=weights != ROWS)
    columns = columns_of_fit(fit)
    values = rows.frame[variable].to_numpy(dtype=float)

    def slopes(cells: pd.DataFrame) -> Floats:
        return column_slopes(columns, cells, variable, float(values.min()), float(values.max()))

    if weights == ROWS:
        full = over_rows(grid, kept, rows, slopes)
        reasons = np.full(len(full), "", dtype=object)
    else:
        full, reasons = averaged(columns, slopes(grid.cells), grid, kept, weights)
    return tabulated(
        columns, full, reasons, grid, variables, split, quantity=f"slope of {variable}", ddf=ddf, level=level,
        scale="link", notes=grid_notes(grid, kept, rows, weights, about=(variable,)),
    )  # fmt: skip


def column_slopes(columns: Columns, cells: pd.DataFrame, variable: str, low: float, high: float) -> Floats:
    """Differentiate every column at every cell or row, n × c.

    Parameters
    ----------
    columns
        The columns of the fit.
    cells
        Cells of a grid, or rows.
    variable
        The covariate.
    low, high
        The ends of its values among the rows used.
    """
    step = _STEP * (high - low)
    if not step > 0.0:
        raise ModelError(f'"{variable}" has one value only, so it has no slope.')
    places = cells[variable].to_numpy(dtype=float)
    # Near an end of the rows used all five places are moved inside.
    shift = np.maximum(0.0, (low - places) / step + 2.0) + np.minimum(0.0, (high - places) / step - 2.0)
    shift = np.where((low <= places) & (places <= high), shift, 0.0)
    weights = np.zeros((len(places), 5))
    for one in np.unique(shift):
        weights[shift == one] = _derivative_weights(_PLACES + one) / step
    offsets = (_PLACES + shift[:, None]) * step
    found, size = np.zeros((len(places), len(columns.names))), np.zeros(len(columns.names))
    for j in range(5):
        moved = cells.copy()
        # Not beyond an end by a rounding error: a spline would refuse it.
        place = places + offsets[:, j]
        inside = (low <= places) & (places <= high)
        moved[variable] = np.where(inside, np.clip(place, low, high), place)
        values = columns.at(moved)
        found += weights[:, j, None] * values
        size = np.maximum(size, np.abs(values).max(axis=0))
    return np.where(np.abs(found) > _ROUNDING * size / step, found, 0.0)


def _derivative_weights(steps: Floats) -> Floats:
    """Weights of values at ``steps`` that give the derivative at zero of the polynomial through them."""
    wanted = np.zeros(len(steps))
    wanted[1] = 1.0
    return np.asarray(np.linalg.solve(np.vander(steps, increasing=True).T, wanted), dtype=float)

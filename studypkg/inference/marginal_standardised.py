"""Standardised means: every row used, with the asked variables set to one level after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError
from studypkg.inference.marginal_grid import ReferenceGrid
from studypkg.models.rows import FitRows

Floats = NDArray[np.float64]
# How this way of weighing is asked for.
ROWS = "rows"


def over_rows(
    grid: ReferenceGrid, kept: tuple[str, ...], rows: FitRows, evaluate: Callable[[pd.DataFrame], Floats]
) -> Floats:
    """Average the columns over the rows used, once per cell of the kept variables.

    Parameters
    ----------
    grid
        A grid of the kept variables and of those that ``at`` holds at one value.
    kept
        The variables of the table.
    rows
        The rows of the fit.
    evaluate
        Gives the columns (or their slopes), n × c, of n rows.

    Returns
    -------
    numpy.ndarray
        One row per combination of the kept variables, m × c.

    Notes
    -----
    What epidemiology calls standardisation or g-computation: Robins (1986),
    doi 10.1016/0270-0255(86)90088-6. The rows' covariates are taken as given.
    """
    for variable in grid.variables:
        if variable.name not in kept and len(variable.values) > 1:
            raise ConfigError(
                f'at: with weights="rows", "{variable.name}" is set to one value for all rows: give one, or '
                "name it in specs or by."
            )
    m = int(np.prod([len(grid.variable(name).values) for name in kept], dtype=int))
    found = []
    for at in range(m):
        frame = rows.frame.copy()
        for name in grid.cells.columns:
            cell = grid.cells[name].iloc[at : at + 1]
            frame[name] = pd.Series(
                cell.iloc[np.zeros(len(frame), dtype=np.intp)].to_numpy(), dtype=cell.dtype
            )
        found.append(evaluate(frame).mean(axis=0))
    return np.array(found)

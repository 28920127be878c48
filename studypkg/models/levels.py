"""The levels of grouping factors as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def level_codes(
    group: tuple[str, ...], columns: pd.DataFrame | Mapping[str, pd.Series[Any]]
) -> tuple[Codes, NDArray[np.object_]]:
    """Give the levels of a grouping factor numbers in the order in which they come.

    Parameters
    ----------
    group
        Column names; with several, their combinations are the levels.
    columns
        These columns, without missing values.

    Returns
    -------
    tuple
        The code of every row, and the levels as text (`level_text`), joined by a colon for combinations.
    """
    codes, uniques = _factorised(columns[group[0]])
    for name in group[1:]:
        more, others = _factorised(columns[name])
        codes, pairs = pd.factorize(codes * len(others) + more)
        uniques = np.array(
            [f"{level_text(uniques[k // len(others)])}:{level_text(others[k % len(others)])}" for k in pairs],
            dtype=object,
        )
    return codes.astype(np.int64, copy=False), uniques


def _factorised(column: pd.Series[Any]) -> tuple[Codes, NDArray[np.object_]]:
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        codes, found = pd.factorize(column)
        return codes, np.asarray(found, dtype=object)
    numbers = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"
    codes, uniques = pd.factorize(column.to_numpy() if numbers else column.to_numpy(dtype=object))
    return codes, np.asarray(uniques, dtype=object)


def level_text(value: Any) -> str:
    """Write a level as text; 3.0 and 3 are the same level."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)

"""The columns of a table as a model reads them: numbers, truth values, categories or text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError

# What a column of objects may hold: numbers, and moments that are no numbers yet.
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal"})
_DATES = frozenset({"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"})


def plain_column(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Bring a column to float64, boolean, category or text; refuse what is none of them."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return column
    kind = pd.api.types.infer_dtype(column, skipna=True) if pd.api.types.is_object_dtype(dtype) else ""
    if pd.api.types.is_bool_dtype(dtype) or kind == "boolean":
        return column.astype("object") if column.isna().any() else column.astype(bool)
    if kind in _NUMBERS:
        # Numbers in a column of objects are numbers, not as many categories.
        column = pd.to_numeric(column.where(column.notna(), np.nan).astype("float64"))
        dtype = column.dtype
    if pd.api.types.is_complex_dtype(dtype) or kind == "complex":
        raise ModelError(f'Column "{name}" holds complex numbers: a model needs real ones.')
    if pd.api.types.is_numeric_dtype(dtype):
        values = column if dtype == np.float64 else column.astype("float64")
        numbers = values.to_numpy()
        infinite = 0 if np.isfinite(numbers.sum()) else int(np.isinf(numbers).sum())
        if infinite:
            raise ModelError(
                f'Column "{name}" holds {infinite} infinite values: make them missing or finite.'
            )
        return values
    dates = pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype)
    if dates or isinstance(dtype, pd.PeriodDtype) or kind in _DATES:
        raise ModelError(
            f'Column "{name}" holds dates: a model needs numbers, such as weeks since the start.'
        )
    return column.astype("object").where(column.notna(), None)


def refuse_twins(columns: Sequence[str], read: Iterable[str]) -> None:
    """Refuse two columns of one name among those a formula reads: nobody knows which is meant."""
    for name in sorted(read):
        if columns.count(name) > 1:
            raise ConfigError(f'The data hold {columns.count(name)} columns "{name}": rename or drop one.')

"""From what people write for a binary outcome to successes and trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.models.links import Floats


@dataclass(frozen=True, eq=False)
class Coded:
    """A table whose response is numeric, with a remark where it was not."""

    data: pd.DataFrame
    notes: tuple[str, ...]


def code_response(name: str, data: pd.DataFrame, family: str) -> Coded:
    """Turn a response of two categories into 0 and 1; leave other responses alone.

    The second level counts as success, as in R: of a category in its own order, of text in alphabetical
    order, of truth values the true one.

    Raises
    ------
    ModelError
        If categories are not two, or the family has no categories.
    """
    if name not in data.columns:
        return Coded(data, ())
    column = data[name]
    if isinstance(column, pd.DataFrame):
        raise ModelError(f'There are several columns "{name}": give each its own name.')
    dtype = column.dtype
    category = isinstance(dtype, pd.CategoricalDtype)
    if pd.api.types.is_bool_dtype(dtype) and not category:
        return Coded(_with(data, name, column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)), ())
    if pd.api.types.is_numeric_dtype(dtype) and not category:
        return Coded(data, ())
    present = column.dropna()
    if not category and all(isinstance(v, bool | np.bool_) for v in present):
        return Coded(_with(data, name, column.map({True: 1.0, False: 0.0}).to_numpy(dtype=float)), ())
    if family != "binomial":
        raise ModelError(
            f'The response "{name}" is not a number: the family {family} takes counts. Categories in an '
            "order need an ordinal model."
        )
    if category:
        levels: list[Any] = [v for v in column.cat.categories if bool((present == v).any())]
    else:
        levels = sorted(present.unique(), key=str)
    if len(levels) != 2:
        raise ModelError(
            f'The response "{name}" has {len(levels)} categories in the rows where it is known; a binomial '
            "model takes two. Say which are successes, as a column of 0 and 1, or fit an ordinal model."
        )
    values = np.where(column.isna(), np.nan, (column == levels[1]).to_numpy(dtype=float, na_value=np.nan))
    note = f'Success is the category "{levels[1]}" of {name}.'
    return Coded(_with(data, name, np.asarray(values, dtype=float)), (note,))


def successes_of_proportions(y: Floats, trials: Floats, name: str) -> Floats:
    """Turn proportions of trials into successes.

    Raises
    ------
    ModelError
        If a proportion times its trials is not a whole number from 0 to the trials.
    """
    counts = y * trials
    whole = np.round(counts)
    bad = int(
        (~(np.abs(counts - whole) < 1e-6 * np.maximum(trials, 1.0)) | (whole < 0) | (whole > trials)).sum()
    )
    if bad:
        raise ModelError(
            f'The proportions "{name}" times their trials are not whole numbers of successes in {bad} rows: '
            "give the successes as response and the trials as trials=."
        )
    return np.asarray(whole)


def is_proportion(response: str, weights: str | Sequence[float] | None, trials: object) -> bool:
    """Say whether a response is written as successes / trials with its trials given separately."""
    return "/" in response and (weights is not None or trials is not None)


def _with(data: pd.DataFrame, name: str, values: NDArray[Any]) -> pd.DataFrame:
    return data.assign(**{name: values})

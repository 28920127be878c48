"""Steps that make a column coarser: every step joins groups of the one before, and the last joins all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.declaration import QuasiIdentifier
from studypkg.errors import ConfigError

Codes = NDArray[np.int64]
#: Names the group of each value of a column.
Namer = Callable[["pd.Series[Any]"], "pd.Series[Any]"]
MISSING = "not recorded"
EVERYBODY = "*"


@dataclass(frozen=True)
class Hierarchy:
    """The steps of one column over the values that it has.

    Parameters
    ----------
    column
        Name of the column.
    steps
        What each step is called; the first is "as recorded", the last "left out".
    groups
        For each step, the group of each value; shape (values,).
    labels
        For each step, what each of its groups is called.
    """

    column: str
    steps: tuple[str, ...]
    groups: tuple[Codes, ...]
    labels: tuple[tuple[str, ...], ...]

    def losses(self) -> list[NDArray[np.float64]]:
        """Give the loss of each value at each step: (values in its group - 1) / (values - 1), 0 to 1.

        References
        ----------
        Iyengar (2002), "Transforming data to satisfy privacy constraints", doi:10.1145/775047.775089.
        """
        values = len(self.groups[0])
        most = max(values - 1, 1)
        return [(np.bincount(step)[step] - 1) / most for step in self.groups]


def hierarchy_of(column: str, values: pd.Series[Any], declared: QuasiIdentifier) -> Hierarchy:
    """Lay out the declared steps over the values of a column.

    Parameters
    ----------
    column
        Its name.
    values
        Every different value once; a missing one is a group of its own until the last step.
    declared
        The steps.

    Raises
    ------
    ConfigError
        If the steps do not fit the values, or one step tears apart what the one before joined.
    """
    namers: list[tuple[str, Namer]] = [("as recorded", _as_text)]
    namers += [(f"bands of {width:g}", _banded(column, width)) for width in declared.bands]
    namers += [(f"first {n} characters", _cut(n)) for n in declared.digits]
    namers += [(f"by {period}", _period(column, period)) for period in declared.periods]
    namers += [(f"groups {n}", _grouped(words)) for n, words in enumerate(declared.groups, start=1)]
    groups, labels = [], []
    for _, name in namers:
        named = name(values).astype(object).where(values.notna(), MISSING)
        codes, uniques = pd.factorize(named.to_numpy(dtype=object))
        groups.append(codes.astype(np.int64))
        labels.append(tuple(map(str, uniques)))
    for (fine, coarse), (step, _) in zip(pairwise(groups), namers[1:], strict=True):
        if len(np.unique(np.column_stack([fine, coarse]), axis=0)) != fine.max(initial=-1) + 1:
            raise ConfigError(
                f'[privacy.quasi_identifiers.{column}]: the step "{step}" parts values that the step before '
                f"joins. Every step joins whole groups of the one before."
            )
    groups.append(np.zeros(len(values), np.int64))
    labels.append((EVERYBODY,))
    return Hierarchy(column, (*(step for step, _ in namers), "left out"), tuple(groups), tuple(labels))


def _as_text(values: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(values):
        return _named(values, lambda day: MISSING if pd.isna(day) else f"{day:%Y-%m-%d}")
    if pd.api.types.is_float_dtype(values):
        return _named(values, lambda one: f"{one:g}")
    return _named(values, str)


def _named(values: pd.Series[Any], name: Callable[[Any], str]) -> pd.Series[Any]:
    return pd.Series([name(one) for one in values], index=values.index, dtype=object)


def _banded(column: str, width: float) -> Namer:
    def name(values: pd.Series[Any]) -> pd.Series[Any]:
        if not pd.api.types.is_numeric_dtype(values):
            raise ConfigError(
                f"[privacy.quasi_identifiers.{column}]: bands are for numbers. Use digits, periods or groups."
            )
        low = pd.Series(np.floor(values.to_numpy(float) / width) * width, index=values.index)
        return _named(low, lambda one: f"{one:g} to under {one + width:g}")

    return name


def _cut(characters: int) -> Namer:
    return lambda values: _named(_as_text(values), lambda one: str(one)[:characters])


def _period(column: str, period: str) -> Namer:
    def name(values: pd.Series[Any]) -> pd.Series[Any]:
        if not pd.api.types.is_datetime64_any_dtype(values):
            raise ConfigError(
                f"[privacy.quasi_identifiers.{column}]: periods are for dates. Use bands, digits or groups."
            )
        return _named(values, lambda day: MISSING if pd.isna(day) else _PERIODS[period](day))

    return name


_PERIODS: Mapping[str, Callable[[pd.Timestamp], str]] = {
    "month": lambda day: f"{day:%Y-%m}",
    "quarter": lambda day: f"{day.year} Q{day.quarter}",
    "year": lambda day: f"{day:%Y}",
    "decade": lambda day: f"{day.year // 10 * 10}s",
}


def _grouped(words: Mapping[str, tuple[str, ...]]) -> Namer:
    group = {word: name for name, listed in words.items() for word in listed}
    return lambda values: _named(_as_text(values), lambda word: group.get(word, word))

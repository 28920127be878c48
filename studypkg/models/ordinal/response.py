"""Ordered categories: from what people write for a graded outcome to numbers 0, 1, … in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.levels import level_text
from studypkg.models.links import Floats

# More numbers than this are a measurement, not a grade.
MOST_CATEGORIES = 100


@dataclass(frozen=True, eq=False)
class Categories:
    """The categories in order, as text, and the score of each.

    Notes
    -----
    A score is the number itself where all categories are numbers (pain 0 to 10), else the place: 1, 2, ….
    """

    response: str
    labels: tuple[str, ...]
    scores: Floats

    def only(self, present: np.ndarray[Any, np.dtype[np.bool_]]) -> Categories:
        """Keep the categories that are marked."""
        labels = tuple(label for label, kept in zip(self.labels, present, strict=True) if kept)
        return Categories(self.response, labels, self.scores[present])


def code_categories(
    response: str, data: pd.DataFrame, levels: Sequence[Any] | None
) -> tuple[pd.DataFrame, Categories]:
    """Replace the response by the place of its category, 0 for the lowest; missing stays missing.

    Parameters
    ----------
    response
        The response's column.
    data
        One row per observation.
    levels
        All categories, lowest first; None where the column itself has an order.

    Raises
    ------
    ConfigError
        If the response is no column, its categories have no order, or ``levels`` does not name them all.
    ModelError
        If the numbers are no grades.
    """
    name = response.strip().strip("`")
    if name not in data.columns:
        hint = nearest(name, map(str, data.columns))
        raise ConfigError(
            f'The response "{name}" of an ordinal model is not a column of the data.{hint} Make the '
            "categories a column first."
        )
    column = data[name]
    if isinstance(column, pd.DataFrame):
        raise ConfigError(f'There are several columns "{name}": give each its own name.')
    known = column.notna().to_numpy()
    ordered = _given(levels) if levels is not None else _own_order(column, name)
    place = {_key(level): at for at, level in enumerate(ordered)}
    distinct, uniques = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=True)
    places = np.array([place.get(_key(u), -1) for u in uniques] or [-1], dtype=float)
    if len(uniques) and bool((places < 0).any()):
        raise ConfigError(
            f'The response "{name}" has {int((places < 0).sum())} categories that levels= does not name: '
            "list all of them, lowest first."
        )
    coded = np.where(known, places[distinct], np.nan)
    scores = np.arange(1.0, len(ordered) + 1.0)
    if all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in ordered):
        scores = np.array(ordered, dtype=float)
        if bool((np.diff(scores) <= 0.0).any()):
            scores = np.arange(1.0, len(ordered) + 1.0)
    return data.assign(**{name: coded}), Categories(name, tuple(level_text(v) for v in ordered), scores)


def _key(value: Any) -> Any:
    """Make 3, 3.0 and numpy's 3 the same category, and True another one than 1."""
    if isinstance(value, bool | np.bool_):
        return ("truth", bool(value))
    if isinstance(value, int | float | np.number):
        return float(value)
    return value


def _given(levels: Sequence[Any]) -> list[Any]:
    if isinstance(levels, str):
        raise ConfigError(
            'levels= is a list of categories, lowest first, such as ["none", "mild", "severe"].'
        )
    found = list(levels)
    if len({_key(v) for v in found}) < len(found):
        raise ConfigError("levels= names a category twice.")
    if len(found) < 2:
        raise ConfigError("levels= names fewer than two categories.")
    return found


def _own_order(column: pd.Series[Any], name: str) -> list[Any]:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        if not column.cat.ordered:
            raise ConfigError(
                f'The categories of "{name}" have no order: give levels=, lowest first, or make the column '
                "an ordered category."
            )
        return list(column.cat.categories)
    present = column.dropna()
    if pd.api.types.is_bool_dtype(dtype) or (
        len(present) and all(isinstance(v, bool | np.bool_) for v in present)
    ):
        return [False, True]
    if not pd.api.types.is_numeric_dtype(dtype):
        raise ConfigError(
            f'The response "{name}" is text, which has no order: give levels=, lowest first, or make the '
            "column an ordered category."
        )
    values = np.unique(present.to_numpy(dtype=float))
    if not bool(np.isfinite(values).all() and (values == np.round(values)).all()):
        raise ModelError(
            f'The response "{name}" holds numbers that are not whole: grades are whole numbers or named in '
            "levels=. A measurement belongs in a linear mixed model."
        )
    if len(values) > MOST_CATEGORIES:
        raise ModelError(
            f'The response "{name}" has {len(values)} different values: more than {MOST_CATEGORIES} are no '
            "grades. A measurement belongs in a linear mixed model."
        )
    if not len(values):
        return []
    # Numbers between the lowest and the highest that nobody had are categories too, and reported as empty.
    if values[-1] - values[0] < MOST_CATEGORIES:
        return [int(v) for v in np.arange(values[0], values[-1] + 1.0)]
    return [int(v) for v in values]

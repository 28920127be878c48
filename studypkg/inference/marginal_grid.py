"""The reference grid: the combinations of levels and covariate values at which a model is asked.

Factors take all their levels and covariates their mean, unless said otherwise. A formula's functions of a
covariate are taken at the covariate's mean, not averaged.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.fit import Fit
from studypkg.models.rows import FitRows

Floats = NDArray[np.float64]
Values = object | Sequence[object] | Callable[["pd.Series[Any]"], object]
# More combinations than this is a slip, not a question.
MOST_CELLS = 200_000
# What the tables of results call their own columns.
RESERVED = frozenset(
    {"category", "contrast", "estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high", "reason"}
)


@dataclass(frozen=True, eq=False)
class Variable:
    """A column of the fixed part with the values it takes in the grid, and where they come from."""

    name: str
    is_factor: bool
    values: tuple[Any, ...]
    source: str


@dataclass(frozen=True, eq=False)
class ReferenceGrid:
    """All combinations of the variables' values, the first variable changing fastest.

    Notes
    -----
    ``cells`` has one row per combination and one column per variable; ``codes`` the place of every value
    among its variable's.
    """

    variables: tuple[Variable, ...]
    cells: pd.DataFrame
    codes: pd.DataFrame

    def variable(self, name: str) -> Variable:
        """Return a variable by its name."""
        return next(v for v in self.variables if v.name == name)


def fitted_rows(fit: Fit) -> FitRows:
    """Return the rows of a fit, or say that it has none."""
    if fit.rows is None:
        raise ModelError("A stored fit holds no rows, so it has no reference grid: fit the model again.")
    return fit.rows


def names_in(
    asked: str | Sequence[str] | None, rows: FitRows, what: str, *, may_be_empty: bool = False
) -> tuple[str, ...]:
    """Check names of variables against the fixed part.

    Raises
    ------
    ConfigError
        If nothing was asked, or a name is unknown or repeated.
    """
    names = (asked,) if isinstance(asked, str) else () if asked is None else tuple(asked)
    known = [str(c) for c in rows.frame.columns]
    if not known and names:
        raise ConfigError(f"{what}: the fixed part of this fit has no variables, only an intercept.")
    if not names and not may_be_empty:
        raise ConfigError(f"{what}: name at least one variable of the fixed part: {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise ConfigError(
                f'{what}: "{name}" is not a variable of the fixed part.{nearest(str(name), known)} '
                f"Variables: {', '.join(known)}."
            )
        if name in RESERVED and what != "at":
            raise ConfigError(
                f'{what}: "{name}" is a column of the result too: give the variable another name.'
            )
    if len(set(names)) < len(names):
        raise ConfigError(f"{what}: a variable was named twice.")
    return names


def reference_grid(
    fit: Fit, at: Mapping[str, Values] | None, first: Sequence[str], *, whole: bool = True
) -> ReferenceGrid:
    """Lay out the grid of a fit.

    Parameters
    ----------
    fit
        A fit in memory.
    at
        By variable: one value, several values, or a function of the column of the rows used.
    first
        Variables that come first, in this order.
    whole
        With all variables of the fixed part, or only the first ones and those in ``at``.

    Raises
    ------
    ConfigError
        If ``at`` names an unknown variable or level, gives no finite number, or the grid is too large.
    """
    rows = fitted_rows(fit)
    at = dict(at or {})
    names_in(list(at), rows, "at", may_be_empty=True)
    others = [str(c) for c in rows.frame.columns if c not in first and (whole or c in at)]
    order = [*first, *others]
    variables = tuple(_variable(name, rows, at) for name in order)
    size = math.prod(len(v.values) for v in variables)
    if size > MOST_CELLS:
        raise ConfigError(
            f"The reference grid would have {size} cells: hold some variables at one value with at={{...}}."
        )
    places = list(itertools.product(*(range(len(v.values)) for v in reversed(variables))))
    table = np.array(places, dtype=np.intp).reshape(size, len(variables))[:, ::-1]
    codes = pd.DataFrame(table, columns=[v.name for v in variables])
    cells = pd.DataFrame(
        {v.name: _column(v, table[:, j], rows.frame[v.name]) for j, v in enumerate(variables)},
        index=pd.RangeIndex(size),
    )
    return ReferenceGrid(variables, cells, codes)


def is_factor(name: str, rows: FitRows) -> bool:
    """Tell whether a variable has levels: text, categories, yes or no, or numbers inside ``C( )``."""
    dtype = rows.frame[name].dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return True
    coded = re.compile(rf"C\(\s*`?{re.escape(name)}`?\s*[,)]")
    return any(coded.match(str(expression)) for expression in rows.spec.encoder_state)


def _variable(name: str, rows: FitRows, at: Mapping[str, Values]) -> Variable:
    column = rows.frame[name]
    asked = at.get(name)
    if is_factor(name, rows):
        levels = levels_of(column)
        if name not in at:
            return Variable(name, True, levels, "levels")
        return Variable(name, True, _chosen(name, levels, _listed(asked, column)), "at")
    if name not in at:
        return Variable(name, False, (float(column.mean()),), "mean")
    return Variable(name, False, _numbers(name, _listed(asked, column)), "at")


def levels_of(column: pd.Series[Any]) -> tuple[Any, ...]:
    """Return the levels in use: categories in their order, everything else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = set(column.unique())
        return tuple(level for level in column.cat.categories.tolist() if level in used)
    return tuple(sorted(column.unique().tolist()))


def _listed(asked: Any, column: pd.Series[Any]) -> list[Any]:
    found = asked(column) if callable(asked) else asked
    if isinstance(found, str) or not isinstance(found, Iterable):
        return [found]
    return list(found)


def _chosen(name: str, levels: tuple[Any, ...], asked: list[Any]) -> tuple[Any, ...]:
    shown = ", ".join(map(str, levels[:12])) + (", …" if len(levels) > 12 else "")
    for value in asked:
        if value not in levels:
            hint = nearest(str(value), map(str, levels))
            raise ConfigError(f'at: "{name}" has no level "{value}".{hint} Levels: {shown}.')
    if not asked or len(set(asked)) < len(asked):
        raise ConfigError(f'at: give every level of "{name}" once. Levels: {shown}.')
    return tuple(levels[levels.index(value)] for value in asked)


def _numbers(name: str, asked: list[Any]) -> tuple[float, ...]:
    try:
        values = tuple(float(value) for value in asked)
    except (TypeError, ValueError):
        values = ()
    if not values or not np.isfinite(values).all() or len(set(values)) < len(values):
        raise ConfigError(f'at: "{name}" is a number: give one or more finite numbers, each once.')
    return values


def _column(variable: Variable, codes: NDArray[np.intp], like: pd.Series[Any]) -> pd.Series[Any]:
    """Repeat the values with the type of the fitted column, so that the formula reads them as it did."""
    values = np.empty(len(variable.values), dtype=object)
    values[:] = variable.values
    series = pd.Series(values[codes])
    return series.astype(like.dtype if variable.is_factor else "float64")


def _equal(grid: ReferenceGrid, free: list[str], rows: pd.DataFrame) -> Floats:
    return np.ones(len(grid.cells))


def _proportional(grid: ReferenceGrid, free: list[str], rows: pd.DataFrame) -> Floats:
    return _counts(grid, free, rows)


def _outer(grid: ReferenceGrid, free: list[str], rows: pd.DataFrame) -> Floats:
    weights = np.ones(len(grid.cells))
    for name in free:
        weights = weights * _counts(grid, [name], rows)
    return weights


def _cells(grid: ReferenceGrid, free: list[str], rows: pd.DataFrame) -> Floats:
    return _counts(grid, [v.name for v in grid.variables if v.is_factor], rows)


def _flat(grid: ReferenceGrid, free: list[str], rows: pd.DataFrame) -> Floats:
    return (_cells(grid, free, rows) > 0.0).astype(float)


WEIGHTS: MappingProxyType[str, Callable[[ReferenceGrid, list[str], pd.DataFrame], Floats]] = MappingProxyType(
    {"equal": _equal, "proportional": _proportional, "outer": _outer, "cells": _cells, "flat": _flat}
)


def cell_weights(grid: ReferenceGrid, kept: Sequence[str], rows: FitRows, name: str) -> Floats:
    """Weigh the cells that are averaged over.

    Parameters
    ----------
    grid
        The reference grid.
    kept
        The variables that are not averaged over.
    rows
        The rows used, which are counted.
    name
        ``equal``; ``proportional`` to the rows of the factors averaged over, whatever the other factors;
        ``outer``, the product of each factor's own shares; ``cells``, the rows of the cell itself; ``flat``,
        equal but for cells without rows.

    Returns
    -------
    numpy.ndarray
        One weight per cell, not yet scaled to a sum of one.
    """
    if name not in WEIGHTS:
        known = [*WEIGHTS, "rows"]
        raise ConfigError(
            f'There are no weights "{name}".{nearest(str(name), known)} Available: {", ".join(known)}.'
        )
    free = [v.name for v in grid.variables if v.is_factor and v.name not in kept]
    if not free:
        return np.ones(len(grid.cells))
    return WEIGHTS[name](grid, free, rows.frame)


def _counts(grid: ReferenceGrid, names: list[str], rows: pd.DataFrame) -> Floats:
    """Count the rows used with each cell's levels of some factors."""
    if not names:
        return np.ones(len(grid.cells))
    place = np.zeros(len(rows), dtype=np.intp)
    cell = np.zeros(len(grid.cells), dtype=np.intp)
    known = np.ones(len(rows), dtype=bool)
    size = 1
    for name in names:
        values = grid.variable(name).values
        codes = pd.Index(values, dtype=object).get_indexer(rows[name].astype(object))
        known &= codes >= 0
        place, cell = place * len(values) + codes, cell * len(values) + grid.codes[name].to_numpy()
        size *= len(values)
    return np.bincount(place[known], minlength=size).astype(float)[cell]

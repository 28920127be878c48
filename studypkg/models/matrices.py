"""Columns from formulas: by formulaic, or directly where a formula only names and multiplies numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """The columns of one part of a formula, n × p, each contiguous, and how to build them for new rows."""

    names: tuple[str, ...]
    values: Floats
    make_spec: Callable[[], ModelSpec]

    @cached_property
    def spec(self) -> ModelSpec:
        """What formulaic remembers of the columns: categories, knots and the like."""
        return self.make_spec()


@dataclass(frozen=True)
class Table:
    """The complete rows of the columns a formula reads, as float64, boolean, category or text."""

    columns: dict[str, pd.Series[Any]]
    n: int

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The columns side by side, rows numbered from zero."""
        return pd.DataFrame(self.columns, index=pd.RangeIndex(self.n))


@lru_cache(maxsize=512)
def formula_of(text: str) -> Formula:
    """Parse one part of a formula; nobody changes the result."""
    return Formula(text)


def build_block(text: str, table: Table, like: Block | None = None) -> Block:
    """Evaluate one part of a formula on a table; with ``like``, as it was done on another table.

    Raises
    ------
    ConfigError
        If formulaic cannot evaluate it.
    ModelError
        If a column is not finite although the columns it reads are.
    """
    block = evaluate_block(text, table, like)
    refuse_not_finite(not_finite(block), table.n)
    return block


def evaluate_block(text: str, table: Table, like: Block | None = None) -> Block:
    """Do what `build_block` does without asking whether the columns are finite."""
    return _plain_block(text, table) or _formulaic_block(text, table, like)


def not_finite(block: Block) -> dict[str, int]:
    """Count, by column, the rows where it is not a finite number."""
    if not block.values.size or np.isfinite(block.values.sum()):
        return {}
    counts = zip(block.names, (~np.isfinite(block.values)).sum(axis=0).tolist(), strict=True)
    return {name: bad for name, bad in counts if bad}


def refuse_not_finite(counts: dict[str, int], n: int) -> None:
    """Say that a column is not finite in some of n rows, if one is."""
    for name, bad in counts.items():
        raise ModelError(
            f'"{name}" is not a finite number in {bad} of {n} rows, though its columns '
            "are. Look for logarithms of zero or divisions by zero."
        )


def matrix(spec: Any, frame: pd.DataFrame) -> Any:
    """Evaluate a formula or a remembered design on a table, with formulaic's faults made plain."""
    objects = [pd.api.types.is_object_dtype(dtype) for dtype in frame.dtypes]
    for name in frame.columns[objects]:
        # Truth values that came with missing ones are a column of objects until those rows are gone.
        if pd.api.types.infer_dtype(frame[name], skipna=False) == "boolean":
            frame = frame.assign(**{name: frame[name].astype(bool)})
    try:
        with warnings.catch_warnings(record=True) as caught:
            # Logarithms of zero and the like are found by the caller as values that are not finite.
            warnings.simplefilter("always")
            result = spec.get_model_matrix(frame, context={}, na_action="ignore")
    except FormulaicError as fault:
        # formulaic may quote values; the first line names the factor only up to the first full stop.
        reason = str(fault).splitlines()[0].split(".")[0]
        raise ConfigError(f"The formula cannot be evaluated on the data: {reason}.") from None
    if any(issubclass(w.category, DataMismatchWarning) for w in caught):
        raise ModelError(
            "A category column holds a category the model was not fitted on: leave those rows out."
        )
    return result


def _formulaic_block(text: str, table: Table, like: Block | None) -> Block:
    made = matrix(formula_of(text) if like is None else like.spec, table.frame)
    spec = made.model_spec
    values = np.asfortranarray(made, dtype=float)
    return Block(tuple(str(c) for c in made.columns), values, lambda: spec)


def _plain_block(text: str, table: Table) -> Block | None:
    """Build products of number columns by hand: what most formulas are, without a detour of milliseconds."""
    parts = _plain_terms(text)
    if parts is None:
        return None
    for factors in parts:
        for name in factors:
            column = table.columns.get(name)
            if column is None or column.dtype != np.float64:
                return None
    values = np.empty((len(parts), table.n))
    for row, factors in zip(values, parts, strict=True):
        if not factors:
            row[:] = 1.0
            continue
        row[:] = table.columns[factors[0]].to_numpy()
        for name in factors[1:]:
            row *= table.columns[name].to_numpy()
    used = {name: table.columns[name] for factors in parts for name in factors}

    def make_spec() -> ModelSpec:
        # Nothing of these columns depends on the data, so two rows tell formulaic all.
        rows = min(table.n, 2)
        few = {name: column.iloc[:2] for name, column in used.items()}
        return matrix(formula_of(text), pd.DataFrame(few, index=pd.RangeIndex(rows))).model_spec

    return Block(tuple(":".join(factors) or "Intercept" for factors in parts), values.T, make_spec)


@lru_cache(maxsize=512)
def _plain_terms(text: str) -> tuple[tuple[str, ...], ...] | None:
    """List the factors of every term when all of them are plain names; the intercept has none."""
    parsed = formula_of(text)
    found = []
    for term in parsed:
        factors = tuple(str(f.expr) for f in term.factors)
        if factors == ("1",):
            factors = ()
        elif not all(name.isidentifier() for name in factors):
            return None
        found.append(factors)
    return tuple(found) or None

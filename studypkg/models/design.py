"""From rows to matrices: the response, the fixed columns, and one block of columns per random term.

Rows with a missing value are left out and counted by variable. Columns that repeat others are taken
out and named, as R does, so that every coefficient that is printed means something.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.columns import plain_column, refuse_twins
from studypkg.models.formula import ParsedFormula, RandomTerm, columns_of
from studypkg.models.levels import Codes, level_codes, level_text
from studypkg.models.matrices import Block, Floats, Table, build_block, matrix

__all__ = [
    "Codes", "Design", "Floats", "GroupTerm", "build_design", "drop_aliased", "level_codes", "level_text",
    "matrix", "plain_column", "refuse_twins",
]  # fmt: skip

# A column whose part outside the earlier ones is below this share of its length is a repeat (R: 1e-7).
ALIAS_TOLERANCE = 1e-7
# Pivots of the columns' products above this are far from that, whatever rounding did to them.
_CLEARLY_APART = 1e-4


@dataclass(frozen=True)
class GroupTerm:
    """One random term in numbers: which level each row belongs to, and the columns that vary by level.

    Notes
    -----
    ``codes`` (n) are places in ``uniques``, which hold the levels in the order in which they come;
    ``columns`` is n × q.
    """

    group: str
    names: tuple[str, ...]
    codes: Codes
    uniques: NDArray[np.object_]
    columns: Floats
    block: Block
    term: RandomTerm

    @property
    def n_levels(self) -> int:
        """How many levels there are."""
        return len(self.uniques)

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The levels as text, in the order of the codes."""
        return tuple(level_text(u) for u in self.uniques)

    @property
    def spec(self) -> ModelSpec:
        """How the columns are built for new rows."""
        return self.block.spec


@dataclass(frozen=True)
class Design:
    """All that a fit needs, row order kept: n rows, p fixed columns."""

    response: str
    y: Floats
    fixed: Floats
    names: tuple[str, ...]
    aliased: tuple[str, ...]
    terms: tuple[GroupTerm, ...]
    weights: Floats | None
    n_read: int
    dropped: dict[str, int]
    kept: NDArray[np.bool_]
    index: pd.Index
    block: Block
    fixed_columns: tuple[str, ...]
    table: Table

    @property
    def spec(self) -> ModelSpec:
        """How the fixed columns are built for new rows."""
        return self.block.spec

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The columns the fixed part reads, one row per row used."""
        return self.table.frame[[c for c in self.table.columns if c in self.fixed_columns]]


def build_design(
    parsed: ParsedFormula, data: pd.DataFrame, weights: str | Sequence[float] | None = None
) -> Design:
    """Build the matrices of a parsed formula from a table.

    Parameters
    ----------
    parsed
        The formula, taken apart.
    data
        One row per observation.
    weights
        A column name or one number per row: the residual variance of a row is sigma² / weight.

    Raises
    ------
    ConfigError
        If the formula names a column or function that is not there.
    ModelError
        If the rows cannot carry the model: nothing left, not numeric, infinite.
    """
    columns = [str(c) for c in data.columns]
    fixed_columns, used, grouping = columns_read(parsed, columns)
    table: dict[str, pd.Series[Any]] = {}
    groups: dict[str, pd.Series[Any]] = {}
    dropped: dict[str, int] = {}
    kept = np.ones(len(data), dtype=bool)

    def note(name: str, missing: NDArray[np.bool_]) -> None:
        count = int(missing.sum())
        if count:
            dropped[name] = count
            kept[missing] = False

    unique = len(set(columns)) == len(columns)
    if not unique:
        refuse_twins(columns, used | grouping)
    for place, (label, name) in enumerate(zip(data.columns, columns, strict=True)):
        if name not in used and name not in grouping:
            continue
        raw = data[label] if unique else data.iloc[:, place]
        if name in grouping:
            # Levels are read from the untouched column: a long whole-number id must not pass a float.
            groups[name] = raw
        if name in used:
            table[name] = plain_column(raw, name)
            raw = table[name]
        if raw.dtype == np.float64:
            values = raw.to_numpy()
            if not np.isfinite(values.sum()):
                note(name, np.isnan(values))
        else:
            note(name, raw.isna().to_numpy())
    w = _weights(weights, data)
    if w is not None:
        note("weights of the rows", np.isnan(w))
    if not len(data):
        raise ModelError("There are no rows to fit a model to.")
    if not kept.any():
        raise ModelError(
            f"No row is complete: all {len(data)} rows lack a value in {', '.join(map(repr, dropped))}."
        )
    whole = bool(kept.all())
    rows = pd.RangeIndex(int(kept.sum()))
    for name, column in table.items():
        table[name] = _complete(column, kept, whole, rows)
    w = w if w is None or whole else w[kept]
    _whole_categories(parsed, table)
    complete = Table(table, len(rows))
    y = _response(parsed.response, complete)
    block = build_block(parsed.fixed, complete)
    fixed, names, aliased = drop_aliased(block.values, block.names)
    by_group: dict[tuple[str, ...], tuple[Codes, NDArray[np.object_]]] = {}
    for term in parsed.random:
        if term.group not in by_group:
            ids = {name: groups[name] if whole else groups[name][kept] for name in term.group}
            by_group[term.group] = level_codes(term.group, ids)
    terms = tuple(_group_term(term, complete, *by_group[term.group]) for term in parsed.random)
    return Design(
        parsed.response, y, fixed, names, aliased, terms, w, len(data), dropped, kept,
        data.index if whole else data.index[kept], block, tuple(sorted(fixed_columns)), complete,
    )  # fmt: skip


def columns_read(
    parsed: ParsedFormula, columns: Sequence[str]
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Name the columns that the fixed part reads, that any part outside the groups reads, and the groups.

    Raises
    ------
    ConfigError
        If one of them is not there.
    """
    fixed = columns_of(parsed.fixed, columns)
    used = columns_of(parsed.response, columns) | fixed
    grouping: set[str] = set()
    for term in parsed.random:
        used |= columns_of(term.lhs, columns)
        for name in term.group:
            if name not in columns:
                raise ConfigError(
                    f'The grouping factor "{name}" is not a column of the data.{nearest(name, columns)}'
                )
            grouping.add(name)
    return fixed, used, frozenset(grouping)


def _complete(
    column: pd.Series[Any], kept: NDArray[np.bool_], whole: bool, rows: pd.RangeIndex
) -> pd.Series[Any]:
    """Take the complete rows of a column and number them from zero."""
    if whole and column.index.equals(rows) and not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if column.dtype == np.float64:
        values = column.to_numpy()
        return pd.Series(values if whole else values[kept], index=rows, copy=False)
    column = column.reset_index(drop=True) if whole else column[kept].reset_index(drop=True)
    if (
        pd.api.types.is_object_dtype(column.dtype)
        and pd.api.types.infer_dtype(column, skipna=False) == "boolean"
    ):
        return column.astype(bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
    return column


def drop_aliased(fixed: Floats, names: tuple[str, ...]) -> tuple[Floats, tuple[str, ...], tuple[str, ...]]:
    """Take out columns that are combinations of earlier ones, and name them.

    Notes
    -----
    Where the products of the columns, scaled to length one, have clearly positive pivots nothing repeats,
    and ``fixed`` itself is returned. Otherwise columns are scaled to length one and factorised by QR in their
    written order; a column whose diagonal element falls below `ALIAS_TOLERANCE` repeats the earlier ones. The
    first such column is removed and the rest is factorised again, so later columns are judged cleanly.
    """
    keep = list(range(fixed.shape[1]))
    gram = fixed.T @ fixed
    lengths = np.sqrt(np.diag(gram))
    if (lengths > 0.0).all() and clearly_apart(gram / np.outer(lengths, lengths)):
        return fixed, names, ()
    aliased = [j for j in keep if lengths[j] == 0.0]
    keep = [j for j in keep if lengths[j] > 0.0]
    while keep:
        diagonal = np.abs(np.diag(np.linalg.qr(fixed[:, keep] / lengths[keep], mode="r")))
        short = np.flatnonzero(diagonal < ALIAS_TOLERANCE)
        first = int(short[0]) if short.size else len(diagonal)
        if first >= len(keep):
            break
        aliased.append(keep.pop(first))
    aliased.sort()
    return (
        np.asfortranarray(fixed[:, keep]),
        tuple(names[j] for j in keep),
        tuple(names[j] for j in aliased),
    )


def clearly_apart(products: Floats) -> bool:
    """Say whether columns of length one with these products are far from repeating each other."""
    try:
        return bool(np.diag(np.linalg.cholesky(products)).min(initial=1.0) > _CLEARLY_APART)
    except np.linalg.LinAlgError:
        return False


def _whole_categories(parsed: ParsedFormula, table: dict[str, pd.Series[Any]]) -> None:
    """Make whole numbers inside ``C( )`` integers again, so that a level is called 2 and not 2.0."""
    text = " ".join([parsed.fixed, *(t.lhs for t in parsed.random)])
    for name, column in table.items():
        if in_category(name, text) and column.dtype == "float64" and (column % 1 == 0).all():
            table[name] = column.astype("int64")


def in_category(name: str, text: str) -> bool:
    """Say whether a formula reads a column inside ``C( )``."""
    return re.search(rf"\bC\(\s*`?{re.escape(str(name))}`?\s*[,)]", text) is not None


def _weights(weights: str | Sequence[float] | None, data: pd.DataFrame) -> Floats | None:
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights not in data.columns:
            hint = nearest(weights, map(str, data.columns))
            raise ConfigError(f'The weights column "{weights}" is not in the data.{hint}')
        refuse_twins([str(c) for c in data.columns], [weights])
        column = plain_column(data[weights], weights)
        if not pd.api.types.is_numeric_dtype(column.dtype):
            raise ModelError(
                f'The weights column "{weights}" holds no numbers: weights are positive numbers.'
            )
        values = column.to_numpy(dtype=float)
    else:
        try:
            values = np.asarray(weights, dtype=float)
        except (TypeError, ValueError):
            raise ModelError("The weights are not all numbers: give one positive number per row.") from None
    if values.shape != (len(data),):
        raise ModelError(f"There are {values.size} weights for {len(data)} rows: give one per row.")
    bad = int((values <= 0).sum() + np.isinf(values).sum())
    if bad:
        raise ModelError(f"{bad} weights are zero, negative or infinite: weights must be positive numbers.")
    return values


def _response(text: str, table: Table) -> Floats:
    column = table.columns.get(text)
    if column is not None and column.dtype == np.float64:
        return np.asarray(column.to_numpy(), dtype=float)
    block = build_block(f"0 + {text}", table)
    if len(block.names) != 1:
        raise ModelError(
            f'The response "{text}" is not one column of numbers: it gives {len(block.names)}. '
            "A model of categories needs another kind of model."
        )
    return block.values[:, 0]


def _group_term(term: RandomTerm, table: Table, codes: Codes, uniques: NDArray[np.object_]) -> GroupTerm:
    block = build_block(term.lhs, table)
    return GroupTerm(term.group_label, block.names, codes, uniques, block.values, block, term)

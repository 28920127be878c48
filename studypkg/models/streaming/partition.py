"""One partition in memory: read in a fixed order, turned into the matrices of a small design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.models.design import Floats
from studypkg.models.levels import Codes, level_codes
from studypkg.models.matrices import Block, Table, evaluate_block, not_finite
from studypkg.models.streaming.recipe import Column, Recipe
from studypkg.models.streaming.shuffle import WEIGHTS
from studypkg.models.streaming.source import engine


@dataclass(frozen=True)
class Partition:
    """The matrices of one partition.

    Notes
    -----
    ``fixed`` is n × p before aliased columns are left out, ``random`` n × q for every random term; ``codes``
    and ``levels`` belong to the distinct grouping factors. Codes are those of this partition; the leading
    factor's ascend. ``bad`` counts rows where a built column is not a finite number.
    """

    y: Floats
    fixed: Floats
    random: tuple[Floats, ...]
    weights: Floats | None
    codes: tuple[Codes, ...]
    levels: tuple[NDArray[np.object_], ...]
    bad: dict[str, int]


def read_partition(recipe: Recipe, files: tuple[str, ...]) -> Partition:
    """Read a partition and build its matrices.

    Notes
    -----
    Rows come in the order of the leading factor and then of all their values, so sums do not depend on the
    order in which the rows were written.

    Raises
    ------
    ModelError
        If the files cannot be read here.
    """
    frame = _read(recipe, files)
    table = Table({c.name: _column(frame[f"u{at}"], c) for at, c in enumerate(recipe.columns)}, len(frame))
    parsed = recipe.parsed
    blocks = [
        evaluate_block(f"0 + {parsed.response}", table, recipe.response),
        evaluate_block(parsed.fixed, table, recipe.fixed),
        *(evaluate_block(t.lhs, table, b) for t, b in zip(parsed.random, recipe.random, strict=True)),
    ]
    coded = [level_codes(group, frame) for group in recipe.groups]
    return Partition(
        np.ascontiguousarray(blocks[0].values[:, 0]),
        blocks[1].values,
        tuple(b.values for b in blocks[2:]),
        frame[WEIGHTS].to_numpy(dtype=float) if recipe.weighted else None,
        tuple(codes for codes, _ in coded),
        tuple(_narrow(levels) for _, levels in coded),
        _all_bad(blocks),
    )


def _read(recipe: Recipe, files: tuple[str, ...]) -> pd.DataFrame:
    lead = recipe.groups[recipe.lead]
    places = dict.fromkeys([*lead, *(place for group in recipe.groups for place in group)])
    chosen = [*places, *(f"{_as_seen(c)} AS u{at}" for at, c in enumerate(recipe.columns))]
    if recipe.weighted:
        chosen.append(WEIGHTS)
    try:
        with engine().connect(config={"threads": 1}) as connection:
            rows = connection.read_parquet(list(files)).project(", ".join(chosen))
            frame: pd.DataFrame = rows.order(", ".join(str(at + 1) for at in range(len(chosen)))).df()
    except engine().Error as fault:
        # The text of such a fault may quote values.
        raise ModelError(
            f"A partition cannot be read ({type(fault).__name__}). Workers on other machines need the folder "
            "given as scratch under the same path."
        ) from None
    return frame


def _as_seen(column: Column) -> str:
    if column.kind == "number":
        return f"{column.place}::DOUBLE"
    if column.kind == "integer":
        return f"{column.place}::BIGINT"
    if column.kind == "category":
        values = ", ".join("'" + str(c).replace("'", "''") + "'" for c in column.categories)
        return f"{column.place}::ENUM({values})"
    return column.place


def _column(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    return values.astype("object") if column.kind == "object" else values


def _narrow(levels: NDArray[np.object_]) -> NDArray[np.object_]:
    """Keep whole-number levels as machine numbers: millions of them may stay in memory."""
    if len(levels) and all(type(v) is int for v in (levels[0], levels[-1])):
        try:
            return np.asarray(levels, dtype=np.int64)
        except (OverflowError, TypeError, ValueError):
            return levels
    return levels


def _all_bad(blocks: list[Block]) -> dict[str, int]:
    found: dict[str, int] = {}
    for block in blocks:
        for name, count in not_finite(block).items():
            found.setdefault(name, count)
    return found

"""Dealing the complete rows into partitions that hold whole levels of the leading factor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from studypkg.models.streaming.source import Source, quoted
from studypkg.models.streaming.survey import Survey

WEIGHTS = "w"


def deal(source: Source, found: Survey, folder: Path, partition_rows: int) -> list[tuple[str, ...]]:
    """Write the columns and rows that the model needs, dealt by a hash of the leading factor.

    Parameters
    ----------
    source, found
        The rows and what is known of them.
    folder
        An empty folder.
    partition_rows
        About how many rows a partition has.

    Returns
    -------
    list
        The files of every partition, in a fixed order. Their columns are ``c0``, ``c1`` … in the order of
        ``found.needed``, and ``w``.
    """
    k = -(-found.n // partition_rows)
    columns = [f"{quoted(name)} AS c{at}" for at, name in enumerate(found.needed)]
    if found.weights is not None:
        columns.append(f"TRY_CAST({quoted(found.weights)} AS DOUBLE) AS {WEIGHTS}")
    kept = source.relation.filter(found.complete)
    if k == 1:
        kept.project(", ".join(columns)).to_parquet(str(folder / "all.parquet"))
        return [(str(folder / "all.parquet"),)]
    lead = ", ".join(quoted(c) for c in found.groups[found.lead])
    columns.append(f"(hash({lead}) % {k})::INTEGER AS part")
    kept.project(", ".join(columns)).to_parquet(str(folder / "rows"), partition_by=["part"])
    return [files for _, files in sorted(_by_part(folder / "rows").items())]


def _by_part(folder: Path) -> dict[int, tuple[str, ...]]:
    found = {}
    for part in folder.iterdir():
        number = re.fullmatch(r"part=(\d+)", part.name)
        if number:
            found[int(number.group(1))] = tuple(sorted(str(f) for f in part.glob("*.parquet")))
    return found


def distinct_values(files: list[tuple[str, ...]], place: str, connection: Any) -> list[Any]:
    """List the distinct values of a dealt column, sorted."""
    every = [name for part in files for name in part]
    rows = connection.read_parquet(every).project(place).distinct().fetchall()
    return sorted(row[0] for row in rows)

"""A table as it was known at a batch: every row that had come in, without those that had gone again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studypkg.errors import UnknownTermError, nearest
from studypkg.store.batches import Batch

#: What a batch's folder holds for each table: rows that came in, rows that went, rows that lost.
CAME, WENT, OVERRULED = "in", "out", "overruled"
#: Where a row came from; kept beside the columns of the schema.
PROVENANCE = ("source_file", "source_row")


def piece(table: str, kind: str) -> str:
    """Name the file of a batch that holds one kind of rows of a table.

    Examples
    --------
    >>> piece("visits", CAME)
    'visits.in.parquet'
    """
    return f"{table}.{kind}.parquet"


def tables_at(batches: Sequence[Batch]) -> tuple[str, ...]:
    """List the tables that there were at the last of some batches."""
    return tuple(sorted(batches[-1].tables)) if batches else ()


def rebuilt(folder: Path, batches: Sequence[Batch], table: str) -> str:
    """Write the SQL of a table as it was at the last of some batches, in the order of its key.

    Parameters
    ----------
    folder
        Where the batches lie.
    batches
        All that were known, the first one first.
    table
        Name of the table.

    Raises
    ------
    UnknownTermError
        If there was no such table then.
    """
    known = tables_at(batches)
    if table not in known:
        raise UnknownTermError(
            f'there was no table "{table}" at batch {batches[-1].number}.{nearest(table, known)} '
            f"There was: {', '.join(known) or 'none'}."
        )
    told = batches[-1].tables[table]
    columns = ", ".join(map(_ident, (*told["columns"], *PROVENANCE)))
    key = [_ident(name) for name in told["key"]]
    came = _files(folder, batches, piece(table, CAME))
    went = _files(folder, batches, piece(table, WENT))
    rows = f"read_parquet({came}, union_by_name = true)"
    if went is not None:
        same = " AND ".join(f"c.{name} = w.{name}" for name in (*key, "_batch"))
        rows = f"(SELECT c.* FROM {rows} c ANTI JOIN read_parquet({went}, union_by_name = true) w ON {same})"
    return f"SELECT {columns} FROM {rows} ORDER BY {', '.join(key)}"


def versions(folder: Path, batches: Sequence[Batch], table: str) -> str:
    """Write the SQL of every version of every row: which batch brought it, which ended it, and why."""
    told = batches[-1].tables[table]
    columns = ", ".join(f"c.{_ident(name)}" for name in (*told["columns"], *PROVENANCE))
    key = [_ident(name) for name in told["key"]]
    came, went = (_files(folder, batches, piece(table, kind)) for kind in (CAME, WENT))
    lost = _files(folder, batches, piece(table, OVERRULED))
    ends = (
        f"read_parquet({went}, union_by_name = true)"
        if went is not None
        else f"(SELECT {', '.join(key)}, _batch, 0 AS _ended, '' AS _why FROM read_parquet({came}, "
        f"union_by_name = true) WHERE false)"
    )
    same = " AND ".join(f"c.{name} = w.{name}" for name in (*key, "_batch"))
    parts = [
        f"SELECT {columns}, c._batch AS valid_from_batch, w._ended AS valid_to_batch, c._why AS why, "
        f"w._why AS why_ended FROM read_parquet({came}, union_by_name = true) c LEFT JOIN {ends} w ON {same}"
    ]
    if lost is not None:
        parts.append(
            f"SELECT {columns}, c._batch, c._batch, c._why, c._why FROM "
            f"read_parquet({lost}, union_by_name = true) c"
        )
    order = f"{', '.join(key)}, valid_from_batch, why, source_file, source_row"
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY {order}"


def _files(folder: Path, batches: Sequence[Batch], name: str) -> str | None:
    """List the files of one name as a DuckDB list; None if no batch has one."""
    paths = [folder / batch.name / name for batch in batches if name in batch.files]
    if not paths:
        return None
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Several files make one delivery: the same columns in every one, and every row keeps its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from studypkg.errors import DataRejectedError, StudyError
from studypkg.records.arrivals import Arrival
from studypkg.records.cutting import drop_relation
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.raw import FILE_BITS, Part, RawTable, relation_name, shown

_LISTED = 5
_MOST_NOTES = 20


def join_files(
    connection: duckdb.DuckDBPyConnection,
    arrival: Arrival,
    settings: Sequence[object],
    read: Callable[[Path], RawTable],
) -> RawTable:
    """Read the files of a delivery one after the other into one table.

    Parameters
    ----------
    connection
        Where the table is made.
    arrival
        Two or more files.
    settings
        Everything but the files that decides how they are read.
    read
        Reads one of them.

    Returns
    -------
    RawTable
        All rows under the columns of the first file; the order of columns may differ from file to
        file. `parts` names the files, and `_row` says in which of them a row stands.

    Raises
    ------
    DataRejectedError
        If a file cannot be read, or lacks a column that the first one has, or has one more.
    """
    relation = relation_name(arrival.sha256, "joined", *settings)
    parts: list[Part] = []
    tables: list[RawTable] = []
    for number, (path, name) in enumerate(zip(arrival.files, arrival.names, strict=True)):
        before = _tables(connection)
        raw = _named(read, path, name)
        if tables:
            _refuse_other_columns(tables[0], raw, arrival, name)
            into = f"INSERT INTO {ident(relation)} BY NAME"
        else:
            into = f"CREATE OR REPLACE TEMP TABLE {ident(relation)} AS"
        connection.execute(
            f"{into} SELECT _row + {number << FILE_BITS} AS _row, {idents(raw.columns)} "
            f"FROM {ident(raw.relation)}"
        )
        if raw.relation not in before:
            # Another source may read this very file alone; then its table stays.
            drop_relation(connection, raw.relation)
        parts.append(Part(name, raw.sha256))
        tables.append(raw)
    first = tables[0]
    return replace(
        first,
        name=arrival.name,
        sha256=arrival.sha256,
        relation=relation,
        n_rows=sum(raw.n_rows for raw in tables),
        encoding=first.encoding if len({raw.encoding for raw in tables}) == 1 else "",
        delimiter=first.delimiter if len({raw.delimiter for raw in tables}) == 1 else "",
        notes=_notes(parts, tables),
        parts=tuple(parts),
    )


def _named(read: Callable[[Path], RawTable], path: Path, name: str) -> RawTable:
    """Read one file; a refusal names it by its place in the delivery, as names may repeat."""
    try:
        return read(path)
    except StudyError as fault:
        kind, text = type(fault), str(fault)
    raise kind(name + text.removeprefix(shown(path)) if text.startswith(shown(path)) else f"{name}: {text}")


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    return {str(row[0]) for row in rows}


def _refuse_other_columns(first: RawTable, raw: RawTable, arrival: Arrival, name: str) -> None:
    missing = [column for column in first.columns if column not in raw.columns]
    more = [column for column in raw.columns if column not in first.columns]
    if not missing and not more:
        return
    told = [f"lacks {_some(missing)}"] * bool(missing) + [f"has {_some(more)} besides"] * bool(more)
    raise DataRejectedError(
        f"{arrival.name}: the files do not have the same columns: {name} {' and '.join(told)}, compared with "
        f"{arrival.names[0]}. Deliver files of one shape together, and others under a [[sources]] block of "
        f"their own. Nothing was replaced."
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(literal(name).replace("'", '"') for name in names[:_LISTED]) + more


def _notes(parts: Sequence[Part], tables: Sequence[RawTable]) -> tuple[str, ...]:
    """Say once what holds for all files, and with its file what holds for some."""
    common = [note for note in tables[0].notes if all(note in raw.notes for raw in tables)]
    own = [
        f"{part.name}: {note}"
        for part, raw in zip(parts, tables, strict=True)
        for note in raw.notes
        if note not in common
    ]
    seen: dict[str, str] = {}
    for part in parts:
        if part.sha256 in seen:
            own.append(f"{part.name} holds the same bytes as {seen[part.sha256]}")
        seen.setdefault(part.sha256, part.name)
    more = [f"{len(own) - _MOST_NOTES} more notes on single files"] if len(own) > _MOST_NOTES else []
    return (f"{len(parts)} files", *common, *own[:_MOST_NOTES], *more)

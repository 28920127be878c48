"""A DuckDB file, read by DuckDB itself: attached read-only, with every other door of the machine shut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from studypkg.errors import ConfigError
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.sql.rows import BATCH_ROWS, write_rows
from studypkg.records.sql.texts import LONGEST, refused_column
from studypkg.systems import Sql

_AS_IS = frozenset(
    ("VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT",
     "UTINYINT", "UHUGEINT", "BOOLEAN", "DATE", "UUID", "TIME", "NULL", '"NULL"')
)  # fmt: skip
_STAMPS = frozenset(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"))
_INSTANT = "TIMESTAMP WITH TIME ZONE"
_MEMORY = "1GB"


def read_duckdb(path: Path, sql: Sql, target: Path, *, place: str, opened: Any) -> None:
    """Read the rows that a source declares into a Parquet file of text columns.

    Parameters
    ----------
    path
        The DuckDB file.
    sql
        What to read.
    target
        The file that is written.
    place
        What messages call the source.
    opened
        Called when the file is attached.

    Raises
    ------
    ConfigError
        If the query is not one SELECT.
    DataRejectedError
        If a column holds what has no one way of being written.

    Notes
    -----
    The file is attached before access to the machine is shut off, so that a query reads this file and
    no other, loads nothing and writes nothing.
    """
    with duckdb.connect(config={"memory_limit": _MEMORY, "threads": 2}) as connection:
        connection.execute(f"SET temp_directory = {literal(str(target.parent / 'spill'))}")
        connection.execute(f"ATTACH {literal(str(path.resolve()))} AS source_file (READ_ONLY, TYPE duckdb)")
        opened()
        connection.execute("USE source_file")
        connection.execute(f"SET TimeZone = {literal(sql.timezone or 'UTC')}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        query = _query(connection, sql, place)
        stop = Timer(sql.timeout_seconds, connection.interrupt)
        stop.start()
        try:
            described = connection.execute(f"DESCRIBE {query}").fetchall()
            names = [str(row[0]) for row in described]
            kinds = [_kind(str(row[0]), str(row[1]), sql, place) for row in described]
            # Places, not names: two columns of a query may be called alike.
            places = [f"c{number}" for number in range(len(names))]
            cells = ", ".join(_text(one, kind) for one, kind in zip(places, kinds, strict=True))
            rows = connection.execute(f"SELECT {cells} FROM ({query}) AS q({idents(places)})")
            write_rows(target, names, _batches(rows, names, place), place=place)
        finally:
            stop.cancel()


def _query(connection: duckdb.DuckDBPyConnection, sql: Sql, place: str) -> str:
    if sql.query is None:
        relation = ".".join(ident(part) for part in str(sql.relation).split("."))
        return f"SELECT {idents(sql.columns) or '*'} FROM {relation}"
    statements = connection.extract_statements(sql.query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError(f"{place}: the query is not one SELECT. Mend it.")
    # A line end, so that a comment at its end does not swallow what follows.
    return statements[0].query.strip().rstrip(";") + "\n"


def _kind(name: str, kind: str, sql: Sql, place: str) -> str:
    """Say how a column is written: as it is, as a number with a fraction, as a stamp, or as an instant."""
    if kind in _AS_IS or kind.startswith(("DECIMAL(", "ENUM(")):
        return "plain"
    if kind in ("DOUBLE", "FLOAT"):
        return "float"
    if kind in _STAMPS:
        return "stamp"
    if kind == _INSTANT and sql.timezone is not None:
        return "instant"
    if kind in (_INSTANT, "TIME WITH TIME ZONE"):
        raise refused_column(place, name, "an instant with a time zone")
    words = {"BLOB": "bytes", "INTERVAL": "a span of time", "JSON": "JSON"}
    listed = "a list" if kind.endswith("]") else "a structure"
    raise refused_column(place, name, words.get(kind, listed))


def _text(cell: str, kind: str) -> str:
    text = f"CAST({cell} AS VARCHAR)"
    if kind == "float":
        return f"regexp_replace({text}, '^(-?[0-9]+)[.]0$', '\\1')"
    if kind == "instant":
        text = f"CAST(CAST({cell} AS TIMESTAMP) AS VARCHAR)"
    return f"regexp_replace({text}, ' 00:00:00$', '')" if kind in ("stamp", "instant") else text


def _batches(
    rows: duckdb.DuckDBPyConnection, names: list[str], place: str
) -> Iterator[list[list[str | None]]]:
    while batch := rows.fetchmany(BATCH_ROWS):
        columns = [list(values) for values in zip(*batch, strict=True)]
        for name, values in zip(names, columns, strict=True):
            if any(value is not None and len(value) > LONGEST for value in values):
                raise refused_column(place, name, "a document of more than a million letters")
        yield columns

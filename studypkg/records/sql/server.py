"""A database behind a SQLAlchemy URL: one read-only transaction, one consistent view, rows in a stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import (
    SQLITE_DENY,
    SQLITE_FUNCTION,
    SQLITE_OK,
    SQLITE_READ,
    SQLITE_RECURSIVE,
    SQLITE_SELECT,
    SQLITE_TRANSACTION,
)
from sqlite3 import Connection as SqliteConnection
from sqlite3 import connect as connect_sqlite
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, column, create_engine, literal_column, select, table
from sqlalchemy.engine import URL, CursorResult
from sqlalchemy.pool import NullPool

from studypkg.errors import ConfigError
from studypkg.records.sql import postgres
from studypkg.records.sql.rows import BATCH_ROWS, write_rows
from studypkg.records.sql.texts import columns_of, text_of
from studypkg.systems import Sql

CONNECT_SECONDS = 15
#: Servers that take a promise to only read at the start of a transaction, and how it is given.
_PROMISES: Mapping[str, str] = {
    "mysql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
_ALLOWED = (SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE, SQLITE_TRANSACTION)


def read_server(url: URL, sql: Sql, target: Path, *, place: str, opened: Callable[[], None]) -> None:
    """Read the rows that a source declares into a Parquet file of text columns.

    Parameters
    ----------
    url
        Address of the database.
    sql
        What to read.
    target
        The file.
    place
        What messages call the source.
    opened
        Called when the connection stands.

    Raises
    ------
    DataRejectedError
        If a column holds what has no one way of being written.
    ConfigError
        If the server cannot promise to only read, and a query is to be run.

    Notes
    -----
    PostgreSQL reads in a READ ONLY transaction at REPEATABLE READ through a cursor of the server;
    SQLite opens its file read-only and allows nothing but SELECT. Other servers are asked for the same
    where they know it; where they do not, only a `relation` is read.
    """
    kind = url.get_backend_name()
    engine = _engine(url, sql)
    try:
        with engine.connect() as connection:
            _promise(connection, kind, sql, place)
            opened()
            with closing(_run(connection, sql)) as result:
                if result.cursor is None or not result.returns_rows:
                    raise ConfigError(f"{place}: the query gives no rows. Write one SELECT.")
                names = list(result.keys())
                if kind == "postgresql":
                    names = postgres.column_names(result)
                    write = postgres.writers(connection, result, sql, place)
                else:
                    zone = ZoneInfo(sql.timezone) if sql.timezone else None
                    write = [lambda value: text_of(value, zone)] * len(names)
                write_rows(target, names, _batches(result, names, write, place), place=place)
    finally:
        engine.dispose()


def _engine(url: URL, sql: Sql) -> Engine:
    kind = url.get_backend_name()
    plain: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True, "echo": False}
    if kind == "sqlite":
        return create_engine(
            "sqlite://", creator=lambda: _open_sqlite(url.database or "", sql.timeout_seconds), **plain
        )
    if kind == "postgresql":
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        return create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS}, **plain)
    return create_engine(url, **plain)


def _open_sqlite(path: str, seconds: int) -> SqliteConnection:
    """Open a SQLite file so that it cannot be written, and nothing takes too long."""
    address = f"file:{quote(str(Path(path).resolve()))}?mode=ro"
    connection = connect_sqlite(address, uri=True, timeout=CONNECT_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > end), 100_000)
    return connection


def _promise(connection: Connection, kind: str, sql: Sql, place: str) -> None:
    """Begin the transaction and have it promise to change nothing."""
    if kind == "postgresql":
        postgres.begin(connection, sql)
    elif kind == "sqlite":
        driver: Any = connection.connection.driver_connection
        # Only now, as SQLAlchemy has asked all it wants to know.
        driver.set_authorizer(lambda action, *_: SQLITE_OK if action in _ALLOWED else SQLITE_DENY)
        connection.exec_driver_sql("BEGIN")
    elif kind in _PROMISES:
        connection.exec_driver_sql(_PROMISES[kind])
    elif sql.query is not None:
        raise ConfigError(
            f"{place}: this kind of database cannot promise that a query only reads. Make a view of the "
            f'query there and read that: relation = "schema.view" under [sources.sql].'
        )


def _run(connection: Connection, sql: Sql) -> CursorResult[Any]:
    streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
    if sql.query is not None:
        # Without parameters, so that a % or a : in the query is only that.
        return streamed.execution_options(no_parameters=True).exec_driver_sql(sql.query)
    *schema, name = str(sql.relation).split(".")
    columns = [column(one) for one in sql.columns]
    relation = table(name, *columns, schema=".".join(schema) or None)
    chosen = columns or [literal_column("*")]
    return streamed.execute(select(*chosen).select_from(relation))


def _batches(
    result: CursorResult[Any],
    names: Sequence[str],
    write: Sequence[Callable[[object], str | None]],
    place: str,
) -> Iterator[list[list[str | None]]]:
    for rows in result.partitions(BATCH_ROWS):
        yield columns_of(rows, names, write, place)

"""What PostgreSQL needs: every value as the server writes it, so that no odd one breaks the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from psycopg.types.string import TextLoader
from sqlalchemy import Connection
from sqlalchemy.engine import CursorResult

from studypkg.records.quoting import literal
from studypkg.records.sql.texts import refused_column
from studypkg.systems import Sql

#: Types whose text is the value, by their number in the system catalogue.
_AS_IS: Mapping[int, str] = {
    20: "int8", 21: "int2", 23: "int4", 26: "oid", 18: "char", 19: "name", 25: "text", 705: "unknown",
    1042: "bpchar", 1043: "varchar", 2950: "uuid", 1082: "date", 1083: "time", 1700: "numeric",
    700: "float4", 701: "float8",
}  # fmt: skip
_BOOL, _STAMP, _INSTANT = 16, 1114, 1184
#: What the others are called in a message.
_CALLED: Mapping[str, str] = {
    "A": "a list", "U": "bytes, JSON or another structure", "C": "a structure", "P": "a structure",
    "R": "a range", "T": "a span of time", "G": "a shape", "I": "a network address", "V": "bits",
}  # fmt: skip


def begin(connection: Connection, sql: Sql) -> None:
    """Begin a transaction that sees one moment, changes nothing, and ends in time.

    Notes
    -----
    A sequential read starts at the table's first page, so an unchanged table gives the same file
    again. Instants come as the local time of the declared zone; the server knows its rules.
    """
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    settings = {
        "statement_timeout": str(sql.timeout_seconds * 1000),
        "lock_timeout": str(sql.timeout_seconds * 1000),
        "synchronize_seqscans": "off",
        "datestyle": "ISO, YMD",
        "extra_float_digits": "1",
        "TimeZone": sql.timezone or "UTC",
    }
    for name, value in settings.items():
        connection.exec_driver_sql(f"SET LOCAL {name} = {literal(value)}")
    driver: Any = connection.connection.driver_connection
    for number in (*_AS_IS, _BOOL, _STAMP, _INSTANT):
        # The driver would turn "infinity" into a day and fail; the rules shall see it as text.
        driver.adapters.register_loader(number, TextLoader)


def column_names(result: CursorResult[Any]) -> list[str]:
    """Give the names of the columns as they stand, also where two are alike."""
    return [one.name for one in _description(result)]


def writers(
    connection: Connection, result: CursorResult[Any], sql: Sql, place: str
) -> list[Callable[[object], str | None]]:
    """Give for each column what writes its cells.

    Raises
    ------
    DataRejectedError
        If a column has a type that has no one way of being written.
    """
    described = _description(result)
    others = {one.type_code for one in described} - {*_AS_IS, _BOOL, _STAMP, _INSTANT}
    kinds = _kinds(connection, others)
    chosen = []
    for one in described:
        kind = kinds.get(one.type_code, "")
        if one.type_code == _INSTANT and sql.timezone is None:
            raise refused_column(place, one.name, "an instant with a time zone")
        # Own closed lists ("E") and own kinds of text ("S") are text.
        if one.type_code in others and kind not in ("E", "S"):
            raise refused_column(place, one.name, _CALLED.get(kind, "a value of a type of its own"))
        chosen.append(_WRITERS.get(one.type_code, _plain))
    return chosen


def _description(result: CursorResult[Any]) -> Iterable[Any]:
    found: Iterable[Any] = result.cursor.description if result.cursor is not None else ()
    return found


def _kinds(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Ask the catalogue for the category of types that are not listed here."""
    listed = ", ".join(str(int(number)) for number in sorted(numbers))
    if not listed:
        return {}
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(f"SELECT oid::int8, typcategory::text FROM pg_catalog.pg_type WHERE oid IN ({listed})")
        return {int(number): str(kind) for number, kind in cursor.fetchall()}


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _flag(value: object) -> str | None:
    return None if value is None else {"t": "true", "f": "false"}[str(value)]


def _stamp(value: object) -> str | None:
    return None if value is None else str(value).removesuffix(" 00:00:00")


def _instant(value: object) -> str | None:
    """Cut the offset off a local time: the zone was declared."""
    if value is None:
        return None
    text = str(value)
    cut = max(text.rfind("+"), text.rfind("-"))
    return (text[:cut] if " " in text and cut > text.index(" ") else text).removesuffix(" 00:00:00")


_WRITERS: Mapping[int, Callable[[object], str | None]] = {_BOOL: _flag, _STAMP: _stamp, _INSTANT: _instant}

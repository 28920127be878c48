"""Rows set aside, one line per broken rule, so that the office can mend them in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from studypkg.records.mapping import Mapped
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import Part, RawTable, place_sql
from studypkg.records.rules import RULES
from studypkg.records.screening import BITS, Screen

#: Columns of the quarantine, in order. `raw` holds the whole row of the file, as JSON.
COLUMNS = ("file", "sha256", "row", "table", "column", "source_column", "rule", "advice", "raw")
#: A cell that starts with one of these would run as a formula when a spreadsheet opens the CSV.
_FORMULA = r"^[=+\-@\t\r]"


@dataclass(frozen=True)
class Delivered:
    """One source with what the quarantine needs to point back into it.

    Parameters
    ----------
    number
        Place of the source in the declaration.
    raw
        The file as text.
    mapped
        How its columns became the table's.
    """

    number: int
    raw: RawTable
    mapped: Mapped


def list_faults(
    connection: duckdb.DuckDBPyConnection, screen: Screen, delivered: Sequence[Delivered], *, into: str
) -> None:
    """Write one line per row and broken rule into the DuckDB table `into`.

    Parameters
    ----------
    connection
        Where the stage and the files as text live.
    screen
        The screened table.
    delivered
        Every source that fed it.
    into
        Name of the table that is made, with the columns of `COLUMNS`.

    Notes
    -----
    The line carries the row as it was delivered. It belongs in the study's own folder of processed
    data and nowhere else.
    """
    masks = range(-(-len(screen.checks) // BITS))
    connection.execute(
        "CREATE TEMP TABLE _checks (place INTEGER, rule VARCHAR, fault VARCHAR, advice VARCHAR)"
    )
    connection.executemany(
        "INSERT INTO _checks VALUES (?, ?, ?, ?)",
        [(place, c.rule, c.column, RULES[c.rule].advice) for place, c in enumerate(screen.checks)],
    )
    connection.execute(
        "CREATE TEMP TABLE _origins (source INTEGER, series INTEGER, fault VARCHAR, origin VARCHAR)"
    )
    origins = [line for one in delivered for line in _origins(screen, one)]
    if origins:
        connection.executemany("INSERT INTO _origins VALUES (?, ?, ?, ?)", origins)
    mask = " ".join(f"WHEN {word} THEN _mask{word}" for word in masks)
    connection.execute(
        f"CREATE TEMP TABLE _faults AS SELECT s._source, s._row, s._series, c.* FROM "
        f"(SELECT _source, _row, _series, {screen.masks} FROM {screen.stage} WHERE {screen.bad}) s "
        f"JOIN _checks c ON ((CASE c.place // {BITS} {mask} END) >> (c.place % {BITS})) & 1 = 1"
    )
    columns = ", ".join(f"{ident(name)} {'BIGINT' if name == 'row' else 'VARCHAR'}" for name in COLUMNS)
    connection.execute(
        f"CREATE TABLE {ident(into)} ({columns}, _source INTEGER, _series INTEGER, _place INTEGER)"
    )
    number, row = place_sql("f._row")
    for one in delivered:
        _list_parts(connection, one.raw)
        cells = ", ".join(f"{ident(name)} := r.{ident(name)}" for name in one.raw.columns)
        connection.execute(
            f"INSERT INTO {ident(into)} SELECT p.name, p.sha256, {row}, "
            f"{literal(screen.table.name)}, f.fault, o.origin, f.rule, f.advice, "
            f"to_json(struct_pack({cells}))::VARCHAR, f._source, f._series, f.place "
            f"FROM _faults f JOIN {ident(one.raw.relation)} r ON r._row = f._row "
            f"JOIN _parts p ON p.number = {number} "
            f"LEFT JOIN _origins o ON o.source = f._source AND o.series = f._series AND o.fault = f.fault "
            f"WHERE f._source = {one.number}"
        )
    for name in ("_checks", "_origins", "_faults"):
        connection.execute(f"DROP TABLE {name}")
    connection.execute("DROP TABLE IF EXISTS _parts")


def write_quarantine(
    connection: duckdb.DuckDBPyConnection, relation: str, folder: Path, table: str
) -> list[Path]:
    """Write a table made by `list_faults` as Parquet and as a CSV that a spreadsheet can open safely.

    Returns
    -------
    list of Path
        `TABLE.parquet` and `TABLE.csv` in `folder`.
    """
    order = 'ORDER BY _source, "row", _series, _place'
    plain = ", ".join(ident(name) for name in COLUMNS)
    safe = ", ".join(name if name == '"row"' else _harmless(name) for name in map(ident, COLUMNS))
    parquet, csv = folder / f"{table}.parquet", folder / f"{table}.csv"
    source = f"FROM {ident(relation)} {order}"
    connection.execute(
        f"COPY (SELECT {plain} {source}) TO {literal(str(parquet))} (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.execute(f"COPY (SELECT {safe} {source}) TO {literal(str(csv))} (FORMAT csv, HEADER)")
    return [parquet, csv]


def _list_parts(connection: duckdb.DuckDBPyConnection, raw: RawTable) -> None:
    """Make the table of the files of a delivery, by their number in `_row`."""
    connection.execute("CREATE OR REPLACE TEMP TABLE _parts (number BIGINT, name VARCHAR, sha256 VARCHAR)")
    connection.executemany(
        "INSERT INTO _parts VALUES (?, ?, ?)",
        [(n, one.name, one.sha256) for n, one in enumerate(raw.parts or (Part(raw.name, raw.sha256),))],
    )


def _harmless(column: str) -> str:
    formula = f"regexp_matches({column}, '{_FORMULA}')"
    return f"CASE WHEN {formula} THEN '''' || {column} ELSE {column} END AS {column}"


def _origins(screen: Screen, one: Delivered) -> list[tuple[int, int, str, str]]:
    """List the source columns behind each place where a fault of the table can be."""
    places: Mapping[str, None] = dict.fromkeys(check.column for check in screen.checks)
    lines = []
    for place in places:
        for series in range(one.mapped.series):
            found = [one.mapped.origins[name][series] for name in place.split(", ")]
            origin = ", ".join(dict.fromkeys(name for name in found if name))
            if origin:
                lines.append((one.number, series, place, origin))
    return lines

"""Rows that were set aside wait as they were delivered, and are screened again with every batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from studypkg.records.cells import ISO_FORMATS, Reading
from studypkg.records.history.origins import Bringer, Origin
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.raw import RawTable
from studypkg.sources import Source

#: Columns of the rows that wait. `since` is the batch that delivered the row, `raw` the row as JSON.
WAITING = ("origin", "file", "sha256", "row", "series", "since", "raw", "reading")
#: Columns of the corrections: the row as delivered, as it was mended, and whether it came in so.
AMENDMENTS = ("origin", "before", "after", "applied")


@dataclass(frozen=True)
class Mend:
    """A row of the quarantine as a person mended it.

    Parameters
    ----------
    before, after
        The row as it waits, and with the mended cells; both as JSON.
    moved
        A cell that the key is made of was changed.
    """

    before: str
    after: str
    moved: bool


#: Mended rows by origin, hash of their file, and row.
Mends = Mapping[tuple[str, str, int], Mend]


def open_waiting(
    connection: duckdb.DuckDBPyConnection,
    path: Path | None,
    sources: Mapping[str, Source],
    origins: Mapping[str, Origin],
    *,
    restated: set[str],
    mends: Mends,
    first: int,
) -> list[Bringer]:
    """Open the rows that wait as if each were a small file of its own.

    Parameters
    ----------
    connection
        Where the text tables are made.
    path
        File of the rows that wait.
    sources
        The declared sources of the table by their name in the history. Rows of others are left alone.
    origins
        Every source the history knows.
    restated
        Sources that this batch delivers anew as a whole: what waited of them is out of date.
    mends
        Rows that a person mended; they are screened as mended.
    first
        Number of the first of them on the stage.

    Returns
    -------
    list of Bringer
        One for each file, source and batch.
    """
    if path is None:
        return []
    wanted = [name for name in sources if name not in restated]
    rows = connection.execute(
        f"SELECT origin, file, sha256, since, reading, row, raw, list(series ORDER BY series) "
        f"FROM read_parquet({literal(str(path))}) WHERE list_contains(?, origin) "
        f"GROUP BY ALL ORDER BY since, origin, file, sha256, row",
        [wanted],
    ).fetchall()
    lots: dict[tuple[str, str, str, int, str], list[tuple[int, str, list[int]]]] = {}
    for origin, file, sha256, since, reading, row, raw, series in rows:
        mend = mends.get((origin, sha256, row))
        cells = mend.after if mend else raw
        lots.setdefault((origin, file, sha256, since, reading), []).append((row, cells, series))
    return [
        _open_lot(connection, lot, held, sources[lot[0]], origins[lot[0]], first + place)
        for place, (lot, held) in enumerate(lots.items())
    ]


def _open_lot(
    connection: duckdb.DuckDBPyConnection,
    lot: tuple[str, str, str, int, str],
    rows: Sequence[tuple[int, str, list[int]]],
    source: Source,
    origin: Origin,
    number: int,
) -> Bringer:
    _, file, sha256, since, reading = lot
    cells = [json.loads(raw) for _, raw, _ in rows]
    names = tuple(cells[0])
    columns: dict[str, pa.Array] = {"_row": pa.array([row for row, _, _ in rows], pa.int64())}
    columns |= {name: pa.array([one.get(name, "") for one in cells], pa.string()) for name in names}
    relation, pairs = f"waiting_{number}", f"pairs_{number}"
    write_arrow(connection, relation, pa.table(columns))
    listed = [(row, series) for row, _, every in rows for series in every]
    plain = {"row": [row for row, _ in listed], "series": [series for _, series in listed]}
    write_arrow(connection, pairs, pa.table(plain))
    raw = RawTable(file, sha256, relation, names, len(rows))
    return Bringer(number, raw, source, origin, since, False, pairs, _reading(reading, source))


def _reading(text: str, source: Source) -> Reading:
    """Read the rows as their file was read, or as the declaration says by now."""
    stored = json.loads(text)
    dates = {name: tuple(formats) for name, formats in stored["date_formats"].items()}
    decimals = dict(stored["decimals"])
    if source.date_format:
        dates = {name: (source.date_format, *ISO_FORMATS) for name in dates}
    if source.decimal:
        decimals = dict.fromkeys(decimals, source.decimal)
    return Reading(dates, decimals, dict(source.scale))


def reading_text(reading: Reading) -> str:
    """Write how a file is read, so that its rows can be read in the same way later."""
    plain = {"date_formats": dict(reading.date_formats), "decimals": dict(reading.decimals)}
    return json.dumps(plain, sort_keys=True)


def amend(
    connection: duckdb.DuckDBPyConnection, raw: RawTable, origin: str, path: Path | None, number: int
) -> RawTable:
    """Put the corrections that were re-admitted in the place of the rows that they mended.

    Parameters
    ----------
    connection
        Where the file as text lives.
    raw
        A delivery.
    origin
        Its source.
    path
        File of the corrections.
    number
        Place of the source in the declaration.

    Returns
    -------
    RawTable
        The same with the rows replaced that are, cell by cell, those that were mended; a row that its
        source has changed since stays as it is.
    """
    found = [] if path is None else connection.execute(
        f"SELECT before, after FROM read_parquet({literal(str(path))}) WHERE applied AND origin = ?", [origin]
    ).fetchall()  # fmt: skip
    pairs = [(json.loads(before), json.loads(after)) for before, after in found]
    pairs = [(before, after) for before, after in pairs if set(before) == set(raw.columns)]
    if not pairs:
        return raw
    sides = {
        f"{side}{place}": [pair[at][name] for pair in pairs]
        for place, name in enumerate(raw.columns)
        for at, side in enumerate("ba")
    }
    mended, view = f"mended_{number}", f"amended_{number}"
    write_arrow(connection, f"{mended}_cells", pa.table(sides))
    same = " AND ".join(f"r.{ident(name)} = c.b{place}" for place, name in enumerate(raw.columns))
    cells = ", ".join(f"c.a{place} AS {ident(name)}" for place, name in enumerate(raw.columns))
    connection.execute(
        f"CREATE TABLE {mended} AS SELECT r._row, {cells} FROM {ident(raw.relation)} r "
        f"JOIN {mended}_cells c ON {same}"
    )
    row = connection.execute(f"SELECT count(*) FROM {mended}").fetchone()
    if row is None or not row[0]:
        return raw
    columns = idents(raw.columns)
    connection.execute(
        f"CREATE TEMP VIEW {view} AS SELECT _row, {columns} FROM {ident(raw.relation)} "
        f"WHERE _row NOT IN (SELECT _row FROM {mended}) UNION ALL SELECT _row, {columns} FROM {mended}"
    )
    note = f"{row[0]} row(s) were read as they had been mended and re-admitted."
    return replace(raw, relation=view, notes=(*raw.notes, note))


def write_amendments(
    connection: duckdb.DuckDBPyConnection,
    path: Path | None,
    mends: Mends,
    waiting: Sequence[Path],
    folder: Path,
) -> Path | None:
    """Write the corrections that were ever re-admitted, those of this batch among them.

    Parameters
    ----------
    connection
        Any.
    path
        The corrections so far.
    mends
        Rows that were mended now.
    waiting
        The rows that wait after this batch. A mended row among them has not come in: its correction is
        noted, and not applied to later deliveries.
    folder
        Where the file is made.

    Returns
    -------
    Path or None
        The file; None if there are no corrections. A row that is mended twice keeps the row as it was
        delivered.
    """
    if not mends:
        return path
    known = [] if path is None else connection.execute(
        f"SELECT origin, before, after, applied FROM read_parquet({literal(str(path))})"
    ).fetchall()  # fmt: skip
    still: set[tuple[str, str, int]] = set()
    for held in waiting:
        still |= set(
            connection.execute(
                f"SELECT DISTINCT origin, sha256, row FROM read_parquet({literal(str(held))})"
            ).fetchall()
        )
    made = {(origin, before): (after, applied) for origin, before, after, applied in known}
    by_after = {(origin, after): before for origin, before, after, _ in known}
    for place, mend in mends.items():
        origin, before, after = place[0], cells_text(mend.before), cells_text(mend.after)
        made[(origin, by_after.get((origin, before), before))] = (after, place not in still)
    lines = sorted((*names, *told) for names, told in made.items())
    columns = dict(zip(AMENDMENTS, map(list, zip(*lines, strict=True)), strict=True))
    write_arrow(connection, "amendments", pa.table(columns))
    target = folder / "amendments.parquet"
    connection.execute(f"COPY amendments TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")
    return target


def cells_text(raw: str) -> str:
    """Write a row as JSON in one way, whoever wrote it before."""
    return json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":"))


def write_arrow(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Make a DuckDB table of an Arrow table."""
    connection.register("_arrow", table)
    connection.execute(f"CREATE OR REPLACE TABLE {ident(name)} AS SELECT * FROM _arrow")
    connection.unregister("_arrow")


def list_waiting(
    connection: duckdb.DuckDBPyConnection, faults: str, readings: Mapping[int, str], *, into: str
) -> None:
    """Make the table of the rows that wait after this batch, one line for each record.

    Parameters
    ----------
    connection
        Where everything lives.
    faults
        DuckDB table of the quarantine, one line for each broken rule.
    readings
        For each bringer how its file was read.
    into
        Name of the table that is made.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE readings (number INTEGER, reading VARCHAR)")
    if readings:
        connection.executemany("INSERT INTO readings VALUES (?, ?)", list(readings.items()))
    connection.execute(
        f"CREATE TABLE {into} AS SELECT b.origin, f.file, f.sha256, f.row, f._series AS series, b.since, "
        f"any_value(f.raw) AS raw, any_value(r.reading) AS reading FROM {ident(faults)} f "
        f"JOIN bringers b ON b.number = f._source JOIN readings r ON r.number = f._source GROUP BY ALL"
    )


def retire(
    connection: duckdb.DuckDBPyConnection, stage: str, bad: str, key: Sequence[str], rows: str, faults: str
) -> dict[int, int]:
    """Drop what waited and has been overtaken: its key, or the very same row, came in again.

    Parameters
    ----------
    connection
        Where everything lives.
    stage, bad
        The stage, and SQL that is true for a row at fault.
    key
        Columns of the key.
    rows
        DuckDB relation of the keys that fresh records hold or withdraw, with their precedence.
    faults
        DuckDB table of the quarantine; the lines of what is dropped are removed.

    Returns
    -------
    dict of int to int
        Records dropped, by bringer.
    """
    row = connection.execute("SELECT count(*) FROM bringers WHERE NOT fresh").fetchone()
    if row is None or not row[0]:
        return {}
    same = " AND ".join(f"s.{ident(k)} = r.{ident(k)}" for k in key)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE overtaken AS SELECT s._source, s._row, s._series FROM {stage} s "
        f"JOIN bringers b ON b.number = s._source WHERE NOT b.fresh AND ({bad}) AND EXISTS "
        f"(SELECT 1 FROM {rows} r WHERE {same} AND r.precedence >= b.precedence) UNION "
        f"SELECT f._source, f.row, f._series FROM {ident(faults)} f JOIN bringers b ON b.number = f._source "
        f"WHERE NOT b.fresh AND EXISTS (SELECT 1 FROM {ident(faults)} o JOIN bringers p "
        f"ON p.number = o._source WHERE p.origin = b.origin AND p.since > b.since "
        f"AND o._series = f._series AND o.raw = f.raw)"
    )
    connection.execute(
        f"DELETE FROM {ident(faults)} AS f WHERE EXISTS (SELECT 1 FROM overtaken o "
        f"WHERE o._source = f._source AND o._row = f.row AND o._series = f._series)"
    )
    counted = connection.execute("SELECT _source, count(*) FROM overtaken GROUP BY _source").fetchall()
    connection.execute("DROP TABLE overtaken")
    return dict(counted)

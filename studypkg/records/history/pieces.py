"""The files of one table of a batch: rows that came, rows that ended, rows that lost, and the table now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from studypkg.columns import Table
from studypkg.records.history.changes import BOOKS
from studypkg.records.history.episodes import (
    Standing,
    judge_again,
    list_suspended,
)
from studypkg.records.history.keeping import Keeper
from studypkg.records.history.origins import Bringer
from studypkg.records.history.rivals import RECORD
from studypkg.records.quarantine import write_quarantine
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.raw import Part, RawTable, place_sql
from studypkg.records.result import TableResult
from studypkg.records.screening import Screen

#: Why a row came in, or lost.
REASONS = ("new", "corrected", "taken", "readmitted", "overruled")


@dataclass(frozen=True)
class Written:
    """The files of one table of a batch, and the account of the table.

    Parameters
    ----------
    table
        What the batch did to the table.
    now
        The table as it stands after the batch.
    history
        Files of the batch's folder, by name.
    quarantine
        Parquet and CSV of what is set aside.
    waiting
        Files of the rows that wait, by name.
    """

    table: TableResult
    now: Path
    history: dict[str, Path]
    quarantine: list[Path]
    waiting: dict[str, Path]


@dataclass(frozen=True)
class Compared:
    """The relations in which the comparison of a table with what stands has left its findings.

    Parameters
    ----------
    screen
        The stage.
    current
        View of the rows that stand; None for a new table.
    good
        View of the records that could stand.
    verdicts, went, gone
        Verdicts on records, rows that end, and withdrawn keys.
    counts
        What the records of each bringer did.
    faults
        The quarantine.
    contradicted
        Keys of the rows that others contradict, whether they stood or came; None if there are none.
    """

    screen: Screen
    current: str | None
    good: str
    verdicts: str
    went: str
    gone: str | None
    counts: Mapping[int, Mapping[str, int]]
    faults: str
    contradicted: str | None = None


@dataclass(frozen=True)
class Place:
    """Where the files of a batch are made, and what they are made from.

    Parameters
    ----------
    connection, work, store
        The database of the run, its private folder, and where things stand.
    number
        Number of the batch.
    files
        DuckDB table of all files that were ever delivered.
    restated
        Names of the sources that this batch delivers as a whole.
    """

    connection: duckdb.DuckDBPyConnection
    work: Path
    store: Keeper
    number: int
    files: str
    restated: frozenset[str]


def write_pieces(
    place: Place, found: Compared, bringers: Sequence[Bringer], *, episodes_changed: bool
) -> Written:
    """Write what a batch did to a table, and the table as it stands now.

    Parameters
    ----------
    place
        Where to write.
    found
        What the comparison found.
    bringers
        Everything that is on the stage.
    episodes_changed
        Whether the rows that stand must be judged against the rows that they hang on again.
    """
    db, table = place.connection, found.screen.table
    suspended, returned = _suspend(place, found, table, episodes_changed=episodes_changed)
    came = place.work / f"{table.name}.in.parquet"
    rows = _came(place, found, table, bringers, returned)
    arrived = _copy(db, rows, came)
    history: dict[str, Path] = {}
    if arrived or found.current is None:
        history[came.name] = came
    went = place.work / f"{table.name}.out.parquet"
    ended = _copy(
        db,
        f"SELECT {idents(table.key)}, _batch, {place.number} AS _ended, why AS _why FROM {found.went} "
        f"ORDER BY {idents(table.key)}",
        went,
    )
    if ended:
        history[went.name] = went
    lost = place.work / f"{table.name}.overruled.parquet"
    if _copy(db, _overruled(place, found, table, bringers), lost):
        history[lost.name] = lost
    now = _now(place, found, table, came if found.current is None or arrived else None, ended)
    waiting = _write_waiting(place, table, suspended)
    if suspended is not None:
        list_suspended(db, table, suspended, into=found.faults)
    quarantine = write_quarantine(db, found.faults, place.work, table.name)
    account = _account(place, found, table, now, returned, suspended, came)
    account.check()
    return Written(account, now, history, quarantine, waiting)


def _suspend(
    place: Place, found: Compared, table: Table, *, episodes_changed: bool
) -> tuple[str | None, str | None]:
    """Take out the rows that no longer fit the rows they hang on, and bring back those that fit again."""
    if table.parent is None or found.current is None:
        return None, None
    db = place.connection
    suspended, back = f"suspended_{table.name}", f"returned_{table.name}"
    path = place.store.waiting(f"{table.name}.suspended.parquet")
    if path is None:
        rows = f"SELECT *, NULL::VARCHAR AS _file, NULL::VARCHAR AS _sha256 FROM {found.current} WHERE false"
    else:
        rows = f"SELECT * FROM read_parquet({literal(str(path))})"
    db.execute(f"CREATE TABLE {suspended} AS {rows}")
    restated = ", ".join(map(literal, sorted(place.restated))) or "NULL"
    db.execute(f"DELETE FROM {suspended} WHERE _origin IN ({restated})")
    keys = idents(table.key)
    same = " AND ".join(f"c.{ident(k)} = w.{ident(k)}" for k in table.key)
    taken = (
        f"SELECT {idents(table.key, of='c')} FROM {found.current} c ANTI JOIN {found.went} w ON {same} "
        f"UNION ALL SELECT {keys} FROM {found.good}"
    )
    taken += f" UNION ALL SELECT {keys} FROM {found.gone}" if found.gone is not None else ""
    # What a source delivers anew as a whole has just been judged on the stage.
    held = f"(SELECT * FROM {found.current} WHERE coalesce(_origin NOT IN ({restated}), true))"
    judge_again(
        db, table, suspended, Standing(held, found.went, place.files, f"({taken})"),
        found.contradicted, everything=episodes_changed, into=back,
    )  # fmt: skip
    return suspended, back


def _came(
    place: Place, found: Compared, table: Table, bringers: Sequence[Bringer], returned: str | None
) -> str:
    """Write the SQL of the rows that come in, by key, so that equal input gives equal bytes."""
    if found.current is None and returned is None:
        # What is the same for all rows is added behind the sorting, which then moves half as much.
        kept = idents((*table.column_names, *RECORD), of="s")
        rows = f"(SELECT {kept} FROM {found.good} s ORDER BY {idents(table.key)}) s"
        return _booked(place, table, rows, "'new'", bringers)
    if found.current is None:
        rows, why = f"{found.good} s", "'new'"
    else:
        match = " AND ".join(f"v.{name} = s.{name}" for name in RECORD)
        judged = f"(SELECT * FROM {found.verdicts} WHERE verdict IN ('new', 'corrected', 'taken')) v"
        rows, why = f"{found.screen.stage} s JOIN {judged} ON {match}", "v.verdict"
        why = (
            "CASE WHEN EXISTS (SELECT 1 FROM mended m WHERE m._source = s._source AND m._row = s._row) "
            f"THEN 'readmitted' ELSE {why} END"
        )
    sql = _booked(place, table, rows, why, bringers)
    if returned is not None:
        columns = idents(table.column_names)
        sql += (
            f" UNION ALL SELECT {columns}, source_file, source_row, {place.number}, 'returned', _origin "
            f"FROM {returned}"
        )
    return f"{sql} ORDER BY {idents(table.key)}"


def _overruled(place: Place, found: Compared, table: Table, bringers: Sequence[Bringer]) -> str:
    """Write the SQL of the records that lost, without those that lost in the same words before."""
    match = " AND ".join(f"v.{name} = s.{name}" for name in RECORD)
    lost = f"SELECT {idents(RECORD)} FROM {found.verdicts} WHERE verdict = 'overruled' UNION ALL FROM losers"
    rows = f"{found.screen.stage} s JOIN ({lost}) v ON {match}"
    sql = _booked(place, table, rows, "'overruled'", bringers)
    before = place.store.pieces(f"{table.name}.overruled.parquet")
    if before:
        source = (
            "read_parquet([" + ", ".join(literal(str(path)) for path in before) + "], union_by_name = true)"
        )
        held = {row[0] for row in place.connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        shared = [name for name in (*table.column_names, "_origin") if name in held]
        same = " AND ".join(f"n.{ident(name)} IS NOT DISTINCT FROM o.{ident(name)}" for name in shared)
        sql = f"SELECT n.* FROM ({sql}) n ANTI JOIN {source} o ON {same}"
    return f"{sql} ORDER BY {idents(table.key)}, source_file, source_row"


def _booked(place: Place, table: Table, rows: str, why: str, bringers: Sequence[Bringer]) -> str:
    """Write the SQL of stage rows with the books that the history keeps of each."""
    part, row = place_sql("s._row")
    hashes = [[one.sha256[:12] for one in _parts(bringer.raw)] for bringer in bringers]
    file = _word(place, "file", [short for shorts in hashes for short in shorts])
    name = _word(place, "origin", [one.origin.name for one in bringers])
    reason = _word(place, "why", REASONS)
    files = [
        literal(shorts[0]) if len(shorts) == 1 else f"[{', '.join(map(literal, shorts))}][{part} + 1]"
        for shorts in hashes
    ]
    names = [literal(one.origin.name) for one in bringers]
    numbers = [one.number for one in bringers]
    return (
        f"SELECT {idents(table.column_names, of='s')}, {_by_source(numbers, files)}::{file} AS source_file, "
        f"{row} AS source_row, {place.number} AS _batch, ({why})::{reason} AS _why, "
        f"{_by_source(numbers, names)}::{name} AS _origin FROM {rows}"
    )


def _word(place: Place, column: str, words: Sequence[str]) -> str:
    """Make the type of a column that holds few words: as numbers they are written at once."""
    kind = f"_book_{column}"
    listed = ", ".join(map(literal, dict.fromkeys(words))) or "''"
    place.connection.execute(f"CREATE OR REPLACE TEMP TYPE {kind} AS ENUM ({listed})")
    return kind


def _by_source(numbers: Sequence[int], cells: Sequence[str]) -> str:
    """Write the SQL of a cell that depends on the source of the row alone."""
    if len(set(cells)) < 2:
        return next(iter(cells), "NULL")
    cases = " ".join(f"WHEN {number} THEN {cell}" for number, cell in zip(numbers, cells, strict=True))
    return f"(CASE s._source {cases} END)"


def _parts(raw: RawTable) -> tuple[Part, ...]:
    """Give the files of a delivery, by their number in `_row`."""
    return raw.parts or (Part(raw.name, raw.sha256),)


def _now(place: Place, found: Compared, table: Table, came: Path | None, ended: int) -> Path:
    """Write the table as it stands: the file of before where nothing happened, else both made one."""
    if found.current is None:
        return came if came is not None else place.work / f"{table.name}.in.parquet"
    before = place.store.path(table.name)
    if before is not None and came is None and not ended and _same_columns(place, table, before):
        return before
    same = " AND ".join(f"c.{ident(k)} = w.{ident(k)}" for k in table.key)
    rows = f"SELECT c.* FROM {found.current} c ANTI JOIN {found.went} w ON {same}"
    if came is not None:
        rows += f" UNION ALL BY NAME SELECT * FROM read_parquet({literal(str(came))})"
    path = place.work / f"{table.name}.now.parquet"
    _copy(place.connection, f"SELECT * FROM ({rows}) ORDER BY {idents(table.key)}", path)
    return path


def _same_columns(place: Place, table: Table, path: Path) -> bool:
    rows = place.connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
    return [row[0] for row in rows] == [*table.column_names, *BOOKS]


def _write_waiting(place: Place, table: Table, suspended: str | None) -> dict[str, Path]:
    """Write what waits: rows as they were delivered, and rows that lost their episode."""
    written = {}
    path = place.work / f"{table.name}.waiting.parquet"
    order = "origin, sha256, row, series"
    if _copy(place.connection, f"SELECT * FROM waiting_{table.name} ORDER BY {order}", path):
        written[f"{table.name}.parquet"] = path
    if suspended is not None:
        path = place.work / f"{table.name}.suspended.parquet"
        if _copy(place.connection, f"SELECT * FROM {suspended} ORDER BY {idents(table.key)}", path):
            written[path.name] = path
    return written


def _account(
    place: Place,
    found: Compared,
    table: Table,
    now: Path,
    returned: str | None,
    suspended: str | None,
    came: Path,
) -> TableResult:
    db = place.connection

    def count(sql: str) -> int:
        row = db.execute(f"SELECT count(*) FROM {sql}").fetchone()
        return int(row[0]) if row else 0

    did = {
        name: sum(one.get(name, 0) for one in found.counts.values())
        for name in ("new", "corrected", "unchanged", "overruled")
    }
    return TableResult(
        table.name, table.key, table.column_names,
        before=0 if found.current is None else count(found.current),
        now=count(f"read_parquet({literal(str(now))})"),
        **did,
        withdrawn=count(f"{found.went} WHERE why = 'withdrawn'"),
        set_aside=count(f"{found.went} WHERE why = 'set_aside'"),
        returned=0 if returned is None else count(returned),
        readmitted=count(f"read_parquet({literal(str(came))}) WHERE _why = 'readmitted'"),
        waiting=count(f"waiting_{table.name}") + (0 if suspended is None else count(suspended)),
    )  # fmt: skip


def _copy(db: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write rows as Parquet and count them."""
    row = db.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)").fetchone()
    return int(row[0]) if row else 0

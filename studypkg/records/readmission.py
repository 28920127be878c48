"""Rows of the quarantine on their way to the office and back: out as a CSV, in again as mended."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from studypkg.config import study_tables
from studypkg.declaration import Study
from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.fingerprint import lists_of, rules_of
from studypkg.records.history.batch import Delivery, Moment, start_run, take_in
from studypkg.records.history.keeping import Keeper
from studypkg.records.history.origins import name_origins
from studypkg.records.history.waiting import Mend, Mends, write_arrow
from studypkg.records.ingest import Gate, clear_words, open_database
from studypkg.records.quoting import literal
from studypkg.records.raw import RawTable
from studypkg.records.result import IngestResult
from studypkg.schema import TABLES

#: What names a row, and what is wrong with it; the columns of the row's own file follow.
NAMES = ("_source", "_file", "_sha256", "_row", "_rules", "_advice")
_KEYS = ("_source", "_sha256", "_row")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SHOWN = 10
_FAULT = """q.rule || ' in ' || coalesce(q.source_column, q."column")"""
_LISTED = (
    f"string_agg(DISTINCT {_FAULT}, '; ' ORDER BY {_FAULT}), "
    "string_agg(DISTINCT q.advice, ' ' ORDER BY q.advice)"
)


@dataclass(frozen=True)
class Faults:
    """Rows of one file that break one rule in one column.

    Parameters
    ----------
    table, file
        Where they are.
    column, source_column
        The column at fault in the table, and in the file.
    rule, advice
        What is wrong, and what to do.
    rows, first_row
        How many rows, and the first of them.
    """

    table: str
    file: str
    column: str
    source_column: str | None
    rule: str
    advice: str
    rows: int
    first_row: int

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return asdict(self)


def summarise_quarantine(store: Keeper) -> list[Faults]:
    """Count what is set aside now, by file, rule and column; no patient's value is looked at.

    Returns
    -------
    list of Faults
        The most frequent of each table first. Counts only, safe to show.
    """
    found = []
    with duckdb.connect() as connection:
        for table in TABLES:
            path = store.quarantine(table)
            if path is None:
                continue
            rows = connection.execute(
                f'SELECT "table", file, "column", source_column, rule, advice, count(*), min("row") '
                f"FROM read_parquet({literal(str(path))}) GROUP BY ALL ORDER BY 7 DESC, 2, 5, 3"
            ).fetchall()
            found += [Faults(*row) for row in rows]
    return found


def export_quarantine(store: Keeper, path: Path) -> int:
    """Write every row that can be mended as a CSV: what is wrong, then its cells, to be corrected in place.

    Parameters
    ----------
    store
        Where the rows wait.
    path
        A new file; only its owner may read it. It holds patients' values.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ConfigError
        If the file is there already; nothing is overwritten.
    DataRejectedError
        If no row waits.
    """
    lines = list(_lines(store))
    if not lines:
        raise DataRejectedError("no row is set aside that could be mended. Nothing was written.")
    columns = list(dict.fromkeys(name for _, cells in lines for name in cells))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*NAMES, *(_harmless(name) for name in columns)])
    for names, cells in lines:
        writer.writerow([*map(_harmless, names), *(_harmless(cells.get(name, "")) for name in columns)])
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path.name} exists already and was left as it is. Name a new file.") from None
    except OSError as fault:
        raise ConfigError(f"{path.name} cannot be written there: {os.strerror(fault.errno or 0)}.") from None
    with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as stream:
        stream.write(text.getvalue())
    return len(lines)


def _lines(store: Keeper) -> Iterator[tuple[list[str], dict[str, str]]]:
    """List the rows that wait: what names each and what is wrong, and its cells."""
    with duckdb.connect() as connection:
        for table in TABLES:
            waiting, faults = store.waiting(f"{table}.parquet"), store.quarantine(table)
            if waiting is None or faults is None:
                continue
            rows = connection.execute(
                f"SELECT w.origin, w.file, w.sha256, w.row, {_LISTED}, w.raw "
                f"FROM (SELECT DISTINCT origin, file, sha256, row, raw FROM "
                f"read_parquet({literal(str(waiting))})) w JOIN read_parquet({literal(str(faults))}) q "
                f"ON q.sha256 = w.sha256 AND q.row = w.row GROUP BY ALL ORDER BY w.origin, w.file, w.row"
            ).fetchall()
            for *names, raw in rows:
                yield [str(name) for name in names], json.loads(raw)


def read_mended(study: Study, store: Keeper, path: Path) -> Mends:
    """Compare a CSV with the rows that wait, and list those that a person changed.

    Parameters
    ----------
    study, store
        The declaration, and where the rows wait.
    path
        The file as it came back.

    Raises
    ------
    DataRejectedError
        If it is not such a file, if it holds a row that is not set aside, or if no cell was changed.
        Nothing of the file is taken then.
    """
    waiting = {(names[0], names[2], names[3]): cells for names, cells in _lines(store)}
    sources = dict(zip(name_origins(study.sources), study.sources, strict=True))
    mends: dict[tuple[str, str, int], Mend] = {}
    foreign, strange, twice = [], [], []
    for line, row in _read_rows(path):
        key = tuple(row.pop(name, "") for name in _KEYS)
        origin, sha256, number = key
        cells = waiting.get((origin, sha256, number))
        if cells is None or origin not in sources:
            foreign.append(line)
            continue
        if any(value for name, value in row.items() if name not in cells and name not in NAMES):
            strange.append(line)
            continue
        after = {name: row.get(name, value) for name, value in cells.items()}
        place = (origin, sha256, int(number))
        if place in mends:
            twice.append(line)
        if after != cells:
            source = sources[origin]
            held = {source.columns.get(name, name) for name in TABLES[source.table].key}
            moved = any(after[name] != cells[name] for name in held if name in cells)
            mends[place] = Mend(_json(cells), _json(after), moved)
    for lines, what in (
        (foreign, "are not set aside: they were never quarantined, or came in or went since. Only rows of "
         "the quarantine can be re-admitted; write a fresh list with `study quarantine --export`"),
        (strange, "have a value in a column that their file does not have. Leave those cells empty"),
        (twice, "name a row that another line has changed already. Keep one of them"),
    ):  # fmt: skip
        if lines:
            shown = ", ".join(map(str, lines[:_SHOWN])) + (" …" if len(lines) > _SHOWN else "")
            raise DataRejectedError(
                f"{path.name}: {len(lines)} row(s), line {shown}, {what}. Nothing was taken in."
            )
    if not mends:
        raise DataRejectedError(f"{path.name}: no cell differs from what is set aside. Nothing to take in.")
    return mends


def readmit(
    study: Study,
    store: Keeper,
    path: Path,
    *,
    cutoff: date | None,
    gate: Gate,
    now: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> IngestResult:
    """Screen mended rows exactly as if they stood so in their file, and take in those that keep every rule.

    Parameters
    ----------
    study, store
        The declaration, and where the rows wait.
    path
        The CSV that `export_quarantine` wrote, with corrected cells.
    cutoff, gate, now, progress
        As for an ingest.

    Returns
    -------
    IngestResult
        `waiting` says what became of the rows; `sources` is the account of the last delivery, brought up
        to date. Rows that are still faulty wait on, as mended, with their new reasons.

    Raises
    ------
    DataRejectedError
        If the file holds anything but rows of the quarantine.
    IdentifierFoundError
        If the gate finds a person in what was typed.
    """
    tell = progress or (lambda line: None)
    tables = study_tables(study)
    lists = lists_of(study, tables)
    with clear_words(), store.workspace() as work:
        mends = read_mended(study, store, path)
        earlier = store.manifest()
        with open_database(work, "2GB", None) as connection:
            _show_gate(connection, study, mends, path, gate)
            run = start_run(connection, work, study, lists, store, cutoff, tell, mends)
            ended = date.fromisoformat(earlier["cutoff"]) if earlier["cutoff"] else None
            day = (
                now if now is not None else datetime.combine(cutoff, datetime.min.time()) if cutoff else None
            )
            moment = Moment(day, ended, earlier["fingerprint"], rules_of(tables, lists))
            result = take_in(run, tables, Delivery({}, {}, (), mends), moment)
    came = sum(one.accepted for one in result.waiting)
    tell(f"{len(mends)} mended rows: {came} records came in, {_still(result)} are still set aside.")
    return result


def _still(result: IngestResult) -> int:
    return sum(one.still for one in result.waiting)


def _show_gate(
    connection: duckdb.DuckDBPyConnection, study: Study, mends: Mends, path: Path, gate: Gate
) -> None:
    """Let the gate look at what was typed, source by source."""
    for number, (origin, source) in enumerate(zip(name_origins(study.sources), study.sources, strict=True)):
        rows = [(key[2], json.loads(one.after)) for key, one in mends.items() if key[0] == origin]
        if not rows:
            continue
        names = tuple(rows[0][1])
        columns: dict[str, Any] = {"_row": [row for row, _ in rows]}
        columns |= {name: [cells.get(name, "") for _, cells in rows] for name in names}
        relation = f"typed_{number}"
        write_arrow(connection, relation, pa.table(columns))
        gate(connection, RawTable(path.name, "", relation, names, len(rows)), source)
        connection.execute(f"DROP TABLE {relation}")


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV as people save it, with the line each starts on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DataRejectedError(f"there is no file {path.name}.") from None
    except (OSError, UnicodeDecodeError):
        raise DataRejectedError(
            f'{path.name} cannot be read as UTF-8 text. Save it as "CSV UTF-8". Nothing was taken in.'
        ) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    limit = csv.field_size_limit(max(len(text), 1) + 1)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = [_bare(name) for name in next(reader, [])]
        lacking = [name for name in _KEYS if name not in header]
        if lacking or len(set(header)) != len(header):
            raise DataRejectedError(
                f"{path.name} is not a list that `study quarantine --export` wrote: its header lacks "
                f'"{(lacking or ["distinct names"])[0]}". Nothing was taken in.'
            )
        line = reader.line_num + 1
        for cells in reader:
            if any(cells):
                if len(cells) != len(header):
                    raise DataRejectedError(
                        f"{path.name}: line {line} has {len(cells)} cells and the header {len(header)}. "
                        f"Nothing was taken in."
                    )
                yield line, dict(zip(header, map(_bare, cells), strict=True))
            line = reader.line_num + 1
    except csv.Error:
        raise DataRejectedError(
            f"{path.name} cannot be read as a CSV. Save it as CSV again. Nothing was taken in."
        ) from None
    finally:
        csv.field_size_limit(limit)


def _harmless(cell: str) -> str:
    """Lead a cell that a spreadsheet would run with a quote mark; one that has such a mark gets another."""
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def _bare(cell: str) -> str:
    """Take the quote mark off again that `_harmless` set.

    Examples
    --------
    >>> [_bare(_harmless(cell)) for cell in ("=1+1", "'=1", "'", "x")]
    ['=1+1', "'=1", "'", 'x']
    """
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith((*_FORMULA, "'")) else cell


def _json(cells: Mapping[str, str]) -> str:
    """Write a row as the quarantine does."""
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))

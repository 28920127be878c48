"""One delivery: read, map, screen, publish, and account for every row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import duckdb

import studypkg
from studypkg.columns import Table
from studypkg.config import study_tables, study_vocabulary
from studypkg.declaration import Study
from studypkg.errors import DataRejectedError, QualityGateError
from studypkg.records.arrivals import Arrival, arrival_of, arrive
from studypkg.records.mapping import map_source
from studypkg.records.quarantine import Delivered, list_faults, write_quarantine
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.raw import RawTable
from studypkg.records.read import open_arrival
from studypkg.records.reading import find_reading
from studypkg.records.result import IngestResult, SourceResult
from studypkg.records.screening import (
    Lists,
    Screen,
    screen_source,
    settle_episodes,
    settle_keys,
    start_screen,
)
from studypkg.records.tally import tally
from studypkg.schema import TABLES
from studypkg.sources import Source
from studypkg.vocabulary import Vocabulary, normalise

#: Looks at a file as read, and raises if a person could be recognised in it.
Gate = Callable[[duckdb.DuckDBPyConnection, RawTable, Source], None]


class Keeper(Protocol):
    """What a delivery needs of the store."""

    def manifest(self) -> dict[str, Any]:
        """Read where the current tables come from."""

    def snapshot(self, path: Path) -> str:
        """Keep a copy of a delivered file and return its SHA-256."""

    def workspace(self) -> AbstractContextManager[Path]:
        """Lend a private folder."""

    def publish(
        self,
        tables: Mapping[str, Path],
        manifest: Mapping[str, Any],
        *,
        quarantine: Mapping[str, Sequence[Path]] | None = None,
    ) -> str:
        """Make new tables the ones that count."""

    def reject(self, quarantine: Mapping[str, Sequence[Path]]) -> Path:
        """Keep the faults of a refused delivery."""


@dataclass(frozen=True)
class _Run:
    """What every step of one delivery shares."""

    connection: duckdb.DuckDBPyConnection
    study: Study
    lists: Mapping[str, Lists]
    cutoff: date | None
    work: Path
    tell: Callable[[str], None]


@dataclass(frozen=True)
class _Screened:
    """One screened table: its files, the account of its sources, and where each is first at fault."""

    accepted: Path
    quarantine: list[Path]
    results: dict[int, SourceResult]
    first_bad: dict[int, int]


def ingest(
    study: Study,
    store: Keeper,
    *,
    cutoff: date | None,
    gate: Gate,
    progress: Callable[[str], None] | None = None,
    memory_limit: str = "2GB",
    threads: int | None = None,
) -> IngestResult:
    """Read every source of a study, screen it, and publish the accepted rows in one step.

    Parameters
    ----------
    study
        The declaration.
    store
        Where the tables go.
    cutoff
        Last day that a row may carry; usually the day of the delivery. `None` checks nothing.
    gate
        Called with every file as text before anything is kept of it; raises if it names people.
    progress
        Called with one line per step. No line holds a patient's value.
    memory_limit, threads
        What DuckDB may use. More rows than fit go through a temporary file.

    Returns
    -------
    IngestResult
        The account per source. `unchanged` if this delivery is the one already stored: the same
        files, mapping, vocabulary, cut-off and package version. Then nothing is read or written.

    Raises
    ------
    DataRejectedError
        If a file cannot be read or mapped, a compulsory table stays empty, or a file has more bad
        rows than `[screening] max_bad_share` allows. The tables of before stay. The faults of the
        refused delivery lie in `quarantine/rejected/`.
    IdentifierFoundError
        If the gate finds one.
    QualityGateError
        If a row has vanished.
    """
    tell = progress or (lambda line: None)
    tables = study_tables(study)
    lists = {name: _lists(table, study_vocabulary(study)) for name, table in tables.items()}
    with store.workspace() as work:
        arrivals = [arrive(source, study.root, work) for source in study.sources]
        fingerprint = _fingerprint(study, tables, lists, [one.sha256 for one in arrivals], cutoff)
        earlier = store.manifest()
        if earlier.get("fingerprint") == fingerprint:
            tell("The delivery is the one already stored: nothing to do.")
            return IngestResult.from_manifest(earlier)
        with duckdb.connect(str(work / "ingest.duckdb")) as connection:
            _limit(connection, work, memory_limit, threads)
            run = _Run(connection, study, lists, cutoff, work, tell)
            return _deliver(run, store, tables, arrivals, fingerprint, gate)


def _deliver(
    run: _Run,
    store: Keeper,
    tables: Mapping[str, Table],
    arrivals: Sequence[Arrival],
    fingerprint: str,
    gate: Gate,
) -> IngestResult:
    """Screen what has arrived, and publish it in one step."""
    study, cutoff = run.study, run.cutoff
    raws = _open_all(run, arrivals, gate)
    for arrival in dict.fromkeys(arrivals):
        if arrival_of(tuple(arrival.files)).sha256 != arrival.sha256:
            raise _changed(arrival)
        for path in arrival.files:
            store.snapshot(path)
    screened: dict[str, _Screened] = {}
    for name, table in tables.items():
        fed = [number for number, source in enumerate(study.sources) if source.table == name]
        if fed:
            screened[name] = _screen_table(run, table, {number: raws[number] for number in fed})
        if name == "episodes":
            # Rows hang on the episodes: if those are refused, faults of the rest say nothing.
            _refuse(run, store, screened)
    _refuse(run, store, screened)
    results = {number: one for done in screened.values() for number, one in done.results.items()}
    result = IngestResult(
        fingerprint, cutoff.isoformat() if cutoff else None, tuple(results[n] for n in sorted(results))
    )
    store.publish(
        {name: done.accepted for name, done in screened.items()},
        {**result.as_manifest(), "package_version": studypkg.__version__},
        quarantine={name: done.quarantine for name, done in screened.items()},
    )
    run.tell(
        f"{result.read} records read: {result.accepted} accepted, {result.duplicate} duplicate, "
        f"{result.quarantined} quarantined."
    )
    return result


def _open_all(run: _Run, arrivals: Sequence[Arrival], gate: Gate) -> list[RawTable]:
    """Read every delivery once, however many sources it feeds, and let the gate look at each source."""
    opened: dict[tuple[object, ...], RawTable] = {}
    raws = []
    for source, arrival in zip(run.study.sources, arrivals, strict=True):
        how = (arrival.files, *source.reading)
        if how not in opened:
            run.tell(f"Reading {arrival.name}.")
            opened[how] = open_arrival(run.connection, arrival, source)
        gate(run.connection, opened[how], source)
        raws.append(opened[how])
    return raws


def _screen_table(run: _Run, table: Table, raws: Mapping[int, RawTable]) -> _Screened:
    lists = run.lists[table.name]
    screen = start_screen(run.connection, table, lists, cutoff=run.cutoff)
    delivered = []
    for number, raw in raws.items():
        source = run.study.sources[number]
        run.tell(f"Screening {raw.name} as {table.name}.")
        mapped = map_source(run.connection, raw, source, table, into=f"mapped_{number}")
        reading = find_reading(run.connection, raw, source, table, mapped)
        screen_source(run.connection, screen, mapped, reading, lists, number=number)
        delivered.append(Delivered(number, raw, mapped))
    settle_keys(run.connection, screen)
    if table.parent is None:
        settle_episodes(run.connection, screen)
    results, first_bad = tally(run.connection, screen, delivered)
    faults = f"faults_{table.name}"
    list_faults(run.connection, screen, delivered, into=faults)
    quarantine = write_quarantine(run.connection, faults, run.work, table.name)
    accepted = _write_accepted(run, screen, raws)
    written = run.connection.execute(
        f"SELECT count(*) FROM read_parquet({literal(str(accepted))})"
    ).fetchone()
    due = sum(one.accepted for one in results.values())
    if written is None or written[0] != due:
        raise QualityGateError(
            f'table "{table.name}": {due} rows were accepted and another number was written. '
            f"Nothing was replaced. Please report this as a fault of the package."
        )
    for number in raws:
        run.connection.execute(f"DROP TABLE mapped_{number}")
    for name in (faults, screen.stage):
        run.connection.execute(f"DROP TABLE {ident(name)}")
    return _Screened(accepted, quarantine, results, first_bad)


def _write_accepted(run: _Run, screen: Screen, raws: Mapping[int, RawTable]) -> Path:
    """Write the accepted rows in the order of their key, so that equal input gives equal bytes."""
    path = run.work / f"accepted-{screen.table.name}.parquet"
    files = " ".join(f"WHEN {number} THEN {literal(raw.sha256[:12])}" for number, raw in raws.items())
    run.connection.execute(
        f"COPY (SELECT {idents(screen.table.column_names)}, CASE _source {files} END AS source_file, "
        f"_row AS source_row FROM {screen.stage} WHERE NOT ({screen.bad}) AND NOT _copy "
        f"ORDER BY {idents(screen.table.key)}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    )
    return path


def _refuse(run: _Run, store: Keeper, screened: Mapping[str, _Screened]) -> None:
    """Stop with the tables of before if a file is too bad, or a compulsory table is empty."""
    allowed = run.study.screening.max_bad_share
    bad = [
        (one, done.first_bad[number])
        for done in screened.values()
        for number, one in sorted(done.results.items())
        if one.bad_share > allowed
    ]
    if bad:
        folder = store.reject({name: done.quarantine for name, done in screened.items()})
        one, row = bad[0]
        common = sorted(one.reasons.items(), key=lambda item: (-item[1], item[0]))[:3]
        more = f" {len(bad) - 1} more file(s) are as bad." if len(bad) > 1 else ""
        raise DataRejectedError(
            f"{one.file}: {one.bad_share:.1%} of {one.read} records broke a rule and this study allows "
            f"{allowed:.1%}. Most often: {', '.join(f'{rule} ({count})' for rule, count in common)}; first "
            f"at row {row}.{more} Nothing was replaced. Each fault stands in {folder}; mend the file or "
            f"its mapping and run again."
        )
    for name, done in screened.items():
        if TABLES[name].compulsory and not any(one.accepted for one in done.results.values()):
            files = ", ".join(one.file for one in done.results.values())
            raise DataRejectedError(
                f'{files}: no row could be accepted for the table "{name}", and no study runs without it. '
                f"Nothing was replaced. Deliver at least one good row."
            )


def _lists(table: Table, vocabulary: Vocabulary) -> Lists:
    """Give the closed lists of a table: those of the schema, and those of the vocabulary."""
    words: dict[str, Mapping[str, str]] = {}
    for column in table.columns:
        if column.kind == "code" and (column.allowed or column.vocabulary):
            section = vocabulary.resolution(column.vocabulary) if column.vocabulary else {}
            words[column.name] = {**section, **{normalise(word): word for word in column.allowed}}
    ranges = {name: (one.minimum, one.maximum) for name, one in vocabulary.instruments.items()}
    return Lists(words, ranges, normalise)


def _fingerprint(
    study: Study,
    tables: Mapping[str, Table],
    lists: Mapping[str, Lists],
    hashes: list[str],
    cutoff: date | None,
) -> str:
    """Hash everything that the tables depend on."""
    declared = study.model_dump(
        mode="json",
        include={
            "sources": True,
            "covariates": True,
            "terms": True,
            "screening": True,
            "privacy": {"policy", "allow_columns"},
        },
    )
    parts = {
        "declared": declared,
        "schema": repr(tables),
        "lists": {name: [sorted(map(repr, one.words.items())), one.ranges] for name, one in lists.items()},
        "files": hashes,
        "cutoff": str(cutoff),
        "version": studypkg.__version__,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _limit(connection: duckdb.DuckDBPyConnection, work: Path, memory_limit: str, threads: int | None) -> None:
    connection.execute(f"SET memory_limit = {literal(memory_limit)}")
    connection.execute(f"SET temp_directory = {literal(str(work / 'spill'))}")
    if threads is not None:
        connection.execute(f"SET threads = {int(threads)}")


def _changed(arrival: Arrival) -> DataRejectedError:
    return DataRejectedError(
        f"{arrival.name} changed while it was read. Wait until it is written, and run again. "
        f"Nothing was replaced."
    )

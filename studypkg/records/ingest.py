"""One delivery: read, map, screen, publish, and account for every row."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from studypkg.columns import Table
from studypkg.config import study_tables
from studypkg.declaration import Study
from studypkg.errors import DataRejectedError, QualityGateError
from studypkg.records.arrivals import Arrival, arrival_of, arrive
from studypkg.records.fingerprint import fingerprint_of, lists_of, rules_of
from studypkg.records.history.batch import Delivery, Moment, start_run, take_in
from studypkg.records.history.keeping import Keeper
from studypkg.records.history.origins import taking
from studypkg.records.history.table import Run
from studypkg.records.history.waiting import amend
from studypkg.records.quoting import literal
from studypkg.records.raw import RawTable, sha256_of
from studypkg.records.read import open_arrival
from studypkg.records.result import IngestResult, SourceResult
from studypkg.sources import Source

#: Looks at a file as read, and raises if a person could be recognised in it.
Gate = Callable[[duckdb.DuckDBPyConnection, RawTable, Source], None]
#: Puts a delivery with pseudonyms in the place of one with ids, before anything is kept of it.
Veil = Callable[[duckdb.DuckDBPyConnection, RawTable, Source], RawTable]
#: Kinds whose files hold more than is read of them, names of people among it.
_READ_IN_PART = frozenset(("redcap", "fhir"))
#: Kinds whose deliveries are files of rows and nothing else, so that each can be taken in by itself.
_FILES = frozenset(("csv", "excel", "parquet", "spss", "stata", "sas"))
#: The only rule that a later cut-off can satisfy.
_LATER = "FUTURE_DATE"
_NO_ROOM = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
)


def ingest(
    study: Study,
    store: Keeper,
    *,
    cutoff: date | None,
    gate: Gate,
    veil: Veil | None = None,
    now: datetime | None = None,
    progress: Callable[[str], None] | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> IngestResult:
    """Read every source of a study, screen it, and publish the accepted rows in one step.

    Parameters
    ----------
    study
        The declaration.
    store
        Where the tables go, and what they were before.
    cutoff
        Last day that a row may carry; usually the day of the delivery. `None` checks nothing.
    gate
        Called with every file as text before anything is kept of it; raises if it names people.
    veil
        Replaces the ids that a source declares under `pseudonymise`; called before the gate.
    now
        When the batch comes in; where it is not given, the cut-off says the day.
    progress
        Called with one line per step. No line holds a patient's value.
    memory_limit, threads
        What DuckDB may use; a quarter of the machine's memory, from 1 to 4 GB, if no limit is given. More
        rows than fit go through a temporary file.

    Returns
    -------
    IngestResult
        The account per source and per table. `unchanged` if this delivery is the one already stored: the
        same files, mapping, vocabulary and package version, and a cut-off that decides no row anew. Then
        nothing is read or written.

    Raises
    ------
    DataRejectedError
        If a file cannot be read or mapped, a compulsory table stays empty, or a file has more bad
        rows than `[screening] max_bad_share` allows. The tables of before stay. The faults of the
        refused delivery lie in `quarantine/rejected/`.
    IdentifierFoundError
        If the gate finds one.
    QualityGateError
        If a row has vanished, too many would be withdrawn, or the disk takes no more.
    """
    tell = progress or (lambda line: None)
    tables = study_tables(study)
    lists = lists_of(study, tables)
    with clear_words(), store.workspace() as work:
        arrivals = [arrive(source, study.root, work) for source in study.sources]
        hashes = [one.sha256 for one in arrivals]
        fingerprint = fingerprint_of(study, tables, lists, hashes, cutoff)
        earlier = store.manifest()
        if earlier and earlier["fingerprint"] in (
            fingerprint,
            fingerprint_of(study, tables, lists, hashes, _settled(earlier, cutoff)),
        ):
            tell("The delivery is the one already stored: nothing to do.")
            return IngestResult.from_manifest(earlier)
        with open_database(work, memory_limit, threads) as connection:
            run = start_run(connection, work, study, lists, store, cutoff, tell, mends={})
            raws, idle = _open_all(run, tables, arrivals, gate, veil)
            _keep(run, arrivals)
            result = take_in(
                run, tables, Delivery(raws, idle, tuple(hashes), {}),
                Moment(now, cutoff, fingerprint, rules_of(tables, lists)),
            )  # fmt: skip
    tell(
        f"{result.read} records read: {result.accepted} accepted, {result.duplicate} duplicate, "
        f"{result.quarantined} quarantined."
    )
    return result


def _settled(earlier: Mapping[str, Any], cutoff: date | None) -> date | None:
    """Give the cut-off of the last batch if a later one decides no row anew, else the one that holds now."""
    if cutoff is None or earlier["cutoff"] is None:
        return cutoff
    accounts = (*earlier["sources"], *earlier["waiting"])
    waits = any(_LATER in account["reasons"] for account in accounts)
    return cutoff if waits else min(cutoff, date.fromisoformat(earlier["cutoff"]))


@contextmanager
def open_database(
    work: Path, memory_limit: str | None, threads: int | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the private database of a run; what does not fit into memory goes through its folder."""
    with duckdb.connect(str(work / "ingest.duckdb")) as connection:
        connection.execute(f"SET memory_limit = {literal(memory_limit or _quarter())}")
        connection.execute(f"SET temp_directory = {literal(str(work / 'spill'))}")
        if threads is not None:
            connection.execute(f"SET threads = {int(threads)}")
        yield connection


def _quarter() -> str:
    """Give a quarter of the machine's memory, from 1 to 4 GB, as DuckDB writes it."""
    bytes_ = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    return f"{min(max(bytes_, 1_000_000_000), 4_000_000_000) // 1_000_000}MB"


@contextmanager
def clear_words() -> Iterator[None]:
    """Say it plainly when the disk takes no more, or may not be written.

    Raises
    ------
    QualityGateError
        In place of the system's error.
    """
    try:
        yield
    except OSError as fault:
        if fault.errno not in _NO_ROOM:
            raise
    except duckdb.IOException:
        pass
    else:
        return
    raise QualityGateError(
        "the folder of processed data cannot be written: the disk is full, a quota is used up, or this "
        "account may not write there. Make room or give the right to write, and run again. Nothing was "
        "replaced."
    )


def _open_all(
    run: Run, tables: Mapping[str, Table], arrivals: Sequence[Arrival], gate: Gate, veil: Veil | None
) -> tuple[dict[int, RawTable], dict[int, SourceResult]]:
    """Read every delivery once, however many sources it feeds, and let the gate look at each source."""
    opened: dict[tuple[object, ...], RawTable] = {}
    raws, idle = {}, {}
    for number, (source, arrival) in enumerate(zip(run.study.sources, arrivals, strict=True)):
        fresh = _fresh_files(run, number, source, tables[source.table], arrival)
        if fresh is None:
            idle[number] = SourceResult(
                source.table, arrival.name, arrival.sha256, 0, 1, 0, 0, 0, 0, 0,
                notes=("It was taken in before and was not read again; the rows are those of then.",),
                origin=run.names[number],
            )  # fmt: skip
            continue
        how = (fresh.files, *source.reading)
        if how not in opened:
            run.tell(f"Reading {fresh.name}.")
            opened[how] = open_arrival(run.connection, fresh, source)
        raw = opened[how] if veil is None else veil(run.connection, opened[how], source)
        gate(run.connection, raw, source)
        amendments = run.store.waiting("amendments.parquet")
        raws[number] = amend(run.connection, raw, run.names[number], amendments, number)
    return raws, idle


def _fresh_files(run: Run, number: int, source: Source, table: Table, arrival: Arrival) -> Arrival | None:
    """Leave out the files that an additions source has delivered before; None if that is all of them."""
    taken = set(run.origins[run.names[number]].taken)
    if source.delivery == "whole" or not taken:
        return arrival
    if source.kind not in _FILES:
        return None if taking(arrival.sha256, source, table) in taken else arrival
    names = arrival.names or tuple(path.name for path in arrival.files)
    fresh = [
        (path, name)
        for path, name in zip(arrival.files, names, strict=True)
        if taking(sha256_of(path), source, table) not in taken
    ]
    if not fresh:
        return None
    if len(fresh) == len(arrival.files):
        return arrival
    return arrival_of([path for path, _ in fresh], fresh[0][1], [name for _, name in fresh])


def _keep(run: Run, arrivals: Sequence[Arrival]) -> None:
    """Make sure that no file has changed meanwhile, and keep a copy of each where the study wants it.

    Notes
    -----
    A file whose columns are dropped or pseudonymised is not kept: the copy would hold what the tables must
    not. Nor is an export of REDCap or FHIR, of which only some fields are read. Of such a file only the
    hash stays.
    """
    sources = run.study.sources
    masked = {
        one
        for one, source in zip(arrivals, sources, strict=True)
        if source.drop or source.pseudonymise or source.kind in _READ_IN_PART
    }
    for arrival in dict.fromkeys(arrivals):
        kept = run.study.study.keep_raw and arrival not in masked
        if kept and len(arrival.files) == 1:
            run.store.snapshot(arrival.files[0], sha256=arrival.sha256, unchanged=arrival.unchanged)
            continue
        if not arrival.unchanged() and arrival_of(arrival.files).sha256 != arrival.sha256:
            raise DataRejectedError(
                f"{arrival.name} changed while it was read. Wait until it is written, and run again. "
                f"Nothing was replaced."
            )
        for path in arrival.files if kept else ():
            run.store.snapshot(path)

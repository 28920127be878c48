"""One batch over all tables: what came is taken in, or refused as a whole, and published in one step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

import studypkg
from studypkg.columns import Table
from studypkg.declaration import Study
from studypkg.errors import DataRejectedError
from studypkg.records.history.accounts import carried, with_mended
from studypkg.records.history.contradictions import TWINS
from studypkg.records.history.drift import check_withdrawn
from studypkg.records.history.keeping import Keeper
from studypkg.records.history.origins import Origin, known_origins, name_origins, taking
from studypkg.records.history.table import Run, TableBatch, batch_table
from studypkg.records.history.waiting import Mends, write_amendments
from studypkg.records.raw import Part, RawTable
from studypkg.records.result import IngestResult, SourceResult
from studypkg.records.screening import Lists
from studypkg.records.sense import PLANS
from studypkg.schema import TABLES


@dataclass(frozen=True)
class Moment:
    """When a batch comes in, and by what it is screened.

    Parameters
    ----------
    now
        The time; `None` if the caller has no clock.
    cutoff
        Last day that a row may carry.
    fingerprint
        Hash of everything the tables depend on.
    rules
        Hash of the rules and closed lists.
    """

    now: datetime | None
    cutoff: date | None
    fingerprint: str
    rules: str


@dataclass(frozen=True)
class Delivery:
    """What a batch brings.

    Parameters
    ----------
    raws
        What was read, by place in the declaration.
    idle
        The accounts of sources that were not read, because the file was taken in before.
    hashes
        Hash of what each source delivers, by place in the declaration.
    mends
        Rows of the quarantine that a person mended; then nothing is delivered.
    """

    raws: Mapping[int, RawTable]
    idle: Mapping[int, SourceResult]
    hashes: tuple[str, ...]
    mends: Mends


def start_run(
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    study: Study,
    lists: Mapping[str, Lists],
    store: Keeper,
    cutoff: date | None,
    tell: Callable[[str], None],
    mends: Mends,
) -> Run:
    """Gather what every step of a batch shares.

    Parameters
    ----------
    connection, work
        The database of the run, and its private folder.
    study, lists, store, cutoff, tell
        See `Run`.
    mends
        Rows of the quarantine that a person mended. Without any, every declared source delivers.
    """
    manifest = store.manifest()
    head: str | None = manifest.get("batch")
    names, origins = name_origins(study.sources), known_origins(study.sources, manifest)
    # A source that is declared no more holds nothing any more, unless it only ever added.
    told = set() if mends else set(origins)
    restated = {name for name in told if not origins[name].additions}
    return Run(
        connection, work, study, lists, cutoff, store, int(head.partition("-")[0]) + 1 if head else 1, head,
        names, origins, restated, told, mends, "files", tell,
    )  # fmt: skip


def take_in(run: Run, tables: Mapping[str, Table], delivery: Delivery, moment: Moment) -> IngestResult:
    """Screen everything that came, and publish it with its batch.

    Raises
    ------
    DataRejectedError
        If a file is too bad, or a compulsory table would be empty.
    QualityGateError
        If more rows would be withdrawn than the study allows, or a row has vanished.
    """
    store, study = run.store, run.study
    before = store.manifest()
    _list_files(run, delivery)
    done: dict[str, TableBatch] = {}
    for name, table in tables.items():
        fed = [number for number, source in enumerate(study.sources) if source.table == name]
        if fed or store.path(name) is not None:
            raws = {number: delivery.raws[number] for number in fed if number in delivery.raws}
            changed = _others_changed(table, done) or before.get("rules") != moment.rules
            done[name] = _alone(run, table, raws, episodes_changed=changed)
        if name == "episodes" and not delivery.mends:
            # Rows hang on the episodes: if those are refused, faults of the rest say nothing.
            _refuse(run, done)
    if not delivery.mends:
        _refuse(run, done)
    for one in done.values():
        check_withdrawn(one.written.table, study.screening.max_withdrawn_share)
    result = IngestResult(
        moment.fingerprint,
        moment.cutoff.isoformat() if moment.cutoff else None,
        _sources(delivery, done, before),
        tables=tuple(one.written.table for one in done.values()),
        waiting=tuple(late for one in done.values() for late in one.waited),
    )
    history = {name: path for one in done.values() for name, path in one.written.history.items()}
    waiting = {name: path for one in done.values() for name, path in one.written.waiting.items()}
    waits = [path for name, path in waiting.items() if name.removesuffix(".parquet") in done]
    corrections = store.waiting("amendments.parquet")
    amendments = write_amendments(run.connection, corrections, delivery.mends, waits, run.work)
    if amendments is not None:
        waiting["amendments.parquet"] = amendments
    kind = _kind(run, delivery, before, result, fresh=bool(history))
    inputs = _inputs(before, moment, delivery.mends) if kind else before["inputs"]
    result = replace(result, inputs=inputs)
    store.publish(
        {name: one.written.now for name, one in done.items()},
        {
            **result.as_manifest(),
            **_circumstances(run, delivery, moment, before, kind),
            "origins": _origins(run, tables, delivery, done),
        },
        quarantine={name: one.written.quarantine for name, one in done.items()},
        waiting=waiting,
        history=history if kind else None,
        after=run.after,
    )
    return result


def _others_changed(table: Table, done: Mapping[str, TableBatch]) -> bool:
    """Say whether rows that a table's rows hang on may be others than before: its episodes, or its plans."""
    if "episodes" not in done or done["episodes"].written.table.changed:
        return True
    plans = done.get(table.plan.table) if table.plan is not None else None
    return plans is not None and bool(plans.results or plans.written.table.changed)


def _alone(run: Run, table: Table, raws: Mapping[int, RawTable], *, episodes_changed: bool) -> TableBatch:
    """Make the batch of one table, and leave nothing of it in the database but what others need."""
    before = _relations(run.connection)
    made = batch_table(run, table, raws, episodes_changed=episodes_changed)
    kept = before.keys() | {"known_episodes", "bad_episodes", TWINS, *PLANS}
    for name, kind in sorted(_relations(run.connection).items(), key=lambda item: item[1], reverse=True):
        if name not in kept:
            run.connection.execute(f'DROP {kind} "{name}"')
    return made


def _relations(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
    views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return {**{row[0]: "TABLE" for row in tables}, **{row[0]: "VIEW" for row in views}}


def _list_files(run: Run, delivery: Delivery) -> None:
    """Make the table of all files that were ever delivered, by the short hash that rows carry."""
    known = {one[1][:12]: one for batch in run.store.batches() for one in batch.account.get("parts", ())}
    known |= {one.sha256[:12]: (one.name, one.sha256) for one in _parts(delivery)}
    run.connection.execute("CREATE TABLE files (short VARCHAR, name VARCHAR, sha256 VARCHAR)")
    if known:
        lines = [(short, name, sha256) for short, (name, sha256) in known.items()]
        run.connection.executemany("INSERT INTO files VALUES (?, ?, ?)", lines)


def _parts(delivery: Delivery) -> list[Part]:
    found = [part for raw in delivery.raws.values() for part in raw.parts or (Part(raw.name, raw.sha256),)]
    return sorted(set(found), key=lambda part: (part.name, part.sha256))


def _sources(
    delivery: Delivery, done: Mapping[str, TableBatch], before: Mapping[str, Any]
) -> tuple[SourceResult, ...]:
    """Give the account of every source; after a re-admission the last ones, brought up to date."""
    if not delivery.mends:
        fresh = {number: one for table in done.values() for number, one in table.results.items()}
        waited = [late for table in done.values() for late in table.waited]
        past = {one.origin: one for one in IngestResult.from_manifest(before).sources} if before else {}
        idle = {number: carried(one, past.get(one.origin), waited) for number, one in delivery.idle.items()}
        every = {**idle, **fresh}
        return tuple(every[number] for number in sorted(every))
    waited = [late for table in done.values() for late in table.waited]
    made = [with_mended(one, waited) for one in IngestResult.from_manifest(before).sources]
    for one in made:
        one.check()
        one.check_history()
    return tuple(made)


def _kind(
    run: Run, delivery: Delivery, before: Mapping[str, Any], result: IngestResult, *, fresh: bool
) -> str:
    """Say what kind of batch this is; nothing if nothing came, went or was delivered."""
    if delivery.mends:
        return "readmission"
    added = any(run.origins[run.names[number]].additions for number in delivery.raws)
    if list(delivery.hashes) != before.get("hashes") or added or run.number == 1:
        return "delivery"
    columns = {one["table"]: tuple(one["columns"]) for one in before.get("tables", ())}
    again = fresh or any(columns.get(one.table) != one.columns for one in result.tables)
    return "screened again" if again else ""


def _inputs(before: Mapping[str, Any], moment: Moment, mends: Mends) -> str:
    """Hash what came in with this batch, on top of everything before it."""
    typed = sorted((*place, mend.before, mend.after) for place, mend in mends.items())
    told = json.dumps([before.get("inputs", ""), moment.fingerprint, typed])
    return hashlib.sha256(told.encode()).hexdigest()


def _circumstances(
    run: Run, delivery: Delivery, moment: Moment, before: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    """Say when and how a batch came in."""
    batches = run.store.batches()
    last = batches[-1].account.get("day") if batches else None
    told = moment.now.date() if moment.now is not None else moment.cutoff
    day = told.isoformat() if told is not None else None
    parts = [[part.name, part.sha256] for part in _parts(delivery)]
    return {
        "kind": kind or before.get("kind"),
        "time": moment.now.isoformat() if moment.now is not None else None,
        # A clock that was put back must not make an earlier past known later.
        "day": max(day, last) if day and last else day,
        "clock_went_back": bool(day and last and day < last),
        "hashes": before.get("hashes", []) if delivery.mends else list(delivery.hashes),
        "parts": parts,
        "raw": "kept" if run.study.study.keep_raw else "hashes only",
        "rules": moment.rules,
        "package_version": studypkg.__version__,
    }


def _origins(
    run: Run, tables: Mapping[str, Table], delivery: Delivery, done: Mapping[str, TableBatch]
) -> dict[str, Any]:
    """Describe every source for the next batch: what it delivered, and what that looked like."""
    made = dict(run.origins)
    for number, raw in delivery.raws.items():
        name, source = run.names[number], run.study.sources[number]
        origin: Origin = made[name]
        profile = done[source.table].profiles[number]
        taken = origin.taken
        if origin.additions:
            hashes = [part.sha256 for part in raw.parts] or [raw.sha256]
            new = (taking(sha256, source, tables[source.table]) for sha256 in hashes)
            taken = tuple(dict.fromkeys((*taken, *new)))
        made[name] = replace(origin, profile=profile, taken=taken)
    return {name: origin.as_dict() for name, origin in made.items()}


def _refuse(run: Run, done: Mapping[str, TableBatch]) -> None:
    """Stop with the tables of before if a file is too bad, or a compulsory table is empty."""
    allowed = run.study.screening.max_bad_share
    bad = [
        (one, made.first_bad[number])
        for made in done.values()
        for number, one in sorted(made.results.items())
        if one.bad_share > allowed
    ]
    if bad:
        folder = run.store.reject({name: made.written.quarantine for name, made in done.items()})
        one, row = bad[0]
        common = sorted(one.reasons.items(), key=lambda item: (-item[1], item[0]))[:3]
        more = f" {len(bad) - 1} more file(s) are as bad." if len(bad) > 1 else ""
        raise DataRejectedError(
            f"{one.file}: {one.bad_share:.1%} of {one.read} records broke a rule and this study allows "
            f"{allowed:.1%}. Most often: {', '.join(f'{rule} ({count})' for rule, count in common)}; first "
            f"at {row}.{more} Nothing was replaced. Each fault stands in {folder}; mend the file or "
            f"its mapping and run again."
        )
    for name, made in done.items():
        if TABLES[name].compulsory and not made.written.table.now:
            files = ", ".join(one.file for one in made.results.values())
            raise DataRejectedError(
                f'{files}: no row could be accepted for the table "{name}", and no study runs without it. '
                f"Nothing was replaced. Deliver at least one good row."
            )

"""One table of a batch: delivered and waiting rows are screened, compared with what stands, and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from studypkg.columns import Table
from studypkg.declaration import Study
from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.history.accounts import account_of_delivery, account_of_waiting
from studypkg.records.history.changes import (
    compare,
    count_verdicts,
    list_good,
    list_origins,
    open_current,
    yield_to_withdrawals,
)
from studypkg.records.history.contradictions import judge_plans, list_twins, settle_scores
from studypkg.records.history.drift import check_columns, profile_of
from studypkg.records.history.episodes import list_episodes
from studypkg.records.history.keeping import Keeper
from studypkg.records.history.origins import Bringer, Origin
from studypkg.records.history.pieces import Compared, Place, Written, write_pieces
from studypkg.records.history.rivals import hold_back, list_bringers, settle_rivals
from studypkg.records.history.waiting import Mends, list_waiting, open_waiting, reading_text, retire
from studypkg.records.history.withdrawals import (
    Withdrawing,
    check_words,
    list_withdrawals,
    part_withdrawals,
    screen_withdrawals,
)
from studypkg.records.mapping import Mapped, map_source
from studypkg.records.quarantine import Delivered, list_faults
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.raw import RawTable
from studypkg.records.reading import find_reading
from studypkg.records.result import SourceResult, WaitingResult
from studypkg.records.screening import (
    Lists,
    Screen,
    screen_source,
    settle_episodes,
    settle_keys,
    start_screen,
)
from studypkg.records.sense import list_plans
from studypkg.records.tally import tally
from studypkg.schema import TABLES

#: Waiting rows have numbers from here on, above every place in a declaration.
_WAITING_FROM = 100_000


@dataclass(frozen=True)
class Run:
    """What every step of one batch shares.

    Parameters
    ----------
    connection, work
        The database of the run, and its private folder.
    study, lists, cutoff
        The declaration, the closed lists of each table, and the last day that a row may carry.
    store
        Where things stand.
    number, after
        Number of the batch, and name of the one before it when the run began.
    names, origins
        Name of each source of the declaration in the history, and every source the history knows.
    restated
        Names of the sources whose waiting rows are out of date, because this batch delivers them whole.
    told
        Names of the sources that this batch delivers, or that are declared no more.
    mends
        Rows of the quarantine that a person mended.
    files
        DuckDB table of all files that were ever delivered: `short`, `name`, `sha256`.
    tell
        Called with one line per step.
    """

    connection: duckdb.DuckDBPyConnection
    work: Path
    study: Study
    lists: Mapping[str, Lists]
    cutoff: date | None
    store: Keeper
    number: int
    after: str | None
    names: tuple[str, ...]
    origins: Mapping[str, Origin]
    restated: set[str]
    told: set[str]
    mends: Mends
    files: str
    tell: Callable[[str], None]


@dataclass(frozen=True)
class TableBatch:
    """What a batch made of one table: its files, and the account of its sources.

    Parameters
    ----------
    written
        The files, and the account of the table.
    results
        The account of each delivery, by its place in the declaration.
    first_bad
        Where the first row at fault of each delivery stands.
    waited
        What became of the rows that had waited.
    profiles
        By place in the declaration, what the next delivery is compared with.
    """

    written: Written
    results: dict[int, SourceResult]
    first_bad: dict[int, str]
    waited: tuple[WaitingResult, ...]
    profiles: dict[int, dict[str, Any]]


@dataclass
class _Stage:
    """What has been put on the stage of one table so far."""

    screen: Screen
    bringers: list[Bringer] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    mapped: dict[int, tuple[Bringer, Mapped]] = field(default_factory=dict)
    withdrawing: list[Withdrawing] = field(default_factory=list)
    readings: dict[int, str] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=dict)
    idle: list[Bringer] = field(default_factory=list)


def batch_table(
    run: Run, table: Table, raws: Mapping[int, RawTable], *, episodes_changed: bool
) -> TableBatch:
    """Screen what came for a table, compare it with what stands, and write what follows.

    Parameters
    ----------
    run
        The batch.
    table
        The table.
    raws
        What was delivered for it, by place in the declaration.
    episodes_changed
        Whether the rows that its rows hang on, or the rules, may be others than before.
    """
    db = run.connection
    stage = _fill(run, table, raws)
    screen = stage.screen
    judge_plans(db, screen)
    settle_keys(db, screen)
    list_bringers(db, stage.bringers)
    feeding = {name: one for name, one in run.origins.items() if name.startswith(f"{table.name}: ")}
    list_origins(db, feeding, run.told)
    settle_rivals(db, screen, stage.bringers)
    current = open_current(db, table, run.store.path(table.name) if run.number > 1 else None)
    hold_back(db, screen, current, _mended(run, stage))
    good = list_good(db, screen)
    faults = f"faults_{table.name}"
    gone, withdrawn = _withdraw(run, table, stage, f"{faults}_withdrawals")
    if gone is not None:
        yield_to_withdrawals(db, table, good, gone)
    contradicted = settle_scores(
        db, screen, good, current, gone,
        suspended=run.store.waiting(f"{table.name}.suspended.parquet"), again=episodes_changed,
    )  # fmt: skip
    list_faults(db, screen, stage.delivered, into=faults)
    if gone is not None:
        own = f'SELECT * REPLACE ({literal(table.name)} AS "table") FROM {faults}_withdrawals'
        db.execute(f"INSERT INTO {faults} BY NAME {own}")
    verdicts, went = compare(db, screen, good, current, gone)
    keys = f"SELECT {idents(table.key)}, precedence FROM {good} WHERE fresh"
    if gone is not None:
        keys += f" UNION ALL SELECT {idents(table.key)}, precedence FROM {gone}"
    retired = retire(db, screen.stage, screen.bad, table.key, f"({keys})", faults)
    counts = count_verdicts(db, good, verdicts, first=current is None)
    results, first_bad = tally(db, screen, stage.delivered)
    profiles = profile_of(db, screen, {n: m for n, m in stage.mapped.items() if m[0].fresh})
    list_waiting(db, faults, stage.readings, into=f"waiting_{table.name}")
    _carry_idle(run, table, stage, faults)
    written = write_pieces(
        Place(db, run.work, run.store, run.number, run.files, frozenset(run.restated)),
        Compared(screen, current, good, verdicts, went, gone, counts, faults, contradicted),
        stage.bringers, episodes_changed=episodes_changed,
    )  # fmt: skip
    _list_hung_on(run, screen, written)
    if table.parent is None:
        settle_episodes(db, screen)
        if current is not None:
            list_episodes(db, written.now, f"(FROM {screen.stage} WHERE {screen.bad})")
    made = TableBatch(
        written,
        {
            one.number: account_of_delivery(
                one, results[one.number], counts, withdrawn, profiles, stage.notes
            )
            for one in stage.bringers
            if one.fresh
        },
        first_bad,
        tuple(
            account_of_waiting(one, results[one.number], counts, retired.get(one.number, 0))
            for one in stage.bringers
            if not one.fresh
        ),
        profiles,
    )
    for one in made.results.values():
        one.check()
        one.check_history()
    for late in made.waited:
        late.check()
    return made


def _list_hung_on(run: Run, screen: Screen, written: Written) -> None:
    """List what other tables must agree with: the prescriptions, and which episodes share a complaint."""
    db, table = run.connection, screen.table
    if table.parent is None:
        list_twins(db, written.now)
    plan = next((one.plan for one in TABLES.values() if one.plan and one.plan.table == table.name), None)
    if plan is not None:
        suspended = written.waiting.get(f"{table.name}.suspended.parquet")
        aside = [f"(SELECT * FROM {screen.stage} WHERE {screen.bad})"]
        aside += [f"read_parquet({literal(str(suspended))})"] * (suspended is not None)
        list_plans(db, plan, written.now, aside)


def _fill(run: Run, table: Table, raws: Mapping[int, RawTable]) -> _Stage:
    """Put everything that came, and everything that waits, on the stage."""
    stage = _Stage(start_screen(run.connection, table, run.lists[table.name], cutoff=run.cutoff))
    for number, raw in raws.items():
        source = run.study.sources[number]
        run.tell(f"Screening {raw.name} as {table.name}.")
        bringer = Bringer(number, raw, source, run.origins[run.names[number]], run.number)
        stage.notes[number] = check_columns(bringer)
        _put(run, table, stage, bringer)
    sources = {
        name: source
        for name, source in zip(run.names, run.study.sources, strict=True)
        if source.table == table.name
    }
    for bringer in open_waiting(
        run.connection, run.store.waiting(f"{table.name}.parquet"), sources, run.origins,
        restated=run.restated, mends=run.mends, first=_WAITING_FROM,
    ):  # fmt: skip
        try:
            _put(run, table, stage, bringer)
        except (ConfigError, DataRejectedError):
            # The mapping of today does not fit the file of then: its rows wait on as they are.
            stage.idle.append(bringer)
    return stage


def _put(run: Run, table: Table, stage: _Stage, bringer: Bringer) -> None:
    db, number = run.connection, bringer.number
    check_words(bringer)
    mapped = map_source(db, bringer.raw, bringer.source, table, into=f"mapped_{number}")
    reading = bringer.reading or find_reading(db, bringer.raw, bringer.source, table, mapped)
    if bringer.pairs:
        mapped = _only_waiting(db, mapped, bringer.pairs)
    kept, gone = part_withdrawals(db, bringer, mapped)
    screen_source(db, stage.screen, kept, reading, run.lists[table.name], number=number)
    if gone is not None:
        stage.withdrawing.append(Withdrawing(bringer, gone, reading))
    stage.bringers.append(bringer)
    stage.mapped[number] = (bringer, mapped)
    stage.delivered.append(Delivered(number, bringer.raw, kept))
    stage.readings[number] = reading_text(reading)


def _only_waiting(db: duckdb.DuckDBPyConnection, mapped: Mapped, pairs: str) -> Mapped:
    """Leave out the other scores of a wide row, which were good and stand."""
    view = f"{mapped.relation}_waiting"
    db.execute(
        f"CREATE TEMP VIEW {ident(view)} AS SELECT m.* FROM {ident(mapped.relation)} m "
        f"SEMI JOIN {pairs} p ON p.row = m._row AND p.series = m._series"
    )
    row = db.execute(f"SELECT count(*) FROM {ident(view)}").fetchone()
    held = row[0] if row else 0
    return replace(mapped, relation=view, empty=mapped.records * mapped.series - held)


def _mended(run: Run, stage: _Stage) -> str | None:
    """List the records on the stage that a person mended."""
    lines = [
        [one.number, row, mend.moved]
        for one in stage.bringers
        for (origin, sha256, row), mend in run.mends.items()
        if not one.fresh and (origin, sha256) == (one.origin.name, one.raw.sha256)
    ]
    run.connection.execute(
        "CREATE OR REPLACE TEMP TABLE mended (_source INTEGER, _row BIGINT, moved BOOLEAN)"
    )
    if lines:
        run.connection.executemany("INSERT INTO mended VALUES (?, ?, ?)", lines)
    return "mended" if lines else None


def _withdraw(
    run: Run, table: Table, stage: _Stage, faults: str
) -> tuple[str | None, dict[int, SourceResult]]:
    """Screen the withdrawing records, and list their faults."""
    db = run.connection
    found = screen_withdrawals(db, table, run.lists[table.name], stage.withdrawing)
    if found is None:
        return None, {}
    screen, delivered = found
    list_faults(db, screen, delivered, into=faults)
    gone = f"gone_{table.name}"
    list_withdrawals(db, table, screen, into=gone)
    results, _ = tally(db, screen, delivered)
    db.execute(f"DROP TABLE {screen.stage}")
    return gone, results


def _carry_idle(run: Run, table: Table, stage: _Stage, faults: str) -> None:
    """Keep the rows that cannot be screened now: in the quarantine, and among those that wait."""
    path, listed = run.store.waiting(f"{table.name}.parquet"), run.store.quarantine(table.name)
    if path is None or listed is None:
        return
    db, rows = run.connection, f"read_parquet({literal(str(path))})"
    idle = {(one.origin.name, one.raw.sha256) for one in stage.idle}
    for origin, sha256 in db.execute(f"SELECT DISTINCT origin, sha256 FROM {rows}").fetchall():
        undeclared = origin not in run.names and run.origins[origin].additions
        if (origin, sha256) in idle or undeclared:
            kept = f"{rows} WHERE origin = {literal(origin)} AND sha256 = {literal(sha256)}"
            db.execute(f"INSERT INTO waiting_{table.name} BY NAME SELECT * FROM {kept}")
            db.execute(
                f"INSERT INTO {faults} BY NAME SELECT q.*, -2 AS _source, 0 AS _series, 0 AS _place "
                f"FROM read_parquet({literal(str(listed))}) q "
                f"SEMI JOIN (SELECT * FROM {kept}) w ON w.sha256 = q.sha256 AND w.row = q.row"
            )

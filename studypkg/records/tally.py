"""Screened rows counted: for every source, where each of its records went and why."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from studypkg.columns import TOP_AGE_YEARS
from studypkg.records.quarantine import Delivered
from studypkg.records.quoting import ident
from studypkg.records.result import SourceResult
from studypkg.records.screening import Screen


def tally(
    connection: duckdb.DuckDBPyConnection, screen: Screen, delivered: Sequence[Delivered]
) -> tuple[dict[int, SourceResult], dict[int, str]]:
    """Count the rows of a screened table, source by source.

    Parameters
    ----------
    connection
        Where the stage lives; `settle_keys` has run.
    screen
        The screened table.
    delivered
        Every source that fed it.

    Returns
    -------
    tuple
        The account of each source, and where its first quarantined row stands, both by the source's
        place in the declaration.

    Raises
    ------
    QualityGateError
        If a record has vanished or appeared. The records that the file holds, those screened, and
        each of the three places where they can go are counted separately.
    """
    rules = list(dict.fromkeys(check.rule for check in screen.checks))
    columns = list(dict.fromkeys(check.column for check in screen.checks))
    counts = [
        "sum(n)",
        f"sum(n) FILTER (WHERE NOT ({screen.bad}) AND NOT _copy)",
        f"sum(n) FILTER (WHERE _copy AND NOT ({screen.bad}))",
        f"sum(n) FILTER (WHERE {screen.bad})",
        f"sum(n) FILTER (WHERE _pooled AND NOT ({screen.bad}))",
    ]
    counts += [f"sum(n) FILTER (WHERE {screen.failed(rule=rule)})" for rule in rules]
    counts += [f"sum(n) FILTER (WHERE {screen.failed(column=column)})" for column in columns]
    whole = [f"coalesce({count}, 0)::BIGINT" for count in counts]
    whole.insert(5, f"min(first) FILTER (WHERE {screen.bad})")
    # Rows that went the same way are counted together first: few ways, many rows.
    ways = f"SELECT _source, _copy, _pooled, {screen.masks}, count(*) AS n, min(_row) AS first "
    ways += f"FROM {screen.stage} GROUP BY ALL"
    rows = connection.execute(f"SELECT _source, {', '.join(whole)} FROM ({ways}) GROUP BY _source")
    found = {row[0]: row[1:] for row in rows.fetchall()}
    results: dict[int, SourceResult] = {}
    first_bad: dict[int, str] = {}
    for one in delivered:
        read, accepted, copies, bad, pooled, first, *rest = found.get(one.number, (0,) * len(whole))
        result = SourceResult(
            table=screen.table.name,
            file=one.raw.name,
            sha256=one.raw.sha256,
            records=one.mapped.records,
            series=one.mapped.series,
            empty=one.mapped.empty,
            read=read,
            accepted=accepted,
            duplicate=copies,
            quarantined=bad,
            reasons=_named(rules, rest[: len(rules)]),
            columns=_named(columns, rest[len(rules) :]),
            ignored=one.mapped.ignored,
            notes=tuple(_notes(connection, screen, one, pooled)),
        )
        result.check()
        results[one.number] = result
        if bad:
            first_bad[one.number] = one.raw.place(first)
    return results, first_bad


def _named(names: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _notes(connection: duckdb.DuckDBPyConnection, screen: Screen, one: Delivered, pooled: int) -> list[str]:
    """Say what was done to good rows: encoding, pooled ages, defaults, empty cells of a wide file."""
    notes = list(one.raw.notes)
    if pooled:
        notes.append(
            f"{pooled} record(s) with an age over {TOP_AGE_YEARS} were pooled into {TOP_AGE_YEARS}+."
        )
    if one.mapped.empty:
        notes.append(f"{one.mapped.empty} empty cell(s) of the columns under `melt` are no record.")
    for column in screen.table.columns:
        if column.default is None or column.name in one.mapped.constants:
            continue
        if column.name in one.mapped.absent:
            notes.append(f'No column "{column.name}": every record got "{column.default}".')
            continue
        row = connection.execute(
            f"SELECT count(*) FROM {ident(one.mapped.relation)} WHERE {ident(column.name)} IS NULL"
        ).fetchone()
        if row and row[0]:
            notes.append(f'{row[0]} empty cell(s) of "{column.name}" got "{column.default}".')
    return notes

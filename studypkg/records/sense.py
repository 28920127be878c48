"""Clinical sense across tables: a log keeps to what its episode was prescribed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from studypkg.columns import Plan, Table
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.rules import Check

#: Tables of the plans that outlive the table they were made from: those that stand, and those set aside.
PLANS = ("known_plans", "waiting_plans")
#: For the side of a plan, the sides that a row may name: a row without a side can be about either.
_FITTING = {
    "left": ("left", "both", "unspecified"),
    "right": ("right", "both", "unspecified"),
    "both": ("left", "right", "both", "unspecified"),
    "unspecified": ("left", "right", "both", "unspecified"),
}
_OPEN = "DATE '9999-12-31'"


def sense_checks(table: Table) -> tuple[Check, ...]:
    """List the rules that look at other rows than the row's own and its episode's.

    Notes
    -----
    A row breaks one of them at most, and none that the study waives: `_sense` is its place in this list,
    from 1. On the stage nothing is judged by the condition; who finds such rows marks them.
    """
    if table.parent is None:
        return ()
    found: list[tuple[str, str]] = []
    if table.plan is not None and table.event_date is not None:
        found += [
            ("NOT_PRESCRIBED", table.plan.what),
            ("NOT_PRESCRIBED", table.plan.side),
            ("BEFORE_PRESCRIPTION", table.event_date),
            ("AFTER_PRESCRIPTION", table.event_date),
            ("PRESCRIPTION_QUARANTINED", table.plan.what),
        ]
    elif table.agreement is not None:
        found.append(("CONTRADICTING_SCORES", table.agreement.value))
    kept = [names for names in found if names[0] not in table.waived]
    return tuple(Check(*names, f"_sense = {place}") for place, names in enumerate(kept, start=1))


def list_plans(
    connection: duckdb.DuckDBPyConnection, plan: Plan, standing: Path, set_aside: Sequence[str]
) -> None:
    """List what was prescribed, for the rows that must keep to it.

    Parameters
    ----------
    connection
        Where `known_plans` and `waiting_plans` are made.
    plan
        What a plan is.
    standing
        File of the plans as they stand after this batch.
    set_aside
        DuckDB relations of the plans that are set aside.
    """
    what, until = ident(plan.what), f"coalesce({ident(plan.until)}::DATE, {_OPEN})"
    connection.execute(
        f"CREATE TABLE known_plans AS SELECT episode_id, {what}::VARCHAR AS what, "
        f"{ident(plan.side)}::VARCHAR AS side, {ident(plan.since)}::DATE AS since, {until} AS until "
        f"FROM read_parquet({literal(str(standing))})"
    )
    connection.execute("CREATE TABLE waiting_plans (episode_id VARCHAR, what VARCHAR)")
    for rows in set_aside:
        connection.execute(
            f"INSERT INTO waiting_plans SELECT DISTINCT episode_id, {what}::VARCHAR FROM {rows} "
            f"WHERE episode_id IS NOT NULL AND {what} IS NOT NULL"
        )


def has_plans(connection: duckdb.DuckDBPyConnection) -> bool:
    """Say whether any plan of the study is known."""
    found = connection.execute(
        f"SELECT table_name FROM duckdb_tables() WHERE table_name IN ({', '.join(map(literal, PLANS))})"
    ).fetchall()
    return len(found) == len(PLANS)


def list_offences(
    connection: duckdb.DuckDBPyConnection, table: Table, rows: str, names: Sequence[str], *, into: str
) -> None:
    """Find the rows that do not keep to the plans of their episode.

    Parameters
    ----------
    connection
        Where `list_plans` has made its tables.
    table
        A table that has a plan.
    rows
        DuckDB relation of its rows.
    names
        Columns that say which row it is.
    into
        Name of the table that is made, with `names` and `_sense`, the place of the broken rule in
        `sense_checks`, from 1.

    Notes
    -----
    An episode without a single prescription is not judged: then nobody delivers prescriptions for it, and
    there is nothing that its logs could contradict. One join by hash finds that nothing is wrong; only
    what it leaves is looked at closely.
    """
    plan, day = table.plan, table.event_date
    if plan is None or day is None:
        connection.execute(f"CREATE TABLE {into} AS SELECT {idents(names)}, 0 AS _sense FROM {rows} LIMIT 0")
        return
    what, side = ident(plan.what), ident(plan.side)
    fitting = _fitting_plans(connection, plan, rows)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unplanned AS SELECT {idents(names, of='s')}, "
        f"s.episode_id AS _episode, s.{what}::VARCHAR AS _what, s.{side}::VARCHAR AS _side, "
        f"s.{ident(day)}::DATE AS _day FROM {rows} s "
        f"ANTI JOIN ({fitting}) p ON p.episode_id = s.episode_id AND p.what = s.{what} "
        f"AND p.side = s.{side} AND p.since <= s.{ident(day)} AND p.until >= s.{ident(day)} "
        f"WHERE s.episode_id IS NOT NULL AND s.{what} IS NOT NULL AND s.{side} IS NOT NULL "
        f"AND s.{ident(day)} IS NOT NULL"
    )
    checks = {(check.rule, check.column): place for place, check in enumerate(sense_checks(table), start=1)}

    def place(rule: str, column: str) -> int:
        return checks.get((rule, column), 0)

    own = "(SELECT p.* FROM known_plans p SEMI JOIN unplanned u ON u._episode = p.episode_id)"
    sides = ", ".join(f"({literal(a)}, {literal(b)})" for a, fits in _FITTING.items() for b in fits)
    connection.execute(
        f"CREATE TABLE {into} AS WITH own AS MATERIALIZED {own}, "
        f"judged AS (SELECT u.* FROM unplanned u SEMI JOIN "
        f"(SELECT episode_id FROM own UNION SELECT episode_id FROM waiting_plans) e "
        f"ON e.episode_id = u._episode), "
        f"first AS (SELECT episode_id, what, f.fits, min(since) AS since FROM own "
        f"JOIN (VALUES {sides}) f(side, fits) ON f.side = own.side GROUP BY ALL), "
        f"any_side AS (SELECT DISTINCT episode_id, what FROM own), "
        f"waiting AS (SELECT DISTINCT episode_id, what FROM waiting_plans) "
        f"SELECT * FROM (SELECT {idents(names, of='j')}, CASE "
        f"WHEN w.what IS NOT NULL THEN {place('PRESCRIPTION_QUARANTINED', plan.what)} "
        f"WHEN a.what IS NULL THEN {place('NOT_PRESCRIBED', plan.what)} "
        f"WHEN f.what IS NULL THEN {place('NOT_PRESCRIBED', plan.side)} "
        f"WHEN j._day < f.since THEN {place('BEFORE_PRESCRIPTION', day)} "
        f"ELSE {place('AFTER_PRESCRIPTION', day)} END AS _sense FROM judged j "
        f"LEFT JOIN first f ON f.episode_id = j._episode AND f.what = j._what AND f.fits = j._side "
        f"LEFT JOIN any_side a ON a.episode_id = j._episode AND a.what = j._what "
        f"LEFT JOIN waiting w ON w.episode_id = j._episode AND w.what = j._what) "
        f"WHERE _sense > 0"
    )
    connection.execute("DROP TABLE unplanned")


def _fitting_plans(connection: duckdb.DuckDBPyConnection, plan: Plan, rows: str) -> str:
    """Write the SQL of the plans, each once for every side in the rows that it can mean, in their types."""
    side = ident(plan.side)
    seen = {row[0] for row in connection.execute(f"SELECT DISTINCT {side}::VARCHAR FROM {rows}").fetchall()}
    pairs = [(own, fits) for own, every in _FITTING.items() for fits in every if fits in seen]
    listed = ", ".join(f"({literal(own)}, {literal(fits)})" for own, fits in pairs) or "(NULL, NULL)"
    # A list of words is numbers on the stage: then numbers are compared, not words.
    types = {
        row[0]: row[1]
        for row in connection.execute(f"DESCRIBE SELECT {ident(plan.what)}, {side} FROM {rows}").fetchall()
    }
    return (
        f"SELECT p.episode_id, TRY_CAST(p.what AS {types[plan.what]}) AS what, "
        f"TRY_CAST(f.fits AS {types[plan.side]}) AS side, p.since, p.until "
        f"FROM known_plans p JOIN (VALUES {listed}) f(own, fits) ON f.own = p.side"
    )

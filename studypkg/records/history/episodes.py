"""Rows hang on episodes: when an episode changes, comes or goes, the rows that stand are judged again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from studypkg.columns import Table
from studypkg.records.cells import row_checks
from studypkg.records.history.changes import BOOKS
from studypkg.records.quarantine import COLUMNS
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.rules import RULES, Check

#: What is kept of a row that was set aside with its episode, besides the row: where it stands in which file.
PLACE = ("_file", "_sha256")


def list_episodes(connection: duckdb.DuckDBPyConnection, episodes: Path, waiting: str) -> None:
    """List the episodes that stand after this batch, and those that wait, for the rows that hang on them.

    Parameters
    ----------
    connection
        Where `known_episodes` and `bad_episodes` of the screening are; they are made anew.
    episodes
        File of the episodes as they stand now.
    waiting
        DuckDB relation with the `episode_id` of every episode that is set aside.
    """
    for name in ("known_episodes", "bad_episodes"):
        connection.execute(f"DELETE FROM {name}")
    connection.execute(
        "INSERT INTO known_episodes BY NAME SELECT episode_id, start_date::DATE AS start_date, "
        f"end_date::DATE AS end_date FROM read_parquet({literal(str(episodes))})"
    )
    connection.execute(
        f"INSERT INTO bad_episodes BY NAME SELECT DISTINCT episode_id FROM {waiting} WHERE episode_id "
        f"IS NOT NULL AND episode_id NOT IN (SELECT episode_id FROM known_episodes)"
    )


def set_aside(
    connection: duckdb.DuckDBPyConnection, table: Table, current: str, went: str, files: str, *, into: str
) -> None:
    """Take the rows out that no longer fit their episode, and keep them until they do again.

    Parameters
    ----------
    connection
        Where everything lives.
    table
        A table that hangs on the episodes.
    current
        View of the rows that stood.
    went
        Table of the rows that end, which grows.
    files
        DuckDB table of the files that were ever delivered: `short`, `name`, `sha256`.
    into
        Name of the table that is made: the rows, their books, and the file and hash they came from.
    """
    same = " AND ".join(f"c.{ident(k)} = w.{ident(k)}" for k in table.key)
    books = idents(BOOKS, of="m")
    connection.execute(
        f"CREATE TABLE {into} AS SELECT {idents(table.column_names, of='m')}, {books}, "
        f"f.name AS _file, f.sha256 AS _sha256 "
        f"FROM ({_judged(table, f'(SELECT c.* FROM {current} c ANTI JOIN {went} w ON {same})')}) m "
        f"LEFT JOIN {files} f ON f.short = m.source_file WHERE m._mask <> 0"
    )
    connection.execute(
        f"INSERT INTO {went} BY NAME SELECT {idents(table.key)}, _batch, 'set_aside' AS why FROM {into}"
    )


def bring_back(
    connection: duckdb.DuckDBPyConnection, table: Table, suspended: str, taken: str, *, into: str
) -> None:
    """Find the rows that were set aside with their episode and fit it again.

    Parameters
    ----------
    connection
        Where everything lives.
    table
        A table that hangs on the episodes.
    suspended
        The rows that were set aside, from which those that come back, or whose key is taken, are removed.
    taken
        DuckDB relation of the keys that have another row by now, or were withdrawn.
    into
        Name of the table that is made, with the rows that come back.
    """
    same = " AND ".join(f"s.{ident(k)} = t.{ident(k)}" for k in table.key)
    connection.execute(f"DELETE FROM {suspended} AS s WHERE EXISTS (SELECT 1 FROM {taken} t WHERE {same})")
    connection.execute(f"CREATE TABLE {into} AS FROM ({_judged(table, suspended)}) WHERE _mask = 0")
    match = " AND ".join(f"s.{ident(k)} = b.{ident(k)}" for k in table.key)
    connection.execute(f"DELETE FROM {suspended} AS s WHERE EXISTS (SELECT 1 FROM {into} b WHERE {match})")


def list_suspended(connection: duckdb.DuckDBPyConnection, table: Table, suspended: str, *, into: str) -> None:
    """Add one line to the quarantine for every rule that a row broken off from its episode breaks.

    Notes
    -----
    The row was accepted when it came, so what is shown as delivered is the row as it was stored.
    """
    cells = ", ".join(f"{ident(name)} := {ident(name)}::VARCHAR" for name in table.column_names)
    for place, check in enumerate(_checks(table)):
        listed = dict(zip(COLUMNS, (
            "_file", "_sha256", "source_row", literal(table.name), literal(check.column),
            "NULL", literal(check.rule), literal(RULES[check.rule].advice),
            f"to_json(struct_pack({cells}))::VARCHAR",
        ), strict=True))  # fmt: skip
        chosen = ", ".join(f"{sql} AS {ident(name)}" for name, sql in listed.items())
        connection.execute(
            f"INSERT INTO {ident(into)} BY NAME SELECT {chosen}, -1 AS _source, 0 AS _series, "
            f"{place} AS _place FROM ({_judged(table, suspended)}) WHERE (_mask & {1 << place}) <> 0"
        )


def _checks(table: Table) -> list[Check]:
    """List the rules about a row's episode; the same as on the stage, and no others."""
    return row_checks(replace(table, orders=()), {}, None, {})


def _judged(table: Table, rows: str) -> str:
    """Write the SQL of rows with a mask of the rules about the episode that each breaks."""
    days = [table.event_date] if table.event_date else []
    as_days = ", ".join(f"m.{ident(day)}::DATE AS {ident(day)}" for day in days)
    others = [name for name in table.column_names if name not in days]
    cells = ", ".join(
        (*(f"m.{ident(name)} AS {ident(name)}" for name in others), *([as_days] if days else []))
    )
    mask = " | ".join(
        f"CASE WHEN {check.condition} THEN {1 << place} ELSE 0 END"
        for place, check in enumerate(_checks(table))
    )
    extra = ", m.* EXCLUDE (" + idents(table.column_names) + ")"
    stored = ", ".join(f"{ident(day)}::TIMESTAMP AS {ident(day)}" for day in days)
    again = f"REPLACE ({stored})" if stored else ""
    return (
        f"SELECT * EXCLUDE (_t_episode_id, _e_start, _e_end, _e_known, _e_bad) {again} FROM ("
        f"SELECT *, {mask} AS _mask FROM (SELECT {cells}{extra}, m.episode_id AS _t_episode_id, "
        f"e.start_date AS _e_start, e.end_date AS _e_end, e.episode_id IS NOT NULL AS _e_known, "
        f"b.episode_id IS NOT NULL AS _e_bad FROM {rows} m "
        f"LEFT JOIN known_episodes e ON e.episode_id = m.episode_id "
        f"LEFT JOIN bad_episodes b ON b.episode_id = m.episode_id))"
    )

"""Rows hang on others, on episodes above all: when those change, the rows that stand are judged again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from studypkg.columns import Table
from studypkg.records.cells import row_checks
from studypkg.records.history.changes import BOOKS
from studypkg.records.quarantine import COLUMNS
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.rules import RULES, Check
from studypkg.records.sense import has_plans, list_offences, sense_checks

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


@dataclass(frozen=True)
class Standing:
    """The rows that stood before a batch, and what the batch says about them.

    Parameters
    ----------
    current, went
        DuckDB relation of the rows, without those that were delivered anew and judged as such; and table of
        the rows that end, which grows.
    files
        DuckDB table of the files that were ever delivered: `short`, `name`, `sha256`.
    taken
        DuckDB relation of the keys that have a row now, or were withdrawn.
    """

    current: str
    went: str
    files: str
    taken: str


def judge_again(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    suspended: str,
    standing: Standing,
    contradicted: str | None,
    *,
    everything: bool,
    into: str,
) -> None:
    """Take out the rows that no longer fit the others, and bring back those that fit again.

    Parameters
    ----------
    connection
        Where everything lives.
    table
        A table that hangs on the episodes.
    suspended
        Table of the rows that were set aside although they had stood, with their books, and the file and
        hash they came from. Those that come back, and those whose key has another row by now, are
        removed; those that are taken out now are added.
    standing
        The rows that stood.
    contradicted
        Table of the keys of rows that others contradict.
    everything
        Whether all rows that stand are to be judged, and not only the contradicted ones.
    into
        Name of the table that is made, with the rows that come back.
    """
    same = " AND ".join(f"s.{ident(k)} = t.{ident(k)}" for k in table.key)
    connection.execute(
        f"DELETE FROM {suspended} AS s WHERE EXISTS (SELECT 1 FROM {standing.taken} t WHERE {same})"
    )
    rows = f"(SELECT s.* FROM {standing.current} s ANTI JOIN {standing.went} t ON {same})"
    if not everything:
        rows = f"(SELECT s.* FROM {rows} s SEMI JOIN {contradicted} t ON {same})" if contradicted else ""
    _list_senses(connection, table, suspended, rows, contradicted)
    connection.execute(f"CREATE TABLE {into} AS FROM ({_judged(table, suspended)}) WHERE _mask = 0")
    connection.execute(f"DELETE FROM {suspended} AS s WHERE EXISTS (SELECT 1 FROM {into} t WHERE {same})")
    if not rows:
        return
    new, cells = f"aside_{table.name}", idents((*table.column_names, *BOOKS), of="m")
    connection.execute(
        f"CREATE TABLE {new} AS SELECT {cells}, f.name AS _file, f.sha256 AS _sha256 "
        f"FROM ({_judged(table, rows)}) m LEFT JOIN {standing.files} f ON f.short = m.source_file "
        f"WHERE m._mask <> 0"
    )
    connection.execute(
        f"INSERT INTO {standing.went} BY NAME "
        f"SELECT {idents(table.key)}, _batch, 'set_aside' AS why FROM {new}"
    )
    columns = idents((*table.column_names, *BOOKS, *PLACE))
    connection.execute(f"INSERT INTO {suspended} BY NAME SELECT {columns} FROM {new}")


def _list_senses(
    connection: duckdb.DuckDBPyConnection, table: Table, suspended: str, rows: str, contradicted: str | None
) -> None:
    """Make the table `senses_TABLE`: the keys of rows that make no sense beside others, and the rule."""
    keys, cells, senses = idents(table.key), idents(table.column_names), f"senses_{table.name}"
    if table.plan is not None and has_plans(connection):
        judged = " UNION ALL ".join(f"SELECT {cells} FROM {one}" for one in (suspended, rows) if one)
        list_offences(connection, table, f"({judged})", table.key, into=senses)
        return
    if contradicted is not None:
        found = f"SELECT {keys}, 1 AS _sense FROM {contradicted}"
    else:
        found = f"SELECT {keys}, 0 AS _sense FROM {suspended} WHERE false"
    connection.execute(f"CREATE TABLE {senses} AS {found}")


def list_suspended(connection: duckdb.DuckDBPyConnection, table: Table, suspended: str, *, into: str) -> None:
    """Add one line to the quarantine for every rule that a row which had stood breaks by now.

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
    """List the rules about other rows; the same as on the stage, and no others."""
    return [*row_checks(replace(table, orders=()), {}, None, {}), *sense_checks(table)]


def _judged(table: Table, rows: str) -> str:
    """Write the SQL of rows with a mask of the rules about other rows that each breaks."""
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
    same = " AND ".join(f"x.{ident(k)} = m.{ident(k)}" for k in table.key)
    extra = ", m.* EXCLUDE (" + idents(table.column_names) + ")"
    stored = ", ".join(f"{ident(day)}::TIMESTAMP AS {ident(day)}" for day in days)
    again = f"REPLACE ({stored})" if stored else ""
    return (
        f"SELECT * EXCLUDE (_t_episode_id, _e_start, _e_end, _e_known, _e_bad, _sense) {again} FROM ("
        f"SELECT *, {mask} AS _mask FROM (SELECT {cells}{extra}, m.episode_id AS _t_episode_id, "
        f"e.start_date AS _e_start, e.end_date AS _e_end, e.episode_id IS NOT NULL AS _e_known, "
        f"b.episode_id IS NOT NULL AS _e_bad, x._sense FROM {rows} m "
        f"LEFT JOIN known_episodes e ON e.episode_id = m.episode_id "
        f"LEFT JOIN bad_episodes b ON b.episode_id = m.episode_id "
        f"LEFT JOIN senses_{table.name} x ON {same}))"
    )

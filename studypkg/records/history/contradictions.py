"""Rows that contradict other rows: logs their prescriptions, and scores of one complaint one another."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from studypkg.columns import Agreement, Table
from studypkg.records.history.changes import BOOKS, compare
from studypkg.records.history.rivals import RECORD
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.screening import BITS, Screen
from studypkg.records.sense import has_plans, list_offences, sense_checks

#: Episodes of one person that are equal in these are about one complaint.
COMPLAINT = ("patient_id", "condition", "side", "body_site")
#: Table that says which episodes are about one complaint; it outlives the batch of the episodes.
TWINS = "twin_episodes"


def list_twins(connection: duckdb.DuckDBPyConnection, episodes: Path) -> None:
    """List the episodes that are about the complaint of another one, each with the first of them.

    Parameters
    ----------
    connection
        Where `twin_episodes` is made.
    episodes
        File of the episodes as they stand after this batch.
    """
    rows = f"read_parquet({literal(str(episodes))})"
    same = " AND ".join(f"e.{name} IS NOT DISTINCT FROM t.{name}" for name in COMPLAINT)
    connection.execute(
        f"CREATE TABLE {TWINS} AS SELECT e.episode_id, t.complaint FROM {rows} e JOIN "
        f"(SELECT {idents(COMPLAINT)}, min(episode_id) AS complaint FROM {rows} "
        f"GROUP BY {idents(COMPLAINT)} HAVING count(*) > 1) t ON {same}"
    )


def judge_plans(connection: duckdb.DuckDBPyConnection, screen: Screen) -> None:
    """Mark the rows on the stage that do not keep to the plans of their episode.

    Notes
    -----
    It does nothing for a table without a plan, or if no plan of the study is known.
    """
    if screen.table.plan is None or not has_plans(connection):
        return
    rows = f"(SELECT rowid AS _id, * FROM {screen.stage})"
    list_offences(connection, screen.table, rows, ("_id",), into="astray")
    _mark(connection, screen, "astray")
    connection.execute("DROP TABLE astray")


def settle_scores(
    connection: duckdb.DuckDBPyConnection,
    screen: Screen,
    good: str,
    current: str | None,
    gone: str | None,
    *,
    suspended: Path | None,
    again: bool,
) -> str | None:
    """Set aside the records whose value another row about the same fact contradicts.

    Parameters
    ----------
    connection
        Where the stage lives, with the tables `origins` and `losers`.
    screen
        The screened table.
    good
        View of the records that could stand, at most one for each key.
    current
        View of the rows that stood before.
    gone
        Table of the withdrawn keys.
    suspended
        File of the rows that were set aside by an earlier batch although they had stood.
    again
        Whether all rows that stand are to be judged again, and not only beside what came.

    Returns
    -------
    str or None
        Name of a table with the keys of all rows that are contradicted, also of those that stood and of
        those that were set aside before. None if there are none.

    Notes
    -----
    Judged is what would stand after this batch if nothing were contradicted: so a correction of one of two
    rows, or its withdrawal, brings the other one back. A row that breaks another rule contradicts
    nobody. Only rows are compared whose columns have the same hash as another's, so the usual file
    costs one sorting of numbers.
    """
    agreement = screen.table.agreement
    if agreement is None or not sense_checks(screen.table):
        return None
    held = _held(connection, screen.table, current, suspended)
    twins = _count(connection, TWINS) > 0
    clean = f"(SELECT * FROM {screen.stage} WHERE NOT ({screen.bad}) AND NOT _copy)"
    suspects = _suspects(connection, agreement, clean, held, twins=twins, again=again)
    if not suspects.size:
        return None
    connection.register("_suspects", pa.table({"h": suspects}))
    narrow = "good_suspects", "held_suspects"
    for view, rows in zip(narrow, (good, held), strict=True):
        if rows is not None:
            chosen = _hashed(agreement, rows, "r.*", twins=twins, words=held is not None)
            connection.execute(
                f"CREATE TEMP TABLE {view} AS SELECT * EXCLUDE h FROM ({chosen}) "
                f"WHERE h IN (SELECT h FROM _suspects)"
            )
    connection.unregister("_suspects")
    found = _contradicted(
        connection, screen, agreement, *narrow, held=held is not None, gone=gone, twins=twins
    )
    for view in narrow:
        connection.execute(f"DROP TABLE IF EXISTS {view}")
    return found


def _held(
    connection: duckdb.DuckDBPyConnection, table: Table, current: str | None, suspended: Path | None
) -> str | None:
    """Make a view of the rows of before that nobody delivers anew; None if there cannot be any."""
    if current is None or not _count(connection, "origins WHERE NOT restated"):
        return None
    columns = idents((*table.column_names, *BOOKS), of="r")
    rows = f"SELECT {columns}, false AS _suspended FROM {current} r"
    if suspended is not None:
        past = f"read_parquet({literal(str(suspended))})"
        rows += f" UNION ALL SELECT {columns}, true FROM {past} r"
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW held_{table.name} AS SELECT r.* FROM ({rows}) r "
        f"LEFT JOIN origins o ON o.origin = r._origin WHERE NOT coalesce(o.restated, false)"
    )
    return f"held_{table.name}"


def _suspects(
    connection: duckdb.DuckDBPyConnection,
    agreement: Agreement,
    clean: str,
    held: str | None,
    *,
    twins: bool,
    again: bool,
) -> np.ndarray:
    """Give the hashes of the facts that more than one row is about."""
    hashes = _hashed(agreement, clean, "", twins=twins, words=held is not None)
    if held is None:
        return _repeated(connection, hashes)
    old = _hashed(agreement, held, "r._suspended", twins=twins, words=True)
    if not again:
        # What stands beside nothing new was judged when it came.
        old = f"SELECT h FROM ({old}) WHERE h IN ({hashes} UNION ALL SELECT h FROM ({old}) WHERE _suspended)"
    return _repeated(connection, f"{hashes} UNION ALL SELECT h FROM ({old})")


def _hashed(agreement: Agreement, rows: str, more: str, *, twins: bool, words: bool) -> str:
    """Write the SQL of rows with a hash of the fact that each is about.

    Notes
    -----
    Words of a closed list are numbers on the stage; beside stored rows they must be words again.
    """
    cells = ["coalesce(t.complaint, r.episode_id)" if twins else "r.episode_id"]
    cells += [f"r.{ident(name)}" for name in agreement.columns if name != "episode_id"]
    cells = [f"{cell}::VARCHAR" for cell in cells] if words else cells
    join = f"LEFT JOIN {TWINS} t ON t.episode_id = r.episode_id" if twins else ""
    return f"SELECT {f'{more}, ' if more else ''}hash({', '.join(cells)}) AS h FROM {rows} r {join}"


def _repeated(connection: duckdb.DuckDBPyConnection, hashes: str) -> np.ndarray:
    """Give the numbers that occur more than once."""
    ordered = np.sort(connection.sql(hashes).to_arrow_table()["h"].to_numpy())
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _contradicted(
    connection: duckdb.DuckDBPyConnection,
    screen: Screen,
    agreement: Agreement,
    good: str,
    old: str,
    *,
    held: bool,
    gone: str | None,
    twins: bool,
) -> str | None:
    """Find what contradicts one another among the suspects that would stand, and mark it on the stage."""
    table = screen.table
    lost, ended = "", ""
    if held:
        verdicts, went = compare(connection, screen, good, old, gone)
        record = " AND ".join(f"v.{name} = r.{name}" for name in RECORD)
        lost = f"ANTI JOIN (FROM {verdicts} WHERE verdict = 'overruled') v ON {record}"
        same = " AND ".join(f"w.{ident(k)} = r.{ident(k)}" for k in table.key)
        ended = f"ANTI JOIN {went} w ON {same}"
    wanted = dict.fromkeys((*table.key, *agreement.columns, agreement.value))
    cells = ", ".join(
        f"r.{ident(name)}::VARCHAR AS {ident(name)}"
        if table.column(name).kind == "code"
        else f"r.{ident(name)}"
        for name in wanted
    )
    rows = f"SELECT {cells}, {idents(RECORD, of='r')} FROM {good} r {lost}"
    if held:
        nobody = ", ".join(f"NULL AS {name}" for name in RECORD)
        rows += f" UNION ALL SELECT {cells}, {nobody} FROM {old} r {ended}"
    fact = [name for name in agreement.columns if name != "episode_id"]
    complaint = "coalesce(t.complaint, r.episode_id)" if twins else "r.episode_id"
    join = f"LEFT JOIN {TWINS} t ON t.episode_id = r.episode_id" if twins else ""
    within = f"PARTITION BY {complaint}, {idents(fact, of='r')}"
    value = f"r.{ident(agreement.value)}"
    connection.execute(
        f"CREATE TEMP TABLE opposed AS SELECT * FROM (SELECT r.*, "
        f"min({value}) OVER ({within}) <> max({value}) OVER ({within}) AS differs FROM ({rows}) r {join}) "
        f"WHERE differs"
    )
    if held:
        for name in (verdicts, went):
            connection.execute(f"DROP TABLE {name}")
    found = f"contradicted_{table.name}"
    connection.execute(f"CREATE TABLE {found} AS SELECT DISTINCT {idents(table.key)} FROM opposed")
    match = " AND ".join(f"o.{name} = s.{name}" for name in RECORD)
    connection.execute(
        f"CREATE TEMP TABLE astray AS SELECT s.rowid AS _id, 1 AS _sense FROM {screen.stage} s "
        f"JOIN opposed o ON {match}"
    )
    _mark(connection, screen, "astray")
    for name in ("astray", "opposed"):
        connection.execute(f"DROP TABLE {name}")
    return found if _count(connection, found) else None


def _mark(connection: duckdb.DuckDBPyConnection, screen: Screen, astray: str) -> None:
    """Give the rows on the stage the bit of the rule that they break."""
    places = {(check.rule, check.column): number for number, check in enumerate(screen.checks)}
    found = connection.execute(f"SELECT DISTINCT _sense FROM {astray}").fetchall()
    for place in sorted(int(row[0]) for row in found):
        check = sense_checks(screen.table)[place - 1]
        word, bit = divmod(places[check.rule, check.column], BITS)
        connection.execute(
            f"UPDATE {screen.stage} SET _mask{word} = _mask{word} | {1 << bit} FROM {astray} f "
            f"WHERE f._sense = {place} AND f._id = {screen.stage}.rowid"
        )


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    # Fetched to the end: a relation may not be made while a result is open.
    ((found,),) = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()
    return int(found)

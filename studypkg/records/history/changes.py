"""The screened rows of a batch against the rows that stand: what is new, corrected, gone or overruled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from studypkg.columns import Column, Table
from studypkg.records.history.origins import Origin
from studypkg.records.history.rivals import RECORD
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.screening import Screen

#: What is kept beside the columns of a row: where it came from, since which batch, why, and by whom.
BOOKS = ("source_file", "source_row", "_batch", "_why", "_origin")
_TYPES = {"date": "TIMESTAMP", "number": "DOUBLE", "integer": "DOUBLE", "age": "DOUBLE"}


def open_current(connection: duckdb.DuckDBPyConnection, table: Table, path: Path | None) -> str | None:
    """Make a view of the rows that stand, under the columns of today; None if there is no such table yet.

    Notes
    -----
    A column that the table did not have before is empty; one that it has no more is left out.
    """
    if path is None:
        return None
    source = f"read_parquet({literal(str(path))})"
    held = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    columns = [_held(column, held) for column in table.columns]
    view = f"current_{table.name}"
    books = ", ".join(ident(name) for name in BOOKS)
    connection.execute(f"CREATE TEMP VIEW {view} AS SELECT {', '.join(columns)}, {books} FROM {source}")
    return view


def _held(column: Column, held: set[str]) -> str:
    kind = _TYPES.get(column.kind, "VARCHAR")
    cell = f"TRY_CAST({ident(column.name)} AS {kind})" if column.name in held else f"NULL::{kind}"
    return f"{cell} AS {ident(column.name)}"


def list_origins(
    connection: duckdb.DuckDBPyConnection, origins: Mapping[str, Origin], told: set[str]
) -> None:
    """Make the table `origins`: how strong each source is, and whether this batch restates all it holds.

    Parameters
    ----------
    connection
        Where the table is made.
    origins
        Every source that feeds or fed the table.
    told
        Names of those that this batch delivers, or that are declared no more.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE origins (origin VARCHAR, precedence BIGINT, restated BOOLEAN)"
    )
    for one in origins.values():
        restated = not one.additions and one.name in told
        connection.execute("INSERT INTO origins VALUES (?, ?, ?)", [one.name, one.precedence, restated])


def list_good(connection: duckdb.DuckDBPyConnection, screen: Screen) -> str:
    """Make a view of the records that could stand: no fault, no copy, not lost to a stronger one."""
    view = f"good_{screen.table.name}"
    lost = " AND ".join(f"l.{name} = s.{name}" for name in RECORD)
    connection.execute(
        f"CREATE TEMP VIEW {view} AS SELECT s.*, b.origin, b.precedence, b.since, b.fresh, b.additions "
        f"FROM {screen.stage} s JOIN bringers b ON b.number = s._source "
        f"ANTI JOIN losers l ON {lost} WHERE NOT ({screen.bad}) AND NOT _copy"
    )
    return view


def yield_to_withdrawals(connection: duckdb.DuckDBPyConnection, table: Table, good: str, gone: str) -> None:
    """Let the records lose whose key is withdrawn in the same batch by a source as strong as theirs."""
    same = " AND ".join(f"g.{ident(k)} = w.{ident(k)}" for k in table.key)
    connection.execute(
        f"INSERT INTO losers SELECT {idents(RECORD, of='g')} FROM {good} g JOIN {gone} w ON {same} "
        f"WHERE w.precedence >= g.precedence"
    )


def compare(
    connection: duckdb.DuckDBPyConnection,
    screen: Screen,
    good: str,
    current: str | None,
    withdrawals: str | None,
) -> tuple[str, str]:
    """Judge every record that differs from what stands, and every row that nothing supports any more.

    Parameters
    ----------
    connection
        Where everything lives.
    screen
        The screened table.
    good
        View of the records that could stand, at most one for each key.
    current
        View of the rows that stand.
    withdrawals
        Table of withdrawn keys with the highest precedence that withdraws each.

    Returns
    -------
    tuple of str
        `verdicts_TABLE`: one line per record that is not simply unchanged, with its verdict; and
        `went_TABLE`: the key and first batch of every row that ends, and why.

    Notes
    -----
    A record replaces the row of its key if its source has the same precedence or a higher one, and
    was delivered no earlier. It also replaces a row whose own source has withdrawn it. A row ends if its
    source delivers everything there is and no longer holds it: it is `withdrawn`, or `set_aside` if the
    source holds a faulty version of it.
    """
    table = screen.table
    key, verdicts, went = table.key, f"verdicts_{table.name}", f"went_{table.name}"
    records = idents(RECORD, of="g")
    if current is None:
        connection.execute(
            f"CREATE TABLE {verdicts} AS SELECT {idents(RECORD)}, 'new' AS verdict FROM {good} g WHERE false"
        )
        connection.execute(
            f"CREATE TABLE {went} AS SELECT {idents(key)}, 0 AS _batch, '' AS why FROM {screen.stage} "
            f"WHERE false"
        )
        return verdicts, went
    same = " AND ".join(f"g.{ident(k)} = c.{ident(k)}" for k in key)
    rest = [name for name in table.column_names if name not in key]
    differs = " OR ".join(f"g.{ident(name)} IS DISTINCT FROM c.{ident(name)}" for name in rest) or "false"
    keys = ", ".join(f"coalesce(g.{ident(k)}, c.{ident(k)}) AS {ident(k)}" for k in key)
    # Only a source that restates all it holds, or a word, can end a row that no record mentions.
    row = connection.execute("SELECT count(*) FROM origins WHERE restated").fetchone()
    side = "FULL" if withdrawals is not None or (row and row[0]) else "LEFT"
    connection.execute(
        f"CREATE TEMP TABLE differing AS SELECT {records}, {keys}, g.origin, g.precedence, g.since, "
        f"g.additions, c._batch AS held_since, c._origin AS held_by, ({differs}) AS differs "
        f"FROM {good} g {side} JOIN {current} c ON {same} "
        f"WHERE g._source IS NULL OR c._batch IS NULL OR ({differs}) OR g.origin <> c._origin"
    )
    faulty = (
        f"SELECT DISTINCT {idents(key)}, true AS faulty FROM {screen.stage} s JOIN bringers b "
        f"ON b.number = s._source WHERE b.fresh AND ({screen.bad})"
    )
    by_key = " AND ".join(f"d.{ident(k)} = f.{ident(k)}" for k in key)
    ended, join = "false", ""
    if withdrawals is not None:
        by_gone = " AND ".join(f"d.{ident(k)} = w.{ident(k)}" for k in key)
        join = f"LEFT JOIN {withdrawals} w ON {by_gone}"
        ended = "w.precedence IS NOT NULL AND w.precedence >= coalesce(o.precedence, 0)"
    connection.execute(
        f"CREATE TEMP TABLE judged AS SELECT d.*, CASE "
        f"WHEN d._source IS NULL AND ({ended}) THEN 'withdrawn' "
        f"WHEN d._source IS NULL AND coalesce(o.restated, false) "
        f"THEN CASE WHEN f.faulty THEN 'set_aside' ELSE 'withdrawn' END "
        f"WHEN d._source IS NULL THEN 'stays' "
        f"WHEN d.held_since IS NULL THEN 'new' "
        f"WHEN NOT d.differs AND (d.precedence > coalesce(o.precedence, 0) "
        f"OR (d.additions AND coalesce(o.restated, false))) THEN 'taken' "
        f"WHEN NOT d.differs THEN 'stays' "
        f"WHEN (d.precedence, d.since) >= (coalesce(o.precedence, 0), d.held_since) THEN 'corrected' "
        f"WHEN coalesce(o.restated, false) AND d.origin <> d.held_by THEN 'corrected' "
        f"ELSE 'overruled' END AS verdict FROM differing d LEFT JOIN origins o ON o.origin = d.held_by "
        f"LEFT JOIN ({faulty}) f ON {by_key} {join}"
    )
    connection.execute(
        f"CREATE TABLE {verdicts} AS SELECT {idents(RECORD)}, verdict FROM judged "
        f"WHERE _source IS NOT NULL AND verdict <> 'stays'"
    )
    connection.execute(
        f"CREATE TABLE {went} AS SELECT {idents(key)}, held_since AS _batch, verdict AS why FROM judged "
        f"WHERE verdict IN ('withdrawn', 'set_aside', 'corrected', 'taken') AND held_since IS NOT NULL"
    )
    for name in ("differing", "judged"):
        connection.execute(f"DROP TABLE {name}")
    return verdicts, went


def count_verdicts(
    connection: duckdb.DuckDBPyConnection, good: str, verdicts: str, *, first: bool
) -> dict[int, dict[str, int]]:
    """Count what the records of each bringer did: new, corrected, unchanged, overruled.

    Parameters
    ----------
    connection
        Where everything lives.
    good
        View of the records that could stand.
    verdicts
        Table of the verdicts.
    first
        Nothing stood before, so every good record is new.
    """
    counts: dict[int, dict[str, int]] = {}
    rows = connection.execute(f"SELECT _source, count(*) FROM {good} GROUP BY _source").fetchall()
    for source, records in rows:
        counts[source] = {"new" if first else "unchanged": records}
    judged = f"SELECT _source, verdict, count(*) FROM {verdicts} GROUP BY ALL"
    lost = "SELECT _source, 'lost', count(*) FROM losers GROUP BY _source"
    for source, verdict, records in connection.execute(f"{judged} UNION ALL {lost}").fetchall():
        found = counts.setdefault(source, {"unchanged": 0})
        if verdict == "lost":
            found["overruled"] = found.get("overruled", 0) + records
        elif verdict != "taken":
            found["unchanged"] -= records
            found[verdict] = found.get(verdict, 0) + records
    return counts

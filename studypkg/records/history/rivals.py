"""Several records with one key in one batch: the stronger source wins, and equals contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from studypkg.records.history.origins import Bringer
from studypkg.records.quoting import ident, idents
from studypkg.records.screening import BITS, Screen

#: Columns that name one record of the stage.
RECORD = ("_source", "_row", "_series")


def list_bringers(connection: duckdb.DuckDBPyConnection, bringers: Sequence[Bringer]) -> None:
    """Make the tables `bringers` and `losers` that the next steps of a table's batch speak of."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE bringers (number INTEGER, origin VARCHAR, precedence BIGINT, "
        "since INTEGER, fresh BOOLEAN, additions BOOLEAN)"
    )
    for one in bringers:
        connection.execute(
            "INSERT INTO bringers VALUES (?, ?, ?, ?, ?, ?)",
            [one.number, one.origin.name, one.origin.precedence, one.since, one.fresh, one.origin.additions],
        )
    connection.execute("CREATE OR REPLACE TEMP TABLE losers (_source INTEGER, _row BIGINT, _series INTEGER)")


def settle_rivals(connection: duckdb.DuckDBPyConnection, screen: Screen, bringers: Sequence[Bringer]) -> None:
    """Decide between records of one key whose sources are not equally strong.

    Parameters
    ----------
    connection
        Where the stage lives; `settle_keys` and `list_bringers` have run.
    screen
        The screened table.
    bringers
        Everything that is on the stage.

    Notes
    -----
    Of several records with one key the highest precedence counts, and among those the latest delivery.
    If the strongest agree, they stand and the others lose (`losers`); if they contradict each other,
    they stay set aside as CONFLICTING_KEY. `settle_keys` knows no precedence, so the records that it
    took for copies or contradictions are judged again here; nothing else is looked at.
    """
    if len({(one.origin.precedence, one.since, one.origin.additions) for one in bringers}) < 2:
        return
    word, bit = divmod(len(screen.checks) - 1, BITS)
    conflict = f"_mask{word} = {1 << bit}"
    key, content = idents(screen.table.key), idents(screen.table.column_names)
    same = " AND ".join(f"s.{ident(k)} = r.{ident(k)}" for k in screen.table.key)
    rest = [f"_mask{other} = 0" for other in range(-(-len(screen.checks) // BITS)) if other != word]
    alone = " AND ".join([f"_mask{word} IN (0, {1 << bit})", *rest])
    suspects = f"SELECT DISTINCT {key} FROM {screen.stage} WHERE ({conflict} OR _copy) AND {alone}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rivals AS SELECT {idents(RECORD)}, {key}, "
        f"dense_rank() OVER (PARTITION BY {key} ORDER BY precedence DESC, since DESC) AS rank, "
        f"row_number() OVER (PARTITION BY {content} "
        f"ORDER BY precedence DESC, since DESC, additions DESC, {idents(RECORD)}) AS nth, "
        f"dense_rank() OVER (PARTITION BY {key} ORDER BY {content}) AS version "
        f"FROM (SELECT s.*, b.precedence, b.since, b.additions FROM {screen.stage} s "
        f"JOIN bringers b ON b.number = s._source JOIN ({suspects}) r ON {same} WHERE {alone})"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE settled AS SELECT r.*, t.versions, t.version AS top "
        f"FROM rivals r JOIN "
        f"(SELECT {key}, count(DISTINCT version) AS versions, min(version) AS version FROM rivals "
        f"WHERE rank = 1 GROUP BY {key}) t ON {same.replace('s.', 't.')}"
    )
    record = " AND ".join(f"{screen.stage}.{ident(name)} = c.{ident(name)}" for name in RECORD)
    connection.execute(
        f"UPDATE {screen.stage} SET "
        f"_mask{word} = CASE WHEN c.rank = 1 AND c.versions > 1 THEN {1 << bit} ELSE 0 END, "
        f"_copy = (c.versions = 1 AND c.version = c.top AND c.nth > 1) FROM settled c WHERE {record}"
    )
    connection.execute(
        f"INSERT INTO losers SELECT {idents(RECORD)} FROM settled "
        f"WHERE rank > 1 AND (versions > 1 OR version <> top)"
    )
    for name in ("rivals", "settled"):
        connection.execute(f"DROP TABLE {name}")


def hold_back(
    connection: duckdb.DuckDBPyConnection, screen: Screen, current: str | None, mended: str | None
) -> None:
    """Set aside a mended record that took a key which another row of the table already has.

    Parameters
    ----------
    connection
        Where the stage lives.
    screen
        The screened table.
    current
        DuckDB relation of the rows that stand.
    mended
        DuckDB table of the mended records (`_source`, `_row`, `moved`: a cell of the key was changed).

    Notes
    -----
    In the file that it came from such a record would contradict the row that has the key, so that is
    what it is told: nobody replaces an accepted row by way of the quarantine.
    """
    if current is None or mended is None:
        return
    word, bit = divmod(len(screen.checks) - 1, BITS)
    same = " AND ".join(f"s.{ident(k)} = c.{ident(k)}" for k in screen.table.key)
    rest = [name for name in screen.table.column_names if name not in screen.table.key]
    other = " OR ".join(f"s.{ident(name)} IS DISTINCT FROM c.{ident(name)}" for name in rest) or "false"
    record = " AND ".join(f"{screen.stage}.{ident(name)} = h.{ident(name)}" for name in RECORD)
    connection.execute(
        f"UPDATE {screen.stage} SET _mask{word} = {1 << bit} FROM (SELECT {idents(RECORD, of='s')} "
        f"FROM {screen.stage} s JOIN {ident(mended)} m ON m._source = s._source AND m._row = s._row "
        f"JOIN {ident(current)} c ON {same} WHERE m.moved AND ({other}) AND NOT ({screen.bad})) h "
        f"WHERE {record}"
    )

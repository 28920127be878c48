"""Records whose declared word says that a row is withdrawn: only their key counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from studypkg.columns import Table
from studypkg.errors import DataRejectedError, nearest
from studypkg.records.cells import Reading
from studypkg.records.history.origins import Bringer
from studypkg.records.mapping import Mapped
from studypkg.records.quarantine import Delivered
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.screening import Lists, Screen, screen_source, settle_keys, start_screen


@dataclass(frozen=True)
class Withdrawing:
    """The records of one bringer that withdraw something.

    Parameters
    ----------
    bringer
        Who brings them.
    mapped
        Their cells under the names of the table.
    reading
        How their days and numbers are written.
    """

    bringer: Bringer
    mapped: Mapped
    reading: Reading


def check_words(bringer: Bringer) -> None:
    """Make sure that the columns of `withdrawn` are in the file.

    Raises
    ------
    DataRejectedError
        If one is not.
    """
    for name in bringer.source.withdrawn:
        if name not in bringer.raw.columns:
            raise DataRejectedError(
                f'{bringer.raw.name}: `withdrawn` names a column "{name}" and the file has none.'
                f"{nearest(name, bringer.raw.columns)} Nothing was replaced."
            )


def part_withdrawals(
    connection: duckdb.DuckDBPyConnection, bringer: Bringer, mapped: Mapped
) -> tuple[Mapped, Mapped | None]:
    """Part the records that say something from those that withdraw something.

    Returns
    -------
    tuple
        Both under the names of the table; None if the source declares no word.
    """
    words = bringer.source.withdrawn
    if not words:
        return mapped, None
    tests = []
    for name, meant in words.items():
        listed = ", ".join(literal(word.strip()) for word in ((meant,) if isinstance(meant, str) else meant))
        tests.append(f"trim(coalesce({ident(name)}, '')) IN ({listed})")
    rows = f"withdrawing_{bringer.number}"
    connection.execute(
        f"CREATE TABLE {rows} AS SELECT _row FROM {ident(bringer.raw.relation)} WHERE {' OR '.join(tests)}"
    )
    parts = []
    for suffix, chosen in (("kept", "NOT IN"), ("gone", "IN")):
        view = f"{mapped.relation}_{suffix}"
        connection.execute(
            f"CREATE TEMP VIEW {ident(view)} AS SELECT * FROM {ident(mapped.relation)} "
            f"WHERE _row {chosen} (SELECT _row FROM {rows})"
        )
        row = connection.execute(f"SELECT count(*) FROM {ident(view)}").fetchone()
        parts.append(replace(mapped, relation=view, records=row[0] if row else 0, series=1, empty=0))
    return parts[0], parts[1]


def screen_withdrawals(
    connection: duckdb.DuckDBPyConnection, table: Table, lists: Lists, found: list[Withdrawing]
) -> tuple[Screen, list[Delivered]] | None:
    """Screen the keys of withdrawing records by the same rules as the keys of all others.

    Returns
    -------
    tuple
        Their own stage, which holds keys only, and what is on it; None if there are no such records.
    """
    if not any(one.mapped.records for one in found):
        return None
    keys = tuple(replace(table.column(name), required=True) for name in table.key)
    screen = start_screen(
        connection,
        replace(
            table, name=f"{table.name}_withdrawals", columns=keys, orders=(), event_date=None, parent=None
        ),
        lists,
        cutoff=None,
    )
    delivered = []
    for one in found:
        screen_source(connection, screen, one.mapped, one.reading, lists, number=one.bringer.number)
        delivered.append(Delivered(one.bringer.number, one.bringer.raw, one.mapped))
    settle_keys(connection, screen)
    return screen, delivered


def list_withdrawals(
    connection: duckdb.DuckDBPyConnection, table: Table, screen: Screen, *, into: str
) -> None:
    """Make the table of withdrawn keys, each with the highest precedence that withdraws it."""
    connection.execute(
        f"CREATE TABLE {into} AS SELECT {idents(table.key)}, max(b.precedence) AS precedence "
        f"FROM {screen.stage} s JOIN bringers b ON b.number = s._source WHERE NOT ({screen.bad}) "
        f"GROUP BY {idents(table.key)}"
    )

"""A form set beside another one: by record, or by the visit at which both were filled in, never across."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import duckdb

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.quoting import literal


def join_of(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    kept: str,
    form: str,
    alias: str,
    designated: Sequence[str],
    file: str,
) -> str:
    """Write the join of the rows of a form, as `alias`, to those that are read, as `b`.

    Parameters
    ----------
    connection
        Where the export lives.
    rows
        Query of the rows that hold the form.
    kept
        Query of the rows that are read.
    form, alias
        The form, and what its rows are called in the join.
    designated
        Events that it belongs to, where the project says so.
    file
        Name of the export, for messages.

    Raises
    ------
    ConfigError
        If the form repeats.
    DataRejectedError
        If it stands several times for one visit.

    Notes
    -----
    A form of one event in each arm, such as a baseline, belongs to the record, so all rows of the record
    get it. A form of several events belongs to each of them alone, even while no record has it twice yet:
    else the blood pressure of one visit would stand beside the pain of another.
    """
    repeated = _number(connection, f"SELECT count(*) FROM ({rows}) WHERE _instrument = {literal(form)}")
    if repeated:
        raise ConfigError(
            f'[sources.redcap] beside: the form "{form}" repeats, so it is not clear which of its instances '
            f"belongs to a row. Give it a source of its own, and take it out of `beside`."
        )
    rows = f"SELECT * FROM ({rows}) WHERE _instrument = ''"
    found = _number(
        connection,
        f"SELECT coalesce(max(n), 0) FROM (SELECT count(DISTINCT _event) AS n FROM ({rows}) GROUP BY _arm)",
    )
    keys: list[tuple[str, ...]] = []
    if max(found, _most_in_an_arm(designated)) <= 1:
        keys += [("_record",), ("_record", "_arm")]
    keys.append(("_record", "_event"))
    if not _number(connection, f"SELECT count(*) FROM ({kept}) WHERE _instrument <> ''"):
        # Of a repeating form the instance is its own, not that of the event.
        keys.append(("_record", "_event", "_instance"))
    for key in keys:
        listed = ", ".join(key)
        if not _number(
            connection,
            f"SELECT count(*) FROM (SELECT 1 FROM ({rows}) GROUP BY {listed} HAVING count(*) > 1)",
        ):
            match = " AND ".join(f"{alias}.{one} = b.{one}" for one in key)
            return f"LEFT JOIN ({rows}) {alias} ON {match}"
    raise DataRejectedError(
        f'{file}: the form "{form}" stands several times for one record and event, so it cannot be set '
        f"beside another one. Take it out of `beside`. Nothing was replaced."
    )


def _most_in_an_arm(events: Sequence[str]) -> int:
    """Count the events of the arm that has most of them.

    Examples
    --------
    >>> _most_in_an_arm(["baseline_arm_1", "baseline_arm_2", "week_6_arm_2"])
    2
    """
    arms = Counter(re.search(r"(?:_arm_([0-9]+))?$", event)[1] for event in events)  # type: ignore[index]
    return max(arms.values(), default=0)


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0

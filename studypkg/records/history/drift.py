"""A delivery beside the one before it: columns that came or went, columns gone empty, rows gone missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from studypkg.errors import DataRejectedError, QualityGateError
from studypkg.records.history.origins import Bringer
from studypkg.records.mapping import Mapped
from studypkg.records.quoting import ident
from studypkg.records.result import TableResult
from studypkg.records.screening import Screen

#: A delivery with fewer than this share of the records of the one before is worth a look.
_FEW = 0.5
#: Smaller deliveries come and go; nothing is said about their size.
_MANY = 20


def check_columns(bringer: Bringer) -> list[str]:
    """Compare the header of a delivery with that of the one before.

    Returns
    -------
    list of str
        What is worth a note: columns that are new, and columns that are gone and were not used.

    Raises
    ------
    DataRejectedError
        If a column is gone that fed the table: its values would silently become missing.
    """
    profile, raw = bringer.origin.profile, bringer.raw
    if not profile:
        return []
    here = set(raw.columns)
    gone = [name for name in profile["header"] if name not in here]
    lost = [name for name in gone if name in profile["used"] and name not in bringer.source.retired]
    if lost:
        names = ", ".join(f'"{name}"' for name in lost)
        raise DataRejectedError(
            f'{raw.name}: column {names} fed the table "{bringer.source.table}" in the delivery before and '
            f"is gone from the file. Export it again with that column. If it is meant to be gone, write "
            f"retired = [{names}] into its [[sources]] block. Nothing was replaced."
        )
    notes = []
    new = [name for name in raw.columns if name not in set(profile["header"])]
    if new:
        notes.append(f"New column(s) since the delivery before: {', '.join(new)}.")
    unused = [name for name in gone if name not in profile["used"]]
    if unused:
        notes.append(f"Column(s) gone since the delivery before, not used: {', '.join(unused)}.")
    return notes


def profile_of(
    connection: duckdb.DuckDBPyConnection, screen: Screen, delivered: Mapping[int, tuple[Bringer, Mapped]]
) -> dict[int, dict[str, Any]]:
    """Describe each delivery by what its next one is compared with.

    Returns
    -------
    dict
        By bringer: `header`, the columns of the file; `used`, those that feed the table; `filled`, how
        many good records have a value, by column of the table; `records`; and `newest`, the latest day.
    """
    columns = screen.table.column_names
    counts = ", ".join(f"count({ident(name)})" for name in columns)
    day = f"max({ident(screen.table.event_date)})::DATE" if screen.table.event_date else "NULL"
    rows = connection.execute(
        f"SELECT _source, {day}, count(*), {counts} FROM {screen.stage} WHERE NOT ({screen.bad}) "
        f"GROUP BY _source"
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    profiles = {}
    for number, (bringer, mapped) in delivered.items():
        newest, _, *filled = found.get(number, (None, 0, *([0] * len(columns))))
        used = {name for origins in mapped.origins.values() for name in origins if name}
        profiles[number] = {
            "header": list(bringer.raw.columns),
            "used": sorted(used | set(bringer.source.withdrawn)),
            "filled": dict(zip(columns, filled, strict=True)),
            "records": bringer.raw.n_rows,
            "newest": newest.isoformat() if newest else None,
        }
    return profiles


def compare_profiles(bringer: Bringer, now: Mapping[str, Any]) -> list[str]:
    """Say what is out of pattern in a delivery: a column gone empty, half of the records missing."""
    before = bringer.origin.profile
    if not before:
        return []
    notes = [
        f'Column "{name}" is empty in every record; it was filled in the delivery before.'
        for name, filled in now["filled"].items()
        if not filled and before["filled"].get(name) and any(now["filled"].values())
    ]
    if before["records"] >= _MANY and now["records"] < before["records"] * _FEW:
        share = 1 - now["records"] / before["records"]
        notes.append(
            f"{now['records']} rows, {share:.0%} fewer than the delivery before ({before['records']})."
        )
    return notes


def check_withdrawn(table: TableResult, allowed: float) -> None:
    """Stop a delivery that would withdraw more of a table than the study allows.

    Raises
    ------
    QualityGateError
        If it would.
    """
    gone = table.withdrawn + table.set_aside
    if table.before and gone / table.before > allowed:
        raise QualityGateError(
            f'table "{table.table}": {gone} of {table.before} rows would end ({gone / table.before:.0%}) and '
            f"this study allows {allowed:.0%} ([screening] max_withdrawn_share). If the file is cut short, "
            f'export it again; if it holds additions only, declare delivery = "additions" in its '
            f"[[sources]] block. Nothing was replaced."
        )

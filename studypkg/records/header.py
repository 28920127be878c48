"""The header of a file is checked by us, not by a reader: every column has one name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import duckdb

from studypkg.errors import DataRejectedError
from studypkg.records.quoting import ident, literal

#: Names that the package adds to a table.
RESERVED = ("_row", "_series", "_source", "file_row_number")
#: As wide as the widest sheet there is.
MOST_COLUMNS = 16_384
_LISTED = 5


def check_header(names: Sequence[str], *, file: str, place: str) -> tuple[str, ...]:
    """Trim the names of a header and refuse one that cannot name columns.

    Parameters
    ----------
    names
        The cells of the header, in order.
    file
        Name of the file, for the message.
    place
        Where the header stands, such as ``"line 1"``.

    Returns
    -------
    tuple
        The trimmed names.

    Raises
    ------
    DataRejectedError
        If a name is empty, stands twice (capital and small letters count as one), is reserved, or if
        there are too many columns.

    Examples
    --------
    >>> check_header([" patient ", "score"], file="a.csv", place="line 1")
    ('patient', 'score')
    """
    trimmed = tuple(name.strip() for name in names)
    empty = [number for number, name in enumerate(trimmed, start=1) if not name]
    if empty:
        at_end = empty == [len(trimmed)] and len(trimmed) > 1
        hint = " The line ends with a delimiter; remove it from every line, or name the column." * at_end
        raise DataRejectedError(
            f"{file}: {place}, the header, has no name for {_counted(len(empty), 'column')} of "
            f"{len(trimmed)}: {_some(empty)}.{hint or ' Name every column.'} Nothing was replaced."
        )
    counts = Counter(name.lower() for name in trimmed)
    twice = [name for name in dict.fromkeys(name.lower() for name in trimmed) if counts[name] > 1]
    if twice:
        quoted = [f'"{name}"' for name in twice]
        raise DataRejectedError(
            f"{file}: {place}, the header, names {_counted(len(twice), 'column')} more than once: "
            f"{_some(quoted)}; capital and small letters count as one. Give every column a name of its "
            f"own. Nothing was replaced."
        )
    taken = [name for name in trimmed if name.lower() in RESERVED]
    if taken:
        raise DataRejectedError(
            f'{file}: {place}, the header, uses the name "{taken[0]}", which the package keeps for itself. '
            f"Rename that column. Nothing was replaced."
        )
    if len(trimmed) > MOST_COLUMNS:
        raise DataRejectedError(
            f"{file}: {place}, the header, has {len(trimmed)} columns; at most {MOST_COLUMNS} are read."
        )
    return trimmed


def refuse_repeated_header(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    *,
    file: str,
    unit: str,
    tidy: bool = False,
) -> None:
    """Refuse a file that holds its header again among the records, as glued exports do.

    Parameters
    ----------
    connection, relation
        Where the records are.
    columns
        Names of the header.
    file, unit
        Name of the file, and what `_row` counts in it ("line", "row"), for the message.
    tidy
        Whether certainly no cell begins or ends with a blank.

    Raises
    ------
    DataRejectedError
        Naming the first places.
    """
    cells = {name: ident(name) if tidy else f"trim({ident(name)})" for name in columns}
    same = " AND ".join(f"{cell} = {literal(name)}" for name, cell in cells.items())
    rows = [
        row[0]
        for row in connection.execute(
            f"SELECT _row FROM {ident(relation)} WHERE {same} ORDER BY _row"
        ).fetchall()
    ]
    if rows:
        raise DataRejectedError(
            f"{file}: the header stands again in {_counted(len(rows), unit)}: {_some(rows)}. Several exports "
            f"seem to be glued together. Deliver them as separate files. Nothing was replaced."
        )


def _some(items: Sequence[object]) -> str:
    more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    return ", ".join(str(item) for item in items[:_LISTED]) + more


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Does a column, or any cell of it, look like it names a person? By its header and by its values."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import duckdb

from studypkg.errors import IdentifierFoundError
from studypkg.privacy.identifier_headers import Finding, screen_columns, words_of
from studypkg.privacy.identifier_texts import first, ident
from studypkg.privacy.identifier_values import screen_values

__all__ = [
    "Finding",
    "check_identifiers",
    "find_identifiers",
    "identifier_message",
    "screen_columns",
    "screen_values",
]

#: Older people are so few that their age tells who they are.
TOP_AGE = 89


def check_identifiers(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    *,
    file: str,
    dropped: Sequence[str] = (),
    allowed: Sequence[str] = (),
    keys: Collection[str] | None = None,
    pooled: Collection[str] = (),
) -> None:
    """Stop a file in which a person could be recognised.

    Parameters
    ----------
    connection, relation, columns
        The file as read, all text.
    file
        Its name, for the message.
    dropped
        Columns that the study does not read.
    allowed
        Columns that the study says are not what they look like.
    keys, pooled
        See `find_identifiers`.

    Raises
    ------
    IdentifierFoundError
        With column names, kinds and counts, and never a value.
    """
    left = [c for c in columns if c not in {*dropped, *allowed}]
    found = find_identifiers(connection, relation, left, keys=keys, pooled=pooled)
    if found:
        raise IdentifierFoundError(identifier_message(file, found))


def find_identifiers(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    *,
    keys: Collection[str] | None = None,
    pooled: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Look at headers and values; at most one finding per column, in the order of the columns.

    Parameters
    ----------
    connection, relation, columns
        The file as read, all text.
    keys
        Columns declared to hold pseudonyms of rows or people; without it, columns of unique codes pass.
    pooled
        Columns whose ages over 89 become "90+" as they are read, beside `POOLED`.

    Returns
    -------
    tuple of Finding
        Column, kind, number of cells and way, and never a value.
    """
    found = {f.column: f for f in screen_columns(columns)}
    left = [c for c in columns if c not in found]
    for column in left:
        old = None if column in {*POOLED, *pooled} else _old_age(connection, relation, column)
        if old is not None:
            found[column] = old
    left = [c for c in left if c not in found]
    found |= {f.column: f for f in screen_values(connection, relation, left, keys=keys)}
    return tuple(found[column] for column in columns if column in found)


def _old_age(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> Finding | None:
    """Find ages over 89 in a column that says it holds ages."""
    if not _AGE_WORDS & set(words_of(column).split()):
        return None
    cell = ident(column)
    years = f"try_cast(replace(trim({cell}), ',', '.') AS DOUBLE)"
    cells, oldest = first(
        connection,
        f"SELECT count(*) FILTER (WHERE {years} > {TOP_AGE} AND {years} < 126), coalesce(max({years}), 0) "
        f"FROM {ident(relation)}",
    )
    return Finding(column, "age over 89", cells, "values") if cells and oldest < 126 else None


_AGE_WORDS = frozenset(("age", "ages", "alter", "edad", "leeftijd", "idade", "eta", "возраст", "年龄"))
#: Columns of the tables in which ages over 89 are pooled as 90 when they are read.
POOLED = frozenset(("age_years",))


def identifier_message(file: str, findings: Sequence[Finding]) -> str:
    """Say which columns look like what, and what to do."""
    told = [
        f'"{f.column}" ({f.kind}, by its header)' if f.how == "header"
        else f'"{f.column}" ({f.kind}, {f.count} cells)'
        for f in findings
    ]  # fmt: skip
    names = ", ".join(f'"{f.column}"' for f in findings)
    return (
        f"{file}: {len(findings)} columns look like direct identifiers: {'; '.join(told)}. Nothing was read "
        f"from the file. Leave them out of the export, or add drop = [{names}] to the file's [[sources]] "
        "block. If a column is not what it looks like, name it in [privacy] allow_columns."
    )

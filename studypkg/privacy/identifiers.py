"""Does a column, or any cell of it, look like it names a person? By its header and by its values."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from studypkg.errors import IdentifierFoundError
from studypkg.privacy.identifier_headers import Finding, screen_columns, words_of
from studypkg.privacy.identifier_values import screen_values

__all__ = ["Finding", "check_identifiers", "identifier_message", "screen_columns", "screen_values"]

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

    Raises
    ------
    IdentifierFoundError
        With column names, kinds and counts, and never a value.
    """
    found = find_identifiers(connection, relation, [c for c in columns if c not in {*dropped, *allowed}])
    if found:
        raise IdentifierFoundError(identifier_message(file, found))


def find_identifiers(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> tuple[Finding, ...]:
    """Look at headers and values; at most one finding per column, in the order of the columns."""
    found = {f.column: f for f in screen_columns(columns)}
    ages = {c: f for c in columns if c not in found and (f := _old_age(connection, relation, c)) is not None}
    found |= {f.column: f for f in screen_values(connection, relation, columns) if f.column not in found}
    found = ages | found
    return tuple(found[column] for column in columns if column in found)


def _old_age(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> Finding | None:
    """Find ages over 89 in a column that says it holds ages, unless it is one that the tables pool."""
    if column in POOLED or not _AGE_WORDS & set(words_of(column).split()):
        return None
    years = f"try_cast(replace(trim({_ident(column)}), ',', '.') AS DOUBLE)"
    cells, oldest = _one(
        connection,
        f"SELECT count(*) FILTER (WHERE {years} > {TOP_AGE} AND {years} < 126), coalesce(max({years}), 0) "
        f"FROM {_ident(relation)}",
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


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    return tuple(row) if row is not None else ()


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""The different texts of a mapped column, each with its number: whatever is asked of them is asked once."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from studypkg.records.quoting import ident

#: Rows looked at to see whether a column repeats its texts, so that judging each text once is worth it.
_SAMPLE_ROWS = 20_000


@dataclass(frozen=True)
class Texts:
    """Where the different texts of a column are.

    Parameters
    ----------
    relation
        SQL of a relation with the column and the number `n` of cells that hold the text.
    few
        Whether the column repeats its texts, so that `relation` is a small table and not a query.
    """

    relation: str
    few: bool


def texts_of(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> Texts:
    """Give the different texts of a column; where they are few they are counted once and kept.

    Parameters
    ----------
    connection
        Where the relation lives.
    relation
        Name of the relation. Its texts are kept until `forget_texts`.
    column
        The column.
    """
    kept, cell, rows = _kept(relation, column), ident(column), ident(relation)
    known = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = ? AND temporary", [kept]
    ).fetchone()
    counted = f"SELECT {cell}, count(*) AS n FROM {rows} GROUP BY ALL"
    if known is None:
        seen = connection.execute(
            f"SELECT count(*), count(DISTINCT {cell}) FROM (FROM {rows} LIMIT {_SAMPLE_ROWS})"
        ).fetchone()
        if seen is None or seen[1] * 2 > max(seen[0], _SAMPLE_ROWS // 2):
            return Texts(f"({counted})", few=False)
        connection.execute(f"CREATE TEMP TABLE {ident(kept)} AS {counted}")
    return Texts(ident(kept), few=True)


def forget_texts(connection: duckdb.DuckDBPyConnection, relation: str, columns: tuple[str, ...]) -> None:
    """Drop what was kept of a relation, because it is made anew."""
    for column in columns:
        connection.execute(f"DROP TABLE IF EXISTS {ident(_kept(relation, column))}")


def _kept(relation: str, column: str) -> str:
    return f"texts_{relation}_{column}"

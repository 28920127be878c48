"""Parquet → text columns in DuckDB: each type has one way of being written, and nested types have none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from studypkg.errors import DataRejectedError
from studypkg.records.header import check_header
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import RawTable, relation_name, sha256_of, shown

_AS_IS = frozenset(
    ("VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT",
     "UTINYINT", "UHUGEINT", "BOOLEAN", "DATE", "UUID", "TIME")
)  # fmt: skip
_STAMPS = frozenset(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"))
#: Bytes of one cell that are still a value and no document.
LONGEST_CELL = 1 << 20
#: Beyond `_UNSUSPECTED` bytes of text, no export packs better than this.
MOST_RATIO = 200
_UNSUSPECTED = 1 << 28


def read_parquet(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    file: str | None = None,
    most_rows: int | None = None,
) -> RawTable:
    """Read a Parquet file as text.

    Parameters
    ----------
    connection
        Where the table is made.
    path
        The file.
    file
        What messages call it; its own name if not given.
    most_rows
        Read only so many of its first records; all if not given.

    Returns
    -------
    RawTable
        All records; `_row` counts them from 1.

    Raises
    ------
    DataRejectedError
        If the file is no Parquet file, or a column has a type that has no one way of being written.

    Notes
    -----
    Days are written YYYY-MM-DD; a time stamp at midnight is a day, any other is
    YYYY-MM-DD HH:MM:SS with a fraction if it has one. A float is written with the fewest digits that
    give it back, a whole one without ``.0``, as its column may be whole numbers with gaps. Time stamps
    with a time zone are refused: the local day is not in the file.
    """
    file = file or shown(path)
    source = (
        f"read_parquet({literal(_literal_path(path))}, hive_partitioning = false, file_row_number = true)"
    )
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        footer = pq.read_metadata(path)
    except (duckdb.Error, pa.ArrowException):
        raise DataRejectedError(
            f"{file}: this is not a Parquet file that can be read. Write it again, or declare its true kind. "
            f"Nothing was replaced."
        ) from None
    # The names come from the file: DuckDB would rename "pain" beside "Pain" without a word.
    columns = check_header(footer.schema.to_arrow_schema().names, file=file, place="the schema")
    kinds = {name: kind for name, kind, *_ in described if name != "file_row_number"}
    cells = [
        f"coalesce({_text(name, kind, file)}, '') AS {ident(trimmed)}"
        for (name, kind), trimmed in zip(kinds.items(), columns, strict=True)
    ]
    sha256 = sha256_of(path)
    relation = relation_name(sha256, "parquet", *([] if most_rows is None else [most_rows]))
    n_rows = footer.num_rows if most_rows is None else min(footer.num_rows, most_rows)
    if n_rows < footer.num_rows:
        source = f"(SELECT * FROM {source} LIMIT {n_rows})"
    try:
        _refuse_bomb(connection, path, source, kinds, n_rows, file)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {ident(relation)} AS "
            f"SELECT file_row_number + 1 AS _row, {', '.join(cells)} FROM {source}"
        )
    except duckdb.Error:
        raise DataRejectedError(
            f"{file}: the file is damaged: its schema can be read and its rows cannot. Write it again. "
            f"Nothing was replaced."
        ) from None
    row = connection.execute(f"SELECT count(*) FROM {ident(relation)}").fetchone()
    n_rows = int(row[0]) if row else 0
    notes = () if n_rows else ("the file holds columns and no records",)
    return RawTable(file, sha256, relation, columns, n_rows, notes=notes)


def _refuse_bomb(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: str,
    kinds: Mapping[str, str],
    n_rows: int,
    file: str,
) -> None:
    """Refuse a few bytes that stand for many before they are written out: a repeated value costs nothing.

    Notes
    -----
    Lengths are summed over the packed values, so that little is held at once.
    """
    texts = [name for name, kind in kinds.items() if kind == "VARCHAR"]
    longest, size = 0, 4 * n_rows * (len(kinds) - len(texts))
    if texts:
        found = connection.execute(
            f"SELECT greatest({', '.join(f'max(strlen({ident(name)}))' for name in texts)}, 0), "
            f"{' + '.join(f'coalesce(sum(strlen({ident(name)})), 0)' for name in texts)} FROM {source}"
        ).fetchone() or (0, 0)
        longest, size = int(found[0]), size + int(found[1])
    if longest > LONGEST_CELL:
        raise DataRejectedError(
            f"{file}: a cell holds {longest >> 20} MB of text, which is a document and no value. Leave its "
            f"column out. Nothing was replaced."
        )
    if size > max(_UNSUSPECTED, MOST_RATIO * path.stat().st_size):
        raise DataRejectedError(
            f"{file}: {path.stat().st_size} bytes stand for more than {size >> 20} MB of text, which no "
            f"export does. If it is true, deliver it as CSV. Nothing was replaced."
        )


def _literal_path(path: Path) -> str:
    """Write a path so that DuckDB does not take its characters for a pattern over several files."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


def _text(name: str, kind: str, file: str) -> str:
    """Write the SQL that makes a cell text."""
    cell = ident(name)
    if kind in _AS_IS or kind.startswith(("DECIMAL(", "ENUM(")):
        return f"CAST({cell} AS VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):
        return f"regexp_replace(CAST({cell} AS VARCHAR), '^(-?[0-9]+)[.]0$', '\\1')"
    if kind in _STAMPS:
        return f"regexp_replace(CAST({cell} AS VARCHAR), ' 00:00:00$', '')"
    if kind.startswith(("TIMESTAMP WITH", "TIME WITH")):
        reason = "carries a time zone. Write the clinic's local date or time without a zone"
    else:
        reason = "cannot be written as one text. Write numbers, text, days or yes/no values"
    word = kind.split("(")[0] if len(kind) > 40 else kind
    raise DataRejectedError(
        f'{file}: the column "{name}" has the type {word}, which {reason}. Nothing was replaced.'
    )

"""Records of a delimited file → columns in a private Parquet file, each repeated text kept once.

Whatever is asked of a column later is asked of its different texts, and only of the columns that it concerns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from studypkg.records.quoting import ident, literal

#: Bytes that are cut at once; the records of one piece make one row group.
_PIECE = 1 << 22
#: Rows at the head of the file that show which columns repeat their texts.
_HEAD_ROWS = 20_000
#: A column whose different texts there are no more than this share is kept by its different texts.
_REPEATS = 0.5
_TEXT = pa.string()
_TEXTS = pa.dictionary(pa.int32(), _TEXT)


def cut_columns(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    relation: str,
    columns: Sequence[str],
    *,
    delimiter: str,
    numbered: bool,
    quoted: bool,
    longest: int,
    records: int,
) -> int:
    """Make a relation of the records of a well-formed file; every cell is text, and an empty one empty text.

    Parameters
    ----------
    connection
        Where the relation is made: a view of a file beside the database, or a table if that is in memory.
    source
        The file, UTF-8, its first record the header.
    relation
        Name of the relation.
    columns
        Names of the header.
    delimiter
        The delimiter.
    numbered
        Whether each record is led by its physical line. Where it is not, record n stands on line n.
    quoted
        Whether there are quote marks.
    longest
        Bytes of the longest record.
    records
        Records that are due, without the header; a file without any is not cut.

    Returns
    -------
    int
        Records.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a record has another number of fields. Its message quotes the record: do not pass it on.
    """
    names = [f"c{place}" for place in range(len(columns))]
    kept = _folder(connection)
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        target = (Path(private) if kept is None else kept) / f"{relation}.parquet"
        rows = 0
        if records:
            rows = _write(source, target, names, delimiter, numbered, quoted, max(_PIECE, 4 * longest))
        else:
            led = [("_row", pa.int64())] if numbered else []
            pq.write_table(pa.schema([*led, *((name, _TEXT) for name in names)]).empty_table(), target)
        row = "_row" if numbered else "file_row_number + 2 AS _row"
        cells = ", ".join(f"{name} AS {ident(column)}" for name, column in zip(names, columns, strict=True))
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(
            f"CREATE OR REPLACE TEMP {'TABLE' if kept is None else 'VIEW'} {ident(relation)} AS "
            f"SELECT {row}, {cells} FROM read_parquet({_literal(target)}, file_row_number = true, "
            f"hive_partitioning = false)"
        )
    return rows


def drop_relation(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Drop a relation, be it a table or a view, and the file that `cut_columns` made for it."""
    kept = _folder(connection)
    if kept is not None:
        (kept / f"{relation}.parquet").unlink(missing_ok=True)
    views = "SELECT count(*) FROM duckdb_views() WHERE view_name = ?"
    found = connection.execute(views, [relation]).fetchone()
    connection.execute(f"DROP {'VIEW' if found and found[0] else 'TABLE IF EXISTS'} {ident(relation)}")


def _folder(connection: duckdb.DuckDBPyConnection) -> Path | None:
    """Give the folder of the database; None if it is in memory."""
    row = connection.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return Path(row[0]).parent if row is not None and row[0] else None


def _write(
    source: Path, target: Path, names: Sequence[str], delimiter: str, numbered: bool, quoted: bool, piece: int
) -> int:
    types = dict.fromkeys(names, _TEXT)
    with _records(source, names, types, delimiter, numbered, quoted, min(piece, 1 << 20)) as head:
        first = next(iter(head), None)
    if first is not None:
        types |= {name: _TEXTS for name in names if _repeats(first.column(name))}
    rows = 0
    texts = [name for name in names if types[name] is _TEXTS]
    with (
        _records(source, names, types, delimiter, numbered, quoted, piece) as records,
        pq.ParquetWriter(
            target, records.schema, compression="snappy", use_dictionary=texts, write_statistics=False
        ) as writer,
    ):
        for batch in records:
            writer.write_batch(batch)
            rows += batch.num_rows
    pa.default_memory_pool().release_unused()
    return rows


def _records(
    source: Path,
    names: Sequence[str],
    types: dict[str, pa.DataType],
    delimiter: str,
    numbered: bool,
    quoted: bool,
    piece: int,
) -> csv.CSVStreamingReader:
    led = ["_row"] if numbered else []
    # Opened here, because by its name the file may seem to be packed.
    return csv.open_csv(
        pa.OSFile(str(source)),
        csv.ReadOptions(column_names=[*led, *names], skip_rows_after_names=1, block_size=piece),
        csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if quoted else False, double_quote=True,
            newlines_in_values=quoted, ignore_empty_lines=False,
        ),
        csv.ConvertOptions(
            column_types={**dict.fromkeys(led, pa.int64()), **types},
            check_utf8=False, strings_can_be_null=False, null_values=[],
        ),
    )  # fmt: skip


def _repeats(column: pa.Array) -> bool:
    head = column.slice(0, _HEAD_ROWS)
    return len(pc.unique(head)) <= _REPEATS * len(head)


def _literal(path: Path) -> str:
    """Write a path so that DuckDB does not take its characters for a pattern over several files."""
    return literal("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))

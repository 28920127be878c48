"""Rows as they come from a database, batch by batch, into a Parquet file of text columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from studypkg.records.header import check_header

#: Rows that are held at once.
BATCH_ROWS = 10_000


def write_rows(
    target: Path, names: Sequence[str], batches: Iterable[Sequence[Sequence[str | None]]], *, place: str
) -> None:
    """Write batches of columns of text into a Parquet file, all of them or none.

    Parameters
    ----------
    target
        The file.
    names
        Names of the columns.
    batches
        For each batch one list of texts per column.
    place
        What messages call the source.
    """
    columns = check_header(names, file=place, place="the result")
    schema = pa.schema([(name, pa.string()) for name in columns])
    part = target.with_name("part")
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for batch in batches:
            arrays = [pa.array(texts, pa.string()) for texts in batch]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    part.rename(target)

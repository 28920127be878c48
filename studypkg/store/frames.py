"""Parquet as a frame of plain dtypes: text, float64, int64, bool and datetime64 only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from studypkg.errors import UnknownTermError, nearest

#: Columns whose names begin so keep the books of the history; readers of a table do not see them.
BOOKKEEPING = "_"


def read_frame(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    """Read a Parquet file, all its columns or some.

    Raises
    ------
    UnknownTermError
        If it has no such column.
    """
    with pq.ParquetFile(path) as file:
        known = [name for name in file.schema_arrow.names if not name.startswith(BOOKKEEPING)]
        return plain(file.read(columns=chosen(path.stem, known, columns)))


def chosen(table: str, known: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    """Pick the columns to read.

    Raises
    ------
    UnknownTermError
        If the table lacks one; the message names the nearest.
    """
    for column in columns or ():
        if column not in known:
            raise UnknownTermError(
                f'table "{table}" has no column "{column}".{nearest(column, known)} '
                f"Its columns are: {', '.join(known)}."
            )
    return list(columns if columns is not None else known)


def plain(table: pa.Table) -> pd.DataFrame:
    """Make a frame of str, float64, int64, bool and datetime64 only; see the storage contract."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
        elif pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us")))
    frame: pd.DataFrame = table.to_pandas()
    return frame

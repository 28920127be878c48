"""One door for every kind of file: whatever comes in, text columns with physical row numbers come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Literal

import duckdb

from studypkg.errors import ConfigError
from studypkg.records.arrivals import Arrival
from studypkg.records.columnar import read_parquet
from studypkg.records.delimited import read_delimited
from studypkg.records.joining import join_files
from studypkg.records.raw import RawTable, check_regular
from studypkg.records.spreadsheet import read_sheet
from studypkg.records.statistical import read_statistical
from studypkg.sources import Source

__all__ = ["RawTable", "open_arrival", "open_source"]

#: Reads the files of one delivery as text columns.
Reader = Callable[[duckdb.DuckDBPyConnection, Arrival, Source], RawTable]
#: Kinds with a reader of their own, loaded only where a source needs it.
_READERS: Mapping[str, str] = {
    "fhir": "studypkg.records.fhir:read_fhir",
    "redcap": "studypkg.records.redcap:read_redcap",
}


def open_arrival(connection: duckdb.DuckDBPyConnection, arrival: Arrival, source: Source) -> RawTable:
    """Read a delivery as its source declares it.

    Parameters
    ----------
    connection
        Where the table is made.
    arrival
        The files.
    source
        The declaration.

    Raises
    ------
    DataRejectedError
        If it cannot be read as a table. Never with a value of a record in its message.
    ConfigError
        If the declaration does not fit the kind of file.
    """
    if source.kind in _READERS:
        module, name = _READERS[source.kind].split(":")
        reader: Reader = getattr(import_module(module), name)
        return reader(connection, arrival, source)
    if len(arrival.files) > 1:
        return join_files(connection, arrival, source.reading, lambda path: _open(connection, path, source))
    return _open(connection, arrival.files[0], source, arrival.sha256)


def _open(
    connection: duckdb.DuckDBPyConnection, path: Path, source: Source, sha256: str | None = None
) -> RawTable:
    """Read one file of a delivery."""
    if source.kind in ("spss", "stata", "sas"):
        return read_statistical(
            connection, path, kind=source.kind, encoding=source.encoding,
            labels=source.labels, keep_missing=source.user_missing == "keep",
        )  # fmt: skip
    # The rows of a database have been fetched into a Parquet file.
    kind: Literal["csv", "excel", "parquet"] = "parquet"
    if source.kind in ("csv", "excel"):
        kind = "csv" if source.kind == "csv" else "excel"
    return open_source(
        connection, path, kind=kind, encoding=source.encoding, delimiter=source.delimiter,
        sheet=source.sheet, header_row=source.header_row, sha256=sha256,
    )  # fmt: skip


def open_source(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    kind: Literal["csv", "excel", "parquet"],
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    header_row: int = 1,
    sha256: str | None = None,
) -> RawTable:
    """Read a file as text, whole or not at all.

    Parameters
    ----------
    connection
        Where the table of the file is made; it lives as long as the connection.
    path
        The file.
    kind
        What the file is said to be.
    encoding, delimiter
        Of a CSV file; `None` finds them, or asks.
    sheet
        Of a workbook; `None` takes the only sheet that holds something, or asks.
    header_row
        Line or row of the header, from 1; Parquet has none.
    sha256
        Hash of the file, where it is known already.

    Returns
    -------
    RawTable
        The table's name and what is known of the file. Words that mean "missing" are still there: the
        mapping, which knows them, takes them out.

    Raises
    ------
    DataRejectedError
        If the file cannot be read as a table. Never with a value of a record in its message.
    ConfigError
        If an option does not belong to the kind of file.
    """
    options = {"encoding": (encoding, "csv"), "delimiter": (delimiter, "csv"), "sheet": (sheet, "excel")}
    for name, (value, owner) in options.items():
        if value is not None and kind != owner:
            raise ConfigError(
                f'{path.name}: "{name}" belongs to kind = "{owner}" and this source is "{kind}". Remove it.'
            )
    if header_row < 1:
        raise ConfigError(f"{path.name}: header_row counts from 1; {header_row} was given.")
    check_regular(path)
    if kind == "csv":
        return read_delimited(
            connection, path, encoding=encoding, delimiter=delimiter, header_row=header_row, sha256=sha256
        )
    if kind == "excel":
        return read_sheet(connection, path, sheet=sheet, header_row=header_row)
    return read_parquet(connection, path)

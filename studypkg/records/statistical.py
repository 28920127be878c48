"""SPSS, Stata and SAS → text columns in DuckDB: read by a process apart, missing codes counted."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import duckdb

from studypkg.errors import DataRejectedError
from studypkg.records import statistical_child
from studypkg.records.apart import limits, run_apart
from studypkg.records.columnar import read_parquet
from studypkg.records.raw import RawTable, printable, sha256_of, shown

_CALLED = {"spss": "SPSS", "stata": "Stata", "sas": "SAS"}


def read_statistical(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    kind: Literal["spss", "stata", "sas"],
    encoding: str | None = None,
    labels: bool = False,
    keep_missing: bool = False,
) -> RawTable:
    """Read a file of a statistics program as text.

    Parameters
    ----------
    connection
        Where the table is made.
    path
        The file: .sav, .zsav or .por; .dta; .sas7bdat or .xpt.
    kind
        Whose file it is.
    encoding
        Of its texts, where the file does not say so itself.
    labels
        Write the label of a code instead of the code, where the file has one.
    keep_missing
        Keep the codes that an SPSS file declares missing.

    Returns
    -------
    RawTable
        All records; `_row` counts them from 1. `labels` holds what the file says of its columns, `notes`
        how many cells of each column hold a code or a letter for "missing" and became empty.

    Raises
    ------
    DataRejectedError
        If the file is damaged or another kind of file.

    Notes
    -----
    A number is written with the fewest digits that give it back, in 32 bits where the file stores 32; a
    day as YYYY-MM-DD, a time stamp at midnight as a day. Special missing values of SAS (.A to .Z) and
    Stata (.a to .z) are empty. Records are read in pieces, so memory does not grow with the file.
    """
    file = shown(path)
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        target = Path(private) / "records.parquet"
        arguments = (
            str(path.resolve()), kind, str(target), encoding or "", "labels" * labels, "keep" * keep_missing
        )  # fmt: skip
        if not run_apart(statistical_child.__file__, arguments, target):
            other = f', or is not in the encoding "{encoding}"' if encoding else ""
            raise DataRejectedError(
                f"{file}: this is no {_CALLED[kind]} file that can be read {limits()}: it is damaged, "
                f"locked, another kind of file, or holds a day beyond the year 9999{other}. Save it again, "
                f"or export it as CSV. Nothing was replaced."
            )
        noticed = json.loads(target.with_name(target.name + ".json").read_text(encoding="utf-8"))
        raw = read_parquet(connection, target, file=file)
    coded = noticed["coded"]
    notes = [printable(note) for note in noticed["notes"]]
    if coded and labels:
        notes.append(f"the codes of {coded} column(s) were replaced by their labels")
    elif coded:
        notes.append(f"{coded} column(s) have labels for their codes; labels = true reads those instead")
    return replace(
        raw,
        sha256=sha256_of(path),
        encoding=noticed["encoding"],
        notes=(*raw.notes, *notes),
        labels=noticed["labels"],
    )

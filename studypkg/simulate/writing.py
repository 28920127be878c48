"""The invented network as seven CSV files, streamed block by block and published whole."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow.csv

from studypkg.schema import TABLES
from studypkg.simulate.faults import FAULT_KINDS
from studypkg.simulate.network import ClinicMonth, simulate_network
from studypkg.simulate.truth import Truth

_AS_ROWS = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    rows
        Rows in each file, planted faults included.
    faults
        Planted rows by kind; every kind is listed.
    """

    rows: Mapping[str, int]
    faults: Mapping[str, int]


def write_network(
    folder: Path,
    truth: Truth,
    *,
    clinics: int,
    months: int,
    first_month: str,
    seed: int,
    episodes_per_month: float = 45,
    bad_rows: float = 0.0,
) -> Written:
    """Write an invented network as `<table>.csv`, one file per table.

    The parameters are those of `simulate_network`. Memory holds one clinic and month at a time.

    Returns
    -------
    Written
        Rows per table, and planted faults per kind.

    Notes
    -----
    UTF-8, lines end with LF, dates are ISO, an empty cell is a missing value. Every file is written
    beside its place, brought to the disk and then renamed: a reader sees the old files or the new ones,
    and a run that fails leaves the old ones as they were. What a killed run left behind is swept.
    """
    blocks = simulate_network(
        truth,
        clinics=clinics,
        months=months,
        first_month=first_month,
        seed=seed,
        episodes_per_month=episodes_per_month,
        bad_rows=bad_rows,
    )
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    partial = {name: folder / f".{name}.csv.{os.getpid()}.partial" for name in TABLES}
    try:
        with ExitStack() as files:
            sinks = {name: files.enter_context(path.open("wb")) for name, path in partial.items()}
            written = _stream(blocks, sinks)
            for sink in sinks.values():
                sink.flush()
                os.fsync(sink.fileno())
        for name, path in partial.items():
            path.replace(folder / f"{name}.csv")
        _sync_folder(folder)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
    return written


def _stream(blocks: Iterable[ClinicMonth], sinks: Mapping[str, BinaryIO]) -> Written:
    rows, faults = Counter(dict.fromkeys(TABLES, 0)), Counter(dict.fromkeys(FAULT_KINDS, 0))
    for name, sink in sinks.items():
        sink.write((",".join(TABLES[name].column_names) + "\n").encode())
    for block in blocks:
        for name, table in block.tables.items():
            text = io.BytesIO()
            pyarrow.csv.write_csv(table, text, write_options=_AS_ROWS)
            sinks[name].write(text.getbuffer())
            rows[name] += len(table)
        for fault in block.faults:
            sinks[fault.table].write((",".join(fault.cells) + "\n").encode())
            rows[fault.table] += 1
            faults[fault.kind] += 1
    return Written(dict(rows), dict(faults))


def _sweep(folder: Path) -> None:
    """Remove unfinished files of runs that are dead; those of a live run stay."""
    for path in folder.glob(".*.csv.*.partial"):
        process = path.name.split(".")[-2]
        if process.isdecimal() and not _alive(int(process)):
            path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere signal 0 is not a question, so nothing is swept
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Bring the renames to the disk, where the system lets a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""Runs alone, in a process with little memory: an SPSS, Stata or SAS file → Parquet with text columns.

The files are read by a library written in C, and whoever sends one chooses its bytes. So `statistical`
starts this file as a program of its own. It imports nothing of the package.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat

try:
    import resource
except ImportError:  # Windows has no such limits.
    resource = None  # type: ignore[assignment]

#: Cells held at once: enough that a compressed file, searched from its start for each piece, is not slow.
CELLS_AT_ONCE = 3_000_000


def plain(number: float, *, single: bool = False) -> str:
    """Write a number with the fewest digits that give it back, a whole one without a decimal sign.

    Parameters
    ----------
    number
        The number.
    single
        Whether the file holds it in 32 bits, so that fewer digits will do.

    Examples
    --------
    >>> plain(7.0), plain(0.1), plain(75.33000183105469, single=True)
    ('7', '0.1', '75.33')
    """
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return str(np.float32(number)) if single else repr(number)


def moment(value: dt.date | dt.time | dt.timedelta) -> str:
    """Write a day as YYYY-MM-DD, a time stamp at midnight as a day, any other with its time.

    Examples
    --------
    >>> moment(dt.datetime(2025, 1, 2)), moment(dt.datetime(2025, 1, 2, 13, 45)), moment(dt.time(3, 4))
    ('2025-01-02', '2025-01-02 13:45:00', '03:04:00')
    """
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(value.total_seconds(), 60)
        return f"{int(minutes // 60):02d}:{int(minutes % 60):02d}:{seconds:02.0f}"
    return value.isoformat()


class Column:
    """One column: how its cells become text, and what was noticed on the way."""

    def __init__(
        self,
        kind: str,
        ranges: Sequence[Mapping[str, Any]],
        labels: Mapping[Any, str],
        *,
        keep_missing: bool,
    ) -> None:
        self.text, self.single = kind == "string", kind == "float"
        self.ranges, self.labels, self.keep_missing = ranges, labels, keep_missing
        self.declared = 0
        self.special: Counter[str] = Counter()

    def cell(self, value: Any) -> str | None:
        """Write one cell; None where there is no value."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, str) and not self.text:
            # A number column holds letters only where the file says why a value is missing.
            self.special[value] += 1
            return None
        if self.ranges and self._declared_missing(value):
            self.declared += 1
            if not self.keep_missing:
                return None
        label = self.labels.get(value) if self.labels else None
        if label is not None:
            return label
        if isinstance(value, float):
            return plain(value, single=self.single)
        if isinstance(value, (dt.date, dt.time, dt.timedelta)):
            return moment(value)
        return str(value)

    def _declared_missing(self, value: Any) -> bool:
        if isinstance(value, (str, float, int)):
            for one in self.ranges:
                if isinstance(value, str) == isinstance(one["lo"], str) and one["lo"] <= value <= one["hi"]:
                    return True
        return False


def note(name: str, column: Column) -> list[str]:
    """Say how many cells of a column counted as missing although something stands in them."""
    notes = []
    if column.declared:
        codes = ", ".join(_range(one) for one in column.ranges)
        held = "were kept" if column.keep_missing else "count as empty"
        hint = "" if column.keep_missing else '; if they are true values, declare user_missing = "keep"'
        notes.append(
            f'"{name}": {column.declared} cell(s) hold a code that the file declares missing ({codes}) '
            f"and {held}{hint}"
        )
    if column.special:
        listed = ", ".join(f".{letter} ({number})" for letter, number in sorted(column.special.items()))
        notes.append(f'"{name}": special missing values count as empty: {listed}')
    return notes


def _range(one: Mapping[str, Any]) -> str:
    low, high = (plain(v) if isinstance(v, float) else str(v) for v in (one["lo"], one["hi"]))
    return low if low == high else f"{low} to {high}"


def _reader(kind: str, name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Give the function that reads a file, and what only it understands."""
    suffixes = Path(name.lower()).suffixes
    if kind == "spss":
        if ".por" in suffixes:
            return pyreadstat.read_por, {}
        return pyreadstat.read_sav, {"user_missing": True}
    if kind == "stata":
        return pyreadstat.read_dta, {"user_missing": True}
    if ".xpt" in suffixes:
        return pyreadstat.read_xport, {}
    return pyreadstat.read_sas7bdat, {"user_missing": True}


def main(path: str, kind: str, target: str, encoding: str, labels: str, keep: str, memory: str) -> None:
    """Read `path` into the Parquet file `target`, with what was noticed beside it as JSON."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    read, options = _reader(kind, Path(path).name)
    options |= {"encoding": encoding} if encoding and read is not pyreadstat.read_por else {}
    # Not the library's own loop over pieces: it never ends on a transport file.
    _, meta = read(path, output_format="dict", row_limit=1, **options)
    names = list(meta.column_names)
    columns = {
        name: Column(
            meta.readstat_variable_types[name],
            meta.missing_ranges.get(name, []),
            meta.variable_value_labels.get(name, {}) if labels == "labels" else {},
            keep_missing=keep == "keep",
        )
        for name in names
    }
    rows = max(CELLS_AT_ONCE // max(len(names), 1), 1000)
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(target + ".part", schema) as writer:
        offset, found = 0, rows
        while found == rows:
            piece, _ = read(path, output_format="dict", row_limit=rows, row_offset=offset, **options)
            arrays = [pa.array(map(columns[name].cell, piece[name]), pa.string()) for name in names]
            writer.write_table(pa.table(arrays, schema=schema))
            found = len(arrays[0]) if arrays else 0
            offset += found
    noticed = {
        "labels": {name: text for name, text in meta.column_names_to_labels.items() if text},
        "coded": sum(name in meta.variable_value_labels for name in names),
        "encoding": meta.file_encoding or "",
        "notes": [line for name, column in columns.items() for line in note(name, column)],
    }
    Path(target + ".json").write_text(json.dumps(noticed), encoding="utf-8")
    Path(target + ".part").rename(target)


if __name__ == "__main__":
    main(*sys.argv[1:])

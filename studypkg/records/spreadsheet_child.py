"""Runs alone, in a process with little memory: one sheet of a workbook → Parquet with text columns.

A workbook can make the reader ask for any amount of memory and take its process down with it. So
`spreadsheet` starts this file as a program of its own. It imports nothing of the package.
"""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

try:
    import resource
except ImportError:  # Windows has no such limits; the size of the sheet was checked before.
    resource = None  # type: ignore[assignment]

_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
_MIDNIGHT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00$"
#: A time of day without a day: the reader puts the zero of Excel's calendar in front.
_TIME_ONLY = r"^1899-12-3[01] ([0-9:.]+)$"
#: How the reader calls the errors of Excel, and how a person sees them.
_ERRORS = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!",
           "Ref": "#REF!", "Value": "#VALUE!", "GettingData": "#GETTING_DATA"}  # fmt: skip
_DETAIL = re.compile(r"'Error\((\w+)\)'")


def plain(number: float) -> str:
    """Write a number with the fewest digits that give it back, a whole one without a decimal sign.

    Examples
    --------
    >>> plain(7.0), plain(0.1), plain(15.333333015441895)
    ('7', '0.1', '15.333333015441895')
    """
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def exact(texts: pa.Array, numbers: pa.Array) -> pa.Array:
    """Mend numbers that the reader wrote with too few digits, days as stamps, and times as days.

    Parameters
    ----------
    texts
        The column as text; the reader keeps nine decimals.
    numbers
        The same column as floats; NULL where a cell is no number.

    Notes
    -----
    A text is replaced only if it reads as a number other than the cell's. A cell that is text reads as
    itself, so an identifier such as ``007`` or ``1.10`` stays what it is.
    """
    for pattern in (_MIDNIGHT, _TIME_ONLY):
        texts = pc.replace_substring_regex(texts, pattern, r"\1")
    numeric = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    read = pc.cast(pc.if_else(numeric, texts, None), pa.float64())
    off = pc.fill_null(pc.and_(pc.not_equal(read, numbers), pc.is_finite(numbers)), False)
    if not pc.any(off).as_py():
        return texts
    mended = [plain(number) for number in pc.filter(numbers, off).to_pylist() if math.isfinite(number)]
    return pc.replace_with_mask(texts, off, pa.array(mended, pa.string()))


def with_errors(columns: list[pa.Array], errors: list[tuple[int, int, str]]) -> list[pa.Array]:
    """Put errors of Excel back where the reader left nothing: an error is no empty cell.

    Parameters
    ----------
    columns
        The columns as text.
    errors
        Row and column, from 0, and what the reader says of the cell.
    """
    by_column: dict[int, dict[int, str]] = {}
    for row, column, detail in errors:
        found = _DETAIL.search(detail)
        by_column.setdefault(column, {})[row] = _ERRORS.get(found.group(1) if found else "", "#ERROR!")
    for column, cells in by_column.items():
        texts = columns[column].to_pylist()
        for row, text in cells.items():
            texts[row] = text
        columns[column] = pa.array(texts, pa.string())
    return columns


def list_sheets(path: str, target: str) -> None:
    """Write the names of the sheets, whether they are shown, and how far they reach."""
    reader = fastexcel.read_excel(path)
    sheets = []
    for number, name in enumerate(reader.sheet_names):
        sheet = reader.load_sheet(number, header_row=None, skip_rows=0, dtypes="string")
        shown = sheet.visible == "visible"
        sheets.append({"name": name, "visible": shown, "rows": sheet.height, "columns": sheet.width})
    Path(target).write_text(json.dumps(sheets), encoding="utf-8")


def main(path: str, sheet: str, target: str, memory: str) -> None:
    """Read sheet number `sheet` (from 0) of `path` into `target` with at most `memory` bytes.

    With ``"list"`` in place of a number, `target` lists the sheets instead.
    """
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sheet == "list":
        list_sheets(path, target)
        return
    reader = fastexcel.read_excel(path)
    loaded = reader.load_sheet(int(sheet), header_row=None, skip_rows=0, dtypes="string")
    texts, errors = loaded.to_arrow_with_errors()
    numbers = reader.load_sheet(int(sheet), header_row=None, skip_rows=0, dtypes="float").to_arrow()
    columns = [exact(texts.column(i), numbers.column(i)) for i in range(texts.num_columns)]
    if errors is not None:
        columns = with_errors(columns, [(*one.position, one.detail) for one in errors.errors])
    rows = pa.array(range(1, texts.num_rows + 1), pa.int64())
    names = ["_row", *(f"c{i}" for i in range(texts.num_columns))]
    pq.write_table(pa.table([rows, *columns], names=names), target)


if __name__ == "__main__":
    main(*sys.argv[1:])

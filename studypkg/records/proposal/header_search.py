"""Which row of a file names its columns, and which delimiter cuts it: a search over its first rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from studypkg.records.dialect import DELIMITERS

#: Rows among which the header is searched, and rows below it that it is compared with.
ROWS = 60
_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d*)?")


@dataclass(frozen=True)
class Header:
    """A row that can name columns: its place from 1, the delimiter if the file has one, and its cells."""

    row: int
    names: tuple[str, ...]
    delimiter: str = ""


def find_in_text(text: str) -> Header | None:
    """Find the header of a delimited file in its first lines.

    Parameters
    ----------
    text
        The head of the file, decoded. Its last line may be cut off.

    Returns
    -------
    Header or None
        The first row that can be a header, under the delimiter that cuts most rows alike; None if no
        row of the head can be one, or the file has one column.
    """
    best: tuple[float, int, Header] | None = None
    for cut in DELIMITERS:
        lines, rows = _rows(text, cut)
        width = _width(rows)
        if width < 2:
            continue
        kept = [(line, row) for line, row in zip(lines, rows, strict=True) if len(row) == width]
        found = find_in_rows([row for _, row in kept])
        if found is None:
            continue
        place = kept[found.row - 1][0]
        share = len(kept) / max(len([row for row in rows if row]), 1)
        if best is None or (share, width) > best[:2]:
            best = share, width, Header(place, found.names, cut)
    return best[2] if best is not None else None


def find_in_rows(rows: Sequence[Sequence[str]]) -> Header | None:
    """Find the first row whose cells can name all columns that hold something below it.

    Notes
    -----
    Rows above it, such as a title, leave cells empty. A name stands once, is neither a number nor a day,
    and is unlike what stands below it: a row whose cell occurs again below, or has figures in the same
    places as the cells below, holds data, and then no row is taken for a header.
    """
    for number, row in enumerate(rows[:ROWS]):
        below = rows[number + 1 : number + 1 + ROWS]
        used = [at for at in range(len(row)) if any(_cell(one, at) for one in (row, *below))]
        names = [_cell(row, at) for at in used] or [""]
        if not all(names):
            continue
        # Behind a whole row of records no header comes any more.
        fits = _unlike(names, [[_cell(one, at) for at in used] for one in below])
        return Header(number + 1, tuple(names)) if fits else None
    return None


def _unlike(names: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    if len({name.lower() for name in names}) < len(names):
        # The labels of a REDCap export repeat; anything else that repeats is data.
        repeated = {name for name, times in Counter(names).items() if times > 1}
        if repeated != {"Complete?"}:
            return False
    if any(_DAY.search(name) or _NUMBER.fullmatch(name) for name in names):
        return False
    for at, name in enumerate(names):
        cells = [row[at] for row in below if row[at]]
        if name in cells:
            return False
        shapes = Counter(map(_shape, cells))
        if (
            any(letter.isdigit() for letter in name)
            and shapes
            and shapes.most_common(1)[0][0] == _shape(name)
        ):
            return False
    return True


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text))


def _cell(row: Sequence[str], at: int) -> str:
    return row[at].strip() if at < len(row) else ""


def _width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(len(row) for row in rows if row)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _rows(text: str, cut: str) -> tuple[list[int], list[list[str]]]:
    """Cut the head into rows, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=cut)
    lines: list[int] = []
    rows: list[list[str]] = []
    before = 0
    try:
        for row in reader:
            lines.append(before + 1)
            rows.append(row)
            before = reader.line_num
            if len(rows) > 4 * ROWS:
                break
    except csv.Error:
        pass  # a field beyond belief: the strict reader says so with its line
    return lines, rows

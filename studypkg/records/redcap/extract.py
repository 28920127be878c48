"""The private copy of an export that is read: variable names above it, nothing in it that finds a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studypkg.records.dialect import TextFile, find_delimiter
from studypkg.records.grammar import LONGEST_RECORD, Bytes, Grammar, after_line_end
from studypkg.records.redcap.dictionary import Dictionary
from studypkg.records.redcap.headers import Header, read_header

_LINE_END = re.compile(rb"\r\n|\n|\r")
#: Columns of an export that are of no form and may hold a name or an address.
_PERSONAL_STRUCTURE = frozenset(("redcap_survey_identifier",))


@dataclass(frozen=True)
class Extract:
    """An export as it may be read: the private copy, or `None` where the export itself may be."""

    path: Path | None
    header: Header
    delimiter: str


def write_extract(
    text: TextFile,
    folder: Path,
    dictionary: Dictionary,
    *,
    name: str,
    declared: str | None = None,
    missing: Sequence[str] = (),
) -> Extract | None:
    """Copy an export, its columns under variable names and the cells of fields left out emptied.

    Parameters
    ----------
    text
        The export as UTF-8.
    folder
        Private folder for the copy.
    dictionary
        The project's dictionary.
    name
        Name of the export, for messages; the copy has it too.
    declared
        The delimiter, where it is declared.
    missing
        Missing-data codes of the project.

    Returns
    -------
    Extract or None
        `None` if a record cannot be cut into the header's number of fields. Then nothing may be read: the
        strict reader says where the fault is.

    Raises
    ------
    DataRejectedError
        If the header is not that of the dictionary's project, or the delimiter is not clear.

    Notes
    -----
    Every record stays on the line on which it stands in the export: of a cell of several lines the line
    ends are kept.
    """
    data: Bytes = np.memmap(text.path, dtype=np.uint8, mode="r")
    start = text.start
    while start < data.size and data.data[start] in b"\r\n":
        start = after_line_end(data, start)
    delimiter = find_delimiter(data, start, declared=declared, file=name)
    grammar = Grammar(delimiter)
    stop = grammar.record_end(data, start) if start < data.size else None
    if stop is None or stop - start > LONGEST_RECORD:
        return None
    head = data[start:stop].tobytes()
    header = read_header(grammar.split(head), dictionary, file=name, missing=missing)
    left_out = left_out_places(header.names, dictionary)
    if not left_out and not header.labelled:
        return Extract(None, header, delimiter)
    path = folder / "extract" / name
    path.parent.mkdir()
    cut = grammar.delimiter
    end_of_line = data[stop : after_line_end(data, stop)].tobytes() or b"\n"
    with path.open("wb") as target:
        target.write(data[text.start : start].tobytes())
        # A header of several lines becomes one line, at its end.
        above = end_of_line * len(_LINE_END.findall(head))
        target.write(above + cut.join(n.encode() for n in header.names) + end_of_line)
        for record, end in _records(grammar, data, after_line_end(data, stop)):
            cells = _cells(record, cut) if record else []
            if record is None or (cells and len(cells) != len(header.names)):
                return None
            for place in left_out if cells else ():
                cells[place] = _emptied(cells[place])
            target.write(cut.join(cells) + end)
    return Extract(path, header, delimiter)


def left_out_places(names: Sequence[str], dictionary: Dictionary) -> tuple[int, ...]:
    """Give the places of the columns that never enter a study; the record's id is judged elsewhere.

    A missing-data box belongs to its checkbox.
    """
    found = []
    for place, name in enumerate(names):
        field = dictionary.field_of_column.get(name) or dictionary.by_name.get(name.partition("___")[0])
        own = field is not None and field is not dictionary.record_field
        if name in _PERSONAL_STRUCTURE or (own and field is not None and field.why_left_out):
            found.append(place)
    return tuple(found)


def _records(grammar: Grammar, data: Bytes, start: int) -> Iterator[tuple[bytes | None, bytes]]:
    """Give every record and its line end, a blank line as an empty one; `None` at the first fault."""
    while start < data.size:
        stop = grammar.record_end(data, start)
        if stop is None or stop - start > LONGEST_RECORD:
            yield None, b""
            return
        after = after_line_end(data, stop)
        yield data[start:stop].tobytes(), data[stop:after].tobytes()
        start = after


def _cells(record: bytes, cut: bytes) -> list[bytes]:
    """Cut a well-formed record into its cells as they stand, quote marks and all."""
    pieces = record.split(cut)
    if b'"' not in record:
        return pieces
    cells: list[bytes] = []
    held: list[bytes] = []
    open_ = False
    for piece in pieces:
        held.append(piece)
        # Marks come in pairs where a cell ends, because inside they are doubled.
        open_ ^= piece.count(b'"') % 2 == 1
        if not open_:
            cells.append(cut.join(held))
            held = []
    return cells


def _emptied(cell: bytes) -> bytes:
    ends = b"".join(_LINE_END.findall(cell))
    return b'"' + ends + b'"' if ends else b""

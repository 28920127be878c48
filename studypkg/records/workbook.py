"""What an .xlsx file holds, read from its XML before a reader is let near it: sheets, extent, traps."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from studypkg.errors import DataRejectedError

#: Unpacked bytes of a workbook that are still read.
MOST_BYTES = 1 << 30
#: Cells of the rectangle that a reader would have to hold.
MOST_CELLS = 20_000_000

#: Bytes of the list of sheets, and merged ranges and ranges of hidden columns of a sheet, that people make.
MOST_LIST_BYTES = 16 << 20
MOST_RANGES = 100_000
_CHUNK = 1 << 20
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is|f)[ />]")
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})$")
_LISTED = 5


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook: its name, its place in the archive, and whether it is shown and filled."""

    name: str
    entry: str
    visible: bool
    filled: bool


@dataclass
class Extent:
    """What a sheet holds, seen from its XML.

    Parameters
    ----------
    first_column, last_column, last_row
        Corners of the rectangle of cells with a value, from 1; 0 if there is none.
    errors
        Addresses of the first cells that hold an Excel error, such as a division by zero, and their number.
    formulas
        How many formulas have a stored result.
    uncomputed
        Addresses of the first formulas without a stored result, and their number.
    merged
        Ranges of merged cells: first column, first row, last column, last row.
    hidden_columns, hidden_rows
        Numbers of the hidden columns that hold a value, and how many rows are hidden.
    """

    first_column: int = 0
    last_column: int = 0
    last_row: int = 0
    errors: tuple[list[str], int] = field(default_factory=lambda: ([], 0))
    formulas: int = 0
    uncomputed: tuple[list[str], int] = field(default_factory=lambda: ([], 0))
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_columns: set[int] = field(default_factory=set)
    hidden_rows: int = 0


def letters(number: int) -> str:
    """Letters of a column.

    Examples
    --------
    >>> letters(1), letters(28), letters(16384)
    ('A', 'AB', 'XFD')
    """
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def position(address: str) -> tuple[int, int]:
    """Column and row of an address, from 1.

    Examples
    --------
    >>> position("AB7")
    (28, 7)
    """
    found = _CELL.match(address.replace("$", ""))
    if found is None:
        raise ValueError("not the address of a cell")
    column = 0
    for letter in found.group(1):
        column = column * 26 + ord(letter) - 64
    return column, int(found.group(2))


def list_sheets(path: Path, *, file: str) -> list[Sheet]:
    """List the sheets of a workbook in their order.

    Raises
    ------
    DataRejectedError
        If the file is no .xlsx workbook, or unpacks to more than `MOST_BYTES`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MOST_BYTES:
                raise DataRejectedError(
                    f"{file}: the workbook unpacks to {size >> 20} MB; at most {MOST_BYTES >> 20} MB are "
                    f"read. Export the sheet as CSV. Nothing was replaced."
                )
            book = _tree(archive, "xl/workbook.xml")
            links = {
                link.get("Id"): str(link.get("Target"))
                for link in _tree(archive, "xl/_rels/workbook.xml.rels").findall(".//{*}Relationship")
            }
            names = set(archive.namelist())
            sheets = []
            for sheet in book.findall(".//{*}sheet"):
                link = next((v for k, v in sheet.attrib.items() if k.endswith("}id")), "")
                target = links.get(link, "")
                entry = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                filled = entry in names and any(map(_VALUE.search, _overlapping(archive, entry)))
                shown = sheet.get("state", "visible") == "visible"
                sheets.append(Sheet(str(sheet.get("name")), entry, shown, filled))
            return sheets
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, OSError, ValueError, NotImplementedError,
            RuntimeError, EOFError):  # fmt: skip
        raise DataRejectedError(
            f"{file}: this is not an .xlsx workbook that can be read; it may be damaged, locked with a "
            f"password, or an older format. Save it as .xlsx or as CSV. Nothing was replaced."
        ) from None


def _tree(archive: zipfile.ZipFile, entry: str) -> ElementTree.Element:
    if archive.getinfo(entry).file_size > MOST_LIST_BYTES:
        raise ValueError("no workbook has so many sheets")
    text = archive.read(entry)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("no workbook declares entities")
    return ElementTree.fromstring(text)


def _overlapping(archive: zipfile.ZipFile, entry: str) -> Iterator[bytes]:
    tail = b""
    with archive.open(entry) as stream:
        while piece := stream.read(_CHUNK):
            yield tail + piece
            tail = piece[-64:]


class _Scan:
    """Callbacks of the XML reader over one sheet."""

    def __init__(self, file: str, sheet: str) -> None:
        self.file, self.sheet, self.extent = file, sheet, Extent()
        self.row, self.column, self.address, self.kind = 0, 0, "", ""
        self.formula, self.value, self.inside = False, False, False
        self.hidden: list[tuple[int, int]] = []
        self.columns: set[int] = set()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "c":
            address = attributes.get("r")
            self.column, self.row = position(address) if address else (self.column + 1, self.row)
            self.kind = attributes.get("t", "n")
            self.formula = self.value = False
        elif tag in ("v", "is"):
            self.inside = True
        elif tag == "f":
            self.formula = True
        elif tag == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0
            self.extent.hidden_rows += attributes.get("hidden") in ("1", "true")
        elif tag == "col" and attributes.get("hidden") in ("1", "true"):
            self.hidden.append((int(attributes["min"]), int(attributes["max"])))
            self._believe(len(self.hidden))
        elif tag == "mergeCell":
            first, _, last = attributes["ref"].partition(":")
            self.extent.merged.append((*position(first), *position(last or first)))
            self._believe(len(self.extent.merged))

    def text(self, _: str) -> None:
        if self.inside and not self.value:
            self.value = True
            self._cover()

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        self.inside = self.inside and tag not in ("v", "is")
        if tag != "c":
            return
        if self.formula and not self.value and self.kind != "str":
            self.extent.uncomputed = self._noted(self.extent.uncomputed)
        self.extent.formulas += self.formula and self.value
        if self.kind == "e" and self.value:
            self.extent.errors = self._noted(self.extent.errors)

    def _believe(self, ranges: int) -> None:
        if ranges > MOST_RANGES:
            raise ValueError("no sheet that people make has so many ranges")

    def _noted(self, seen: tuple[list[str], int]) -> tuple[list[str], int]:
        first, number = seen
        return [*first, f"{letters(self.column)}{self.row}"][:_LISTED], number + 1

    def _cover(self) -> None:
        extent = self.extent
        self.columns.add(self.column)
        extent.first_column = min(extent.first_column or self.column, self.column)
        extent.last_column = max(extent.last_column, self.column)
        extent.last_row = max(extent.last_row, self.row)
        if (extent.last_column - extent.first_column + 1) * extent.last_row > MOST_CELLS:
            raise DataRejectedError(
                f'{self.file}: the sheet "{self.sheet}" reaches to {letters(extent.last_column)}'
                f"{extent.last_row}, which makes more than {MOST_CELLS} cells. Often one stray cell far away "
                f"does that: delete the unused rows and columns, or export the sheet as CSV. "
                f"Nothing was replaced."
            )


def scan_sheet(path: Path, sheet: Sheet, *, file: str) -> Extent:
    """Look through the XML of a sheet.

    Raises
    ------
    DataRejectedError
        If the sheet spans more than `MOST_CELLS`, or its XML is damaged.
    """
    scan, parser = _Scan(file, sheet.name), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = scan.start, scan.end
    parser.CharacterDataHandler = scan.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        with zipfile.ZipFile(path) as archive, archive.open(sheet.entry) as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, zipfile.BadZipFile, ValueError, KeyError, OSError, EOFError):
        raise DataRejectedError(
            f'{file}: the sheet "{sheet.name}" is damaged. Open the workbook and save it again. '
            f"Nothing was replaced."
        ) from None
    scan.extent.hidden_columns = {
        column for column in scan.columns if any(low <= column <= high for low, high in scan.hidden)
    }
    return scan.extent


def _refuse_doctype(*_: object) -> None:
    raise ValueError("no sheet declares entities")

"""Workbooks that are no .xlsx: older Excel, binary Excel and OpenDocument, of which less can be seen."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

from studypkg.errors import DataRejectedError
from studypkg.records import spreadsheet_child
from studypkg.records.apart import limits, run_apart
from studypkg.records.workbook import MOST_BYTES, MOST_CELLS, Sheet

_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
#: What a note says of every such file.
UNSEEN = "merged cells, hidden rows and columns, and formulas cannot be seen in an {kind} file"


def other_format(path: Path) -> str | None:
    """Name the format of a workbook by its content; None for .xlsx and whatever is no workbook."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if head == _OLD_EXCEL:
        return ".xls"
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "xl/workbook.bin" in names:
                return ".xlsb"
            if "mimetype" in names and archive.open("mimetype").read(100).startswith(_OPEN_DOCUMENT):
                return ".ods"
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError):
        pass
    return None


def list_other_sheets(path: Path, kind: str, *, file: str) -> list[Sheet]:
    """List the sheets of such a workbook in their order, as a process apart sees them.

    Raises
    ------
    DataRejectedError
        If the file is damaged or locked, unpacks to too much, or a sheet spans more than `MOST_CELLS`.
    """
    if kind != ".xls":
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            raise DataRejectedError(
                f"{file}: the workbook unpacks to {size >> 20} MB; at most {MOST_BYTES >> 20} MB are read. "
                f"Export the sheet as CSV. Nothing was replaced."
            )
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        target = Path(private) / "sheets.json"
        if not run_apart(spreadsheet_child.__file__, (str(path.resolve()), "list", str(target)), target):
            raise DataRejectedError(
                f"{file}: this {kind} workbook cannot be read {limits()}; it may be damaged or locked with a "
                f"password. Save it as .xlsx without one. Nothing was replaced."
            )
        found = json.loads(target.read_text(encoding="utf-8"))
    for one in found:
        if one["rows"] * one["columns"] > MOST_CELLS:
            raise DataRejectedError(
                f'{file}: the sheet "{one["name"]}" has {one["rows"]} rows and {one["columns"]} columns, '
                f"more than {MOST_CELLS} cells. Delete the unused ones, or export the sheet as CSV. "
                f"Nothing was replaced."
            )
    return [Sheet(one["name"], "", one["visible"], one["rows"] > 0) for one in found]

"""How an unknown file has to be read, found from its bytes, and the rows that are looked at."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow.parquet as pq

from studypkg.errors import DataRejectedError, StudyError
from studypkg.records import spreadsheet_child
from studypkg.records.apart import run_apart
from studypkg.records.columnar import read_parquet
from studypkg.records.grammar import LONGEST_RECORD
from studypkg.records.listing import SUFFIXES
from studypkg.records.otherbook import list_other_sheets, other_format
from studypkg.records.proposal.header_search import ROWS, Header, find_in_rows, find_in_text
from studypkg.records.raw import RawTable, check_regular, shown
from studypkg.records.read import open_source
from studypkg.records.statistical import read_statistical
from studypkg.records.unpacking import unpacked
from studypkg.records.workbook import list_sheets

Kind = Literal["csv", "excel", "parquet", "spss", "stata", "sas"]
#: Of larger files the head is looked at.
SAMPLE_BYTES = 16 << 20
SAMPLE_ROWS = 200_000
#: So many sheets are looked at.
MOST_SHEETS = 12
_HEAD = 1 << 18
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"), (b"PK\x03\x04", "excel"), (b"\xd0\xcf\x11\xe0", "excel"), (b"$FL2", "spss"),
    (b"$FL3", "spss"), (b"<stata_dta>", "stata"), (b"HEADER RECORD*******", "sas"),
)  # fmt: skip
#: Headings that only a project of REDCap exports.
_REDCAP = frozenset(
    ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "redcap_data_access_group",
     "redcap_survey_identifier", "complete?", "repeat instrument", "repeat instance")
)  # fmt: skip
_DICTIONARY = frozenset(("variable / field name", "form name", "field type"))


@dataclass(frozen=True)
class Look:
    """One table of a file, opened, with what has to be declared to open it again.

    Parameters
    ----------
    kind
        Kind of the source.
    options
        Keys of the `[[sources]]` block that reading needs, such as `encoding`.
    raw
        The rows that are looked at; None where another page says how to go on.
    sampled
        Whether these are the first rows only.
    notes
        What a person should know of the file.
    special
        ``redcap``, ``redcap dictionary`` or ``fhir`` where the file is a part of such an export.
    """

    kind: str
    options: Mapping[str, str | int] = field(default_factory=dict)
    raw: RawTable | None = None
    sampled: bool = False
    notes: tuple[str, ...] = ()
    special: str = ""


def look_into(
    connection: duckdb.DuckDBPyConnection, path: Path, work: Path, *, sheet: str | None = None
) -> tuple[Look, ...]:
    """Open a file without being told how.

    Parameters
    ----------
    connection
        Where its tables are made.
    path
        The file, packed or not.
    work
        A private folder.
    sheet
        Only this sheet of a workbook.

    Returns
    -------
    tuple of Look
        One, or one for each visible sheet that holds a table.

    Raises
    ------
    DataRejectedError
        If there is no table that could be read, with the reason.

    Notes
    -----
    Of a text file the first 16 MB are looked at, of Parquet the first 200 000 rows. The encoding is
    UTF-8 unless the bytes say otherwise; other bytes are taken for Windows text, which has to be checked
    by a look at names with accents.
    """
    check_regular(path)
    plain = unpacked(path, work)
    with plain.open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
    if head.lstrip()[:1] in (b"{", b"[") and b"resourceType" in head[:_HEAD]:
        return (Look("fhir", special="fhir"),)
    kind = _kind(path, head)
    if kind == "csv":
        return (_delimited(connection, plain, head, work),)
    if kind == "excel":
        return _sheets(connection, plain, sheet)
    if kind == "parquet":
        raw = read_parquet(connection, plain, most_rows=SAMPLE_ROWS)
        return (Look(kind, {}, raw, pq.read_metadata(plain).num_rows > raw.n_rows),)
    raw = read_statistical(connection, plain, kind=kind)
    return (Look(kind, {}, raw, False, raw.notes),)


def _kind(path: Path, head: bytes) -> Kind:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind  # type: ignore[return-value]
    name = path.name.lower().removesuffix(".gz").removesuffix(".zip")
    for kind in ("stata", "sas", "spss", "parquet", "excel"):
        if name.endswith(SUFFIXES[kind]):
            return kind  # type: ignore[return-value]
    return "csv"


# ------------------------------------------------------------------ text
def _delimited(connection: duckdb.DuckDBPyConnection, path: Path, head: bytes, work: Path) -> Look:
    encoding = _encoding(head)
    text = _decoded(head[:_HEAD], encoding)
    found = find_in_text(text)
    if found is None:
        raise DataRejectedError(
            f"{shown(path)}: no row of the first {ROWS} names the columns: names are words that stand above "
            f"the records and do not repeat. Export the file with column names. Nothing was written."
        )
    special = _special(found)
    if special:
        return Look("redcap", special=special)
    options: dict[str, str | int] = {"encoding": encoding} if encoding else {}
    if found.row > 1:
        options["header_row"] = found.row
    part, sampled = _first_bytes(path, head, encoding, work)
    try:
        raw = open_source(connection, part, kind="csv", encoding=encoding, header_row=found.row)
    except DataRejectedError:
        if not found.delimiter:
            raise
        raw = None
    if raw is None:
        # Where two delimiters would do, the one under which more rows are alike is proposed.
        raw = open_source(
            connection, part, kind="csv", encoding=encoding, header_row=found.row, delimiter=found.delimiter
        )
    if raw.delimiter != ",":
        options["delimiter"] = raw.delimiter
    notes = [note for note in raw.notes if not note.startswith("the last line has no line end")]
    if encoding:
        notes.append(f"the text is not UTF-8; {encoding} fits its bytes: look whether accents are right")
    return Look("csv", options, raw, sampled, tuple(notes))


def _encoding(head: bytes) -> str | None:
    """Name the encoding that has to be declared; None for UTF-8 and for text with a mark."""
    if head.startswith(_MARKS):
        return None
    zeros = head.count(0)
    if 5 * zeros > len(head):
        return "utf-16-le" if 2 * head[1::2].count(0) >= zeros else "utf-16-be"
    try:
        # The head may end within a letter.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        pass
    else:
        return None
    try:
        head.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _decoded(head: bytes, encoding: str | None) -> str:
    name = encoding or ("utf-16" if head.startswith(_MARKS[1:]) else "utf-8-sig")
    return head.decode(name, errors="replace")


def _first_bytes(path: Path, piece: bytes, encoding: str | None, work: Path) -> tuple[Path, bool]:
    """Give the file, or a copy of its head that ends with a whole record."""
    if path.stat().st_size <= SAMPLE_BYTES or (encoding or "").startswith("utf-16"):
        return path, False
    if piece.startswith(_MARKS[1:]):
        return path, False
    end = len(piece)
    marks = piece.count(b'"')
    while (cut := piece.rfind(b"\n", 0, end)) > 0:
        marks -= piece.count(b'"', cut, end)
        if marks % 2 == 0:
            break
        end = cut
    if cut <= 0 or len(piece) - cut > LONGEST_RECORD:
        # One endless record, or lines without ends: the strict reader says what is wrong.
        return path, False
    part = Path(tempfile.mkdtemp(dir=work)) / path.name
    part.write_bytes(piece[: cut + 1])
    return part, True


def _special(found: Header) -> str:
    names = {name.lower().strip() for name in found.names}
    if names & _DICTIONARY and len(names & _DICTIONARY) > 1:
        return "redcap dictionary"
    forms = [name for name in names if name.endswith("_complete")]
    return "redcap" if names & _REDCAP or (forms and found.names[0].lower().endswith(("_id", "id"))) else ""


# ------------------------------------------------------------------ workbooks
def _sheets(connection: duckdb.DuckDBPyConnection, path: Path, wanted: str | None) -> tuple[Look, ...]:
    file = shown(path)
    other = other_format(path)
    sheets = list_other_sheets(path, other, file=file) if other else list_sheets(path, file=file)
    chosen = [one for one in sheets if one.filled and (one.visible or one.name == wanted)]
    alone = len(chosen) == 1
    if wanted is not None:
        chosen = [one for one in chosen if one.name == wanted]
    looks, faults = [], []
    for one in chosen[:MOST_SHEETS]:
        options: dict[str, str | int] = {} if alone else {"sheet": one.name}
        try:
            rows = list(_grid(connection, path, sheets.index(one)))
            found = find_in_rows(rows)
            if found is None:
                faults.append(f'{file}: sheet "{one.name}" was not looked at: no row names the columns.')
                continue
            special = _special(found)
            if special:
                looks.append(Look("redcap", special=special))
                continue
            if found.row > 1:
                options["header_row"] = found.row
            raw = open_source(connection, path, kind="excel", sheet=one.name, header_row=found.row)
        except StudyError as fault:
            faults.append(str(fault))
            continue
        notes = tuple(note for note in raw.notes if not note.startswith(("sheet ", "other sheets")))
        looks.append(Look("excel", options, raw, False, notes))
    if not looks:
        raise DataRejectedError(
            faults[0] if faults else f"{file}: no visible sheet of that name holds a table."
        )
    return (*looks[:-1], _with(looks[-1], faults))


def _with(look: Look, faults: list[str]) -> Look:
    return Look(look.kind, look.options, look.raw, look.sampled, (*look.notes, *faults), look.special)


def _grid(connection: duckdb.DuckDBPyConnection, path: Path, number: int) -> Iterator[list[str]]:
    """Give the first rows of a sheet; none where the reader apart cannot read it."""
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        target = Path(private) / "sheet.parquet"
        arguments = (str(path.resolve()), str(number), str(target))
        if not run_apart(spreadsheet_child.__file__, arguments, target):
            return
        first = pq.read_table(target).slice(0, 2 * ROWS).drop_columns(["_row"])
        for row in zip(*(column.to_pylist() for column in first.columns), strict=True):
            yield [cell or "" for cell in row]

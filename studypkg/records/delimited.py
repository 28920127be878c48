"""CSV and TSV → text columns in DuckDB, whole or not at all: no type is guessed and no record is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from studypkg.errors import DataRejectedError
from studypkg.records.cutting import cut_columns
from studypkg.records.dialect import find_delimiter, open_text
from studypkg.records.grammar import LONGEST_RECORD, MOST_FAULTS, Bytes, Grammar, Misfit, after_line_end
from studypkg.records.header import check_header, refuse_repeated_header
from studypkg.records.lines import Survey, survey, windows
from studypkg.records.raw import RawTable, relation_name, shown

_LISTED = 5


def read_delimited(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int = 1,
    sha256: str | None = None,
) -> RawTable:
    """Read a delimited text file as text.

    Parameters
    ----------
    connection
        Where the table is made.
    path
        The file.
    encoding
        Its encoding; `None` means UTF-8, or whatever a byte-order mark says.
    delimiter
        Comma, semicolon, tab or bar; `None` finds it.
    header_row
        Physical line of the header, from 1. Lines above it are left out.
    sha256
        Hash of the file, where it is known already.

    Returns
    -------
    RawTable
        All records of the file.

    Raises
    ------
    DataRejectedError
        If any record cannot be read as a row with the header's number of fields. The message lists the
        first physical lines and how many there are.

    Notes
    -----
    Two readers must agree. `lines.survey` counts the records and the fields of each, and checks every
    quote mark, in one pass over the bytes; Arrow's parser then cuts the fields. Alone it would not do: it
    takes marks inside unquoted fields. If record n stands on line n and all line ends are alike, it reads
    the file itself. Otherwise it reads a private copy in which every record stands on its own, led by its
    physical line; bytes inside quotes stay as they are.
    """
    file = shown(path)
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        folder = Path(private)
        before = path.stat()
        text = open_text(path, encoding=encoding, folder=folder, sha256=sha256)
        data: Bytes = np.memmap(text.path, dtype=np.uint8, mode="r")
        notes = list(text.notes)
        start, line = _find_header(data, text.start, header_row, file)
        if header_row > 1:
            notes.append(f"lines 1 to {header_row - 1} above the header were left out")
        cut = find_delimiter(data, start, declared=delimiter, file=file)
        grammar = Grammar(cut)
        columns, body = _read_header(grammar, data, start, line, file)
        found = survey(data, start, delimiter=grammar.delimiter, fields=len(columns), line=line)
        first = line + (1 if found.plain else _lines_between(data, start, body))
        if found.bad_quotes or found.misfits or found.longest > LONGEST_RECORD:
            raise _refusal(file, grammar.misfits(data, body, line=first, fields=len(columns)), len(columns))
        relation = relation_name(text.sha256, "csv", text.encoding, cut, header_row)
        plain = found.plain and line == 1
        source = text.path if plain else _copy(data, start, line, grammar, len(columns), folder)
        try:
            n_rows = cut_columns(
                connection, source, relation, columns, delimiter=cut, numbered=not plain,
                quoted=found.quoted, longest=found.longest, records=found.records - 1,
            )  # fmt: skip
        except pa.ArrowInvalid:
            # The parser's own message quotes the line, so it goes no further.
            faults = grammar.misfits(data, body, line=first, fields=len(columns))
            raise _refusal(file, faults, len(columns)) from None
        if n_rows != found.records - 1:
            raise DataRejectedError(
                f"{file}: the file holds {found.records - 1} records and {n_rows} were read. Open it in a "
                f"spreadsheet program and export it again as CSV. Nothing was replaced."
            )
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise DataRejectedError(
                f"{file}: the file changed while it was read. Wait until it is fully written, then run again."
            )
        del data
    refuse_repeated_header(connection, relation, columns, file=file, unit="line", tidy=found.tidy)
    notes += _remarks(found)
    return RawTable(
        file, text.sha256, relation, columns, n_rows, text.encoding, cut, tuple(notes),
        tidy_relation=relation if found.tidy else "",
    )  # fmt: skip


def _find_header(data: Bytes, start: int, header_row: int, file: str) -> tuple[int, int]:
    """Offset and physical line of the header: the first line from `header_row` on that is not blank."""
    view = data.data
    line = 1
    while start < data.size and (line < header_row or view[start] in b"\r\n"):
        while view[start] not in b"\r\n":
            start += 1
            if start == data.size:
                break
        start = after_line_end(data, start)
        line += 1
    if start >= data.size:
        raise DataRejectedError(
            f"{file}: there is no header: the file has no line with text from line {header_row} on. "
            f"Export it again with column names. Nothing was replaced."
        )
    return start, line


def _read_header(
    grammar: Grammar, data: Bytes, start: int, line: int, file: str
) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and the offset behind the header."""
    stop = grammar.record_end(data, start)
    if stop is None or stop - start > LONGEST_RECORD:
        raise DataRejectedError(
            f"{file}: line {line}, the header, has a quote mark that does not enclose a whole name. "
            f"Mend the header. Nothing was replaced."
        )
    names = grammar.split(data[start:stop].tobytes())
    return check_header(names, file=file, place=f"line {line}"), after_line_end(data, stop)


def _lines_between(data: Bytes, start: int, stop: int) -> int:
    return len(data[start:stop].tobytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")) - 1


def _copy(data: Bytes, start: int, line: int, grammar: Grammar, fields: int, folder: Path) -> Path:
    """Write the records one after the other, each led by its physical line."""
    copy = folder / "records.txt"
    cut = grammar.delimiter
    with copy.open("wb") as target:
        for window in windows(data, start, delimiter=cut, fields=fields, line=line):
            spans = zip(window.starts.tolist(), window.stops.tolist(), window.lines.tolist(), strict=True)
            if not window.starts.size:
                continue
            low = int(window.starts[0])
            block = data[low : int(window.stops[-1])].tobytes()
            pieces = [b"%d%b%b\n" % (number, cut, block[a - low : b - low]) for a, b, number in spans]
            target.write(b"".join(pieces))
    return copy


def _refusal(file: str, faults: Sequence[Misfit], fields: int) -> DataRejectedError:
    if not faults:
        return DataRejectedError(
            f"{file}: the strict reader refuses the file although every record has {fields} fields. Open it "
            f"in a spreadsheet program and export it again as CSV. Nothing was replaced."
        )
    trailing = all(one.ends_with_delimiter and one.fields == fields + 1 for one in faults)
    if trailing and len(faults) > 1:
        advice = "Each of them ends with a delimiter and the header does not: remove it from every line"
    elif any(one.fields is None for one in faults):
        advice = "Enclose a field that holds a quote mark in quote marks and double the mark"
    else:
        advice = "A field that holds the delimiter must stand in quote marks; a short line may be cut off"
    listed = "; ".join(_said(one) for one in faults[:_LISTED])
    more = f"; and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
    total = f"at least {MOST_FAULTS}" if len(faults) >= MOST_FAULTS else str(len(faults))
    noun = "line" if len(faults) == 1 else "lines"
    return DataRejectedError(
        f"{file}: {total} {noun} cannot be read; the header has {fields} fields. {listed}{more}. {advice}. "
        f"The whole file is refused; nothing was replaced."
    )


def _said(one: Misfit) -> str:
    if one.fields is None:
        return (
            f"Line {one.line}: a quote mark that is not closed or inside an unquoted field, or more than "
            f"{LONGEST_RECORD >> 20} MB"
        )
    return f"Line {one.line}: {one.fields} field{'s' * (one.fields != 1)}"


def _remarks(found: Survey) -> list[str]:
    notes = []
    if found.records == 1:
        notes.append("the file holds a header and no records")
    if found.cr or (found.lf and found.crlf):
        notes.append("line ends of another or of several kinds were made alike")
    if found.blank:
        notes.append(f"{found.blank} blank line{'s' * (found.blank != 1)} left out")
    if found.inner:
        notes.append(f"{found.inner} line end{'s' * (found.inner != 1)} inside quoted fields kept")
    if found.open_end and found.records > 2:
        notes.append("the last line has no line end: make sure that the export was complete")
    return notes

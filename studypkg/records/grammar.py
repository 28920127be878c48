"""What a record of a delimited file is (RFC 4180), and the slow search for every line that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: A longer record is a quote that was never closed, not a row of a study.
LONGEST_RECORD = 1 << 20
#: After so many faults the search ends: the file needs another export, not a list.
MOST_FAULTS = 10_000

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Misfit:
    """A line at which a record starts that cannot be read.

    Parameters
    ----------
    line
        Physical line, from 1.
    fields
        How many fields were found; `None` if a quote mark is at fault, so that they cannot be counted.
    ends_with_delimiter
        Whether the record ends with an empty, unquoted field.
    """

    line: int
    fields: int | None
    ends_with_delimiter: bool = False


class Grammar:
    """The records of files that are cut by one delimiter.

    Parameters
    ----------
    delimiter
        One ASCII character.

    Notes
    -----
    A field is either free of quote marks, delimiters and line ends, or it stands in quote marks, in
    which a doubled mark means one mark. Blanks before an opening mark belong to the first kind, so
    they are a fault: readers disagree about them.
    """

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter.encode("ascii")
        cut = re.escape(self.delimiter)
        field = rb'(?:"(?:[^"]++|"")*+"|[^"' + cut + rb"\r\n]*+)"
        self._record = re.compile(field + rb"(?:" + cut + field + rb")*+(?=[\r\n]|\Z)")
        self._field = re.compile(rb"(" + field + rb")(?:" + cut + rb"|\Z)")

    def record_end(self, data: Bytes, start: int) -> int | None:
        """Where the record that starts at `start` ends, before its line end; `None` if it is none."""
        found = self._record.match(data.data, start)
        return None if found is None else found.end()

    def split(self, record: bytes) -> list[str]:
        """Cut a well-formed record into its fields, without quote marks."""
        fields, at = [], 0
        while True:
            found = self._field.match(record, at)
            if found is None:
                raise ValueError("not a record of this grammar")
            text = found.group(1)
            if text.startswith(b'"'):
                text = text[1:-1].replace(b'""', b'"')
            fields.append(text.decode("utf-8"))
            if found.end(1) == len(record):
                return fields
            at = found.end()

    def count(self, record: bytes) -> int:
        """How many fields a well-formed record has."""
        return len(self.split(record)) if b'"' in record else record.count(self.delimiter) + 1

    def records(self, data: Bytes, start: int, *, most: int) -> Iterator[bytes]:
        """Give the first well-formed records; stop at the first fault or after `most`."""
        for _ in range(most):
            stop = self.record_end(data, start) if start < data.size else None
            if stop is None or stop - start > LONGEST_RECORD:
                return
            if stop > start:
                yield data[start:stop].tobytes()
            start = after_line_end(data, stop)

    def misfits(self, data: Bytes, start: int, *, line: int, fields: int) -> list[Misfit]:
        """List the lines whose record has another number of fields, or a quote mark where none may be.

        Parameters
        ----------
        data
            Bytes of the whole file, UTF-8.
        start, line
            Offset and physical line of the first record to look at.
        fields
            How many fields a record must have.

        Returns
        -------
        list
            In the order of the file, at most `MOST_FAULTS`.

        Notes
        -----
        After a fault the search goes on at the next physical line. So a quote that is never closed is
        reported at the line where it was opened, and it does not hide the good lines behind it.
        """
        found: list[Misfit] = []
        while start < data.size and len(found) < MOST_FAULTS:
            stop = self.record_end(data, start)
            line_stop = _line_stop(data, start)
            whole = stop is not None and stop - start <= LONGEST_RECORD
            record = data[start:stop].tobytes() if whole else b""
            count = self.count(record) if whole else None
            if whole and (count == fields or not record):
                line += 1 + len(_LINE_END.findall(record))
                start = after_line_end(data, int(stop or start))
                continue
            inside = whole and stop == line_stop
            trailing = bool(inside) and record.endswith(self.delimiter)
            found.append(Misfit(line, count if inside else None, trailing))
            line += 1
            start = after_line_end(data, line_stop)
        return found


def _line_stop(data: Bytes, start: int) -> int:
    found = _LINE_END.search(data.data, start)
    return data.size if found is None else found.start()


def after_line_end(data: Bytes, stop: int) -> int:
    r"""Offset behind the line end that stands at `stop`, if there is one.

    Examples
    --------
    >>> after_line_end(np.frombuffer(b"a\r\nb", np.uint8), 1)
    3
    """
    found = _LINE_END.match(data.data, stop)
    return stop if found is None else found.end()

"""JSON text as FHIR sends it: lines in batches, whole documents once, and faults told by place only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from studypkg.errors import DataRejectedError

#: Bytes read at once, and the longest line and document that are believed.
CHUNK_BYTES = 64 << 20
LONGEST_LINE = 64 << 20
LARGEST_DOCUMENT = 512 << 20
_BOM = b"\xef\xbb\xbf"
_PEEK = 1 << 20
_LINE_END = 10
#: A line this short may be blank; no resource is.
_SHORT = 8
_NOTHING = "Nothing was replaced."


def line_batches(path: Path, label: str) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Read an NDJSON file in batches of whole lines.

    Yields
    ------
    tuple of Array
        Physical line numbers from 1, and the text of the lines; blank lines are left out.

    Raises
    ------
    DataRejectedError
        If the file is not UTF-8, packed, or a line is longer than `LONGEST_LINE`.
    """
    before, rest, first = 0, b"", True
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            if first:
                _refuse_encoding(chunk, label)
                chunk, first = chunk.removeprefix(_BOM), False
            block = rest + chunk
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            if len(rest) > LONGEST_LINE:
                line = before + block.count(b"\n", 0, end) + 1
                raise DataRejectedError(
                    f"{label}: line {line} is longer than {LONGEST_LINE >> 20} MB, "
                    f"which is no single resource. Export NDJSON, one resource on each line. {_NOTHING}"
                )
            if end:
                lines, numbers, texts = _batch(block[:end], before, label)
                before += lines
                yield numbers, texts
    if rest.strip():
        _, numbers, texts = _batch(rest, before, label)
        yield numbers, texts


def _batch(block: bytes, before: int, label: str) -> tuple[int, pa.Array, pa.Array]:
    """Cut whole lines without copying them: Arrow text is the bytes and where each line begins."""
    signs = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(signs == _LINE_END) + 1
    if not len(ends) or ends[-1] < len(block):
        ends = np.append(ends, len(block))
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    texts = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(block))
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raise _not_utf8(label, before + _first_not_utf8(block)) from None
    numbers = pa.array(np.arange(before + 1, before + len(ends) + 1))
    if (np.diff(offsets) <= _SHORT).any():
        filled = pc.not_equal(pc.utf8_trim_whitespace(texts), "")
        numbers, texts = numbers.filter(filled), texts.filter(filled)
    return len(ends), numbers, texts


def _first_not_utf8(block: bytes) -> int:
    """Find the line of a block, from 1, that cannot be decoded."""
    try:
        block.decode()
    except UnicodeDecodeError as fault:
        return block.count(b"\n", 0, fault.start) + 1
    return 1


def _not_utf8(label: str, line: int) -> DataRejectedError:
    return DataRejectedError(
        f"{label}: line {line} holds bytes that are not UTF-8. FHIR is always UTF-8: export it again. "
        f"{_NOTHING}"
    )


def _refuse_encoding(start: bytes, label: str) -> None:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataRejectedError(
            f"{label}: the file is UTF-16 and FHIR is always UTF-8. Save it so. {_NOTHING}"
        )
    if start[:2] in (b"\x1f\x8b", b"PK"):
        raise DataRejectedError(f"{label}: the file is packed. Unpack it first. {_NOTHING}")


def looks_like_lines(path: Path, label: str) -> bool:
    """Say whether a file holds one resource on each line: its first line is a whole object, and no Bundle."""
    with path.open("rb") as stream:
        start = stream.read(_PEEK)
    _refuse_encoding(start, label)
    first, line_end, _ = start.removeprefix(_BOM).lstrip().partition(b"\n")
    if not first.startswith(b"{"):
        return False
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        # A line too long to be seen whole belongs to NDJSON only if its name says so.
        return path.suffix in (".ndjson", ".jsonl")
    return path.suffix in (".ndjson", ".jsonl") or (
        bool(line_end) and found.get("resourceType") not in (None, "Bundle") and _goes_on(path, len(first))
    )


def _goes_on(path: Path, after: int) -> bool:
    with path.open("rb") as stream:
        stream.seek(after)
        return stream.read(_PEEK).strip().startswith(b"{")


def load_lines(path: Path, label: str) -> Iterator[tuple[int, Any]]:
    """Read a small NDJSON file, line by line, as objects."""
    for numbers, texts in line_batches(path, label):
        for number, text in zip(numbers.to_pylist(), texts.to_pylist(), strict=True):
            yield number, parse(text, f"{label}: line {number}")


def load_document(path: Path, label: str) -> Any:
    """Read a whole JSON document.

    Raises
    ------
    DataRejectedError
        If it is too large, not UTF-8, or not JSON; with the line and never the content.
    """
    size = path.stat().st_size
    if size > LARGEST_DOCUMENT:
        raise DataRejectedError(
            f"{label}: one JSON document of {size >> 20} MB; at most {LARGEST_DOCUMENT >> 20} MB are read in "
            f"one piece. Ask for the bulk export (NDJSON), which has no limit. {_NOTHING}"
        )
    data = path.read_bytes()
    _refuse_encoding(data, label)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _not_utf8(label, data.count(b"\n", 0, fault.start) + 1) from None
    return parse(text, label)


class _TwiceError(ValueError):
    """An object has one key twice."""


class _NoNumberError(ValueError):
    """NaN or an infinity, which JSON does not have."""


def parse(text: str, place: str) -> Any:
    """Read JSON as the standard has it: no key twice, no NaN, no endless nesting.

    Parameters
    ----------
    text
        The text.
    place
        File, or file and line, for the message.

    Raises
    ------
    DataRejectedError
        Naming the place and the kind of fault, and never what stands there.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as fault:
        where = f", line {fault.lineno}" if "\n" in text.rstrip() else ""
        broken = fault.pos >= len(text.rstrip()) or fault.msg.startswith("Unterminated")
        reason = "the text breaks off before its end" if broken else "this is not JSON"
        raise DataRejectedError(
            f"{place}{where}, column {fault.colno}: {reason}. Export it again, and wait until the file is "
            f"written. {_NOTHING}"
        ) from None
    except _TwiceError:
        reason = "an object has the same key twice, so it says two things at once"
    except _NoNumberError:
        reason = "it holds NaN or an infinity, which JSON does not have"
    except RecursionError:
        reason = "it is nested deeper than any resource is"
    except ValueError:
        reason = "it holds a number with too many digits"
    raise DataRejectedError(f"{place}: {reason}. Ask for a FHIR export that is valid JSON. {_NOTHING}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _no_constant(word: str) -> Any:
    raise _NoNumberError

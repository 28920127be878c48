"""What a published file holds: pieces of text with their place, files inside, and what nobody understands."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

#: Larger files are not read, and are reported for it.
MOST_BYTES = 256 << 20
#: Files may lie inside files so deep.
DEEPEST = 8
#: Everything inside one file may, unpacked, be so large.
MOST_INSIDE = 512 << 20
_ASCII = re.compile(rb"[\x20-\x7e]{5,}")
_WIDE = re.compile(rb"(?:[\x20-\x7e]\x00){5,}|(?:\x00[\x20-\x7e]){5,}")


@dataclass(frozen=True)
class Text:
    """Some text and where it stands.

    Parameters
    ----------
    place
        Element within the file, such as ``<td>`` or ``cell 3, traceback``; never a value.
    text
        What stands there.
    role
        ``visible`` to a reader, ``hidden`` (attributes, metadata, comments), ``drawing`` (coordinates),
        ``trace`` (where a program stopped).
    """

    place: str
    text: str
    role: str = "visible"


@dataclass(frozen=True)
class Inside:
    """A file within a file; `hint` is its media type or name, if one was given."""

    place: str
    data: bytes
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table: its heads, and its rows of text."""

    place: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Opaque:
    """Something that could not be read, and why; it is no proof of anything."""

    place: str
    why: str


Content = Text | Inside | Table | Opaque


def decoded(data: bytes) -> str:
    """Decode text by its byte-order mark, else as UTF-8, else byte by byte; nothing is lost."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def strings(data: bytes) -> str:
    """Collect what looks like text in bytes: runs of five or more printable characters, one a line."""
    narrow = [run.decode("ascii") for run in _ASCII.findall(data)]
    wide = [run.replace(b"\x00", b"").decode("ascii") for run in _WIDE.findall(data)]
    return "\n".join([*narrow, *wide])


def inflated(data: bytes, most: int = 16 << 20) -> bytes | None:
    """Unpack a zlib stream; None if it is damaged or larger than `most`."""
    unpack = zlib.decompressobj()
    try:
        found = unpack.decompress(data, most)
    except zlib.error:
        return None
    return None if unpack.unconsumed_tail else found


def by_strings(data: bytes, place: str) -> Iterator[Content]:
    """Give the runs of text in bytes of an unknown kind, and say that the kind is unknown."""
    yield Text(place, strings(data), "hidden")
    yield Opaque(place, "a kind of file that the audit does not know")

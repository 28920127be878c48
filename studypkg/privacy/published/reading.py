"""Any published file, by its first bytes and its name, and every file within it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from studypkg.privacy.published.addresses import taken_apart
from studypkg.privacy.published.archives import read_gzip, read_zip
from studypkg.privacy.published.markup import read_markup, read_style
from studypkg.privacy.published.pictures import read_picture, read_png
from studypkg.privacy.published.piece import (
    DEEPEST,
    MOST_BYTES,
    MOST_INSIDE,
    Content,
    Inside,
    Opaque,
    Table,
    Text,
    by_strings,
    decoded,
    strings,
)  # fmt: skip
from studypkg.privacy.published.portable import read_pdf
from studypkg.privacy.published.tabular import read_csv, read_json, read_parquet, read_workbook

Reader = Callable[[bytes, str], Iterator[Content]]


def _read_text(data: bytes, place: str) -> Iterator[Content]:
    yield Text(place, decoded(data))


def _read_workbook(data: bytes, place: str) -> Iterator[Content]:
    yield from read_workbook(data, place)
    yield from read_zip(data, place)


#: First bytes of a file, surer than its name.
_MAGIC: tuple[tuple[bytes, Reader], ...] = (
    (b"\x89PNG\r\n\x1a\n", read_png),
    (b"\xff\xd8\xff", read_picture),
    (b"GIF8", read_picture),
    (b"II*\x00", read_picture),
    (b"MM\x00*", read_picture),
    (b"%PDF-", read_pdf),
    (b"PAR1", read_parquet),
    (b"\x1f\x8b", read_gzip),
)
#: End of a name or of a media type.
_NAMES: dict[str, Reader] = {
    "html": read_markup, "htm": read_markup, "xhtml": read_markup, "svg": read_markup, "svg+xml": read_markup,
    "xml": read_markup, "rels": read_markup, "vml": read_markup, "xhtml+xml": read_markup,
    "css": read_style, "js": read_style, "javascript": read_style,
    "json": read_json, "ndjson": read_json, "jsonl": read_json, "ipynb": read_json, "geojson": read_json,
    "csv": read_csv, "tsv": read_csv, "tab-separated-values": read_csv,
    "txt": _read_text, "md": _read_text, "log": _read_text, "toml": _read_text, "markdown": _read_text,
    "latex": _read_text, "tex": _read_text, "plain": _read_text, "script": read_style, "gitkeep": _read_text,
}  # fmt: skip
_NOT_TEXT = bytes(set(range(32)) - {9, 10, 12, 13, 27})


def read_published(path: Path) -> Iterator[Text | Table | Opaque]:
    """Read a file and every file within it.

    Parameters
    ----------
    path
        A file of the folder of reports.

    Yields
    ------
    Text, Table or Opaque
        A damaged, hostile or unknown part gives an `Opaque`, after whatever text its bytes show. No fault
        of a reader passes on: its message could quote the file.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            yield Opaque("", "a file that is too large to audit")
            return
        data = path.read_bytes()
    except OSError:
        yield Opaque("", "a file that cannot be opened")
        return
    left = MOST_INSIDE
    seen = set[bytes]()
    waiting = [(Inside("", data, path.name), 0)]
    while waiting:
        inside, depth = waiting.pop()
        mark = hashlib.blake2b(inside.data, digest_size=16).digest()
        if mark in seen:  # the same picture for wide and narrow windows
            continue
        seen.add(mark)
        for piece in _pieces(inside):
            if not isinstance(piece, Inside):
                yield piece
                continue
            left -= len(piece.data)
            if depth >= DEEPEST or left < 0:
                yield Text(piece.place, strings(piece.data), "hidden")
                yield Opaque(piece.place, "files within files, too deep or too large")
            else:
                waiting.append((piece, depth + 1))


def reader_for(data: bytes, hint: str) -> Reader:
    """Choose the reader of some bytes by their beginning, then by name or media type."""
    ending = hint.casefold().replace("/", ".").rsplit(".", 1)[-1]
    for magic, reader in _MAGIC:
        if data.startswith(magic):
            return reader
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return read_picture
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_workbook if ending in ("xlsx", "xlsm") else read_zip
    if ending in _NAMES:
        return _NAMES[ending]
    head = data[:4096]
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") and any(byte in _NOT_TEXT for byte in head):
        return by_strings
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        return read_json
    return read_markup if start == b"<" else _read_text


def _pieces(inside: Inside) -> Iterator[Content]:
    for piece in _safely(reader_for(inside.data, inside.hint), inside):
        if isinstance(piece, Text):
            yield from taken_apart(piece.text, piece.place, piece.role)
        else:
            yield piece


def _safely(reader: Reader, inside: Inside) -> Iterator[Content]:
    try:
        yield from reader(inside.data, inside.place)
    except Exception:
        yield Text(inside.place, strings(inside.data), "hidden")
        yield Opaque(inside.place, "a file that is damaged")

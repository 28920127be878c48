"""Zip archives, and the formats that are one."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator

from studypkg.privacy.published.piece import MOST_INSIDE, Content, Inside, Opaque, Text

_MOST_FILES = 10_000


def read_zip(data: bytes, place: str) -> Iterator[Content]:
    """Read every file of an archive, their names and the archive's comment; nothing is written."""
    left = MOST_INSIDE
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.comment:
            yield Text(f"{place} comment".strip(), archive.comment.decode("utf-8", "replace"), "hidden")
        members = archive.infolist()
        if len(members) > _MOST_FILES:
            yield Opaque(place, "an archive with too many files")
            members = members[:_MOST_FILES]
        for number, member in enumerate(members, start=1):
            where = f"{place} file {number} of the archive".strip()
            yield Text(where, member.filename, "hidden")
            if member.comment:
                yield Text(where, member.comment.decode("utf-8", "replace"), "hidden")
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                yield Opaque(where, "a file that is encrypted")
                continue
            with archive.open(member) as stream:
                body = stream.read(left + 1)  # the size in the archive's list may lie
            left -= len(body)
            if left < 0:
                yield Opaque(where, "an archive that unpacks to too much")
                return
            yield Inside(where, body, member.filename)


def read_gzip(data: bytes, place: str) -> Iterator[Content]:
    """Read a gzip file."""
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            body = stream.read(MOST_INSIDE + 1)
    except (OSError, EOFError, zlib.error):
        yield Opaque(place, "a packed file that is damaged")
        return
    if len(body) > MOST_INSIDE:
        yield Opaque(place, "a packed file that unpacks to too much")
        return
    yield Inside(f"{place} unpacked".strip(), body)

"""Files written into a text as data: addresses."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from studypkg.privacy.published.piece import Content, Inside, Opaque, Text

_DATA = re.compile(
    r"data:(?P<media>[\w.+-]+/[\w.+-]+)?(?P<options>(?:;[\w.+-]+(?:=[\w.+-]*)?)*),(?P<body>[^\s\"'<>)\\]+)",
    re.IGNORECASE,
)


def taken_apart(text: str, place: str, role: str) -> Iterator[Content]:
    """Give the files in the data: addresses of a text, and what is left of it as text."""
    rest = text
    if "data:" in text.casefold():
        for number, match in enumerate(_DATA.finditer(text), start=1):
            yield from _file(match, f"{place}, data: address {number}")
        rest = _DATA.sub(" ", text)
    if rest.strip():
        yield Text(place, rest, role)


def _file(match: re.Match[str], place: str) -> Iterator[Content]:
    raw = unquote_to_bytes(match["body"])
    if "base64" in match["options"].casefold():
        try:
            raw = base64.b64decode(raw + b"=" * (-len(raw) % 4))
        except (binascii.Error, ValueError):
            yield Opaque(place, "base64 that is damaged")
            return
    elif match["media"] is None:
        # Words such as "data:, in" are no address.
        yield Text(place, raw.decode("utf-8", "replace"), "hidden")
        return
    yield Inside(place, raw, (match["media"] or "text/plain").casefold())

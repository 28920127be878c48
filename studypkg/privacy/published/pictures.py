"""PNG, JPEG, WebP, GIF, TIFF: everything in them that is not a pixel."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator

from studypkg.privacy.published.piece import Content, Opaque, Text, decoded, inflated, strings

#: Sub-directories of EXIF: exif, GPS, interoperability.
_DIRECTORIES = (0x8769, 0x8825, 0xA005)
_GPS = 0x8825
#: Chunks of PNG that hold pixels, colours and sizes.
_PIXELS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"sBIT", b"sRGB", b"bKGD",
     b"pHYs", b"hIST", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"cICP")
)  # fmt: skip
_PLAIN_INFO = (str, bytes)


def read_png(data: bytes, place: str) -> Iterator[Content]:
    """Read the chunks of a PNG file that are not pixels, and what is hung on behind its end."""
    at = 8
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        at += 12 + size
        where = f"{place} chunk {kind.decode('latin-1')}".strip()
        if kind not in _PIXELS:
            yield from _chunk(kind, body, where)
        if kind == b"IEND":
            break
    else:
        yield Opaque(place, "a picture that is cut off")
    if data[at:].strip(b"\x00\r\n"):
        yield Text(f"{place} behind the end of the picture".strip(), strings(data[at:]), "hidden")
        yield Opaque(
            f"{place} behind the end of the picture".strip(), "bytes that are no part of the picture"
        )


def _chunk(kind: bytes, body: bytes, place: str) -> Iterator[Content]:
    if kind == b"zTXt":
        key, _, packed = body.partition(b"\x00")
        text = inflated(packed[1:])
    elif kind == b"iTXt":
        key, _, tail = body.partition(b"\x00")
        is_packed, rest = tail[:1] == b"\x01", tail[2:]
        language, _, rest = rest.partition(b"\x00")
        translated, _, raw = rest.partition(b"\x00")
        key += b" " + language + b" " + translated
        text = inflated(raw) if is_packed else raw
    elif kind == b"eXIf":
        yield from _exif(b"Exif\x00\x00" + body, place)
        return
    else:
        key, text = b"", body
    if text is None:
        yield Opaque(place, "packed text that cannot be unpacked")
        return
    yield Text(place, f"{decoded(key)} {decoded(text)}".replace("\x00", " "), "hidden")


def read_picture(data: bytes, place: str) -> Iterator[Content]:
    """Read what other pictures say of themselves: comments, EXIF, XMP, IPTC."""
    images = importlib.import_module("PIL.Image")
    with images.open(io.BytesIO(data)) as picture:
        for key, value in picture.info.items():
            if isinstance(value, _PLAIN_INFO) and key not in ("exif", "icc_profile"):
                text = value if isinstance(value, str) else f"{decoded(value)}\n{strings(value)}"
                yield Text(f"{place} {key}".strip(), text.replace("\x00", " "), "hidden")
        yield from _directories(picture.getexif(), place)
        layers = getattr(picture, "applist", [])
    for name, body in layers:
        yield Text(f"{place} {name}".strip(), strings(body), "hidden")
    end = data.rfind(b"\xff\xd9") + 2 if data[:2] == b"\xff\xd8" else len(data)
    if end > 1 and data[end:].strip(b"\x00"):
        yield Text(f"{place} behind the end of the picture".strip(), strings(data[end:]), "hidden")


def _exif(raw: bytes, place: str) -> Iterator[Content]:
    exif = importlib.import_module("PIL.Image").Exif()
    exif.load(raw)
    yield from _directories(exif, place)


def _directories(exif: object, place: str) -> Iterator[Content]:
    parts = {"": dict(exif)} | {number: exif.get_ifd(number) for number in _DIRECTORIES}  # type: ignore[call-overload, attr-defined]
    for number, part in parts.items():
        if number == _GPS and part:
            yield Opaque(f"{place} EXIF".strip(), "the place where the picture was taken")
        for tag, value in part.items():
            text = decoded(value).replace("\x00", "") if isinstance(value, bytes) else str(value)
            yield Text(f"{place} EXIF tag {tag}".strip(), text, "hidden")
            if isinstance(value, bytes):
                yield Text(f"{place} EXIF tag {tag}".strip(), strings(value), "hidden")

"""PDF: text, metadata, notes, form fields and attachments."""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Iterator
from typing import Any

from studypkg.privacy.published.piece import Content, Inside, Opaque, Text

#: Objects of a file that are looked through for strings.
_MOST_OBJECTS = 200_000


def read_pdf(data: bytes, place: str) -> Iterator[Content]:
    """Read a PDF file; an encrypted one is not understood."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings quote the file
    pypdf = importlib.import_module("pypdf")
    reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted:
        yield Opaque(place, "a PDF file that is encrypted")
        return
    for key, value in (reader.metadata or {}).items():
        yield Text(f"{place} metadata {key}".strip(), str(value), "hidden")
    if reader.xmp_metadata is not None:
        yield Text(
            f"{place} XMP".strip(), reader.xmp_metadata.stream.get_data().decode("utf-8", "replace"), "hidden"
        )
    for number, page in enumerate(reader.pages, start=1):
        yield Text(f"{place} page {number}".strip(), page.extract_text())
        for image in page.images:
            yield Inside(f"{place} page {number}, picture".strip(), image.data, image.name)
    for attached, contents in reader.attachments.items():
        yield Text(f"{place} name of an attachment".strip(), attached, "hidden")
        for one in contents:
            yield Inside(f"{place} attachment".strip(), one, attached)
    texts = list[str]()
    for number in list(reader.xref_objStm) + [n for part in reader.xref.values() for n in part]:
        if len(texts) > _MOST_OBJECTS:
            yield Opaque(place, "a PDF file with too many objects")
            break
        # Notes, form fields, outlines and whatever else is a string of some object.
        texts += _strings(reader.get_object(number))
    yield Text(f"{place} objects".strip(), "\n".join(texts), "hidden")


def _strings(value: Any, depth: int = 0) -> list[str]:
    if depth > 8:
        return []
    if isinstance(value, dict):
        return [text for one in value.values() for text in _strings(one, depth + 1)]
    if isinstance(value, list):
        return [text for one in value for text in _strings(one, depth + 1)]
    return [str(value)] if isinstance(value, str) and not value.startswith("/") else []

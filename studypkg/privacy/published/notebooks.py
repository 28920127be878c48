"""Notebooks: sources, outputs of every kind, tracebacks, metadata and parameters."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from studypkg.privacy.published.piece import Content, Inside, Opaque, Text, decoded


def is_notebook(value: Any) -> bool:
    """Say whether JSON is a notebook."""
    return isinstance(value, dict) and "nbformat" in value and isinstance(value.get("cells"), list)


def read_notebook(notebook: dict[str, Any], place: str) -> Iterator[Content]:
    """Read a notebook of format 4, given as JSON."""
    yield from _metadata(notebook.get("metadata"), f"{place} metadata".strip())
    for number, cell in enumerate(notebook["cells"], start=1):
        where = f"{place} cell {number}".strip()
        yield Text(where, _joined(cell.get("source")), "hidden")
        yield from _metadata(cell.get("metadata"), f"{where}, metadata")
        for bundle in (cell.get("attachments") or {}).values():
            yield from _bundle(bundle, f"{where}, attachment")
        for output in cell.get("outputs") or []:
            yield from _output(output, where)
    for key in notebook.keys() - {"cells", "metadata", "nbformat", "nbformat_minor"}:
        yield from _metadata(notebook[key], f"{place} {key}".strip())


def _output(output: dict[str, Any], where: str) -> Iterator[Content]:
    if output.get("output_type") == "error":
        parts = [
            str(output.get("ename", "")),
            str(output.get("evalue", "")),
            *map(str, output.get("traceback") or []),
        ]
        yield Text(f"{where}, traceback", "\n".join(parts), "trace")
    if "text" in output:
        yield Text(f"{where}, {output.get('name', 'output')}", _joined(output["text"]), "printed")
    yield from _bundle(output.get("data") or {}, f"{where}, output")
    yield from _metadata(output.get("metadata"), f"{where}, output metadata")


def _bundle(bundle: dict[str, Any], where: str) -> Iterator[Content]:
    for media, value in bundle.items():
        place = f"{where} {media}"
        if media == "text/plain":
            yield Text(place, _joined(value), "printed")
        elif not isinstance(value, str | list):
            yield Inside(place, json.dumps(value, ensure_ascii=False).encode(), "application/json")
        elif media.startswith(("text/", "application/javascript")) or media.endswith(("+xml", "json")):
            yield Inside(place, _joined(value).encode(), media)
        else:
            try:
                yield Inside(place, base64.b64decode(_joined(value)), media)
            except (binascii.Error, ValueError):
                yield Opaque(place, "base64 that is damaged")


def _metadata(value: Any, where: str) -> Iterator[Content]:
    if value:
        yield Text(where, json.dumps(value, ensure_ascii=False), "hidden")


def _joined(value: Any) -> str:
    if isinstance(value, bytes):
        return decoded(value)
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")

"""From a JSON document on disk to its typed record and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studypkg.errors import RenderError
from studypkg.reports.document import ClinicDocument, NetworkDocument, build, read_json, to_dict
from studypkg.reports.publish import publish_text
from studypkg.reports.run_documents import IngestDocument, ResearchDocument

KINDS: dict[str, type] = {
    document.kind: document
    for document in (ClinicDocument, NetworkDocument, IngestDocument, ResearchDocument)
}


def read_document(path: str | Path, *, kind: str | None = None, month: str = "", clinic: str = "") -> Any:
    """Read a document and make sure that it is the one that was asked for.

    Parameters
    ----------
    path
        The JSON file.
    kind
        ``clinic``, ``network``, ``ingest`` or ``research``; any if None.
    month, clinic
        What the document must be of; an empty text is not compared.

    Returns
    -------
    ClinicDocument, NetworkDocument, IngestDocument or ResearchDocument
        By the document's kind.

    Raises
    ------
    RenderError
        If the file is no document, or one of another kind, month or clinic: a page must never show
        the numbers of one clinic under the name of another.
    """
    name = Path(path).name
    document = document_from(read_json(path))
    found = {"kind": document.kind, "month": document.month, "clinic": getattr(document, "clinic", "")}
    for key, wanted in (("kind", kind or ""), ("month", month), ("clinic", clinic)):
        if wanted and found[key] != wanted:
            raise RenderError(
                f'"{name}" is of {key} "{found[key]}", but "{wanted}" was asked for. '
                "Make the documents of this month again with `study fit`."
            )
    return document


def document_from(raw: dict[str, Any]) -> Any:
    """Make a document from its dictionary; see `document.to_dict`."""
    kind = str(raw.get("kind"))
    if kind not in KINDS:
        raise RenderError(f'there is no document of kind "{kind}". The kinds are: {", ".join(KINDS)}.')
    return build(KINDS[kind], raw)


def write_document(document: Any, path: str | Path) -> Path:
    """Write a document as JSON, whole or not at all."""
    text = json.dumps(to_dict(document), ensure_ascii=False, indent=1, allow_nan=False, sort_keys=False)
    return publish_text(Path(path), text + "\n")

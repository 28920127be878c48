"""Answers become pages: sections that a notebook shows, from documents of released numbers."""

from __future__ import annotations

from studypkg.reports import care, clinic, closing, ingest, network, quality, research
from studypkg.reports.reading import read_document, write_document

__all__ = [
    "care",
    "clinic",
    "closing",
    "ingest",
    "network",
    "quality",
    "read_document",
    "research",
    "write_document",
]

"""From a delivered file to rows one can trust: read, map, screen, and account for every row."""

from studypkg.records.ingest import Gate, ingest
from studypkg.records.raw import RawTable
from studypkg.records.read import open_source
from studypkg.records.readmission import Faults, export_quarantine, readmit, summarise_quarantine
from studypkg.records.result import IngestResult, SourceResult, TableResult, WaitingResult
from studypkg.records.rules import RULES

__all__ = [
    "RULES",
    "Faults",
    "Gate",
    "IngestResult",
    "RawTable",
    "SourceResult",
    "TableResult",
    "WaitingResult",
    "export_quarantine",
    "ingest",
    "open_source",
    "readmit",
    "summarise_quarantine",
]

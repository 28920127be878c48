"""From a delivered file to rows one can trust: read, map, screen, and account for every row."""

from studypkg.records.ingest import Gate, ingest
from studypkg.records.raw import RawTable
from studypkg.records.read import open_source
from studypkg.records.result import IngestResult, SourceResult
from studypkg.records.rules import RULES

__all__ = ["RULES", "Gate", "IngestResult", "RawTable", "SourceResult", "ingest", "open_source"]

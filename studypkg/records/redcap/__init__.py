"""A REDCap project becomes rows: the export read by its own data dictionary, from files or live."""

from studypkg.records.redcap.delivery import fetch, look
from studypkg.records.redcap.export import read_redcap

__all__ = ["fetch", "look", "read_redcap"]

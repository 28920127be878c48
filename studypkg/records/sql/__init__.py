"""Rows of a database, fetched into a file of the delivery before they are read."""

from studypkg.records.sql.fetching import fetch, look

__all__ = ["fetch", "look"]

"""Exports of seven invented projects (see their PROVENANCE), read form by form."""

from pathlib import Path

import duckdb
import pytest

from studypkg.records.arrivals import arrive
from studypkg.records.read import open_arrival
from studypkg.sources import Source
from studypkg.systems import Redcap

PROJECTS = Path(__file__).resolve().parents[3] / "data" / "redcap_exports"


def make_source(folder=None, **options):
    """A source that reads a form of a project."""
    place = PROJECTS / folder if isinstance(folder, str) else folder
    if place is not None:
        options.setdefault("dictionary", place / "dictionary.csv")
    columns = options.pop("columns", {})
    pseudonymise = options.pop("pseudonymise", ())
    return Source(
        table="assessments", kind="redcap", path=str(place / "data.csv") if place else "", columns=columns,
        pseudonymise=pseudonymise, redcap=Redcap(**options),
    )  # fmt: skip


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def read(connection, tmp_path):
    """Read a form: the raw table, and its rows as dictionaries."""

    def open_(folder, **options):
        source = make_source(folder, **options)
        arrival = arrive(source, tmp_path, tmp_path / "work")
        raw = open_arrival(connection, arrival, source)
        found = connection.execute(f'FROM "{raw.relation}" ORDER BY _row')
        names = [column[0] for column in found.description]
        return raw, [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return open_

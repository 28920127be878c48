"""Tests of the quarantine: one line per row and broken rule, harmless in a spreadsheet."""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from studypkg.records.cells import Reading
from studypkg.records.mapping import map_source
from studypkg.records.quarantine import COLUMNS, Delivered, list_faults, write_quarantine
from studypkg.records.raw import RawTable
from studypkg.records.screening import Lists, Screen, screen_source, settle_keys, start_screen
from studypkg.records.tally import tally
from studypkg.schema import TABLES
from studypkg.sources import Source

LISTS = Lists({"condition": {"itbs": "itb_syndrome"}}, {}, str.casefold)
ROWS = [
    ("p1", "e1", "c1", "2026-01-05", "2026-01-09", "ITBS"),
    ("p2", "=1+1", "c1", "soon", "", "gout"),
    ("p3", "e3", "c1", "2026-01-05", "2026-01-04", "ITBS"),
    ("p4", "e4", "c1", "2026-01-05", "", "ITBS"),
    ("p4", "e4", "c1", "2026-01-05", "", "ITBS"),
]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def screened(connection: duckdb.DuckDBPyConnection) -> tuple[Screen, Delivered]:
    columns = ("patient_id", "@case", "clinic_id", "start_date", "end_date", "condition")
    cells = ", ".join(f'"{name}" VARCHAR' for name in columns)
    connection.execute(f"CREATE TABLE raw ({cells}, _row BIGINT)")
    for number, row in enumerate(ROWS, start=2):
        connection.execute("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?)", [*row, number])
    raw = RawTable(name="+e.csv", sha256="ab", relation="raw", columns=columns, n_rows=len(ROWS))
    source = Source.model_validate({"table": "episodes", "path": "e.csv", "columns": {"episode_id": "@case"}})
    mapped = map_source(connection, raw, source, TABLES["episodes"], into="mapped")
    screen = start_screen(connection, TABLES["episodes"], LISTS, cutoff=None)
    screen_source(connection, screen, mapped, Reading({}, {}, {}), LISTS, number=0)
    settle_keys(connection, screen)
    return screen, Delivered(0, raw, mapped)


def test_every_broken_rule_has_a_line(
    connection: duckdb.DuckDBPyConnection, screened: tuple[Screen, Delivered], tmp_path: Path
) -> None:
    screen, delivered = screened
    list_faults(connection, screen, [delivered], into="faults")
    parquet, text = write_quarantine(connection, "faults", tmp_path, "episodes")
    frame = pd.read_parquet(parquet)
    assert tuple(frame.columns) == COLUMNS
    assert frame[["row", "column", "source_column", "rule"]].values.tolist() == [
        [3, "start_date", "start_date", "NOT_A_DATE"],
        [3, "condition", "condition", "UNKNOWN_TERM"],
        [4, "start_date, end_date", "start_date, end_date", "WRONG_ORDER"],
    ]
    assert '"@case":"=1+1"' in frame["raw"][0]
    with text.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0] == list(COLUMNS)
    assert len(lines) == 4
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for line in lines for cell in line)
    assert lines[1][0] == "'+e.csv"


def test_the_tally_counts_rows_not_faults(
    connection: duckdb.DuckDBPyConnection, screened: tuple[Screen, Delivered]
) -> None:
    screen, delivered = screened
    results, first_bad = tally(connection, screen, [delivered])
    one = results[0]
    assert (one.read, one.accepted, one.duplicate, one.quarantined) == (5, 2, 1, 2)
    assert one.reasons == {"NOT_A_DATE": 1, "UNKNOWN_TERM": 1, "WRONG_ORDER": 1}
    assert one.columns == {"start_date": 1, "condition": 1, "start_date, end_date": 1}
    assert first_bad == {0: "row 3"}


def test_a_clean_table_has_an_empty_quarantine(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    screen = start_screen(connection, TABLES["episodes"], LISTS, cutoff=None)
    list_faults(connection, screen, [], into="faults")
    parquet, text = write_quarantine(connection, "faults", tmp_path, "episodes")
    assert len(pd.read_parquet(parquet)) == 0
    assert text.read_text().strip() == ",".join(COLUMNS)

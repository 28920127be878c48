"""Records cut into columns of a private file: the same cells whichever way they are kept."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from studypkg.records.cutting import cut_columns, drop_relation

ROWS = [("V1", "nprs", ""), ("V2", "nprs", "7"), ("V3", "lefs", "NA"), ("V4", "nprs", " 7 ")]


def written(folder: Path, lines: list[str]) -> Path:
    file = folder / "visits.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def cut(connection: duckdb.DuckDBPyConnection, file: Path, **changes: object) -> int:
    how = {"delimiter": ",", "numbered": False, "quoted": False, "longest": 0, "records": 4, **changes}
    return cut_columns(connection, file, "visits", ("visit", "instrument", "score"), **how)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, ["visit,instrument,score", *map(",".join, ROWS)])


@pytest.mark.parametrize("place", [":memory:", "run.duckdb"])
def test_every_cell_is_the_text_of_the_file_and_every_row_its_line(file: Path, place: str) -> None:
    where = place if place.startswith(":") else str(file.parent / place)
    with duckdb.connect(where) as connection:
        assert cut(connection, file) == 4
        found = connection.execute(
            "SELECT _row, visit, instrument, score FROM visits ORDER BY _row"
        ).fetchall()
    assert found == [(line, *row) for line, row in enumerate(ROWS, 2)]


def test_beside_a_database_on_disk_the_columns_are_a_file_that_goes_with_them(file: Path) -> None:
    with duckdb.connect(str(file.parent / "run.duckdb")) as connection:
        cut(connection, file)
        assert (file.parent / "visits.parquet").exists()
        drop_relation(connection, "visits")
        assert not (file.parent / "visits.parquet").exists()
        assert connection.execute(
            "SELECT count(*) FROM duckdb_views() WHERE view_name = 'visits'"
        ).fetchone() == (0,)


def test_a_table_is_dropped_like_a_view(file: Path) -> None:
    with duckdb.connect() as connection:
        cut(connection, file)
        drop_relation(connection, "visits")
        drop_relation(connection, "visits")
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM visits")


def test_quoted_cells_agree_with_the_csv_module(tmp_path: Path) -> None:
    cells = [("1", 'say "so"', "a,b", "two\nlines"), ("2", "", '"', "end")]
    source = tmp_path / "numbered.txt"
    with source.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerows([("1", "x", "y", "z"), *cells])
    with duckdb.connect() as connection:
        rows = cut_columns(
            connection, source, "r", ("x", "y", "z"),
            delimiter=",", numbered=True, quoted=True, longest=40, records=2,
        )  # fmt: skip
        assert rows == 2
        assert connection.execute("SELECT * FROM r ORDER BY _row").fetchall() == [
            (int(line), *rest) for line, *rest in cells
        ]


def test_pieces_of_a_long_file_are_one_relation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studypkg.records.cutting._PIECE", 1 << 10)
    rows = [(f"V{n:05}", "nprs" if n % 3 else "lefs", str(n % 11)) for n in range(2000)]
    file = written(tmp_path, ["visit,instrument,score", *map(",".join, rows)])
    with duckdb.connect(str(tmp_path / "run.duckdb")) as connection:
        assert cut(connection, file, records=2000) == 2000
        assert (
            connection.execute("SELECT visit, instrument, score FROM visits ORDER BY _row").fetchall() == rows
        )
        assert connection.execute("SELECT min(_row), max(_row) FROM visits").fetchone() == (2, 2001)


def test_a_name_as_of_a_packed_file_means_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, ["visit,instrument,score", *map(",".join, ROWS)]).rename(
        tmp_path / "visits.csv.gz"
    )
    with duckdb.connect() as connection:
        assert cut(connection, file) == 4


def test_a_record_of_another_number_of_fields_is_refused(tmp_path: Path) -> None:
    for line in ("V9,nprs", "V9,nprs,7,8"):
        file = written(tmp_path, ["visit,instrument,score", "V1,nprs,7", line])
        with duckdb.connect() as connection, pytest.raises(pa.ArrowInvalid):
            cut(connection, file, records=2)


def test_a_header_alone_gives_a_relation_without_rows(tmp_path: Path) -> None:
    file = written(tmp_path, ["visit,instrument,score"])
    with duckdb.connect() as connection:
        assert cut(connection, file, records=0) == 0
        assert connection.execute("SELECT count(*) FROM visits").fetchone() == (0,)

"""Parquet: one way of writing every value as text."""

import datetime as dt
import decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studypkg.errors import DataRejectedError
from studypkg.records.read import open_source


@pytest.fixture
def read(tmp_path):
    connection = duckdb.connect()

    def reading(columns, name="file.parquet"):
        path = tmp_path / name
        pq.write_table(pa.table(columns), path)
        raw = open_source(connection, path, kind="parquet")
        return raw, connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()

    yield reading
    connection.close()


def test_every_type_is_written_in_one_way(read):
    day = dt.date(2025, 1, 2)
    cases = {
        "text": (["007", None], "007"),
        "whole": ([7, None], "7"),
        "gaps": ([7.0, None], "7"),
        "third": ([15.333333015441895, None], "15.333333015441895"),
        "single": (pa.array([0.1, None], pa.float32()), "0.1"),
        "small": ([1e-7, None], "1e-07"),
        "flag": ([True, None], "true"),
        "day": ([day, None], "2025-01-02"),
        "midnight": ([dt.datetime(2025, 1, 2), None], "2025-01-02"),
        "stamp": ([dt.datetime(2025, 1, 2, 13, 45, 30), None], "2025-01-02 13:45:30"),
        "exact": ([decimal.Decimal("1.50"), None], "1.50"),
        "code": (pa.array(["f", None]).dictionary_encode(), "f"),
    }
    raw, rows = read({name: values for name, (values, _) in cases.items()})
    assert dict(zip(raw.columns, rows[0][1:], strict=True)) == {k: v for k, (_, v) in cases.items()}
    assert rows[1] == (2, *[""] * len(cases))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([[1, 2]], "one text"),
        ([{"a": 1}], "one text"),
        ([b"x"], "one text"),
        (pa.array([dt.datetime(2025, 1, 2)], pa.timestamp("us", tz="UTC")), "time zone"),
    ],
)
def test_types_without_one_text_are_refused(read, values, word):
    with pytest.raises(DataRejectedError, match=f'"odd".*{word}'):
        read({"odd": values})


def test_records_are_counted_and_the_name_is_no_pattern(read):
    raw, rows = read({"a": list(range(300_000))}, name="a[1]*?.parquet")
    assert raw.n_rows == 300_000
    assert all(row == (i + 1, str(i)) for i, row in enumerate(rows))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 and no more")
    with duckdb.connect() as connection, pytest.raises(DataRejectedError, match=r"x\.parquet: this is not"):
        open_source(connection, path, kind="parquet")


def test_columns_that_differ_in_case_only(read):
    with pytest.raises(DataRejectedError, match="more than once"):
        read({"Pain": [1], "pain": [2]})


def test_a_document_is_no_value(read):
    with pytest.raises(DataRejectedError, match="a cell holds 2 MB of text") as refused:
        read({"id": ["a", "canary" * 400_000]})
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "cells",
    [pa.array(["x" * 1000] * 400_000), pa.array([7] * 100_000_000, pa.int8())],
    ids=["text", "numbers"],
)
def test_a_few_bytes_that_stand_for_many_are_refused_before_they_are_written_out(tmp_path, cells):
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"a": cells}), path, compression="zstd")
    assert path.stat().st_size < 1 << 20
    with duckdb.connect() as connection, pytest.raises(DataRejectedError, match="which no export does"):
        open_source(connection, path, kind="parquet")

"""Several files make one delivery: found, unpacked, joined, and every row leads back to its file."""

import csv
import gzip
import json
import os
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studypkg.config import check_study
from studypkg.errors import DataRejectedError
from studypkg.records import arrivals, ingest
from studypkg.records.arrivals import arrive, look, witness
from studypkg.records.read import open_arrival
from studypkg.sources import Source
from studypkg.store import Store

HEAD = "patient_id,episode_id,clinic_id,start_date,condition\n"


def episode(number, day="2026-01-05"):
    return f"p{number},e{number},c1,{day},ITBS\n"


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "visits-1.csv").write_text(HEAD + episode(1) + episode(2))
    (tmp_path / "raw" / "visits-2.csv").write_text(HEAD + episode(3, "SECRET") + episode(4))
    return tmp_path


@pytest.fixture
def opened(inbox):
    """Read a source as the ingest does; gives what was read and its rows as dictionaries."""
    with duckdb.connect() as connection:

        def opening(**declared):
            source = Source(table="episodes", **declared)
            arrival = arrive(source, inbox, inbox / "work")
            raw = open_arrival(connection, arrival, source)
            found = connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row")
            keys = [one[0] for one in found.description]
            return raw, [dict(zip(keys, row, strict=True)) for row in found.fetchall()]

        yield opening


def places(raw, rows):
    return [raw.place(row["_row"]) for row in rows]


@pytest.mark.parametrize("path", ["raw", "raw/", "raw/visits-*.csv", "./raw/*"])
def test_rows_of_several_files_lead_back_to_them(opened, path):
    raw, rows = opened(path=path)
    assert [row["patient_id"] for row in rows] == ["p1", "p2", "p3", "p4"]
    assert places(raw, rows) == [
        "row 2 of visits-1.csv", "row 3 of visits-1.csv", "row 2 of visits-2.csv", "row 3 of visits-2.csv"
    ]  # fmt: skip
    assert raw.n_rows == 4
    assert raw.notes[0] == "2 files"
    assert "(2 files)" in raw.name


def test_packed_and_plain_files_of_one_delivery(opened, inbox):
    (inbox / "raw" / "visits-3.csv.gz").write_bytes(gzip.compress((HEAD + episode(5)).encode()))
    raw, rows = opened(path="raw")
    assert places(raw, rows)[-1] == "row 2 of visits-3.csv.gz"
    assert rows[-1]["patient_id"] == "p5"


def test_the_order_of_columns_may_differ(opened, inbox):
    (inbox / "raw" / "visits-3.csv").write_text(
        "condition,start_date,clinic_id,episode_id,patient_id\nITBS,2026-01-05,c1,e5,p5\n"
    )
    raw, rows = opened(path="raw")
    assert rows[-1]["patient_id"] == "p5"
    assert raw.columns[0] == "patient_id"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("patient_id,episode_id,clinic_id,start_date", 'lacks "condition"'),
        (HEAD.strip() + ",note", 'has "note" besides'),
        (
            "patient_id,episode_id,clinic_id,start_date,Condition",
            'lacks "condition" and has "Condition" besides',
        ),
    ],
)
def test_other_columns_are_refused_with_both_files(opened, inbox, header, told):
    (inbox / "raw" / "visits-3.csv").write_text(header + "\n")
    with pytest.raises(DataRejectedError, match=rf"visits-3\.csv {told}, compared with visits-1\.csv"):
        opened(path="raw")


def test_a_fault_names_the_file_by_its_place(opened, inbox):
    for part, text in (("1", HEAD + episode(1)), ("2", HEAD + "p2,e2\n")):
        (inbox / f"part-{part}").mkdir()
        (inbox / f"part-{part}" / "data.csv").write_text(text)
    with pytest.raises(DataRejectedError, match=r"^part-2/data\.csv: 1 line cannot.*Line 2: 2 fields"):
        opened(path="part-*/data.csv")


def test_parquet_partitions(opened, inbox):
    for part in (1, 2):
        folder = inbox / "lake" / f"month=2026-0{part}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"patient_id": [f"p{part}"], "pain": [part]}), folder / "data.parquet")
    raw, rows = opened(path="lake/*/*.parquet", kind="parquet")
    assert [(row["patient_id"], row["pain"]) for row in rows] == [("p1", "1"), ("p2", "2")]
    assert places(raw, rows) == ["row 1 of month=2026-01/data.parquet", "row 1 of month=2026-02/data.parquet"]


def test_one_file_may_be_read_alone_and_among_others(opened):
    alone, _ = opened(path="raw/visits-1.csv")
    together, rows = opened(path="raw")
    again, same = opened(path="raw/visits-1.csv")
    assert len(rows) == 4
    assert len(same) == alone.n_rows == again.n_rows == 2
    assert alone.place(2) == "row 2"
    assert together.sha256 != alone.sha256


def test_the_same_bytes_twice_are_noted(opened, inbox):
    (inbox / "raw" / "visits-3.csv").write_text((inbox / "raw" / "visits-1.csv").read_text())
    raw, rows = opened(path="raw")
    assert len(rows) == 6
    assert "visits-3.csv holds the same bytes as visits-1.csv" in raw.notes


def test_many_small_files(opened, inbox):
    for number in range(300):
        (inbox / "raw" / f"visits-x{number:03d}.csv").write_text(HEAD + episode(1000 + number))
    raw, rows = opened(path="raw/visits-x*.csv")
    assert [raw.place(row["_row"]) for row in rows] == [f"row 2 of visits-x{n:03d}.csv" for n in range(300)]


@pytest.mark.parametrize(
    "name", ["a{1,2}.csv", "a[1].csv", "a*.csv", "a?.csv", "a\nb.csv", "a'b.csv", "-a.csv", "$(x).csv"]
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_odd_names_are_only_names(opened, inbox, name, kind):
    folder = inbox / "odd"
    folder.mkdir()
    path = folder / name
    if kind == "csv":
        path.write_text("a\n1\n")
    else:
        path = path.with_suffix(".parquet")
        pq.write_table(pa.table({"a": ["1"]}), path)
    for place in (f"odd/{path.name}", "odd"):
        raw, rows = opened(path=place, kind=kind)
        assert [row["a"] for row in rows] == ["1"]
        assert "\n" not in raw.name


def test_pipes_devices_and_folders_are_no_files(opened, inbox):
    os.mkfifo(inbox / "raw" / "visits-3.csv")
    with pytest.raises(DataRejectedError, match="not an ordinary file"):
        opened(path="raw")
    with pytest.raises(DataRejectedError, match="not an ordinary file"):
        opened(path="/dev/zero")
    with pytest.raises(DataRejectedError, match="no such file"):
        opened(path="raw/none.csv")


def test_a_file_that_is_still_being_written(opened, inbox, monkeypatch):
    hashing = arrivals.sha256_of

    def growing(path):
        with (inbox / "raw" / "visits-2.csv").open("a") as stream:
            stream.write(episode(9))
        return hashing(path)

    monkeypatch.setattr(arrivals, "sha256_of", growing)
    with pytest.raises(DataRejectedError, match="changed, came or went"):
        opened(path="raw")


def test_a_file_that_comes_while_others_are_hashed(opened, inbox, monkeypatch):
    hashing = arrivals.sha256_of

    def arriving(path):
        (inbox / "raw" / "visits-9.csv").write_text(HEAD)
        return hashing(path)

    monkeypatch.setattr(arrivals, "sha256_of", arriving)
    with pytest.raises(DataRejectedError, match="changed, came or went"):
        opened(path="raw")


def test_what_is_there_can_be_asked_without_reading(inbox):
    assert look(Source(table="episodes", path="raw"), inbox) == (True, "raw, 2 files 0.0 MB")
    there, told = look(Source(table="episodes", path="none.csv"), inbox)
    assert not there
    assert "there is no none.csv" in told
    assert look(Source(table="episodes", path="s3://clinic/x.csv"), inbox)[0]


def test_new_files_are_noticed_without_reading_rows(inbox):
    source = Source(table="episodes", path="raw")
    before = witness(source, inbox)
    assert witness(source, inbox) == before
    (inbox / "raw" / "visits-3.csv").write_text(HEAD)
    assert witness(source, inbox) != before
    assert witness(Source(table="episodes", path="none.csv"), inbox) == witness(
        Source(table="episodes", path="none.csv"), inbox
    )
    assert witness(Source(table="episodes", path="s3://clinic/x.csv"), inbox) is None


# ------------------------------------------------------------------ through the whole door
def deliver(root, **source):
    study = check_study(
        {
            "study": {"name": "test"},
            "sources": [{"table": "episodes", **source}],
            "screening": {"max_bad_share": 0.5},
        },
        root=root,
    )
    store = Store(root / "processed")
    return ingest(study, store, cutoff=date(2026, 6, 1), gate=lambda *_: None, threads=1), store


def test_the_quarantine_names_the_right_file_and_row(inbox):
    result, store = deliver(inbox, path="raw/visits-*.csv")
    (one,) = result.sources
    assert (one.read, one.accepted, one.quarantined) == (4, 3, 1)
    with (store.root / "quarantine" / "episodes.csv").open(newline="") as stream:
        (line,) = csv.DictReader(stream)
    assert (line["file"], line["row"], line["rule"]) == ("visits-2.csv", "2", "NOT_A_DATE")
    assert json.loads(line["raw"])["patient_id"] == "p3"


def test_a_delivery_too_bad_names_the_file_of_its_first_fault(inbox):
    (inbox / "raw" / "visits-2.csv").write_text(HEAD + "".join(episode(n, "SECRET") for n in range(3, 20)))
    with pytest.raises(DataRejectedError, match=r"first at row 2 of visits-2\.csv") as caught:
        deliver(inbox, path="raw")
    assert "SECRET" not in str(caught.value)

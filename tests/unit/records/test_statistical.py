"""SPSS, Stata and SAS: text as in every other source, and no score eaten because a file calls it missing."""

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import pyreadstat
import pytest

from studypkg.errors import DataRejectedError
from studypkg.records import statistical_child
from studypkg.records.arrivals import arrival_of
from studypkg.records.read import open_arrival
from studypkg.sources import Source


@pytest.fixture
def read():
    with duckdb.connect() as connection:

        def reading(path, kind, **declared):
            source = Source(table="assessments", path=str(path), kind=kind, **declared)
            raw = open_arrival(connection, arrival_of((path,)), source)
            return raw, connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()

        yield reading


@pytest.fixture
def spss(tmp_path):
    """An SPSS file whose scores of 10 to 12 and 99 are declared missing."""
    path = tmp_path / "scores.sav"
    frame = pd.DataFrame(
        {
            "id": ["007", "1E5", "c"],
            "pain": [7.0, 99.0, 10.0],
            "third": [15.333333015441895, 0.1, np.nan],
            "day": [dt.date(2026, 1, 5), None, dt.date(1582, 10, 15)],
            "at": [dt.datetime(2026, 1, 5, 13, 45), None, dt.datetime(2026, 1, 5)],
            "sex": [1.0, 2.0, 9.0],
        }
    )
    pyreadstat.write_sav(
        frame, path,
        missing_ranges={"pain": [99, {"lo": 10, "hi": 12}]},
        column_labels=["Case", "Pain during the last 24 hours", "", "", "", ""],
        variable_value_labels={"sex": {1.0: "male", 2.0: "female"}},
    )  # fmt: skip
    return path


def test_spss_cells_become_text(spss, read):
    raw, rows = read(spss, "spss", user_missing="keep")
    assert raw.columns == ("id", "pain", "third", "day", "at", "sex")
    assert rows == [
        (1, "007", "7", "15.333333015441895", "2026-01-05", "2026-01-05 13:45:00", "1"),
        (2, "1E5", "99", "0.1", "", "", "2"),
        (3, "c", "10", "", "1582-10-15", "2026-01-05", "9"),
    ]
    assert raw.labels == {"id": "Case", "pain": "Pain during the last 24 hours"}


def test_codes_declared_missing_are_empty_and_counted(spss, read):
    raw, rows = read(spss, "spss")
    assert [row[2] for row in rows] == ["7", "", ""]
    (note,) = [note for note in raw.notes if "declares missing" in note]
    assert note == (
        '"pain": 2 cell(s) hold a code that the file declares missing (10 to 12, 99) and count as empty; '
        'if they are true values, declare user_missing = "keep"'
    )
    raw, rows = read(spss, "spss", user_missing="keep")
    assert any("2 cell(s) hold a code" in note and "were kept" in note for note in raw.notes)


def test_labels_replace_codes_where_asked(spss, read):
    raw, rows = read(spss, "spss", labels=True)
    assert [row[-1] for row in rows] == ["male", "female", "9"], "a code without a label stays"
    assert "the codes of 1 column(s) were replaced by their labels" in raw.notes
    assert any("labels = true" in note for note in read(spss, "spss")[0].notes)


def test_words_declared_missing(tmp_path, read):
    path = tmp_path / "words.sav"
    pyreadstat.write_sav(pd.DataFrame({"side": ["left", "NA", "?"]}), path, missing_ranges={"side": ["?"]})
    raw, rows = read(path, "spss")
    assert [row[1] for row in rows] == ["left", "NA", ""]
    assert any('"side": 1 cell(s)' in note for note in raw.notes)


def test_a_compressed_and_a_portable_file(tmp_path, read):
    frame = pd.DataFrame({"A": [1.0, 2.5, np.nan], "B": ["x", "y", "z"]})
    pyreadstat.write_sav(frame, tmp_path / "a.zsav", compress=True)
    pyreadstat.write_por(frame, tmp_path / "a.por")
    for name in ("a.zsav", "a.por"):
        assert read(tmp_path / name, "spss")[1] == [(1, "1", "x"), (2, "2.5", "y"), (3, "", "z")]


def test_special_missing_values_of_stata(tmp_path, read):
    path = tmp_path / "a.dta"
    frame = pd.DataFrame(
        {"pain": [7.0, "a", "z"], "id": ["x", "a", "z"], "day": [dt.date(2026, 1, 5), None, None]}
    )
    pyreadstat.write_dta(frame, path, missing_user_values={"pain": ["a", "z"]})
    raw, rows = read(path, "stata")
    assert rows == [(1, "7", "x", "2026-01-05"), (2, "", "a", ""), (3, "", "z", "")]
    assert '"pain": special missing values count as empty: .a (1), .z (1)' in raw.notes


def test_a_transport_file_of_sas(tmp_path, read):
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(
        pd.DataFrame(
            {"x": [1.5, np.nan, 2.0], "s": ["a", "", "c"], "day": [dt.date(2026, 1, 5), None, None]}
        ),
        path,
    )
    assert read(path, "sas")[1] == [(1, "1.5", "a", "2026-01-05"), (2, "", "", ""), (3, "2", "c", "")]


def test_numbers_kept_in_32_bits_are_written_shortest():
    for text in ("75.33", "-4.908775", "1e-07", "106.75355", "0.1"):
        assert statistical_child.plain(float(np.float32(text)), single=True) == text
    assert statistical_child.plain(float(np.float32("0.1"))) == "0.10000000149011612"


def test_letters_in_a_column_of_numbers_are_special_and_in_text_are_text():
    number = statistical_child.Column("double", [], {}, keep_missing=False)
    assert [number.cell(value) for value in (1.0, "A", "A", "_")] == ["1", None, None, None]
    assert statistical_child.note("x", number) == [
        '"x": special missing values count as empty: .A (2), ._ (1)'
    ]
    text = statistical_child.Column("string", [], {}, keep_missing=False)
    assert text.cell("A") == "A"


def test_many_pieces_make_one_table(tmp_path, monkeypatch):
    # In this process, so that the size of a piece can be small.
    numbers = [float(n) for n in range(2_345)]
    pyreadstat.write_sav(pd.DataFrame({"a": numbers}), tmp_path / "a.sav")
    monkeypatch.setattr(statistical_child, "CELLS_AT_ONCE", 1)
    monkeypatch.setattr(statistical_child, "resource", None)
    target = tmp_path / "out.parquet"
    statistical_child.main(str(tmp_path / "a.sav"), "spss", str(target), "", "", "", "0")
    assert pd.read_parquet(target)["a"].tolist() == [str(n) for n in range(2_345)]


def test_a_file_without_records(tmp_path, read):
    pyreadstat.write_sav(pd.DataFrame({"a": pd.Series([], dtype=float)}), tmp_path / "a.sav")
    raw, rows = read(tmp_path / "a.sav", "spss")
    assert (raw.columns, rows) == (("a",), [])
    assert "the file holds columns and no records" in raw.notes


def test_names_that_differ_in_case_only(tmp_path, read):
    pyreadstat.write_dta(pd.DataFrame({"pain": [1.0], "Pain": [2.0]}), tmp_path / "a.dta")
    with pytest.raises(DataRejectedError, match=r"a\.dta: .*more than once"):
        read(tmp_path / "a.dta", "stata")


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("a.sav", "spss", "half"),
        ("a.sav", "spss", "noise"),
        ("a.sav", "spss", "other"),
        ("a.dta", "stata", "noise"),
        ("a.sas7bdat", "sas", "noise"),
        ("a.xpt", "sas", "noise"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, spss, read, name, kind, content):
    path = tmp_path / f"damaged-{name}"
    half = spss.read_bytes()[: spss.stat().st_size // 2]
    noise, other = bytes(range(256)) * 40, b"id,pain\ncanary,7\n"
    path.write_bytes({"half": half, "noise": noise, "other": other}[content])
    with pytest.raises(DataRejectedError, match=rf"{path.name}: this is no .* that can be read") as caught:
        read(path, kind)
    assert "canary" not in str(caught.value)


def test_a_day_beyond_all_calendars_is_refused(tmp_path, spss, read):
    # SPSS counts seconds since 1582; 2026-01-05 as the double that stands in the file.
    seconds = (dt.datetime(2026, 1, 5) - dt.datetime(1582, 10, 14)).total_seconds()
    path = tmp_path / "far.sav"
    pyreadstat.write_sav(pd.DataFrame({"day": [dt.date(2026, 1, 5)]}), path)
    content = path.read_bytes()
    assert np.float64(seconds).tobytes() in content
    path.write_bytes(content.replace(np.float64(seconds).tobytes(), np.float64(1e15).tobytes()))
    with pytest.raises(DataRejectedError, match="beyond the year 9999"):
        read(path, "spss")


def test_an_encoding_that_the_file_does_not_tell(tmp_path, read):
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(pd.DataFrame({"name": ["Zoe"]}), path)
    assert read(path, "spss", encoding="cp1252")[1] == [(1, "Zoe")]
    with pytest.raises(DataRejectedError, match='not in the encoding "no-such"'):
        read(path, "spss", encoding="no-such")

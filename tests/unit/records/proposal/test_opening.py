"""How an unknown file is opened: encoding, delimiter, sheet and header row are found, or it is refused."""

import gzip

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

from studypkg.errors import DataRejectedError
from studypkg.records.proposal import opening

ROWS = "case;day;note\n1;2026-01-05;a\n2;2026-01-06;b\n"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (ROWS, {"delimiter": ";"}),
        (ROWS.replace(";", ","), {}),
        (ROWS.replace(";", "\t"), {"delimiter": "\t"}),
        (ROWS.replace(";", "|"), {"delimiter": "|"}),
        ("\ufeff" + ROWS, {"delimiter": ";"}),
        (ROWS.encode("utf-16"), {"delimiter": ";"}),
        (ROWS.encode("utf-16-le"), {"encoding": "utf-16-le", "delimiter": ";"}),
        (ROWS.replace("note", "Übung").encode("cp1252"), {"encoding": "cp1252", "delimiter": ";"}),
        (ROWS.replace("\n", "\r"), {"delimiter": ";"}),
        ("Export of the clinic\n\nmade in 2026\n" + ROWS, {"header_row": 4, "delimiter": ";"}),
        ("Export;;\n;;\n" + ROWS, {"header_row": 3, "delimiter": ";"}),
        ('"two\nlines";;\n' + ROWS, {"header_row": 3, "delimiter": ";"}),
    ],
)
def test_text_files(look, content, options):
    _, (found,) = look(content)
    assert (found.kind, dict(found.options)) == ("csv", options)
    assert found.raw.n_rows == 2
    assert found.raw.columns[:2] == ("case", "day")


def test_a_decimal_comma_does_not_hide_the_semicolon(look):
    _, (found,) = look("case;score\n1;7,5\n2;2,0\n")
    assert found.options == {"delimiter": ";"}


def test_of_two_delimiters_that_would_do_the_one_with_more_columns_is_proposed(look):
    _, (found,) = look("a,b;c,d\n1,2;3,4\n5,6;7,8\n")
    assert found.options.get("delimiter", ",") in (",", ";")
    assert len(found.raw.columns) == 3


@pytest.mark.parametrize(
    "content",
    [
        "E001,2026-01-05,7\nE002,2026-01-06,8\n",
        "E001,canary,7a\nE002,canary,8a\nE003,canary,9a\n",
        "Yes,No\nNo,Yes\nYes,No\n",
        "1,2\n3,4\n",
    ],
)
def test_records_without_a_header_are_refused_and_not_shown_as_one(look, content):
    with pytest.raises(DataRejectedError, match="names the columns") as refused:
        look(content)
    assert "canary" not in str(refused.value)
    assert "E001" not in str(refused.value)


def test_packed_files(look):
    _, (found,) = look(gzip.compress(ROWS.encode()), "file.csv.gz")
    assert found.raw.n_rows == 2


def test_of_a_large_file_the_head_is_looked_at_and_no_record_is_cut(look, monkeypatch):
    monkeypatch.setattr(opening, "SAMPLE_BYTES", 1000)
    text = "id,note\n" + "".join(f'{i},"two\nlines, and a ""mark"""\n' for i in range(200))
    _, (found,) = look(text)
    assert found.sampled
    assert 20 < found.raw.n_rows < 40


def test_of_a_large_parquet_file_the_first_rows_are_looked_at(look, monkeypatch):
    monkeypatch.setattr(opening, "SAMPLE_ROWS", 100)
    _, (found,) = look(lambda path: pq.write_table(pa.table({"id": range(1000)}), path), "file.parquet")
    assert (found.kind, found.sampled, found.raw.n_rows) == ("parquet", True, 100)


def book(*sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return made


TITLED = [("Clinic of the hill", None), (None, None), ("case", "score"), (1, 7), (2, 8)]


def test_a_sheet_with_a_title_above_its_header(look):
    _, (found,) = look(book(("visits", TITLED)).save, "file.xlsx")
    assert (found.kind, dict(found.options), found.raw.n_rows) == ("excel", {"header_row": 3}, 2)


def test_every_visible_sheet_with_a_table_is_looked_at(look):
    made = book(
        ("one", TITLED), ("two", TITLED[2:]), ("empty", []), ("hidden", TITLED), ("text", [("read me",)])
    )
    made["hidden"].sheet_state = "hidden"
    _, found = look(made.save, "file.xlsx")
    assert [one.options for one in found[:2]] == [{"sheet": "one", "header_row": 3}, {"sheet": "two"}]
    assert "hidden" not in {one.options["sheet"] for one in found}


def test_one_sheet_by_its_name_even_a_hidden_one(look):
    made = book(("one", TITLED), ("two", TITLED))
    made["two"].sheet_state = "hidden"
    _, (found,) = look(made.save, "file.xlsx", sheet="two")
    assert found.options == {"sheet": "two", "header_row": 3}
    assert "the sheet is hidden" in found.notes


def test_a_header_of_merged_cells_is_refused_with_what_to_do(look):
    made = book(("one", [("case", "pain", None), (1, 7, 8)]))
    made["one"].merge_cells("B1:C1")
    with pytest.raises(DataRejectedError):
        look(made.save, "file.xlsx")


@pytest.mark.parametrize(
    ("name", "kind", "write"),
    [("f.sav", "spss", pyreadstat.write_sav), ("f.dta", "stata", pyreadstat.write_dta),
     ("f.xpt", "sas", pyreadstat.write_xport)],
)  # fmt: skip
def test_files_of_statistics_programs(look, name, kind, write):
    _, (found,) = look(lambda path: write(pd.DataFrame({"id": [1.0, 2.0]}), path), name)
    assert (found.kind, found.raw.n_rows) == (kind, 2)


def test_the_content_decides_and_not_the_name(look):
    _, (found,) = look(lambda path: pq.write_table(pa.table({"id": ["a"]}), path), "file.csv")
    assert found.kind == "parquet"


@pytest.mark.parametrize(
    ("content", "special"),
    [
        ("record_id,redcap_event_name,pain\n1,baseline_arm_1,7\n", "redcap"),
        ("record_id,pain,intake_complete\n1,7,2\n", "redcap"),
        ("Record ID,Event Name,Pain,Complete?,Mood,Complete?\n1,Baseline,7,Complete,4,Complete\n", "redcap"),
        ("Variable / Field Name,Form Name,Field Type\nrecord_id,intake,text\n", "redcap dictionary"),
        ('{"resourceType": "Bundle", "entry": []}', "fhir"),
        ('{"resourceType":"Observation"}\n{"resourceType":"Observation"}\n', "fhir"),
    ],
)
def test_exports_that_another_reader_knows_better(look, content, special):
    _, (found,) = look(content)
    assert (found.special, found.raw) == (special, None)

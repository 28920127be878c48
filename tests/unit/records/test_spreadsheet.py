"""Excel: the text one sees in the cells, from the one sheet that is meant, or a refusal that says why."""

import csv
import datetime as dt
import re
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest
from statsmodels.datasets import macrodata

from studypkg.errors import DataRejectedError
from studypkg.records import apart, workbook
from studypkg.records.read import open_source

ACUPUNCTURE = Path(__file__).resolve().parents[3] / "examples" / "acupuncture_headache" / "data"


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        yield made


@pytest.fixture
def read(connection, tmp_path):
    """Save a workbook, read it, and give its account and its rows."""

    def reading(book, **options):
        path = tmp_path / "book.xlsx"
        book.save(path)
        raw = open_source(connection, path, kind="excel", **options)
        return raw, connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()

    return reading


def book_of(*rows, title="visits"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    return book


def test_cells_become_the_text_one_sees(read):
    book = book_of(
        ("id", "pain", "mean", "on", "at", "flag"),
        ("007", 7.0, 15.333333015441895, dt.date(2025, 1, 2), dt.datetime(2025, 1, 2, 13, 45), True),
        ("1.10", 0.1, 1e-12, None, dt.time(3, 4), False),
        ("1E5", 123456789012, 2 / 3, None, None, None),
    )
    raw, rows = read(book)
    assert raw.columns == ("id", "pain", "mean", "on", "at", "flag")
    assert rows[0][:3] == (2, "007", "7")
    assert float(rows[0][3]) == pytest.approx(15.333333015441895, abs=1e-13)
    assert rows[0][4:] == ("2025-01-02", "2025-01-02 13:45:00", "true")
    assert rows[1] == (3, "1.10", "0.1", "1e-12", "", "03:04:00", "false")
    assert rows[2][:3] == (4, "1E5", "123456789012")
    assert float(rows[2][3]) == pytest.approx(2 / 3, abs=1e-14)


def test_dates_of_the_1904_calendar(read):
    book = book_of(("on",), (dt.date(2025, 1, 2),))
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    assert read(book)[1] == [(2, "2025-01-02")]


def test_the_real_trial_says_the_same_as_csv_and_as_excel(connection):
    tables = []
    for name, kind in (("acupuncture.csv", "csv"), ("acupuncture.xlsx", "excel")):
        raw = open_source(connection, ACUPUNCTURE / name, kind=kind)
        rows = connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()
        tables.append((raw.columns, raw.n_rows, rows))
    assert tables[0] == tables[1]
    assert tables[0][1] == 401


def test_rows_are_those_of_the_sheet(read):
    book = openpyxl.Workbook()
    sheet = book.active
    for address, value in {"B3": "id", "C3": "pain", "B4": "a", "C4": 1, "B7": "b", "C7": 2}.items():
        sheet[address] = value
    raw, rows = read(book, header_row=3)
    assert rows == [(4, "a", "1"), (7, "b", "2")]
    assert "2 blank rows left out" in raw.notes


# ------------------------------------------------------------------ which sheet
def test_several_filled_sheets_are_asked_for(read):
    book = book_of(("id",), ("a",))
    book.create_sheet("old").append(["id"])
    book.create_sheet("empty")
    with pytest.raises(DataRejectedError, match=r'2 sheets hold something.*one of: "visits", "old"'):
        read(book)
    raw, rows = read(book, sheet="visits")
    assert rows == [(2, "a")]
    assert raw.notes == ('sheet "visits"', 'other sheets were not read: "old"')
    with pytest.raises(DataRejectedError, match='Did you mean "visits"'):
        read(book, sheet="visit")


def test_a_hidden_sheet_is_never_taken_silently(read):
    book = book_of(("id",), ("a",))
    hidden = book.create_sheet("key")
    hidden.append(["name"])
    hidden.sheet_state = "hidden"
    assert read(book)[0].notes[-1] == 'other sheets were not read: "key"'
    assert "the sheet is hidden" in read(book, sheet="key")[0].notes


def test_an_empty_sheet(read):
    with pytest.raises(DataRejectedError, match="no visible sheet holds anything"):
        read(openpyxl.Workbook())


# ------------------------------------------------------------------ traps inside a sheet
def test_a_merged_header_is_refused_and_a_merged_title_above_it_is_not(read):
    book = book_of(("Visits of May", None), ("id", "pain"), ("a", 1))
    book.active.merge_cells("A1:B1")
    assert read(book, header_row=2)[1] == [(3, "a", "1")]
    with pytest.raises(DataRejectedError, match=r"A1:B1.*merged"):
        read(book)


def test_merged_cells_among_the_records_are_refused(read):
    book = book_of(("id", "pain"), ("a", 1), (None, 2))
    book.active.merge_cells("A2:A3")
    with pytest.raises(DataRejectedError, match="A2:A3"):
        read(book)


def test_a_column_without_a_name(read):
    with pytest.raises(DataRejectedError, match="column B holds values and has no name in row 1"):
        read(book_of(("id", None, "pain"), ("a", "secret", 1)))


def test_names_that_stand_twice(read):
    with pytest.raises(DataRejectedError, match="more than once"):
        read(book_of(("id", "pain", "Pain"), ("a", 1, 2)))


def test_the_header_among_the_records(read):
    with pytest.raises(DataRejectedError, match="again in 1 row: 3"):
        read(book_of(("id", "pain"), ("a", 1), ("id", "pain")))


def test_an_error_of_excel_is_no_empty_cell(read):
    errors = ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["B3"], sheet["C3"] = "id", "pain"
    for row, error in enumerate(errors, start=5):
        sheet.cell(row, 2, "a")
        sheet.cell(row, 3, error).data_type = "e"
    sheet["B13"].value, sheet["B13"].data_type = "#N/A", "e"
    raw, rows = read(book, header_row=3)
    assert rows == [*((row, "a", error) for row, error in enumerate(errors, start=5)), (13, "#N/A", "")]
    assert "8 cells with an Excel error kept as its text: C5, C6, C7, C8, C9, …" in raw.notes


def test_results_of_formulas_are_read_and_counted(connection, tmp_path):
    book_of(("id", "pain"), ("a", "=3+4")).save(tmp_path / "plain.xlsx")
    # The result that Excel stores beside a formula; openpyxl writes none.
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as plain, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as full:
        for name in plain.namelist():
            full.writestr(name, re.sub(rb"<v\s*/>|<v></v>", b"<v>7</v>", plain.read(name)))
    raw = open_source(connection, tmp_path / "b.xlsx", kind="excel")
    assert connection.execute(f"SELECT * FROM {raw.relation}").fetchall() == [(2, "a", "7")]
    assert "1 formula read as the stored result" in raw.notes


def test_a_header_of_two_rows_is_refused_until_the_second_is_named(read):
    book = book_of(("", "Pain", None), ("id", "rest", "night"), ("a", 1, 2))
    with pytest.raises(
        DataRejectedError, match=r"column A holds values and has no name in row 1.*header_row"
    ):
        read(book)
    assert read(book, header_row=2)[1] == [(3, "a", "1", "2")]


def test_formulas_that_were_never_computed_are_refused(read):
    with pytest.raises(DataRejectedError, match=r"1 formula .*\(B2\) were never computed"):
        read(book_of(("id", "pain"), ("a", "=1+1")))


def test_hidden_columns_and_rows_are_read_and_noted(read):
    book = book_of(("id", "pain", "note"), ("a", 1, "x"), ("b", 2, "y"))
    book.active.column_dimensions["B"].hidden = True
    book.active.row_dimensions[3].hidden = True
    raw, rows = read(book)
    assert len(rows) == 2
    assert "hidden columns were read too: B" in raw.notes
    assert any("1 hidden row" in note for note in raw.notes)


# ------------------------------------------------------------------ files that would take the process down
def far_cell():
    book = book_of(("id", "pain"), ("a", 1))
    book.active["XFD1048576"] = 1
    return book


def test_one_cell_far_away_ends_in_a_message(read):
    with pytest.raises(DataRejectedError, match="reaches to XFD1048576"):
        read(far_cell())


def test_a_child_that_dies_ends_in_a_message(read, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_CELLS", 1 << 60)
    monkeypatch.setattr(apart, "MEMORY_BYTES", 2 << 30)
    with pytest.raises(DataRejectedError, match="cannot be read within 2 GB"):
        read(far_cell())


def test_a_workbook_that_unpacks_to_too_much(read, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_BYTES", 1000)
    with pytest.raises(DataRejectedError, match="unpacks to"):
        read(book_of(("id",), ("a",)))


@pytest.mark.parametrize("content", [b"not a zip", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old"])
def test_what_is_no_workbook(connection, tmp_path, content):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(DataRejectedError, match=r"not an \.xlsx workbook"):
        open_source(connection, path, kind="excel")


def test_declared_entities_are_refused(connection, tmp_path):
    path, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    book_of(("id",), ("a",)).save(path)
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(bad, "w") as target:
        for name in good.namelist():
            text = good.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text = b'<!DOCTYPE x [<!ENTITY a "b">]>' + text
            target.writestr(name, text)
    with pytest.raises(DataRejectedError, match="damaged"):
        open_source(connection, bad, kind="excel")


@pytest.mark.parametrize(
    ("entry", "tag", "bomb"),
    [
        ("xl/workbook.xml", b"</sheets>", b'<sheet name="a" sheetId="1" r:id="rId1"/>' * 450_000),
        ("xl/worksheets/sheet1.xml", b"</worksheet>", b'<mergeCell ref="A9:B9"/>' * 100_001),
        ("xl/worksheets/sheet1.xml", b"<sheetData>", b'<col min="1" max="9" hidden="1"/>' * 100_001),
    ],
    ids=["sheets", "merged", "hidden"],
)
def test_lists_that_only_a_bomb_has_are_refused(connection, tmp_path, entry, tag, bomb):
    path, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    book_of(("id",), ("a",)).save(path)
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as target:
        for name in good.namelist():
            text = good.read(name)
            target.writestr(name, text.replace(tag, bomb + tag) if name == entry else text)
    assert bad.stat().st_size < 200_000
    with pytest.raises(DataRejectedError, match="damaged"):
        open_source(connection, bad, kind="excel")


# ------------------------------------------------------------------ workbooks that are no .xlsx
MACRO = Path(macrodata.__file__).parent


def test_an_old_excel_file_says_the_same_as_its_csv(connection):
    (book,) = (path for path in MACRO.rglob("*.xls") if path.is_file())
    raw = open_source(connection, book, kind="excel", sheet="Quarterly")
    assert any("cannot be seen in an .xls file" in note for note in raw.notes)
    found = connection.execute(f'SELECT "DATE", "GDPC96" FROM {raw.relation} ORDER BY _row').fetchall()
    with (MACRO / "macrodata.csv").open(newline="") as stream:
        gdp = [row["realgdp"] for row in csv.DictReader(stream)]
    since_1959 = [number for day, number in found if day >= "1959-01-01"]
    assert [float(number) for number in since_1959] == [float(number) for number in gdp]
    assert found[0][0] == "1947-01-01"


def open_document(path, rows):
    cells = {
        str: '<table:table-cell office:value-type="string"><text:p>{0}</text:p></table:table-cell>',
        float: '<table:table-cell office:value-type="float" office:value="{0}"/>',
    }
    body = "".join(
        f"<table:table-row>{''.join(cells[type(cell)].format(cell) for cell in row)}</table:table-row>"
        for row in rows
    )
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in names)
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        target.writestr("META-INF/manifest.xml", "<manifest/>")
        target.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="visits">{body}</table:table>'
            f"</office:spreadsheet></office:body></office:document-content>",
        )


def test_an_open_document_sheet(connection, tmp_path):
    open_document(tmp_path / "visits.ods", [("id", "pain"), ("007", 7.0), ("1E5", 0.5)])
    raw = open_source(connection, tmp_path / "visits.ods", kind="excel")
    assert connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall() == [
        (2, "007", "7"),
        (3, "1E5", "0.5"),
    ]
    assert raw.notes == (
        "merged cells, hidden rows and columns, and formulas cannot be seen in an .ods file",
    )


def test_a_workbook_locked_with_a_password(connection, tmp_path):
    # A locked .xlsx is a container of the old kind.
    path = tmp_path / "locked.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000)
    with pytest.raises(DataRejectedError, match=r"locked\.xlsx: .*locked with a password"):
        open_source(connection, path, kind="excel")

"""CSV and TSV: the right text on the right line, or the whole file refused by name of the fault."""

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records import lines
from studypkg.records.read import open_source

DATA = Path(__file__).resolve().parents[2] / "data"
SPECTRUM = sorted((DATA / "csv_spectrum" / "csvs").glob("*.csv"))
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        yield made


@pytest.fixture
def read(connection, tmp_path):
    """Write bytes to a file, read it, and give its account and its rows, each led by its line."""

    def reading(text, name="file.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        raw = open_source(connection, path, kind="csv", **options)
        return raw, connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()

    return reading


def refused(read, text, *words, **options):
    with pytest.raises(DataRejectedError) as caught:
        read(text, **options)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


@pytest.mark.parametrize("path", SPECTRUM, ids=lambda p: p.stem)
def test_csv_spectrum_reads_as_its_json(connection, path):
    raw = open_source(connection, path, kind="csv")
    rows = connection.execute(f"SELECT * EXCLUDE (_row) FROM {raw.relation} ORDER BY _row").fetchall()
    expected = json.loads((DATA / "csv_spectrum" / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    assert [dict(zip(raw.columns, row, strict=True)) for row in rows] == expected
    assert raw.n_rows == len(expected)


def test_a_plain_file_keeps_every_cell_as_it_stands(read):
    raw, rows = read("id,score,note\n007,1E5, NA \n,NULL,\n")
    assert raw.columns == ("id", "score", "note")
    assert rows == [(2, "007", "1E5", " NA "), (3, "", "NULL", "")]
    assert (raw.name, raw.n_rows, raw.encoding, raw.delimiter, raw.notes) == (
        "file.csv", 2, "utf-8", ",", (),
    )  # fmt: skip


def test_columns_go_by_their_names_in_any_order(read):
    raw, rows = read("reps,pain\n10,3\n")
    assert dict(zip(raw.columns, rows[0][1:], strict=True)) == {"reps": "10", "pain": "3"}


def test_the_table_holds_text_and_one_row_number(read, connection):
    raw, _ = read("a,b\n1,2\n")
    kinds = connection.execute(f"DESCRIBE {raw.relation}").fetchall()
    assert [(name, kind) for name, kind, *_ in kinds] == [
        ("_row", "BIGINT"), ("a", "VARCHAR"), ("b", "VARCHAR"),
    ]  # fmt: skip


# ------------------------------------------------------------------ lines stay physical
def test_row_numbers_stay_physical_behind_quoted_line_ends(read):
    _, rows = read('a,b\n1,"x\ny\nz"\n2,w\n')
    assert rows == [(2, "1", "x\ny\nz"), (5, "2", "w")]


def test_a_header_over_two_lines_moves_the_rows_down(read):
    raw, rows = read('"a\nb",c\n1,2\n')
    assert raw.columns == ("a\nb", "c")
    assert rows == [(3, "1", "2")]


def test_blank_lines_are_no_records_but_count_as_lines(read):
    raw, rows = read("\n\na,b\n1,2\n\n3,4\n\n\n")
    assert rows == [(4, "1", "2"), (6, "3", "4")]
    assert "3 blank lines left out" in raw.notes


@pytest.mark.parametrize(
    "text",
    ["a,b\r1,2\r3,4\r", "a,b\r1,2\r3,4", "a,b\n1,2\r\n3,4\n", "a,b\r\n1,2\n3,4\r", "a,b\r\n1,2\r\n3,4\r\n"],
)
def test_all_kinds_of_line_ends_alone_or_mixed(read, text):
    _, rows = read(text)
    assert rows == [(2, "1", "2"), (3, "3", "4")]


def test_line_ends_inside_quotes_survive_a_mixed_file(read):
    _, rows = read('a,b\r\n1,"x\r\ny\rz\n"\n2,w\r')
    assert rows == [(2, "1", "x\r\ny\rz\n"), (6, "2", "w")]


@pytest.mark.parametrize("name", ["Dose.csv", "NNT.csv"])
def test_a_real_file_that_ends_lines_with_a_bare_carriage_return(connection, name):
    path = DATA / "amitriptyline_crossover" / name
    raw = open_source(connection, path, kind="csv")
    with path.open(newline="", encoding="utf-8") as stream:
        expected = list(csv.reader(stream, strict=True))
    rows = connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()
    assert list(raw.columns) == expected[0]
    assert [list(row[1:]) for row in rows] == expected[1:]
    assert [row[0] for row in rows] == list(range(2, len(expected) + 1))


def test_lines_above_the_header_are_left_out_when_it_is_declared(read):
    raw, rows = read('Report of "May\n\na,b\n1,2\n', header_row=3)
    assert raw.columns == ("a", "b")
    assert rows == [(4, "1", "2")]


def written(rows, end, quote_all):
    def cell(text):
        needs = quote_all or any(letter in text for letter in '",\r\n')
        return '"' + text.replace('"', '""') + '"' if needs else text

    return "".join(",".join(map(cell, row)) + end for row in rows)


cells = st.text(st.sampled_from('ab,;" \n\r\t|1é'), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, cells, cells), max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quote_all=st.booleans(),
    last_end=st.booleans(),
    window=st.sampled_from([1, 2, 3, 7, 1 << 23]),
)
def test_any_quoted_text_agrees_with_an_independent_reader(
    read, monkeypatch, rows, end, quote_all, last_end, window
):
    monkeypatch.setattr(lines, "_WINDOW", window)
    text = written([("x", "y", "z"), *rows], end, quote_all)
    text = text if last_end else text.removesuffix(end)
    oracle = csv.reader(io.StringIO(text, newline=""), strict=True)
    expected, starts, before = [], [], 0
    for record in oracle:
        expected.append(tuple(record))
        starts.append(before + 1)
        before = oracle.line_num
    assert expected[1:] == rows
    raw, got = read(text, delimiter=",")
    assert raw.n_rows == len(rows)
    assert [row[1:] for row in got] == rows
    assert [row[0] for row in got] == starts[1:]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from('a,"\n\r '), max_size=30))
def test_any_bytes_are_read_as_an_independent_reader_reads_them_or_refused(read, text):
    try:
        _, got = read("x,y\n" + text, delimiter=",")
    except DataRejectedError:
        return
    expected = [tuple(record) for record in csv.reader(io.StringIO(text, newline=""), strict=True) if record]
    assert [row[1:] for row in got] == expected
    assert all(len(record) == 2 for record in expected)


def test_a_larger_file_is_read_in_parallel_and_in_order(read):
    body = "".join(f"{i},{'x' * 90}\n" for i in range(60_000))
    raw, rows = read("id,pad\n" + body)
    assert raw.n_rows == 60_000
    assert all(row[0] == int(row[1]) + 2 for row in rows)


# ------------------------------------------------------------------ structure
def test_short_and_long_rows_are_all_listed(read):
    message = refused(
        read, "a,b,c\n1,2,3\n1,2\n1,2,3\n1,2,3,4\n5\n",
        "file.csv", "3 lines", "header has 3 fields", "Line 3: 2 fields", "Line 5: 4 fields",
        "Line 6: 1 field",
    )  # fmt: skip
    assert "nothing was replaced" in message


def test_only_the_first_five_bad_lines_are_listed_and_all_are_counted(read):
    message = refused(read, "a,b\n" + "secret\n" * 9, "9 lines", "Line 6: 1 field", "and 4 more")
    assert "Line 7" not in message
    assert "secret" not in message


def test_a_truncated_last_line_is_refused(read):
    refused(read, "a,b,c\n1,2,3\n4,5", "Line 3: 2 fields")


@pytest.mark.parametrize("share", [0.5, 0.995])
def test_a_quote_that_is_never_closed_is_named_at_its_own_line(read, share):
    body = [f'{i},"text {i}"' for i in range(1000)]
    at = int(1000 * share)
    body[at] = f'{at},"secret'
    message = refused(read, "a,b\n" + "\n".join(body) + "\n", "1 line ", f"Line {at + 2}: a quote mark")
    assert "secret" not in message


@pytest.mark.parametrize("field", ["5'10\" tall", '"a"b', ' "a"', '"a" ', '""a""'])
def test_a_stray_quote_is_refused(read, field):
    refused(read, f"a,b\n1,x\n2,{field}\n3,y\n", "1 line ", "Line 3: a quote mark")


def test_a_delimiter_at_the_end_of_every_line(read):
    refused(read, "a,b,\n1,2,\n3,4,\n", "line 1", "no name for 1 column", "ends with a delimiter")
    refused(read, "a,b\n1,2,\n3,4,\n", "2 lines", "Each of them ends with a delimiter")


def test_a_field_of_three_megabytes_is_refused(read):
    refused(read, "a,b\n1," + "x" * 3_000_000 + "\n2,y\n", "1 line ", "Line 2")


def test_a_row_of_ten_thousand_fields_is_refused(read):
    refused(read, "a,b\n1,2\n" + ",".join(["1"] * 10_000) + "\n", "Line 3: 10000 fields")


# ------------------------------------------------------------------ header
@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("a,b,A", '"a"'),
        ("a, a,b", '"a"'),
        ("a,,b", "no name for 1 column of 3: 2"),
        ("a,_row,b", '"_row"'),
    ],
)
def test_a_header_that_cannot_name_columns(read, header, word):
    refused(read, header + "\n1,2,3\n", "file.csv", "header", word)


def test_names_are_trimmed_and_otherwise_left_alone(read):
    raw, _ = read(' Pain now ,"Education_>9yrs", sets\n1,2,3\n')
    assert raw.columns == ("Pain now", "Education_>9yrs", "sets")


def test_a_header_that_stands_again_among_the_records(read):
    refused(read, "a,b\n1,2\na,b\n3,4\n a , b \n", "2 lines", "3, 5", "glued")


def test_a_header_without_records_is_read_and_said(read):
    raw, rows = read("a,b\n")
    assert rows == []
    assert raw.n_rows == 0
    assert "the file holds a header and no records" in raw.notes


@pytest.mark.parametrize(
    ("text", "word"), [("", "empty"), ("\n\n \n"[:2], "no header"), ("\ufeff", "no header")]
)
def test_a_file_without_a_header(read, text, word):
    refused(read, text, word)


# ------------------------------------------------------------------ encoding
def test_a_byte_order_mark_is_no_part_of_the_first_name(read):
    raw, rows = read(b"\xef\xbb\xbfid,b\r\n1,2\r\n")
    assert raw.columns == ("id", "b")
    assert rows == [(2, "1", "2")]
    assert raw.notes == ("byte-order mark removed",)


@pytest.mark.parametrize("code", ["utf-16", "utf-32"])
def test_a_marked_wide_encoding_is_decoded(read, code):
    raw, rows = read("id,note\n1,läuft\n".encode(code))
    assert rows == [(2, "1", "läuft")]
    assert raw.encoding == code


def test_windows_text_is_refused_until_it_is_declared(read):
    text = "id,note\n1,ok\n2,café – gut\n".encode("cp1252")
    message = refused(read, text, "line 3", 'encoding = "cp1252"')
    assert "caf" not in message
    _, rows = read(text, encoding="cp1252")
    assert rows[1] == (3, "2", "café – gut")


def test_a_bad_byte_far_into_the_file_is_named_by_its_line(read):
    text = b"a,b\r" + b"1,2\r" * 1_200_000 + b"1,\xe9\r"
    refused(read, text, "line 1200002 is not UTF-8")


def test_utf8_that_is_declared_as_something_else_would_be_garbled(read):
    refused(read, "id,note\n1,café\n", "the file is UTF-8", encoding="cp1252")


def test_bytes_that_do_not_fit_the_declared_encoding(read):
    refused(read, b"id,note\n1,\x81\n", "not cp1252 text", encoding="cp1252")


def test_nul_bytes_are_refused_and_unmarked_utf16_can_be_declared(read):
    text = "id,b\n1,2\n".encode("utf-16-le")
    refused(read, text, "NUL", 'encoding = "utf-16-le"')
    assert read(text, encoding="utf-16-le")[1] == [(2, "1", "2")]
    refused(read, b"id,b\n1,x\0y\n", "NUL")


def test_an_unknown_encoding_is_a_fault_of_the_declaration(read):
    for word in ("windoze", "hex"):
        with pytest.raises(ConfigError, match="unknown"):
            read("a,b\n1,2\n", encoding=word)


# ------------------------------------------------------------------ delimiter
@pytest.mark.parametrize("cut", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read, cut):
    raw, rows = read(f"a{cut}b\n1{cut}2\n")
    assert raw.delimiter == cut
    assert rows == [(2, "1", "2")]


def test_decimal_commas_do_not_hide_the_semicolon(read):
    raw, rows = read("id;pain, worst;pain, mean\n1;7,5;6\n2;8;6,25\n")
    assert raw.delimiter == ";"
    assert rows[0] == (2, "1", "7,5", "6")


def test_two_delimiters_that_would_do_are_asked_for(read):
    text = "a;b,c\n1;2,3\n"
    refused(read, text, "comma and semicolon", "Declare delimiter")
    assert read(text, delimiter=";")[1] == [(2, "1", "2,3")]


def test_a_declared_delimiter_that_does_not_cut_the_header(read):
    refused(read, "a,b\n1,2\n", "cut by the comma", delimiter=";")


def test_one_column_needs_no_delimiter(read):
    assert read("a\n1\n\n2\n")[1] == [(2, "1"), (4, "2")]


# ------------------------------------------------------------------ the file itself
@pytest.mark.parametrize("name", ["a[1]*.csv", "x?{y}.csv", "quo'te.csv"])
def test_a_file_name_is_never_a_pattern(read, tmp_path, name):
    (tmp_path / "a1b.csv").write_text("c,d\n9,9\n")
    assert read("a,b\n1,2\n", name=name)[1] == [(2, "1", "2")]


def test_a_line_end_in_a_file_name_does_not_reach_the_message(read):
    message = refused(read, "a,a\n1,2\n", name="x\ny{0}.csv")
    assert message.startswith("x?y{0}.csv: ")


@pytest.mark.parametrize(
    ("magic", "word"), [(b"PK\x03\x04aaaa", "excel"), (b"PAR1aaaa", "parquet"), (b"\x1f\x8baaaa", "gzip")]
)
def test_another_format_under_the_name_of_csv(read, magic, word):
    refused(read, magic, word)


def test_what_is_not_a_file(connection, tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(DataRejectedError):
            open_source(connection, path, kind="csv")


def test_an_option_of_another_kind_is_refused(connection, tmp_path):
    with pytest.raises(ConfigError, match='"sheet" belongs to kind = "excel"'):
        open_source(connection, tmp_path / "a.csv", kind="csv", sheet="x")


def test_nothing_is_left_behind(read, tmp_path, monkeypatch):
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private))
    read('a,b\r1,"x\ny"\n'.encode("utf-16"))
    with pytest.raises(DataRejectedError):
        read("a,b\r\n1\n")
    assert list(private.iterdir()) == []


def test_two_files_live_side_by_side(read):
    first, _ = read("a,b\n1,2\n", name="one.csv")
    second, _ = read("a,b\n1,3\n", name="two.csv")
    assert first.relation != second.relation

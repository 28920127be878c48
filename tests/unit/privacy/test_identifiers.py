"""A column that names a person stops the file; a clean study passes."""

from pathlib import Path

import duckdb
import pytest

from studypkg.errors import IdentifierFoundError
from studypkg.privacy.identifiers import check_identifiers, screen_columns, screen_values
from studypkg.schema import TABLES
from studypkg.simulate import Truth, write_network

ROOT = Path(__file__).resolve().parents[3]


def relation(columns):
    """A text relation from a mapping of column to values."""
    connection = duckdb.connect()
    names = ", ".join(f'"{name}" VARCHAR' for name in columns)
    connection.execute(f"CREATE TABLE t ({names})")
    for row in zip(*columns.values(), strict=True):
        connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(columns))})", list(row))
    return connection


def found(**columns):
    return {f.column: f.kind for f in screen_values(relation(columns), "t", list(columns))}


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Last Name", "name"), ("patientName", "name"), ("apellido", "name"), ("E-Mail", "e-mail"),
        ("home_phone", "telephone"), ("Telefon", "telephone"), ("street", "address"), ("ZIP", "postcode"),
        ("SSN", "social security or national number"), ("MRN", "record number"), ("dob", "birth date"),
        ("date of birth", "birth date"), ("Comments", "free text"), ("ip_address", "web or network address"),
    ],
)  # fmt: skip
def test_a_header_tells_what_it_holds(header, kind):
    assert [f.kind for f in screen_columns([header])] == [kind]


def test_no_column_of_the_schema_looks_like_an_identifier():
    assert screen_columns([c for t in TABLES.values() for c in t.column_names]) == ()


@pytest.mark.parametrize(
    "header",
    [
        "id",
        "practice_id",
        "acupuncturist",
        "exercise_name",
        "Study.Days",
        "Patient.ID",
        "BP.Percent",
        "pk5",
        "X",
    ],
)
def test_a_harmless_header_does_not_stop_a_study(header):
    assert screen_columns([header]) == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("mary@example.org", "e-mail"), ("(919) 555-0142", "telephone"), ("919-555-0142", "telephone"),
        ("+44 20 7946 0958", "telephone"), ("0221/ 345678", "telephone"),
        ("078-05-1120", "social security or national number"),
        ("MRN 00123456", "record number"), ("12 Oak Street", "address"), ("Dr. Jane Roe", "name"),
        ("Müller, Anna", "name"), ("https://x.example/a", "web or network address"),
        ("192.168.1.20", "web or network address"),
    ],
)  # fmt: skip
def test_one_cell_among_codes_is_enough(value, kind):
    codes = [f"C{n:03d}" for n in range(30)]
    assert found(code=[*codes, value]).get("code") == kind


def test_a_column_of_names_is_found_without_titles():
    people = [
        f"{a} {b}" for a in ("Anna", "José", "Zoë", "Liam", "Ada") for b in ("Ruiz", "Meyer", "O'Neil", "Kim")
    ]
    assert found(label=people * 2) == {"label": "name"}


def test_few_repeated_labels_are_not_names_of_people():
    assert found(group=["Dry Needling", "Usual Care"] * 40) == {}


def test_births_are_dates_long_before_the_care():
    care = [f"2026-0{1 + n % 9}-11" for n in range(20)]
    births = [f"19{50 + n}-03-02" for n in range(20)]
    assert found(date=care, born=births) == {"born": "birth date"}


def test_sentences_are_free_text():
    typed = [f"felt much better after the {n} km run" for n in range(10)]
    assert found(extra=[*typed, *["ok"] * 10]) == {"extra": "free text"}


def test_the_same_long_label_again_and_again_is_no_free_text():
    assert found(change=["a very great deal better", "a little bit worse than before"] * 20) == {}


@pytest.mark.parametrize(
    "values",
    [["97140", "20560", "97110"], ["2026-01-31", "2026-02-01"], ["7.25", "-3", "1E5"], ["P7F3AQZK", "EDSF"],
     ["3f2b9c1e-8d47-4c1e-9a55-0d8a3c5c9e11"], ["9195550142", "0012345678"]],
)  # fmt: skip
def test_codes_dates_numbers_and_pseudonyms_pass(values):
    assert found(column=values * 10) == {}


def test_an_invented_network_passes_without_a_false_stop(tmp_path):
    write_network(
        tmp_path, Truth(), clinics=3, months=2, first_month="2026-01", seed=1, episodes_per_month=30
    )
    for path in sorted(tmp_path.glob("*.csv")):
        connection = duckdb.connect()
        connection.execute(
            "CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar=true, header=true)", [str(path)]
        )
        names = [row[0] for row in connection.execute("DESCRIBE t").fetchall()]
        check_identifiers(connection, "t", names, file=path.name)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/data/*.[ct]sv")), ids=lambda p: p.name)
def test_real_anonymised_trials_pass(path):
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar=true, header=true)", [str(path)]
    )
    names = [row[0] for row in connection.execute("DESCRIBE t").fetchall()]
    check_identifiers(connection, "t", names, file=path.name)


def test_the_message_names_columns_kinds_counts_and_the_way_on_and_no_value():
    connection = relation({"visit": ["1", "2"], "who": ["mary@example.org", "x"]})
    with pytest.raises(IdentifierFoundError) as fault:
        check_identifiers(connection, "t", ["visit", "who"], file="visits.csv")
    told = str(fault.value)
    assert 'visits.csv: 1 columns look like direct identifiers: "who" (e-mail, 1 cells)' in told
    assert 'drop = ["who"]' in told
    assert "mary" not in told


def test_a_column_can_be_dropped_or_allowed():
    connection = relation({"who": ["mary@example.org"]})
    check_identifiers(connection, "t", ["who"], file="f.csv", dropped=["who"])
    check_identifiers(connection, "t", ["who"], file="f.csv", allowed=["who"])

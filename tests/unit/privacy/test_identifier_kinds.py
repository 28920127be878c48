"""Every kind of the Safe Harbor rule: one cell among codes, a column of many, the same in other scripts."""

# ruff: noqa: E501 (tables of cells)
import base64
import functools
import random
import traceback

import duckdb
import pandas as pd
import pytest

from studypkg.errors import IdentifierFoundError
from studypkg.privacy import identifier_numbers as numbers
from studypkg.privacy.identifiers import check_identifiers, find_identifiers

CARE = [f"2025-{1 + n % 12:02}-1{n % 10}" for n in range(60)]
NATIONAL = "social security or national number"
THING = "licence, vehicle or device number"
ACCOUNT = "plan or account number"


def found(keys=None, pooled=(), **columns):
    with duckdb.connect() as db:
        db.register("given", pd.DataFrame(columns))
        db.execute("CREATE TABLE t AS SELECT * FROM given")
        findings = find_identifiers(db, "t", list(columns), keys=keys, pooled=pooled)
        left = db.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall()[0][0]
    assert left == 0, "temporary tables are left behind"
    return {f.column: f.kind for f in findings}


@functools.cache
def _at_once():
    cells = [cell for cell, _ in (*STOPPED, *HIDDEN)] + list(PASSED)
    codes = [f"C{n % 40:03}" for n in range(59)]
    kinds = found(**{f"v{n}": [*codes, cell] for n, cell in enumerate(cells)}, seen=CARE)
    return {cell: kinds.get(f"v{n}") for n, cell in enumerate(cells)}


def among_codes(cell):
    """What a cell is taken for among codes; all cells of the tables below, each in a column of its own."""
    return _at_once()[cell]


STOPPED = [
    # 1 names
    ("Ngozi Adeyemi", "name"), ("van den Berg, Sanne", "name"), ("Sra. de la Fuente", "name"), ("木村 陽一", "name"),
    ("Сазонов Арсений", "name"), ("राहुल जैन", "name"), ("王小明", "name"), ("JOHN OAKLEY", "name"),
    # 2 places
    ("806 Tanya Stream", "address"), ("Hauptstraße 12", "address"), ("8, rue Jeanne Henry", "address"),
    ("Solheimplassen 2B", "address"), ("Springfield, IL 62704", "address"), ("SW1A 1AA", "postcode"),
    # 3 days, ages
    ("1956-03-02", "birth date"), ("03/02/1956", "birth date"), ("2 March 1956", "birth date"),
    ("1956年03月02日", "birth date"), ("DOB 3/2/1956", "birth date"), ("93 yo", "age over 89"),
    # 4-6 telephone, fax, e-mail
    ("020 7946 0958", "telephone"), ("8 (916) 123-45-67", "telephone"), ("090-1234-5678", "telephone"),
    ("01.42.34.56.78", "telephone"), ("+358 40 1234567", "telephone"), ("mary@example.org", "e-mail"),
    ("mary [at] example dot org", "e-mail"),
    # 7 national numbers, each with its check digit
    ("078-05-1120", NATIONAL), ("943 476 5919", NATIONAL), ("9434765919", NATIONAL), ("12345678Z", NATIONAL),
    ("RSSMRA85T10A562S", NATIONAL), ("2 69 05 49 588 157 80", NATIONAL), ("86095742719", NATIONAL),
    ("111222333", NATIONAL), ("529.982.247-25", NATIONAL), ("44051401359", NATIONAL),
    ("756.9217.0769.85", NATIONAL), ("2341 2341 2346", NATIONAL), ("AB 12 34 56 C", NATIONAL),
    ("11010519491231002X", NATIONAL), ("800603-1608377", NATIONAL),
    # 8-10 record, plan, account
    ("MRN 00123456", "record number"), ("48213377", "unique code"), ("GB82 WEST 1234 5698 7654 32", ACCOUNT),
    ("4539148803436467", ACCOUNT), ("4539 1488 0343 6467", ACCOUNT), ("Member ID 8826151", ACCOUNT),
    # 11-13 licences, vehicles, devices
    ("1M8GDM9AXKP042788", THING), ("License #A2345678", THING), ("76:e3:89:12:0e:ba", THING),
    ("490154203237518", THING), ("(01)00844588003288(21)10987", THING),
    # 14-15 web, network
    ("https://x.example/a", "web or network address"), ("www.example.org/mary", "web or network address"),
    ("207.10.69.67", "web or network address"), ("2001:db8::8a2e:370:7334", "web or network address"),
    # 16-17 biometrics, photos
    ("scans/face_17.jpg", "photo or biometric"), ("data:image/png;base64,iVBORw0KGgo", "photo or biometric"),
    (base64.b64encode(random.Random(1).randbytes(160)).decode(), "photo or biometric"),
    # free text
    ("says the knee is better", "free text"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "kind"), STOPPED)
def test_one_cell_among_codes_stops_the_file(cell, kind):
    assert among_codes(cell) == kind


HIDDEN = [
    ("ｍａｒｙ＠ｅｘａｍｐｌｅ．ｏｒｇ", "e-mail"), ("mary\u200b@exam\u00adple.org", "e-mail"),
    ("\u202a+44 20 7946 0958\u202c", "telephone"), ("020\u00a07946\u20110958", "telephone"),
    ("９１９－５５５－０１４２", "telephone"), ("٩١٩-٥٥٥-٠١٤٢", "telephone"), ("０７８‐０５‐１１２０", NATIONAL),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "plain"), HIDDEN)
def test_other_figures_and_unseen_signs_hide_nothing(cell, plain):
    assert among_codes(cell) == plain


PASSED = [
    "C041", "97110 97140", "012-0345", "001-002-003", "1.10.22", "120/80", "7-8", "3x10", "12:30:45", "L4/L5", "2.5 kg",
    "10/10", "2025-02-11", "11.02.2025", "99999999", "-999999999", "10000000", "20250211", "72514-3", "M54.50", "Week 12",
    "Rotator Cuff", "Usual Care", "Plantar Fasciitis", "TheraBand Red", "unknown", "Refused",
    "6f1ed002ab5595859014ebf0951522d9", "3f2b9c1e-8d47-4c1e-9a55-0d8a3c5c9e11", "2025-02-11T09:30:00+02:00", "1E5",
    "999.1.1.1", "腰痛", "정상",
]  # fmt: skip


@pytest.mark.parametrize("cell", PASSED)
def test_one_cell_of_a_study_among_codes_passes(cell):
    assert among_codes(cell) is None


def test_a_check_digit_that_fits_by_luck_in_a_column_of_numbers_does_not_stop_it():
    chance = random.Random(3)
    column = [str(chance.randrange(10**9, 10**10)) for _ in range(400)]
    nhs = next(one for one in numbers.CHECKED if one.check == "gb.nhs" and one.pattern == r"\d{10}")
    assert sum(map(nhs.holds, column)) > 10
    assert found(number=column) == {}


def test_numbers_that_all_fit_their_check_digit_stop_a_column():
    chance = random.Random(4)
    nhs = numbers.Checked(NATIONAL, r"\d{10}", "gb.nhs", 0.091)
    column = [n for n in (str(chance.randrange(10**9, 10**10)) for _ in range(600)) if nhs.holds(n)]
    assert found(number=column) == {"number": NATIONAL}


def test_telephone_numbers_without_groups_are_told_from_a_series_and_from_moments():
    chance = random.Random(5)
    phones = [f"212{chance.randrange(2, 9)}{chance.randrange(10**5, 10**6)}" for _ in range(80)]
    series = [str(2125550000 + n) for n in range(80)]
    moments = [str(chance.randrange(1_600_000_000, 1_700_000_000)) for _ in range(80)]
    assert found(a=phones, b=series, c=moments) == {"a": "telephone"}


def test_births_spread_over_more_years_than_care_even_where_nothing_is_beside_them():
    chance = random.Random(6)
    births = [
        f"{chance.randrange(1, 29):02}/{chance.randrange(1, 13):02}/{chance.randrange(1935, 2000)}"
        for _ in CARE
    ]
    assert found(day=births) == {"day": "birth date"}
    assert found(day=CARE) == {}


def test_a_filler_far_back_makes_no_column_of_days_one_of_births():
    assert found(seen=CARE, ended=["1900-01-01" if n % 5 else day for n, day in enumerate(CARE)]) == {}


def test_ages_over_89_stop_unless_they_are_pooled():
    ages = [str(60 + n % 34) for n in range(68)]
    assert found(Alter=ages) == {"Alter": "age over 89"}
    assert found(Alter=ages, pooled=["Alter"]) == {}
    assert found(age_years=ages) == {}
    assert found(age_of_injury_days=[str(n * 7) for n in range(68)]) == {}


def test_a_code_in_every_row_stops_unless_it_is_a_declared_key():
    codes = [f"{random.Random(n).getrandbits(64):016x}" for n in range(200)]
    assert found(code=codes, keys=[]) == {"code": "unique code"}
    assert found(code=codes, keys=["code"]) == {}
    assert found(code=codes) == {}
    assert found(code=codes[:100] * 2, keys=[]) == {}


def test_a_name_among_labels_is_found_by_a_given_name_that_many_people_have():
    labels = ["goals met", "moved away", "Dry Needling", "other"] * 25
    assert found(reason=[*labels, "Maria Wozniak"]) == {"reason": "name"}
    assert found(reason=[*labels, "Tai Chi"]) == {}


def test_rare_names_among_labels_are_found_when_there_are_several():
    labels = ["goals met", "moved away", "Dry Needling", "other"] * 25
    people = [
        "Obioma Eze", "Quanah Parker", "Zdenka Horak", "Wendel Oosterhuis", "Ishbel Ure", "Tovah Lindqvist", "Ekow Duker",
        "Sigrun Aasen", "Fidelma Roche",
    ]  # fmt: skip
    assert found(reason=[*labels, *people]) == {"reason": "name"}


def test_one_story_among_labels_is_found_and_one_long_label_is_not():
    labels = ["goals met", "moved away", "other"] * 30
    assert found(reason=[*labels, "Saw Erik today, her husband called about the fall"]) == {
        "reason": "free text"
    }
    assert found(reason=[*labels, "Almost the same, hardly any better at all"]) == {}


def test_one_cell_of_a_hundred_thousand_is_found():
    codes = [f"C{n % 700:03}" for n in range(100_000)]
    planted = {"a": "mary@example.org", "b": "943 476 5919", "c": "1M8GDM9AXKP042788", "d": "0412 345 678"}
    columns = {name: [*codes[:70_000], cell, *codes[70_001:]] for name, cell in planted.items()}
    assert list(found(**columns)) == list(planted)


def test_cells_are_counted_however_often_a_text_stands():
    with duckdb.connect() as db:
        cells = ["mary@example.org"] * 40 + ["x"] * 60
        db.register("given", pd.DataFrame({"who": cells, "n": range(100)}).astype(str))
        db.execute("CREATE TABLE t AS SELECT * FROM given")
        assert [(f.column, f.count) for f in find_identifiers(db, "t", ["who", "n"])] == [("who", 40)]


def test_a_header_with_quotes_and_a_hostile_cell_are_only_looked_at():
    hostile = ["'; DROP TABLE t; --", '"', "\\", "%s{}", "a" * 100_000, "\n\t", "$$"] * 6
    assert found(**{'x"; DROP TABLE t; --': hostile}) in ({}, {'x"; DROP TABLE t; --': "free text"})


def test_an_empty_file_and_empty_columns_pass():
    assert found(a=["", "", ""], b=["1", "2", "3"]) == {}
    with duckdb.connect() as db:
        db.execute("CREATE TABLE t (a VARCHAR)")
        assert find_identifiers(db, "t", ["a"]) == ()
        assert find_identifiers(db, "t", []) == ()


def test_nothing_that_was_seen_is_in_the_error_its_attributes_or_its_traceback():
    canary = [
        "qzvmary@example.org",
        "Qzvngozi Adeyemi",
        "(919) 555-0142",
        "qzv says the knee is better",
        "1956-03-02",
    ]
    columns = {f"v{n}": [*[f"C{k:03}" for k in range(40)], cell] for n, cell in enumerate(canary)}
    with duckdb.connect() as db:
        db.register("given", pd.DataFrame(columns))
        db.execute("CREATE TABLE t AS SELECT * FROM given")
        with pytest.raises(IdentifierFoundError) as fault:
            check_identifiers(db, "t", list(columns), file="f.csv")
    shown = (
        "".join(traceback.format_exception(fault.value)) + repr(vars(fault.value)) + repr(fault.value.args)
    )
    assert all(f'"v{n}"' in shown for n in range(4))
    assert "qzv" not in shown.casefold()
    assert not any(cell in shown for cell in canary)

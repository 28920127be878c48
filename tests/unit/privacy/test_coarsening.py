"""Research tables keep everything between two of a patient's days, and none of the days."""

from datetime import date, datetime, timedelta

import duckdb
import pytest

from studypkg.columns import Column
from studypkg.declaration import Research
from studypkg.errors import QualityGateError
from studypkg.privacy.areas import small_areas, zip3_sql
from studypkg.privacy.coarsening import DAY_ZERO, Coarsening, band_sql, coarsen
from studypkg.privacy.keys import SecretKey
from studypkg.privacy.pseudonyms import is_pseudonym
from studypkg.schema import TABLES, with_covariates

KEY = SecretKey(bytes(range(32)))
ZIP = (Column("postcode", "code", "ZIP code."), Column("referrer", "id", "Who sent."))
TREATED = {"postcode": "zip3", "referrer": "drop"}


@pytest.fixture
def db():
    tables = with_covariates({name: TABLES[name] for name in ("episodes", "visits")}, ZIP)
    with duckdb.connect() as connection:
        for table in tables.values():
            kinds = {"date": "TIMESTAMP", "age": "DOUBLE", "number": "DOUBLE"}
            cells = ", ".join(f'"{c.name}" {kinds.get(c.kind, "VARCHAR")}' for c in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({cells})")
        connection.execute(
            "INSERT INTO episodes BY NAME FROM (VALUES "
            "('p1', 'e1', 'c1', TIMESTAMP '2026-03-02', TIMESTAMP '2026-05-01', 'hip', 37.0, '02139', 'r1', "
            "'A'),"
            "('p1', 'e2', 'c1', TIMESTAMP '2026-09-02', NULL, 'hip', 38.0, '03601', 'r1', 'A'),"
            "('p2', 'e3', 'c2', TIMESTAMP '2026-03-02', NULL, 'hip', 90.0, '2139', 'r2', 'B')) "
            "t(patient_id, episode_id, clinic_id, start_date, end_date, condition, age_years, postcode, "
            "referrer, arm)"
        )
        connection.execute(
            "INSERT INTO visits BY NAME FROM (VALUES ('e1', TIMESTAMP '2026-03-09', 'attended', 't1'), "
            "('e2', TIMESTAMP '2026-09-03', 'attended', 't1'), "
            "('e3', TIMESTAMP '2026-03-02', 'no_show', NULL)) "
            "t(episode_id, date, status, therapist_id)"
        )
        yield connection, tables


def derived(db, **options):
    """Give the research episodes, by the kind of exact age they had, and the visits."""
    connection, tables = db
    made = coarsen(connection, tables, Coarsening(Research(**options), TREATED, KEY))
    episodes, visits = (
        [dict(zip(made[name].columns, row, strict=True)) for row in made[name].fetchall()]
        for name in ("episodes", "visits")
    )
    first = next(row for row in episodes if row["end_date"])
    second = next(row for row in episodes if row["patient_id"] == first["patient_id"] and row is not first)
    other = next(row for row in episodes if row["patient_id"] != first["patient_id"])
    return first, second, other, visits


@pytest.mark.parametrize("dates", ["shift", "relative"])
def test_all_days_of_a_patient_move_together(db, dates):
    first, second, other, visits = derived(db, dates=dates)
    assert first["end_date"] - first["start_date"] == timedelta(days=60)
    assert second["start_date"] - first["start_date"] == timedelta(days=184)
    days = {row["episode_id"]: row["date"] for row in visits}
    assert days[first["episode_id"]] - first["start_date"] == timedelta(days=7)
    assert days[second["episode_id"]] - second["start_date"] == timedelta(days=1)
    assert days[other["episode_id"]] == other["start_date"]


def test_a_shift_is_secret_bounded_and_never_none(db):
    first, _, other, _ = derived(db, max_shift_days=30)
    moved = [(row["start_date"] - datetime(2026, 3, 2)).days for row in (first, other)]
    assert moved[0] != moved[1]
    assert all(1 <= abs(days) <= 30 for days in moved)
    how = Coarsening(Research(max_shift_days=7), {}, KEY)
    shifts = [how.shift_days(f"p{n}") for n in range(7000)]
    assert set(shifts) == set(range(-7, 8)) - {0}
    # 7000 draws from 14 equally likely days: 500 of each, with a standard deviation of 21.5.
    assert all(abs(shifts.count(days) - 500) < 110 for days in set(shifts))
    assert Coarsening(Research(max_shift_days=7), {}, SecretKey(bytes(range(1, 33)))).shift_days("p1") != (
        how.shift_days("p1")
    )


def test_relative_days_begin_at_day_zero(db):
    first, second, other, _ = derived(db, dates="relative")
    assert first["start_date"].date() == other["start_date"].date() == DAY_ZERO == date(2000, 1, 1)
    assert (second["start_date"].date() - DAY_ZERO).days == 184


def test_ids_are_other_pseudonyms_and_arms_are_words(db):
    first, second, other, visits = derived(db)
    assert first["clinic_id"] == second["clinic_id"] != other["clinic_id"]
    ids = [row[name] for row in (first, other) for name in ("patient_id", "episode_id", "clinic_id")]
    assert all(map(is_pseudonym, ids))
    assert len(set(ids)) == 6
    assert (first["arm"], other["arm"]) == ("A", "B")
    assert {row["therapist_id"] is None for row in visits} == {True, False}


def test_own_columns_are_treated_as_declared(db):
    first, second, other, _ = derived(db)
    assert "referrer" not in first
    # 036 has too few people; four digits are no ZIP code.
    assert [row["postcode"] for row in (first, second, other)] == ["021", "000", "000"]


def test_ages_become_the_middle_of_their_band(db):
    first, second, other, _ = derived(db)
    assert [row["age_years"] for row in (first, second, other)] == [37, 37, 90]
    with duckdb.connect() as plain:
        found = plain.execute(
            f"SELECT {band_sql('a', 20)} FROM (VALUES (0.0), (79.0), (80.0), (89.0), (90.0), (NULL)) t(a)"
        ).fetchall()
    assert [row[0] for row in found] == [9, 69, 84, 84, 90, None]


def test_a_row_that_belongs_to_nobody_is_refused(db):
    db[0].execute("INSERT INTO visits VALUES ('e9', TIMESTAMP '2026-01-01', 'attended', 't1')")
    with pytest.raises(QualityGateError, match="visits"):
        derived(db)


def test_the_lists_of_small_areas_are_dated():
    assert small_areas("all") == small_areas("2000") | small_areas("2010")
    assert "790" in small_areas("2000")
    assert "790" not in small_areas("2010")


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("02139", "021"), ("02139-4307", "021"), ("021394307", "021"), (" 02139 ", "021"), ("82190", "000"),
        ("2139", "000"), ("K1A 0B1", "000"), ("", "000"), ("0213\u0669", "000"), (None, None),
    ],
)  # fmt: skip
def test_zip_codes_become_areas_or_nothing(text, area):
    with duckdb.connect() as plain:
        found = plain.execute(f"SELECT {zip3_sql('t', 'all')} FROM (SELECT ?::VARCHAR AS t)", [text])
        assert found.fetchall() == [(area,)]

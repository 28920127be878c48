"""Tests of cells: one text, one kind of column, one value or none."""

from datetime import date

import duckdb
import pytest

from studypkg.columns import Column
from studypkg.records.cells import Reading, column_checks, row_checks, value_of
from studypkg.schema import TABLES
from studypkg.sources import Scale

PLAIN = Reading({}, {}, {})


def value(kind: str, text: str | None, reading: Reading = PLAIN) -> object:
    sql = value_of(Column("x", kind, "A test."), reading, listed=False)
    with duckdb.connect() as connection:
        return connection.execute(
            f'SELECT {sql} FROM (SELECT CAST(? AS VARCHAR) AS "x") m', [text]
        ).fetchone()[0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7.0),
        ("+7.", 7.0),
        ("-.5", -0.5),
        ("1.5e2", 150.0),
        ("7,5", None),
        ("1,000", None),
        ("1_000", None),
        ("0x10", None),
        ("7/10", None),
        ("7-8", None),
        ("7 8", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("٧", None),
        (None, None),
    ],
)
def test_a_number_is_one_plain_number(text: str | None, number: float | None) -> None:
    assert value("number", text) == number


@pytest.mark.parametrize(("text", "number"), [("7,5", 7.5), ("7", 7.0), ("7.5", None), ("1.000,5", None)])
def test_a_decimal_comma_is_the_only_sign_where_it_is_declared(text: str, number: float | None) -> None:
    assert value("number", text, Reading({}, {"x": ","}, {})) == number


def test_a_scale_changes_the_unit_without_dust() -> None:
    tenth = Reading({}, {}, {"x": Scale(multiply=0.1, add=1)})
    assert value("number", "70", tenth) == 8.0
    assert value("number", "3", Reading({}, {}, {"x": Scale(multiply=0.1)})) == 0.3


@pytest.mark.parametrize(
    ("text", "formats", "day"),
    [
        ("2026-02-28", None, date(2026, 2, 28)),
        ("2026-02-28 23:59:59", None, date(2026, 2, 28)),
        ("2026-02-28T08:00:00", None, date(2026, 2, 28)),
        ("2026-02-30", None, None),
        ("28.02.2026", None, None),
        ("28.2.2026", ("%d.%m.%Y",), date(2026, 2, 28)),
        ("28.2.26", ("%d.%m.%Y",), None),
        ("2/28/2026", ("%m/%d/%Y",), date(2026, 2, 28)),
        ("28/2/2026", ("%m/%d/%Y",), None),
        ("1899-12-31", None, None),
        ("infinity", None, None),
        ("epoch", None, None),
        ("9999-12-31", None, None),
        ("Jan 5, 2026", ("%b %d, %Y",), date(2026, 1, 5)),
        ("46000", None, None),
    ],
)
def test_a_day_is_read_in_its_format_only(
    text: str, formats: tuple[str, ...] | None, day: date | None
) -> None:
    assert value("date", text, Reading({"x": formats} if formats else {}, {}, {})) == day


@pytest.mark.parametrize(
    ("text", "years"), [("45", 45.0), ("90+", 90.0), ("90 +", 90.0), ("89+", None), ("104", 104.0)]
)
def test_an_age_may_be_given_as_90_plus(text: str, years: float | None) -> None:
    assert value("age", text) == years


def test_a_key_stays_text() -> None:
    assert value("id", "007") == "007"


def test_the_checks_of_a_column_follow_from_its_declaration() -> None:
    def rules(**declared: object) -> list[str]:
        column = Column("x", meaning="A test.", **declared)
        return [check.rule for check in column_checks(column, listed=declared["kind"] in ("code", "flag"))]

    assert rules(kind="id") == []
    assert rules(kind="id", required=True) == ["REQUIRED_MISSING"]
    assert rules(kind="date") == ["NOT_A_DATE"]
    assert rules(kind="number") == ["NOT_A_NUMBER"]
    assert rules(kind="number", minimum=0) == ["NOT_A_NUMBER", "OUT_OF_RANGE"]
    assert rules(kind="age") == ["NOT_A_NUMBER", "NOT_AN_INTEGER", "OUT_OF_RANGE"]
    assert rules(kind="flag") == ["UNKNOWN_TERM"]


def test_the_checks_of_a_row_follow_from_its_table() -> None:
    def rules(table: str, cutoff: date | None = None) -> list[tuple[str, str]]:
        return [
            (check.rule, check.column) for check in row_checks(TABLES[table], {"nprs": (0, 10)}, cutoff, {})
        ]

    assert rules("episodes", date(2026, 1, 1)) == [
        ("WRONG_ORDER", "start_date, end_date"),
        ("FUTURE_DATE", "start_date"),
        ("FUTURE_DATE", "end_date"),
    ]
    episode = [
        ("UNKNOWN_EPISODE", "episode_id"),
        ("EPISODE_QUARANTINED", "episode_id"),
        ("BEFORE_EPISODE", "date"),
    ]
    late = ("SCORE_AFTER_DISCHARGE", "date")
    assert rules("assessments") == [("SCORE_OUT_OF_RANGE", "score"), *episode, late]
    assert rules("visits") == [*episode, ("AFTER_EPISODE", "date")]
    assert ("FUTURE_DATE", "valid_to") not in rules("prescriptions", date(2026, 1, 1))

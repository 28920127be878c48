"""Instants become the day on the clinic's wall; what is no exact day stays in sight."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from studypkg.errors import ConfigError
from studypkg.records.fhir.instants import make_instant_macros


def days(texts, zone):
    with duckdb.connect() as connection:
        make_instant_macros(connection, zone)
        return [connection.execute("SELECT fhir_day(?)", [text]).fetchone()[0] for text in texts]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-09", "2026-03-09"),
        ("2026-03-09T03:59:59Z", "2026-03-08"),  # a minute before midnight in New York
        ("2026-03-09T04:00:00Z", "2026-03-09"),
        ("2026-03-08T02:30:00-05:00", "2026-03-08"),  # in the hour that the clocks leave out
        ("2026-11-01T05:30:00Z", "2026-11-01"),  # in the hour that comes twice
        ("2026-11-02T04:30:00.123456789Z", "2026-11-01"),
        ("2026-01-01T10:00:00+14:00", "2025-12-31"),
        ("2026-06-30T23:59:60Z", "2026-06-30"),  # a leap second
        ("2026-03-09T03:59Z", "2026-03-08"),
        ("2026-05", "2026-05"),  # too coarse: stays, and is no day
        ("2026", "2026"),
        ("2026-05-03T10:00:00", "2026-05-03 without an offset"),
        ("2026-02-30T10:00:00Z", "no such instant"),
        ("Mary, on Monday", "no date"),
        (None, None),
    ],
)
def test_day_of_the_clinic(text, day):
    assert days([text], "America/New_York") == [day]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Apia", "UTC"])
def test_days_are_those_of_the_zone_database_of_python(zone):
    start = datetime(2011, 12, 25, 0, 7, tzinfo=ZoneInfo("UTC"))
    moments = [start + timedelta(hours=7 * n) for n in range(200)]
    moments += [datetime(2026, 3, 7, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=37 * n) for n in range(200)]
    expected = [moment.astimezone(ZoneInfo(zone)).date().isoformat() for moment in moments]
    assert days([moment.isoformat() for moment in moments], zone) == expected


def test_an_instant_without_a_declared_zone_is_asked_about(read, make):
    with pytest.raises(ConfigError, match=r"Declare timezone ="):
        read("assessments", [*make.care, make.pain(1, "2026-01-05T09:00:00-05:00", 5)], timezone=None)


def test_days_alone_need_no_zone(read, make):
    found = read("assessments", [*make.care, make.pain(1, "2026-01-05", 5)], timezone=None)
    assert [row["date"] for row in found.rows] == ["2026-01-05"]


def test_days_written_as_midnight_in_greenwich_are_not_shifted_silently(read, make):
    scores = [make.pain(n, f"2026-01-{n + 10}T00:00:00.000Z", 5) for n in range(10)]
    with pytest.raises(ConfigError, match=r"all 10 instants are exactly midnight in Greenwich"):
        read("assessments", [*make.care, *scores])
    found = read("assessments", [*make.care, *scores], timezone="UTC")
    assert found.rows[0]["date"] == "2026-01-10"


def test_a_period_of_one_day_is_that_day_and_a_longer_one_is_not_guessed_at(read, make):
    short, long = make.pain(1, None, 5), make.pain(2, None, 5)
    short["effectivePeriod"] = {"start": "2026-01-12T09:00:00-05:00", "end": "2026-01-12T17:00:00-05:00"}
    long["effectivePeriod"] = {"start": "2026-01-12T09:00:00-05:00", "end": "2026-01-19T17:00:00-05:00"}
    rows = read("assessments", [*make.care, short, long]).rows
    assert [row["date"] for row in rows] == ["2026-01-12", "2026-01-12 to 2026-01-19"]

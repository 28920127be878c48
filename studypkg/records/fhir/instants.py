"""FHIR dates and instants as the clinic's local days, in SQL; what is no exact day stays as it is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb

from studypkg.errors import ConfigError
from studypkg.records.fhir.reading import Reading
from studypkg.records.fhir.shapes import SHAPES
from studypkg.records.quoting import ident, literal

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
#: Columns of the tables of resources that hold days.
_DAYS = ("day", "issued", "starts", "ends", "onset", "recorded", "abated")
_OFFSET = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"

#: What stands for the day of an instant as long as no zone is declared.
NO_ZONE = "no zone"
#: So many instants, each of them exactly midnight in Greenwich, are days that were written as instants.
MANY_MIDNIGHTS = 10
#: SQL that is true of a text `t` that is an instant: a day, a time and its distance from Greenwich.
_IS_INSTANT = f"regexp_full_match(t, '{_DAY}{_TIME}{_OFFSET}')"


def make_instant_macros(connection: duckdb.DuckDBPyConnection, zone: str | None) -> None:
    """Make the SQL macros of time: `fhir_day`, `fhir_period(start, end)`, `fhir_midnight`, `fhir_date`.

    Parameters
    ----------
    connection
        Where they are made.
    zone
        The clinic's time zone. Without one an instant has no local day: the reader asks for it.

    Notes
    -----
    `fhir_day` gives YYYY-MM-DD for a date and for an instant. A year, a month, or a time without an
    offset is given back so that it is no day, and the screening sets the row aside with the reason in
    sight: the date of an assessment is never made up. An instant in the hour that a change of clocks
    repeats or leaves out is exact, because its offset says which moment is meant. A leap second
    belongs to the second before it.
    """
    local = f"{literal(NO_ZONE)}"
    if zone is not None:
        moment = "try_cast(regexp_replace(t, ':60([.Z+-])', ':59\\1') AS TIMESTAMPTZ)"
        local = f"strftime({moment} AT TIME ZONE {literal(zone)}, '%Y-%m-%d')"
    connection.execute(
        f"""CREATE OR REPLACE TEMP MACRO fhir_day(t) AS CASE
        WHEN t IS NULL THEN NULL
        WHEN regexp_full_match(t, '{_DAY}') THEN t
        WHEN {_IS_INSTANT} THEN coalesce({local}, 'no such instant')
        WHEN regexp_full_match(t, '[0-9]{{4}}(-[0-9]{{2}})?') THEN t
        WHEN regexp_full_match(t, '{_DAY}{_TIME}') THEN left(t, 10) || ' without an offset'
        ELSE 'no date' END"""
    )
    connection.execute(
        """CREATE OR REPLACE TEMP MACRO fhir_period(a, b) AS CASE
        WHEN a IS NULL OR b IS NULL OR fhir_day(a) = fhir_day(b) THEN fhir_day(coalesce(a, b))
        ELSE fhir_day(a) || ' to ' || fhir_day(b) END"""
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO fhir_midnight(t) AS CASE WHEN {_IS_INSTANT} "
        f"THEN regexp_matches(t, 'T00:00:00([.]0+)?(Z|[+]00:00)$') END"
    )
    connection.execute("CREATE OR REPLACE TEMP MACRO fhir_date(t) AS try_cast(t AS DATE)")


def check_instants(reading: Reading, kinds: Iterable[str]) -> list[str]:
    """Ask for the clinic's zone where instants have no local day yet, and notice days written as instants.

    Returns
    -------
    list of str
        A note, if a few instants are all midnight in Greenwich.

    Raises
    ------
    ConfigError
        If an instant was read and no zone is declared; or if every instant is exactly midnight in
        Greenwich and the declared zone would put them all on the day before.
    """
    zone = reading.options.timezone
    instants = midnights = 0
    for kind in kinds:
        table = ident(reading.table(kind))
        instants += reading.number(f"SELECT count(midnight) FROM {table}")
        midnights += reading.number(f"SELECT count(*) FROM {table} WHERE midnight")
        if zone is None:
            days = [name for name in _DAYS if name in SHAPES[kind].columns]
            test = " OR ".join(f"{name} = {literal(NO_ZONE)}" for name in days)
            if days and reading.number(f"SELECT count(*) FROM {table} WHERE {test}"):
                raise ConfigError(
                    f"{reading.place}: the export holds instants, and nothing says on which day of the "
                    f"clinic they "
                    f'fell. Declare timezone = "America/New_York", or the zone of the clinic, under '
                    f"[sources.fhir]."
                )
    behind = zone is not None and any(
        datetime(2026, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).day != 1 for month in (1, 7)
    )
    if not behind or not instants or midnights < instants:
        return []
    if instants >= MANY_MIDNIGHTS:
        raise ConfigError(
            f"{reading.place}: all {instants} instants are exactly midnight in Greenwich, so they are "
            f"days that were "
            f"written as instants, and in {zone} they would fall on the day before. Declare timezone = "
            f'"UTC" under '
            f"[sources.fhir] to take the days as they are written."
        )
    return [f"all {instants} instant(s) are exactly midnight in Greenwich: check that they are no mere days"]

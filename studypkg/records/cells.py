"""One text cell becomes one typed value, or fails a rule: the SQL of every kind of column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from studypkg.columns import TOP_AGE_YEARS, Column, Table
from studypkg.records.quoting import ident, literal
from studypkg.records.rules import Check
from studypkg.sources import Scale

#: Nobody older is believed: 999 is a code for "missing", not an age.
OLDEST_YEARS = 120
#: An earlier day is a two-digit year or a slip; a later one, such as 9999-12-31, stands for "open".
FIRST_DAY, LAST_DAY = "1900-01-01", "2199-12-31"
#: Ways to write a day that mean the same day everywhere.
ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
#: Words of a yes-or-no column, normalised.
FLAG_WORDS: Mapping[str, str] = {
    "yes": "yes",
    "true": "yes",
    "1": "yes",
    "no": "no",
    "false": "no",
    "0": "no",
}

#: Words that are compared one by one, in the statement that reads a closed list.
_COMPARED = 12

_DIGITS = r"(\d+{sign}?\d*|{sign}\d+)([eE][+-]?\d+)?"


@dataclass(frozen=True)
class Reading:
    """How the texts of one source are to be read.

    Parameters
    ----------
    date_formats
        For each date column its strptime formats; any of them will do.
    decimals
        For each numeric column its decimal sign.
    scale
        For each numeric column the change of unit.
    """

    date_formats: Mapping[str, tuple[str, ...]]
    decimals: Mapping[str, str]
    scale: Mapping[str, Scale]


def text_of(column: Column) -> str:
    """Write the SQL of the cell as text, with the default of the column where it is missing."""
    cell = f"m.{ident(column.name)}"
    return cell if column.default is None else f"coalesce({cell}, {literal(column.default)})"


def value_of(column: Column, reading: Reading, *, listed: bool) -> str:
    """Write the SQL of the typed value of a cell; NULL where the text is none.

    Parameters
    ----------
    column
        The column.
    reading
        How this source writes dates and numbers.
    listed
        Whether the column has a closed list, whose meaning then stands in `_w_COLUMN`.`id`.
    """
    text = text_of(column)
    if column.kind == "date":
        formats = ", ".join(literal(form) for form in reading.date_formats.get(column.name, ISO_FORMATS))
        day = f"CAST(try_strptime({text}, [{formats}]) AS DATE)"
        # Words such as "infinity" are special to the database; every day has a digit.
        held = f"regexp_matches({text}, '[0-9]') AND {day} BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'"
        return f"CASE WHEN {held} THEN {day} END"
    if column.kind in ("number", "integer"):
        return _number(column, text, reading)
    if column.kind == "age":
        top = f"regexp_full_match({text}, '{TOP_AGE_YEARS} ?[+]')"
        return f"CASE WHEN {top} THEN {TOP_AGE_YEARS}::DOUBLE ELSE {_number(column, text, reading)} END"
    return f"{ident('_w_' + column.name)}.id" if listed else text


def quick_values(column: Column, reading: Reading) -> tuple[str, ...]:
    """List cheaper ways to write `value_of`, the cheapest first, that agree with it on most columns.

    Notes
    -----
    They accept more than the rules do, such as `1_000` or a day of the year 9999. Only who has compared
    them with `value_of` on every different text of a column may use one in its place.
    """
    text = text_of(column)
    if column.kind == "date":
        form = reading.date_formats.get(column.name, ISO_FORMATS)[0]
        day = f"CAST(try_strptime({text}, {literal(form)}) AS DATE)"
        day = f"TRY_CAST({text} AS DATE)" if form == ISO_FORMATS[0] else day
        return day, f"CASE WHEN {day} BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}' THEN {day} END"
    if column.kind in ("number", "integer", "age"):
        sign = reading.decimals.get(column.name, ".")
        plain = text if sign == "." else f"replace({text}, {literal(sign)}, '.')"
        return (_scaled(column, f"TRY_CAST({plain} AS DOUBLE)", reading),)
    return ()


def word_value(text: str, known: Mapping[str, str], kind: str) -> str:
    """Write the SQL of a word's meaning where all known words fit into the statement.

    Parameters
    ----------
    text
        SQL of the word.
    known
        The words of the column that mean something, and what.
    kind
        Type of the meaning.

    Examples
    --------
    >>> word_value("m.role", {"intake": "intake", "D/C": "discharge"}, "VARCHAR")
    "CASE WHEN m.role = 'D/C' THEN 'discharge'::VARCHAR WHEN m.role = 'intake' THEN 'intake'::VARCHAR END"
    """
    written = dict(known)
    cases = []
    if len(known) > _COMPARED:
        # Words that mean themselves are looked up together instead of being compared one by one.
        same = sorted(word for word, meaning in known.items() if word == meaning)
        written = {word: meaning for word, meaning in known.items() if word != meaning}
        cases += [f"WHEN {text} IN ({', '.join(map(literal, same))}) THEN {text}::{kind}"] * bool(same)
    cases += [
        f"WHEN {text} = {literal(word)} THEN {literal(meaning)}::{kind}"
        for word, meaning in sorted(written.items())
    ]
    return f"CASE {' '.join(cases)} END" if cases else f"NULL::{kind}"


def _number(column: Column, text: str, reading: Reading) -> str:
    sign = reading.decimals.get(column.name, ".")
    pattern = "[+-]?" + _DIGITS.replace("{sign}", f"[{sign}]")
    plain = text if sign == "." else f"replace({text}, {literal(sign)}, '.')"
    number = f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN TRY_CAST({plain} AS DOUBLE) END"
    return _scaled(column, number, reading)


def _scaled(column: Column, number: str, reading: Reading) -> str:
    scale = reading.scale.get(column.name)
    if scale is None:
        return number
    # Nine decimals hide the dust of binary fractions: 70 × 0.1 is 7, not 7.000000000000001.
    return f"round(({number}) * {scale.multiply!r}::DOUBLE + {scale.add!r}::DOUBLE, 9)"


def stored(column: Column) -> str:
    """Write the SQL of the value as it is kept: ages over 89 become one group, days become timestamps."""
    value = ident(column.name)
    if column.kind == "age":
        # Not `least`: that skips a missing age and would make everyone without one 90.
        return f"CASE WHEN {value} > {TOP_AGE_YEARS} THEN {TOP_AGE_YEARS} ELSE {value} END"
    return f"CAST({value} AS TIMESTAMP)" if column.kind == "date" else value


def column_checks(column: Column, *, listed: bool) -> list[Check]:
    """List the rules that look at one cell; conditions name the text `_t_COLUMN` and the value `COLUMN`."""
    name, text, value = column.name, ident("_t_" + column.name), ident(column.name)
    checks = []
    if column.required:
        checks.append(Check("REQUIRED_MISSING", name, f"{text} IS NULL"))
    unread = f"{text} IS NOT NULL AND {value} IS NULL"
    if column.kind == "date":
        checks.append(Check("NOT_A_DATE", name, unread))
    elif column.kind in ("number", "integer", "age"):
        finite = f"coalesce(isfinite({value}), false)"
        checks.append(Check("NOT_A_NUMBER", name, f"{text} IS NOT NULL AND NOT {finite}"))
        if column.kind != "number":
            checks.append(Check("NOT_AN_INTEGER", name, f"{finite} AND {value} <> floor({value})"))
        low = column.minimum
        high = OLDEST_YEARS if column.kind == "age" else column.maximum
        outside = [f"{value} < {low!r}"] if low is not None else []
        outside += [f"{value} > {high!r}"] if high is not None else []
        if outside:
            checks.append(Check("OUT_OF_RANGE", name, f"{finite} AND ({' OR '.join(outside)})"))
    elif listed:
        checks.append(Check("UNKNOWN_TERM", name, unread))
    return checks


def row_checks(
    table: Table,
    ranges: Mapping[str, tuple[float, float]],
    cutoff: date | None,
    in_force: Mapping[str, Mapping[str, tuple[str | None, str | None]]],
) -> list[Check]:
    """List the rules that look at more than one cell, or at the cut-off.

    Parameters
    ----------
    table
        The table.
    ranges
        Lowest and highest score of each instrument.
    cutoff
        Last day that a row may carry.
    in_force
        For each column the codes that hold for a time only: first and last day.

    Notes
    -----
    The cut-off holds for the day on which a row happened and for the end of an episode. The last day
    of a prescription may lie ahead: it is a plan. `_c_COLUMN` is the normalised code of a cell, where it
    is one that holds for a time only.
    """
    checks = [
        Check("WRONG_ORDER", f"{order.low}, {order.high}", f"{ident(order.low)} > {ident(order.high)}")
        for order in table.orders
    ]
    for name, codes in in_force.items():
        if name in table.column_names and table.event_date is not None and codes:
            cases = [
                f"WHEN {literal(code)} THEN {_outside(ident(table.event_date), *days)}"
                for code, days in sorted(codes.items())
            ]
            code = f"CASE {ident('_c_' + name)} {' '.join(cases)} ELSE false END"
            checks.append(Check("CODE_NOT_IN_FORCE", name, code))
    if {"instrument", "score"} <= set(table.column_names) and ranges:
        cases = " ".join(
            f"WHEN {literal(name)} THEN score < {low!r} OR score > {high!r}"
            for name, (low, high) in sorted(ranges.items())
        )
        checks.append(Check("SCORE_OUT_OF_RANGE", "score", f"CASE instrument {cases} ELSE false END"))
    if cutoff is not None and table.event_date is not None:
        days = [table.event_date]
        if table.parent is None:
            days += [order.high for order in table.orders if order.low == table.event_date]
        checks += [Check("FUTURE_DATE", day, f"{ident(day)} > DATE '{cutoff.isoformat()}'") for day in days]
    if table.parent is not None:
        checks += _episode_checks(table)
    return checks


def _outside(day: str, since: str | None, until: str | None) -> str:
    """Write SQL that is true for a day before or after a code was in force."""
    before = [f"{day} < DATE {literal(since)}"] if since else []
    after = [f"{day} > DATE {literal(until)}"] if until else []
    return " OR ".join([*before, *after]) or "false"


def _episode_checks(table: Table) -> list[Check]:
    """List the rules about the row's episode; `_e_…` come from the accepted episodes."""
    unknown = "_t_episode_id IS NOT NULL AND NOT _e_known"
    checks = [
        Check("UNKNOWN_EPISODE", "episode_id", f"{unknown} AND NOT _e_bad"),
        Check("EPISODE_QUARANTINED", "episode_id", f"{unknown} AND _e_bad"),
    ]
    if table.event_date is not None:
        day = ident(table.event_date)
        before = f"{day} < _e_start - {table.lead_days}"
        checks.append(Check("BEFORE_EPISODE", table.event_date, before))
        if not table.after_end:
            checks.append(Check("AFTER_EPISODE", table.event_date, f"{day} > _e_end"))
        elif table.late is not None and "SCORE_AFTER_DISCHARGE" not in table.waived:
            column, words = table.late
            early = f"{ident(column)} NOT IN ({', '.join(map(literal, words))})"
            checks.append(Check("SCORE_AFTER_DISCHARGE", table.event_date, f"{day} > _e_end AND {early}"))
    return checks

"""The order of a column's dates and the sign of its decimals: read off all its values, or asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from studypkg.records.quoting import ident, literal

#: How a day may go on, as the strptime pattern of the rest and the texts it fits.
_TAILS = {
    "": "",
    "%H:%M": r"[ T][0-9]{1,2}:[0-9]{2}",
    "%H:%M:%S": r"[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}",
    "%H:%M:%S.%f": r"[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}[.][0-9]{1,6}",
    "%I:%M %p": r"[ T][0-9]{1,2}:[0-9]{2} [AaPp][Mm]",
    "%I:%M:%S %p": r"[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2} [AaPp][Mm]",
}
_PARTS = r"^([0-9]{1,4})([-/.])([0-9]{1,2})([-/.])([0-9]{1,4})(.*)$"
_ISO = ("%Y-%m-%d",)


@dataclass(frozen=True)
class DateOrder:
    """A column writes its dates in one order.

    Parameters
    ----------
    order
        Year-month-day, day-month-year or month-day-year.
    formats
        strptime patterns for the separators and times of day that occur; any of them will do.
    """

    order: Literal["ymd", "dmy", "mdy"]
    formats: tuple[str, ...]


@dataclass(frozen=True)
class DecimalSign:
    """A column writes its decimals with one sign."""

    sign: Literal[".", ","]


@dataclass(frozen=True)
class Ambiguous:
    """The values do not settle the question; the study has to declare the answer.

    Parameters
    ----------
    reason
        One sentence with counts and without values, such as "412 dates, and no day of them is above 12".
    candidates
        What may be declared: strptime patterns, or decimal signs. Empty if the file itself has to change.
    """

    reason: str
    candidates: tuple[str, ...]


def detect_date_order(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    column: str,
    *,
    missing: Iterable[str] = (),
    texts: str | None = None,
) -> DateOrder | Ambiguous:
    """Find the order in which a text column writes its dates.

    Parameters
    ----------
    connection, relation
        Where the column is.
    column
        Its name.
    missing
        Words that are no dates but mean "not recorded"; blanks always are.
    texts
        SQL of the column's different texts with their number `n`, where they are counted already.

    Returns
    -------
    DateOrder or Ambiguous
        An order only if the values leave no other: at least one day above 12 and none that speaks for
        the other order. Dots are written between day, month and year in this order, unless a value says
        otherwise.

    Notes
    -----
    The way of writing that most values share decides. A value that does not fit it is not a question
    but a fault, and the screening finds it. A column without any date has nothing to decide and counts
    as ISO. A day above 12 in both places means that two orders are mixed: that is always asked.
    """
    tails = " ".join(
        f"WHEN regexp_full_match(p.tail, {literal(pattern)}) THEN substr(p.tail, 1, 1) || {literal(form)}"
        for form, pattern in _TAILS.items()
    )
    groups = connection.execute(
        f"""WITH v AS ({_values(relation, column, missing, texts)}),
        s AS (SELECT n, t, regexp_extract(t, '{_PARTS}', ['a', 's', 'b', 'z', 'c', 'tail']) AS p FROM v),
        k AS (SELECT n, p.s AS sign, CASE {tails} END AS tail,
            try_cast(p.a AS INTEGER) AS a, try_cast(p.b AS INTEGER) AS b, CASE
            WHEN regexp_full_match(t, '(19|20)[0-9]{{6}}') THEN 'compact'
            WHEN regexp_full_match(t, '[2-7][0-9]{{4}}([.][0-9]+)?') THEN 'serial'
            WHEN p.s <> p.z OR p.a = '' THEN 'other'
            WHEN length(p.a) = 4 AND length(p.c) <= 2 THEN 'ymd'
            WHEN length(p.a) <= 2 AND length(p.c) = 4 THEN 'day'
            WHEN length(p.a) <= 2 AND length(p.c) <= 2 THEN 'short'
            ELSE 'other' END AS shape FROM s)
        SELECT shape, sign, tail, sum(n)::BIGINT,
            coalesce(sum(n) FILTER (WHERE a BETWEEN 13 AND 31 AND b BETWEEN 1 AND 12), 0)::BIGINT,
            coalesce(sum(n) FILTER (WHERE b BETWEEN 13 AND 31 AND a BETWEEN 1 AND 12), 0)::BIGINT
        FROM k WHERE shape <> 'other' AND (tail IS NOT NULL OR shape IN ('compact', 'serial'))
        GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    counts: dict[str, int] = {}
    for shape, _, _, number, *_ in groups:
        counts[shape] = counts.get(shape, 0) + number
    if not counts:
        return DateOrder("ymd", _ISO)
    shape = max(counts, key=lambda name: (counts[name], name))
    kept = [group for group in groups if group[0] == shape]
    if shape == "ymd":
        return DateOrder("ymd", _formats(kept, "Ymd"))
    if shape == "short":
        return Ambiguous(f"{counts[shape]} dates have a year of two digits. Export four digits", ())
    if shape == "serial":
        return Ambiguous(
            f"{counts[shape]} values look like Excel's day numbers. Format the cells as dates",
            (),
        )
    if shape == "compact":
        return Ambiguous(f"{counts[shape]} values are eight digits without a separator", ("%Y%m%d",))
    return _day_order(kept, counts[shape])


def _day_order(groups: list[Any], number: int) -> DateOrder | Ambiguous:
    day_first = sum(group[4] for group in groups)
    month_first = sum(group[5] for group in groups)
    both = (*_formats(groups, "dmY"), *_formats(groups, "mdY"))
    if day_first and month_first:
        return Ambiguous(
            f"two orders are mixed: {day_first} dates can only be day-month-year and {month_first} only "
            f"month-day-year",
            both,
        )
    if day_first:
        return DateOrder("dmy", _formats(groups, "dmY"))
    if month_first:
        return DateOrder("mdy", _formats(groups, "mdY"))
    if all(group[1] == "." for group in groups):
        return DateOrder("dmy", _formats(groups, "dmY"))
    return Ambiguous(
        f"{number} dates, and neither their first nor their second number is ever above 12", both
    )


def _formats(groups: list[Any], order: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(sign.join(f"%{part}" for part in order) + tail for _, sign, tail, *_ in groups)
    )


def detect_decimal(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    column: str,
    *,
    missing: Iterable[str] = (),
    texts: str | None = None,
) -> DecimalSign | Ambiguous:
    """Find the sign with which a text column writes its decimals.

    Parameters
    ----------
    connection, relation
        Where the column is.
    column
        Its name.
    missing
        Words that are no numbers but mean "not recorded".
    texts
        SQL of the column's different texts with their number `n`, where they are counted already.

    Returns
    -------
    DecimalSign or Ambiguous
        A sign only if the values leave no other. A column of whole numbers counts as written with a
        point. If every sign has exactly three digits behind it, it may part thousands: that is asked.

    Notes
    -----
    Thousands are never put together again. Where "1.234,5" occurs the answer is `Ambiguous`, and the
    marks have to go in the export.
    """
    whole, tail = "[+-]?[0-9]", "([eE][+-]?[0-9]+)?"
    row = connection.execute(
        f"""WITH v AS ({_values(relation, column, missing, texts)}), k AS (SELECT n, t,
            contains(t, '.') AND contains(t, ',') AS mixed,
            regexp_full_match(t, '[+-]?[1-9][0-9]{{0,2}}([.][0-9]{{3}})+') AS points,
            regexp_full_match(t, '[+-]?[1-9][0-9]{{0,2}}([,][0-9]{{3}})+') AS commas,
            regexp_full_match(t, '({whole}*[.][0-9]+|{whole}+[.]){tail}') AS point,
            regexp_full_match(t, '({whole}*[,][0-9]+|{whole}+[,]){tail}') AS comma FROM v)
        SELECT coalesce(sum(n) FILTER (WHERE mixed AND regexp_full_match(t, '{whole}[0-9.,]*')), 0)::BIGINT,
            coalesce(sum(n) FILTER (WHERE points), 0)::BIGINT,
            coalesce(sum(n) FILTER (WHERE commas), 0)::BIGINT,
            coalesce(sum(n) FILTER (WHERE point AND NOT points), 0)::BIGINT,
            coalesce(sum(n) FILTER (WHERE comma AND NOT commas), 0)::BIGINT FROM k"""
    ).fetchone()
    both, points, commas, point, comma = row or (0, 0, 0, 0, 0)
    if both:
        return Ambiguous(
            f"{both} numbers hold a point and a comma. Export numbers without thousands marks", ()
        )
    if (point or points) and (comma or commas):
        return Ambiguous(f"{point + points} numbers hold a point and {comma + commas} a comma", (".", ","))
    if (points and not point) or (commas and not comma):
        sign = "point" if points else "comma"
        return Ambiguous(
            f"{points or commas} numbers hold a {sign} before exactly three digits, and none shows whether "
            f"it marks decimals or thousands",
            (".", ","),
        )
    return DecimalSign("," if comma else ".")


def _values(relation: str, column: str, missing: Iterable[str], texts: str | None) -> str:
    words = ", ".join(literal(word) for word in sorted({"", *(word.strip() for word in missing)}))
    count = "count(*)" if texts is None else "sum(n)"
    # Equal cells are put together before they are trimmed: there are few different ones.
    return (
        f"SELECT * FROM (SELECT trim(coalesce(cell, '')) AS t, n FROM "
        f"(SELECT {ident(column)} AS cell, {count} AS n FROM {texts or ident(relation)} GROUP BY ALL)) "
        f"WHERE t NOT IN ({words})"
    )

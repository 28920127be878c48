"""Which days are births? Columns whose days lie long before the care, or over more years than any care."""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

import duckdb

#: A date this many years before the newest date of the file is a birth, not an event of care.
BIRTH_YEARS = 15
#: Days of care do not lie over so many years; births do.
BIRTH_SPREAD = 35

#: Nobody in care was born so early; such days stand for an empty cell.
_FILLER = 1900

_MONTHS = (
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|ene|abr|ago|dic|janv|févr|avr|juin|juil|août|déc"
    r"|gen|mag|giu|lug|set|ott)[\p{L}.]*"
)
#: A day in words.
IN_WORDS = (
    rf"(?i)\d{{1,2}}(st|nd|rd|th|\.|º)?( de)? {_MONTHS},?( de)? \d{{4}}|{_MONTHS} \d{{1,2}}(st|nd|rd|th)?,? \d{{4}}"
    r"|\d{4}年\d{1,2}月\d{1,2}日"
)
#: A day by figures, or with a short month, whole cell.
SHAPE = (
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}( \d{2}:\d{2}.*)?|\d{2}[-.]\d{2}[-.]\d{2}|\d{1,2}/\d{1,2}/\d{2}|\d{4}[/.]\d{1,2}[/.]\d{1,2}"
    r"|(19|20)\d{6}|\d{1,2}[- ]\p{L}{3}[- ]\d{4}"
)
_FORMATS = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d-%b-%Y", "%d %b %Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
    "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%Y年%m月%d日",
)  # fmt: skip


def parsed(cell: str) -> str:
    """Write the SQL that reads a text as a day, whichever way it is written; empty where it is none."""
    return f"try_strptime({cell}, [{', '.join(_text(one) for one in _FORMATS)}])"


def years(connection: duckdb.DuckDBPyConnection, texts: str) -> tuple[int, int, int] | None:
    """Give early year, late year and cells of a column of days; None if most of it is none.

    Parameters
    ----------
    connection
        Holds the texts.
    texts
        A relation of (v, n).
    """
    found = connection.execute(
        "SELECT quantile_disc(y, 0.05), quantile_disc(y, 0.98), coalesce(sum(n) FILTER (WHERE y IS NOT NULL), 0)::BIGINT, "
        f"coalesce(sum(n), 0)::BIGINT FROM (SELECT n, CASE WHEN y > {_FILLER} AND y < 2100 THEN y END AS y "
        f"FROM (SELECT n, year({parsed('trim(v)')}) AS y FROM {texts}))"
    ).fetchone()
    if found is None or found[0] is None or found[2] <= 0.5 * found[3]:
        return None
    return int(found[0]), int(found[1]), int(found[2])


def births(columns: dict[str, tuple[int, int, int]]) -> dict[str, int]:
    """Tell the columns of births among the columns of days of one file.

    Parameters
    ----------
    columns
        Early year, late year and cells of each.

    Returns
    -------
    dict of str to int
        Cells of each column of births.

    Examples
    --------
    >>> births({"seen": (2024, 2026, 90), "b": (1941, 2001, 90), "onset": (2019, 2026, 90)})
    {'b': 90}
    """
    newest = max((late for _, late, _ in columns.values()), default=0)
    return {
        name: cells
        for name, (early, late, cells) in columns.items()
        if late < newest - BIRTH_YEARS or late - early >= BIRTH_SPREAD
    }


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

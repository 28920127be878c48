"""Three facts of a column that show no value of it: its kind, its range, and the share that is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb

from studypkg.records.dates import Ambiguous, DateOrder, DecimalSign, detect_date_order, detect_decimal
from studypkg.records.proposal.wordings import NOT_RECORDED, YES_NO
from studypkg.records.quoting import ident, literal

Kind = Literal["empty", "number", "whole number", "day", "yes or no", "words", "many words", "free text"]

#: A bound of a range is shown only if so many rows lie at it or beyond.
ROWS_BEHIND_A_BOUND = 11
#: A column is a number or a day if so large a share of its filled cells is.
SHARE = 0.6
#: More different words than this, or in a small file than half of the cells, are no closed list.
MOST_WORDS = 60
#: A cell with so many words is a sentence, and a column with so many of them free text.
SENTENCE_WORDS = 5
SENTENCE_SHARE = 0.2
#: What stands in place of a range that would show single rows.
TOO_FEW = "too few rows to say"

_NUMBER = r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?"
_WHOLE = r"[+-]?[0-9]+"
_DAY = r"[0-9]{1,4}(-[0-9]{1,2}-|/[0-9]{1,2}/|[.][0-9]{1,2}[.])[0-9]{1,4}([ T].*)?"
_COMPACT = "(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"


@dataclass(frozen=True)
class Facts:
    """What may be said of a column, and what only the proposal uses.

    Parameters
    ----------
    column
        Its name.
    kind
        What most of its cells are.
    range
        Numbers: bounds on a coarse grid; days: months. Words: how many different ones. Never a value.
    missing
        Share of the rows that are blank or hold a word for "not recorded", such as ``"3 %"``.
    filled, different, odd
        Filled cells, different texts in them, and filled cells that are not of the kind.
    low, high
        Bounds of the numbers, for comparing with a scale. They are not shown.
    order, sign
        How days and numbers are written; None for other kinds.
    blanks
        Words for "not recorded" that occur, of those that are declared in `wordings.NOT_RECORDED`.
    """

    column: str
    kind: Kind
    range: str
    missing: str
    filled: int
    different: int = 0
    odd: int = 0
    low: float = field(default=math.nan, repr=False)
    high: float = field(default=math.nan, repr=False)
    order: DateOrder | Ambiguous | None = None
    sign: DecimalSign | Ambiguous | None = None
    blanks: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.kind in ("number", "whole number")


def facts_of(connection: duckdb.DuckDBPyConnection, relation: str, column: str, n_rows: int) -> Facts:
    """Look at a column.

    Parameters
    ----------
    connection, relation
        Where it is, as text.
    column
        Its name.
    n_rows
        Rows of the relation.
    """
    blank = ", ".join(literal(word) for word in ("", *NOT_RECORDED))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _cells AS SELECT t, sum(n)::BIGINT AS n FROM ("
        f"SELECT trim({ident(column)}) AS t, count(*) AS n FROM {ident(relation)} GROUP BY ALL) GROUP BY t"
    )
    words = "length(t) - length(replace(t, ' ', '')) + 1"
    yes_no = ", ".join(literal(w) for both in YES_NO.values() for w in (*both, "yes", "no", "true", "false"))
    row = (
        connection.execute(
            f"""SELECT coalesce(sum(n), 0)::BIGINT, count(*),
            {
                ", ".join(
                    f"coalesce(sum(n) FILTER (WHERE {test}), 0)::BIGINT"
                    for test in (
                        f"regexp_full_match(t, '{_NUMBER}')",
                        f"regexp_full_match(t, '{_WHOLE}')",
                        f"regexp_full_match(t, '{_DAY}')",
                        f"regexp_full_match(t, '{_COMPACT}')",
                        f"lower(t) IN ({yes_no})",
                        f"{words} >= {SENTENCE_WORDS}",
                    )
                )
            }
        FROM _cells WHERE t NOT IN ({blank})"""
        ).fetchone()
        or (0,) * 8
    )
    filled, different, numbers, whole, days, compact, flags, sentences = row
    missing = _share(n_rows - filled, n_rows)
    if not filled:
        return Facts(column, "empty", "", missing, 0)
    blanks = tuple(
        word for (word,) in connection.execute(
            f"SELECT t FROM _cells WHERE t IN ({blank}) AND t NOT IN ('', 'NA') ORDER BY t"
        ).fetchall()
    )  # fmt: skip
    if max(days, compact) >= SHARE * filled:
        order = detect_date_order(connection, relation, column, missing=NOT_RECORDED)
        span = _months(connection, order, compact=compact > days)
        odd = filled - max(days, compact)
        return Facts(column, "day", span, missing, filled, different, odd, order=order, blanks=blanks)
    if numbers >= SHARE * filled:
        sign = detect_decimal(connection, relation, column, missing=NOT_RECORDED)
        low, high, span = _bounds(connection)
        kind: Kind = "whole number" if whole == numbers else "number"
        odd = filled - numbers
        return Facts(column, kind, span, missing, filled, different, odd, low, high, sign=sign, blanks=blanks)
    if flags == filled and different <= 6:
        return Facts(column, "yes or no", "", missing, filled, different)
    if sentences > SENTENCE_SHARE * filled:
        return Facts(column, "free text", "", missing, filled, different)
    kind = "words" if different <= min(MOST_WORDS, max(12, filled // 2)) else "many words"
    return Facts(column, kind, f"{different:,} different", missing, filled, different)


def words_in(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> tuple[str, ...]:
    """Give the different words of a column with a closed list. They are compared, and shown only if known."""
    rows = connection.execute(
        f"SELECT DISTINCT trim({ident(column)}) AS t FROM {ident(relation)} WHERE t <> '' ORDER BY t "
        f"LIMIT {20 * MOST_WORDS}"
    ).fetchall()
    return tuple(str(row[0]) for row in rows if row[0] not in NOT_RECORDED)


def _share(part: int, whole: int) -> str:
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    return "< 1 %" if percent < 1 else "> 99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def _ends(connection: duckdb.DuckDBPyConnection, value: str) -> tuple[Any, Any, int]:
    """Give the values at which so many rows lie or beyond, from both ends, and how many rows there are."""
    behind = (
        "sum(n) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING) AS up, "
        "sum(n) OVER (ORDER BY v DESC ROWS UNBOUNDED PRECEDING) AS down"
    )
    row = connection.execute(
        f"WITH k AS (SELECT {value} AS v, sum(n) AS n FROM _cells GROUP BY ALL), "
        f"s AS (SELECT v, n, {behind} FROM k WHERE v IS NOT NULL) "
        f"SELECT min(v) FILTER (WHERE up >= {ROWS_BEHIND_A_BOUND}), "
        f"max(v) FILTER (WHERE down >= {ROWS_BEHIND_A_BOUND}), coalesce(sum(n), 0)::BIGINT FROM s"
    ).fetchone()
    low, high, rows = row or (None, None, 0)
    return low, high, int(rows)


def _bounds(connection: duckdb.DuckDBPyConnection) -> tuple[float, float, str]:
    number = f"CASE WHEN regexp_full_match(t, '{_NUMBER}') THEN try_cast(replace(t, ',', '.') AS DOUBLE) END"
    row = connection.execute(f"SELECT min({number}), max({number}) FROM _cells").fetchone() or (None, None)
    least, most = (math.nan if one is None else float(one) for one in row)
    low, high, rows = _ends(connection, number)
    if rows < 2 * ROWS_BEHIND_A_BOUND or low is None or high is None:
        return least, most, TOO_FEW
    if not (math.isfinite(low) and math.isfinite(high)) or low >= high:
        return float(low), float(high), "hardly any difference"
    return float(low), float(high), coarse(float(low), float(high))


def coarse(low: float, high: float) -> str:
    """Write bounds on a grid of the power of ten below their distance, rounded outwards.

    Examples
    --------
    >>> coarse(18, 87), coarse(0.31, 9.8), coarse(3, 131)
    ('10 to 90', '0 to 10', '0 to 150')
    """
    step = 10.0 ** math.floor(math.log10(high - low))
    step /= 1 if high - low >= 2 * step else 2
    return f"{math.floor(low / step) * step:.6g} to {math.ceil(high / step) * step:.6g}"


def _months(connection: duckdb.DuckDBPyConnection, order: DateOrder | Ambiguous, *, compact: bool) -> str:
    """Write the months between which days lie; years only where day and month cannot be told apart."""
    if isinstance(order, Ambiguous) and not compact:
        year = "try_cast(regexp_extract(t, '([0-9]{4})([^0-9]|$)', 1) AS INTEGER)"
        low, high, rows = _ends(connection, year)
        return _span(low, high, rows)
    formats = ("%Y%m%d",) if isinstance(order, Ambiguous) else (*order.formats, "%Y-%m-%d")
    listed = ", ".join(literal(one) for one in formats)
    month = f"strftime(try_strptime(t, [{listed}]), '%Y-%m')"
    return _span(*_ends(connection, month))


def _span(low: object, high: object, rows: int) -> str:
    if rows < 2 * ROWS_BEHIND_A_BOUND or low is None:
        return TOO_FEW
    return f"{low}" if low == high else f"{low} to {high}"

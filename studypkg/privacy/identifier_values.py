"""Whether the cells of a column look as if they named people.

Each different text is looked at once, all columns of a file in the same statements, the surest shapes first.
"""

# ruff: noqa: E501 (queries)
from __future__ import annotations

from collections.abc import Collection, Sequence

import duckdb

from studypkg.privacy import identifier_days as days
from studypkg.privacy import identifier_numbers as numbers
from studypkg.privacy import identifier_phones as phones
from studypkg.privacy import identifier_shapes as shapes
from studypkg.privacy.identifier_headers import Finding
from studypkg.privacy.identifier_people import (
    RARE_TIMES,
    SAMPLE,
    houses_in,
    names_in,
    sentences,
    shaped_like_names,
)
from studypkg.privacy.identifier_texts import ODD_FROM, Column, collect, first, forget, text

#: Long codes that stand in one cell each make a column that tells people apart.
UNIQUE_SHARE = 0.98
UNIQUE_FROM = 50
_UNIQUE = r"[A-Za-z]{1,6}[-_]?[0-9]{5,}|[0-9]{8,20}|[0-9A-Za-z]{0,40}[0-9][A-Za-z][0-9A-Za-z]{0,40}"
_UNIQUE_SIGNS = 8
#: Texts without a blank or a sign are codes, if they are no number of the British insurance, age or picture.
_TOLD = "strlen(v) > 3 AND (strlen(v) < 10 OR strlen(v) > 60 OR regexp_matches(v, '[^0-9A-Za-z]'))"
#: What begins like a day; the shapes of days are slow.
_BEGINS_LIKE_A_DAY = (
    "strlen(v) BETWEEN 6 AND 40 AND "
    "regexp_matches(v, '^[0-9]{1,4}[^0-9A-Za-z]|^[12][0-9]{7}$|^[^0-9 ]{3,12} [0-9]{1,2}[a-z]{0,2},? [0-9]{4}$')"
)
#: Long numbers are odd where so small a share of the cells is as long.
LONG_SHARE = 0.2
#: A record number without a word that says so.
_LONG_NUMBER = r"[A-Z]{0,3}[-_ ]?[0-9]{7,12}"
#: Written for "not known", or rounded: no number of anybody.
_FILLER = r".*0000|[-]?9+|0?123456789?0?|(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]"


def screen_values(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    *,
    keys: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """Look at every value of every column, as text; each different value is looked at once.

    Parameters
    ----------
    connection
        The connection that holds the relation.
    relation
        A relation whose columns are all text.
    columns
        Columns to look at.
    keys
        Columns that are declared to tell rows or people apart, by pseudonyms. A column of unique codes that
        is none of them is found. Without this argument such columns are not looked for.

    Returns
    -------
    tuple of Finding
        At most one per column, with the number of cells.
    """
    if not columns:
        return ()
    seen = collect(connection, relation, columns)
    try:
        found: dict[int, tuple[str, int]] = {}
        for look in (_telling, _checked, _telephones, _typed, _people, _whole_columns, _odd_cells):
            for number, one in look(connection, [c for c in seen if c.number not in found]).items():
                found.setdefault(number, one)
        left = [c for c in seen if c.number not in found]
        found |= _births(connection, left)
        if keys is not None:
            found |= _unique(connection, [c for c in left if c.number not in found and c.name not in keys])
    finally:
        forget(connection, seen)
    return tuple(Finding(c.name, *found[c.number], "values") for c in seen if c.number in found)


Found = dict[int, tuple[str, int]]


def _telling(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find cells of a shape that nothing else has."""
    cases = " ".join(
        f"WHEN regexp_matches(v, {text(shape)}) THEN {place}"
        for place, (_, shape) in enumerate(shapes.TELLING)
    )
    found: Found = {}
    for number, place, cells in connection.execute(
        f"WITH told AS MATERIALIZED (SELECT * FROM _notable WHERE {_TOLD}) "
        f"SELECT c, CASE {cases} END AS place, sum(n)::BIGINT AS cells FROM told "
        "GROUP BY c, place HAVING place IS NOT NULL ORDER BY c, place"
    ).fetchall():
        kind = shapes.TELLING[place][0]
        known = found.get(number)
        if known is None or known[0] == kind:
            found[number] = (kind, cells + (known[1] if known else 0))
    return found


def _matching(
    connection: duckdb.DuckDBPyConnection, pattern: str, most: int = SAMPLE
) -> dict[int, list[tuple[str, int]]]:
    """List, by column, texts of a shape, the rarest first."""
    listed: dict[int, list[tuple[str, int]]] = {}
    for number, value, cells in connection.execute(
        f"SELECT c, v, n FROM _notable WHERE regexp_full_match(v, {text(pattern)}) "
        f"QUALIFY row_number() OVER (PARTITION BY c ORDER BY n, hash(v)) <= {most}"
    ).fetchall():
        listed.setdefault(number, []).append((value, cells))
    return listed


def _checked(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find cells whose check digit fits too often for luck, or that fit and are odd in their column."""
    found: Found = {}
    listed = {pattern: _matching(connection, pattern) for pattern in {one.pattern for one in numbers.CHECKED}}
    for column in columns:
        for one in numbers.CHECKED:
            sample = listed[one.pattern].get(column.number, ())
            passing = [cells for value, cells in sample if one.holds(value)]
            if not passing or len(passing) < numbers.PASSING * len(sample):
                continue
            odd = one.chance <= numbers.ODD_CHANCE and column.odd(sum(cells for _, cells in sample))
            if odd or one.chance ** len(passing) <= numbers.CHANCE:
                found[column.number] = (one.kind, sum(passing))
                break
    return found


def _telephones(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find numbers in the groups of some country's number plan, and columns of such numbers without groups."""
    found: Found = {}
    grouped, bare = (_matching(connection, shape, 200) for shape in (phones.GROUPED, phones.BARE))
    for column in columns:
        texts = [(value, cells) for value, cells in grouped.get(column.number, ()) if not value.isdecimal()]
        good: list[int] = []
        for seen, (value, cells) in enumerate(texts, 1):
            good += [cells] if phones.is_telephone(value) else []
            if seen - len(good) > (1 - numbers.PASSING) * len(texts):
                break
        if good and len(good) >= numbers.PASSING * len(texts) and min(good) <= RARE_TIMES:
            found[column.number] = ("telephone", sum(good))
            continue
        plain = bare.get(column.number, ())
        if phones.telephone_column(value for value, _ in plain):
            found[column.number] = ("telephone", sum(cells for _, cells in plain))
    return found


def _typed(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find what somebody typed."""
    return {number: ("free text", cells) for number, cells in sentences(connection, columns).items()}


def _people(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find names of persons."""
    listed = shaped_like_names(connection)
    counted = {column.number: names_in(column, listed.get(column.number, ())) for column in columns}
    found = {number: ("name", cells) for number, cells in counted.items() if cells}
    for column in columns:
        cells = houses_in(column, listed.get(column.number, ()))
        if cells:
            found.setdefault(column.number, ("address", cells))
    return found


def _whole_columns(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find columns in which nearly every cell has a shape that one cell alone would not tell."""
    filled = {column.number: column.filled for column in columns}
    found: Found = {}
    for kind, shape in shapes.COLUMN:
        for number, cells, different in connection.execute(
            f"SELECT c, sum(n)::BIGINT, count(DISTINCT v) FROM _notable WHERE regexp_full_match(v, {text(shape)}) "
            "GROUP BY c"
        ).fetchall():
            enough = cells > shapes.COLUMN_SHARE * filled.get(number, cells)
            if enough and different >= shapes.COLUMN_DISTINCT:
                found.setdefault(number, (kind, cells))
    return found


def _odd_cells(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find long numbers among short codes: a record number needs no word beside it."""
    listed = {
        number: cells
        for number, cells in connection.execute(
            f"SELECT c, sum(n)::BIGINT FROM _notable WHERE regexp_full_match(v, {text(_LONG_NUMBER)}) "
            f"AND NOT regexp_full_match(v, {text(_FILLER)}) AND n <= {RARE_TIMES} GROUP BY c"
        ).fetchall()
    }
    found: Found = {}
    for column in columns:
        cells = listed.get(column.number)
        if cells is None:
            continue
        if cells <= LONG_SHARE * column.filled and column.wide <= LONG_SHARE and column.filled >= ODD_FROM:
            found[column.number] = ("unique code", cells)
    return found


def _births(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find columns of births, and births in columns of something else."""
    spans = {
        str(column.number): span
        for column in columns
        if column.dated > 0.5 and (span := days.years(connection, column.texts)) is not None
    }
    found: Found = {int(name): ("birth date", cells) for name, cells in days.births(spans).items()}
    newest = max((late for _, late, _ in spans.values()), default=None)
    shape = f"regexp_full_match(v, {text(f'{days.SHAPE}|{days.IN_WORDS}')})"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _days AS SELECT c, v, n FROM "
        f"(SELECT * FROM _notable WHERE {_BEGINS_LIKE_A_DAY}) WHERE {shape}"
    )
    before = "" if newest is None else f" WHERE y < {newest - days.BIRTH_YEARS}"
    # Eight figures are a day only where other cells are no such codes.
    short = [column.number for column in columns if column.wide <= LONG_SHARE]
    named = f"c IN ({', '.join(map(str, short))})" if short else "false"
    others = {column.number: column for column in columns if str(column.number) not in spans}
    for number, cells in connection.execute(
        f"SELECT c, sum(n)::BIGINT FROM (SELECT c, n, year({days.parsed('v')}) AS y FROM _days "
        f"WHERE ({named} OR regexp_matches(v, '[^0-9]'))) {before or 'WHERE y IS NOT NULL'} GROUP BY c"
    ).fetchall():
        if number in others and (newest is not None or others[number].odd(cells)):
            found[number] = ("birth date" if newest is not None else "date", cells)
    return found


def _unique(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> Found:
    """Find columns whose long codes stand in one cell each, though they are no declared key."""
    found: Found = {}
    for column in columns:
        # The share at the head is an estimate.
        if column.spread < 0.8 or column.filled < UNIQUE_FROM or column.dated > 0.5:
            continue
        shape = f"strlen(v) >= {_UNIQUE_SIGNS} AND regexp_full_match(v, {text(_UNIQUE)}) AND NOT regexp_full_match(v, {text(phones.MOMENT)})"
        cells, different = first(
            connection, f"SELECT count(*) FILTER (WHERE {shape}), count(DISTINCT v) FROM {column.texts}"
        )
        if cells >= UNIQUE_SHARE * column.filled and different >= UNIQUE_SHARE * column.filled:
            found[column.number] = ("unique code", cells)
    return found

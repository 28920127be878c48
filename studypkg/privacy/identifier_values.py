"""Do the cells of a column look as if they named people? Each different text is looked at once.

Most texts are passed over by one cheap pattern: short codes, numbers, days and hashes are no identifiers by
their shape alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from studypkg.privacy import identifier_shapes as shapes
from studypkg.privacy.identifier_headers import Finding
from studypkg.privacy.identifier_names import ONE_WORD, PERSON, SMALL, names_a_thing

#: A column is free text if so large a share of its filled cells has so many words.
FREE_TEXT_WORDS = 5
FREE_TEXT_SHARE = 0.2
#: So many words in one cell of a column of codes are a sentence that somebody typed.
SENTENCE_WORDS = 8
#: Names of persons in so large a share of the cells, hardly any of them twice.
PERSON_SHARE = 0.3
PERSON_DISTINCT = 20
#: Capitalised single words are names of persons only if there are so many different ones.
SURNAMES_DISTINCT = 50
SURNAMES_SHARE = 0.8
#: Names among codes: so few of the cells, no name more often than this, and the rest of the column plain.
RARE_SHARE = 0.05
RARE_TIMES = 3
RARE_FROM = 20
#: A date this many years before the newest date of the file is a birth, not an event of care.
BIRTH_YEARS = 15
#: Different values that are judged one by one; of more, a fixed sample is taken.
SAMPLE = 5_000
#: A column with more different values than this share of its rows is not grouped first.
_SPREAD = 0.3
#: Rows at the head of the file that tell how different its values are.
_HEAD = 100_000
#: Short words and numbers without a blank, a point or an at-sign cost no pattern at all.
_SHORT = (
    "strlen(v) < 9 AND v >= '0' AND v < '{' AND NOT contains(v, ' ') AND NOT contains(v, '.') "
    "AND NOT contains(v, '@') AND NOT regexp_full_match(v, '[A-Z][a-z].*')"
)


@dataclass(frozen=True)
class _Column:
    """One column, looked at: its cells, its different values, and those that a pattern may concern.

    Parameters
    ----------
    name
        Its header.
    distinct
        DuckDB relation of v: different values, or all cells where hardly any is twice.
    notable
        DuckDB table of (v, n): those that are not plain, and how many cells hold them.
    filled
        Filled cells.
    plain
        Share of the filled cells that are plain.
    """

    name: str
    distinct: str
    notable: str
    filled: int
    plain: float


def screen_values(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
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

    Returns
    -------
    tuple of Finding
        At most one per column, with the number of cells.
    """
    if not columns:
        return ()
    head = f"(SELECT * FROM {_ident(relation)} LIMIT {_HEAD})"
    rows, *spread = _one(
        connection,
        f"SELECT count(*), {', '.join(f'approx_count_distinct({_ident(c)})' for c in columns)} FROM {head}",
    )
    found: dict[str, Finding] = {}
    days: dict[str, tuple[int, int]] = {}
    for column, different in zip(columns, spread, strict=True):
        seen = _look(connection, relation, column, grouped=different <= _SPREAD * rows)
        if seen.filled:
            one = _judge(connection, seen)
            if one is not None:
                found[column] = one
            elif (born := _days(connection, seen)) is not None:
                days[column] = born
    for left in ("_texts", "_notable"):
        connection.execute(f"DROP TABLE IF EXISTS {left}")
    newest = max((year for year, _ in days.values()), default=0)
    for column, (year, cells) in days.items():
        if year < newest - BIRTH_YEARS:
            found[column] = Finding(column, "birth date", cells, "values")
    return tuple(found[column] for column in columns if column in found)


def _look(connection: duckdb.DuckDBPyConnection, relation: str, column: str, *, grouped: bool) -> _Column:
    """Take a column apart: its different texts, and those of them that a pattern may concern."""
    cells = f"(SELECT {_ident(column)} AS v, 1 AS n FROM {_ident(relation)} WHERE {_ident(column)} <> '')"
    if grouped:
        # A table and no view: else the patterns would be put to every cell before the texts are grouped.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _texts AS SELECT v, count(*) AS n FROM {cells} GROUP BY v"
        )
        cells = "_texts"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _notable AS SELECT trim(v) AS v, n FROM {cells} WHERE NOT ({_SHORT}) "
        f"AND NOT regexp_full_match(v, {_text(shapes.PLAIN)}) AND trim(v) <> ''"
    )
    filled = _one(connection, f"SELECT coalesce(sum(n), 0)::BIGINT FROM {cells}")[0]
    notable = _one(connection, "SELECT coalesce(sum(n), 0)::BIGINT FROM _notable")[0]
    return _Column(column, cells, "_notable", filled, 1 - notable / filled if filled else 1.0)


def _judge(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Try the ways to see an identifier, the surest first."""
    if column.plain < 1:
        for look in (_telling, _checked, _sentences, _persons):
            found = look(connection, column)
            if found is not None:
                return found
    return _whole_column(connection, column)


def _telling(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Find cells of a shape that nothing else has."""
    sums = [
        f"coalesce(sum(n) FILTER (WHERE regexp_matches(v, {_text(shape)})), 0)::BIGINT"
        for _, shape in shapes.TELLING
    ]
    for (kind, _), count in zip(
        shapes.TELLING, _one(connection, f"SELECT {', '.join(sums)} FROM {column.notable}"), strict=True
    ):
        if count:
            return Finding(column.name, kind, count, "values")
    return None


def _checked(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Find cells whose check digit fits too often for luck."""
    for one in shapes.CHECKED:
        sample = connection.execute(
            f"SELECT v, n FROM {column.notable} WHERE regexp_full_match(v, {_text(one.pattern)}) "
            f"LIMIT {SAMPLE}"
        ).fetchall()
        passing = [n for v, n in sample if one.holds(v)]
        sure = bool(passing) and one.chance ** len(passing) <= shapes.CHANCE
        if sure and len(passing) >= shapes.PASSING * len(sample):
            return Finding(column.name, one.kind, sum(passing), "values")
    return None


def _sentences(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Find what somebody typed: many words in many cells, or one sentence among codes."""
    words = "length(v) - length(replace(v, ' ', '')) + 1"
    wordy, once = _one(
        connection,
        f"SELECT coalesce(sum(n) FILTER (WHERE {words} >= {FREE_TEXT_WORDS}), 0)::BIGINT, "
        f"count(*) FILTER (WHERE {words} >= {SENTENCE_WORDS} AND n <= {RARE_TIMES}) FROM {column.notable}",
    )
    if wordy > FREE_TEXT_SHARE * column.filled:
        return Finding(column.name, "free text", wordy, "values")
    if once and column.filled >= RARE_FROM and column.plain > 1 - RARE_SHARE:
        return Finding(column.name, "free text", once, "values")
    dates = _one(
        connection,
        f"SELECT coalesce(sum(n), 0)::BIGINT FROM {column.notable} "
        f"WHERE regexp_matches(v, {_text(shapes.DATE_WORDS)}) AND n <= {RARE_TIMES}",
    )[0]
    if dates and dates < 0.5 * column.filled:
        return Finding(column.name, "date in words", dates, "values")
    return None


def _persons(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Find names: a column full of them, or a few among codes."""
    shape = f"regexp_full_match(v, {_text(PERSON)})"
    small = f"regexp_full_match(v, {_text(SMALL)})"
    listed = connection.execute(
        f"SELECT v, n, {shape} FROM {column.notable} WHERE {shape} OR {small} "
        f"ORDER BY n, hash(v) LIMIT {SAMPLE}"
    ).fetchall()
    persons = [(v, n, capital) for v, n, capital in listed if not names_a_thing(v)]
    if not persons:
        return _surnames(connection, column)
    cells, shaped = sum(n for _, n, _ in persons), sum(n for _, n, _ in listed)
    everything = _one(
        connection, f"SELECT coalesce(sum(n), 0)::BIGINT FROM {column.notable} WHERE {shape} OR {small}"
    )[0]
    told = round(everything * cells / shaped)
    many = len(persons) >= min(PERSON_DISTINCT, column.filled) and len(persons) > 0.5 * len(listed)
    if many and told > PERSON_SHARE * column.filled:
        return Finding(column.name, "name", told, "values")
    rare = [
        n for _, n, capital in persons if n <= RARE_TIMES and (capital or _has_figures(connection, column))
    ]
    among_codes = column.filled >= RARE_FROM and column.plain > 1 - RARE_SHARE
    if rare and among_codes and told <= RARE_SHARE * column.filled:
        return Finding(column.name, "name", sum(rare), "values")
    return _surnames(connection, column)


def _has_figures(connection: duckdb.DuckDBPyConnection, column: _Column) -> bool:
    """Say whether nearly all cells hold figures, so that a few words in small letters do not belong."""
    share = _one(connection, f"SELECT avg(regexp_matches(v, '[0-9]')::INTEGER) FROM {column.distinct}")[0]
    return share > 1 - RARE_SHARE


def _surnames(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Find a column of single capitalised words, hardly any of them a thing."""
    listed = connection.execute(
        f"SELECT v, n FROM {column.notable} WHERE regexp_full_match(v, {_text(ONE_WORD)}) LIMIT {SAMPLE}"
    ).fetchall()
    people = [n for v, n in listed if not names_a_thing(v)]
    enough = len(people) >= SURNAMES_DISTINCT and len(people) > SURNAMES_SHARE * len(listed)
    if enough and sum(people) > SURNAMES_SHARE * min(column.filled, SAMPLE):
        return Finding(column.name, "name", sum(people), "values")
    return None


def _whole_column(connection: duckdb.DuckDBPyConnection, column: _Column) -> Finding | None:
    """Find a column in which nearly every cell has a shape that one cell alone would not tell."""
    if column.plain > 1 - shapes.COLUMN_SHARE:
        return None
    for kind, shape in shapes.COLUMN:
        cells, different = _one(
            connection,
            f"SELECT coalesce(sum(n), 0)::BIGINT, count(DISTINCT v) FROM {column.notable} "
            f"WHERE regexp_full_match(v, {_text(shape)})",
        )
        if cells > shapes.COLUMN_SHARE * column.filled and different >= shapes.COLUMN_DISTINCT:
            return Finding(column.name, kind, cells, "values")
    return None


def _days(connection: duckdb.DuckDBPyConnection, column: _Column) -> tuple[int, int] | None:
    """Give the latest year and the cells of a column of days; None if it is none."""
    formats = "[" + ", ".join(map(_text, shapes.DATE_FORMATS)) + "]"
    day = f"try_strptime(trim(v), {formats})"
    sample = connection.execute(f"SELECT v FROM {column.distinct} LIMIT 50").fetchall()
    shaped = sum(bool(re.search(r"\d[-/. ]\w{2,3}[-/. ]\d|^(18|19|20)\d{6}$", v)) for (v,) in sample)
    if shaped < 0.5 * len(sample):
        return None
    cells, latest, different = _one(
        connection,
        f"SELECT count({day}), coalesce(quantile_disc(year({day}), 0.98), 0), count(*) "
        f"FROM {column.distinct}",
    )
    return (latest, column.filled) if cells > 0.5 * different else None


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    return tuple(row) if row is not None else ()


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

"""Does a column, or any cell of it, look like it names a person? By its header and the shape of its values.

Each different value is looked at once, and most are passed over by one cheap pattern: short codes,
numbers, days and hashes are no identifiers by their shape alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from studypkg.errors import IdentifierFoundError
from studypkg.privacy import identifier_shapes as shapes
from studypkg.privacy.identifier_headers import Finding, screen_columns, words_of
from studypkg.privacy.identifier_names import ONE_WORD, PERSON, SMALL, names_a_thing

__all__ = ["Finding", "check_identifiers", "identifier_message", "screen_columns", "screen_values"]

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
#: Days so far back are births wherever they stand.
TOP_AGE = 89
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
    counts = ", ".join(f"count(*) FILTER (WHERE {_ident(c)} <> '')" for c in columns)
    filled = _one(connection, f"SELECT {counts} FROM {_ident(relation)}")
    head = f"(SELECT * FROM {_ident(relation)} LIMIT {_HEAD})"
    rows, *spread = _one(
        connection,
        f"SELECT count(*), {', '.join(f'approx_count_distinct({_ident(c)})' for c in columns)} FROM {head}",
    )
    found: dict[str, Finding] = {}
    days: dict[str, tuple[int, int]] = {}
    for column, cells, different in zip(columns, filled, spread, strict=True):
        if cells:
            seen = _look(connection, relation, column, cells, grouped=different <= _SPREAD * rows)
            one = _judge(connection, seen)
            if one is not None:
                found[column] = one
            elif (born := _days(connection, seen)) is not None:
                days[column] = born
        connection.execute("DROP TABLE IF EXISTS _notable")
    newest = max((year for year, _ in days.values()), default=0)
    for column, (year, cells) in days.items():
        if year < newest - BIRTH_YEARS:
            found[column] = Finding(column, "birth date", cells, "values")
    return tuple(found[column] for column in columns if column in found)


def _look(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, filled: int, *, grouped: bool
) -> _Column:
    cell, table = _ident(column), _ident(relation)
    distinct = f"(SELECT {'DISTINCT' if grouped else ''} {cell} AS v FROM {table} WHERE {cell} <> '')"
    values = (
        f"SELECT v FROM {distinct} WHERE NOT ({_SHORT}) AND NOT regexp_full_match(v, {_text(shapes.PLAIN)})"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _marked AS {values}")
    many = _one(connection, "SELECT count(*) FROM _marked")[0]
    counted = "SELECT v, 1 AS n FROM _marked"
    if many and grouped:
        counted = f"SELECT {cell} AS v, count(*) AS n FROM {table} SEMI JOIN _marked ON {cell} = v GROUP BY 1"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _notable AS SELECT trim(v) AS v, n FROM ({counted}) WHERE trim(v) <> ''"
    )
    notable = _one(connection, "SELECT coalesce(sum(n), 0)::BIGINT FROM _notable")[0]
    return _Column(column, distinct, "_notable", filled, 1 - notable / filled)


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
        f"SELECT count({day}), coalesce(quantile_disc(year({day}), 0.98), 0), count(*) FROM {column.distinct}",
    )
    return (latest, column.filled) if cells > 0.5 * different else None


def check_identifiers(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    *,
    file: str,
    dropped: Sequence[str] = (),
    allowed: Sequence[str] = (),
) -> None:
    """Stop a file in which a person could be recognised.

    Parameters
    ----------
    connection, relation, columns
        The file as read, all text.
    file
        Its name, for the message.
    dropped
        Columns that the study does not read.
    allowed
        Columns that the study says are not what they look like.

    Raises
    ------
    IdentifierFoundError
        With column names, kinds and counts, and never a value.
    """
    found = find_identifiers(connection, relation, [c for c in columns if c not in {*dropped, *allowed}])
    if found:
        raise IdentifierFoundError(identifier_message(file, found))


def find_identifiers(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> tuple[Finding, ...]:
    """Look at headers and values; at most one finding per column, in the order of the columns."""
    found = {f.column: f for f in screen_columns(columns)}
    ages = {c: f for c in columns if c not in found and (f := _old_age(connection, relation, c)) is not None}
    found |= {f.column: f for f in screen_values(connection, relation, columns) if f.column not in found}
    found = ages | found
    return tuple(found[column] for column in columns if column in found)


def _old_age(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> Finding | None:
    """Find ages over 89 in a column that says it holds ages, unless it is one that the tables pool."""
    words = set(words_of(column).split())
    if (
        not words & {"age", "alter", "edad", "leeftijd", "idade", "eta", "возраст", "年龄"}
        or column in POOLED
    ):
        return None
    years = f"try_cast(replace(trim({_ident(column)}), ',', '.') AS DOUBLE)"
    cells, oldest = _one(
        connection,
        f"SELECT count(*) FILTER (WHERE {years} > {TOP_AGE} AND {years} < 126), coalesce(max({years}), 0) "
        f"FROM {_ident(relation)}",
    )
    return Finding(column, "age over 89", cells, "values") if cells and oldest < 126 else None


_AGE_WORDS = frozenset(("age", "ages", "alter", "edad", "leeftijd", "idade", "eta", "возраст"))
#: Columns of the tables in which ages over 89 are pooled as 90 when they are read.
POOLED = frozenset(("age_years",))


def identifier_message(file: str, findings: Sequence[Finding]) -> str:
    """Say which columns look like what, and what to do."""
    told = [
        f'"{f.column}" ({f.kind}, by its header)' if f.how == "header"
        else f'"{f.column}" ({f.kind}, {f.count} cells)'
        for f in findings
    ]  # fmt: skip
    names = ", ".join(f'"{f.column}"' for f in findings)
    return (
        f"{file}: {len(findings)} columns look like direct identifiers: {'; '.join(told)}. Nothing was read "
        f"from the file. Leave them out of the export, or add drop = [{names}] to the file's [[sources]] "
        "block. If a column is not what it looks like, name it in [privacy] allow_columns."
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    return tuple(row) if row is not None else ()


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

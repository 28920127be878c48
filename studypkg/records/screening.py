"""Mapped rows meet the rules: one bit mask per row says which it breaks, and equal keys are settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from studypkg.columns import TOP_AGE_YEARS, Column, Table
from studypkg.records.cells import (
    FLAG_WORDS,
    Reading,
    column_checks,
    row_checks,
    stored,
    text_of,
    value_of,
)
from studypkg.records.mapping import Mapped
from studypkg.records.quoting import ident, idents
from studypkg.records.rules import Check

#: Bits of one mask; BIGINT has 63 besides the sign.
BITS = 62
#: Words read at once when a closed list is looked up.
_WORD_BATCH = 10_000


@dataclass(frozen=True)
class Lists:
    """The closed lists of a study.

    Parameters
    ----------
    words
        For each column with a closed list, the id that each normalised word means.
    ranges
        Lowest and highest score of each instrument.
    normalise
        Reduces a word to the form in which `words` has it.
    """

    words: Mapping[str, Mapping[str, str]]
    ranges: Mapping[str, tuple[float, float]]
    normalise: Callable[[str], str]

    def of(self, column: Column) -> Mapping[str, str] | None:
        """Give the closed list of a column, or None if any word may stand there."""
        return FLAG_WORDS if column.kind == "flag" else self.words.get(column.name)


@dataclass(frozen=True)
class Screen:
    """The screened rows of one table: a DuckDB table, and the checks its masks speak of.

    Parameters
    ----------
    table
        The table that was screened.
    stage
        DuckDB table: the typed columns, `_source`, `_row`, `_series`, the masks `_mask0`, `_mask1` …,
        `_pooled` (an age over 89 was pooled) and `_copy` (an exact copy of an earlier row).
    checks
        The check at place `i` owns bit `i % 62` of mask `i // 62`.
    """

    table: Table
    stage: str
    checks: tuple[Check, ...]

    @property
    def bad(self) -> str:
        """SQL that is true for a row that breaks any rule."""
        return " OR ".join(f"_mask{word} <> 0" for word in range(_words_needed(self.checks)))

    def failed(self, *, rule: str | None = None, column: str | None = None) -> str:
        """Write SQL that is true for a row that breaks a rule, or has any fault in a column."""
        tests = []
        for word, checks in _by_word(self.checks):
            bits = sum(
                1 << bit
                for bit, check in checks
                if (rule is None or check.rule == rule) and (column is None or check.column == column)
            )
            if bits:
                tests.append(f"(_mask{word} & {bits}) <> 0")
        return " OR ".join(tests) or "false"


def start_screen(
    connection: duckdb.DuckDBPyConnection, table: Table, lists: Lists, *, cutoff: date | None
) -> Screen:
    """Make the empty stage of a table, with its checks in a fixed order."""
    checks: list[Check] = []
    for column in table.columns:
        checks += column_checks(column, listed=lists.of(column) is not None)
    checks += row_checks(table, lists.ranges, cutoff)
    checks.append(Check("CONFLICTING_KEY", ", ".join(table.key), "false"))
    stage = f"stage_{table.name}"
    types = {"date": "TIMESTAMP", "number": "DOUBLE", "integer": "DOUBLE", "age": "DOUBLE"}
    columns = [f"{ident(column.name)} {types.get(column.kind, 'VARCHAR')}" for column in table.columns]
    columns += [f"_mask{word} BIGINT" for word in range(_words_needed(checks))]
    connection.execute(
        f"CREATE TABLE {stage} ({', '.join(columns)}, _source INTEGER, _row BIGINT, _series INTEGER, "
        f"_pooled BOOLEAN, _copy BOOLEAN)"
    )
    return Screen(table, stage, tuple(checks))


def screen_source(
    connection: duckdb.DuckDBPyConnection,
    screen: Screen,
    mapped: Mapped,
    reading: Reading,
    lists: Lists,
    *,
    number: int,
) -> None:
    """Type and check the rows of one source, and add them to the stage of its table.

    Parameters
    ----------
    connection
        Where the relations live. For a table that hangs on the episodes, `settle_episodes` has run.
    screen
        The stage.
    mapped
        The source as text under the table's names.
    reading
        How the source writes dates and numbers.
    lists
        The closed lists.
    number
        Place of the source in the declaration; earlier sources win among exact copies.
    """
    columns = screen.table.columns
    joins, cells = [], []
    for column in columns:
        words = lists.of(column)
        if words is not None:
            _list_words(connection, mapped, column, words, lists.normalise)
            joins.append(f"LEFT JOIN {ident('_words_' + column.name)} {ident('_w_' + column.name)} "
                         f"ON {ident('_w_' + column.name)}.word = {text_of(column)}")  # fmt: skip
        value = value_of(column, reading, listed=words is not None)
        cells += [f"{text_of(column)} AS {ident('_t_' + column.name)}", f"{value} AS {ident(column.name)}"]
    if screen.table.parent is not None:
        joins.append("LEFT JOIN known_episodes e ON e.episode_id = m.episode_id")
        joins.append("LEFT JOIN bad_episodes b ON b.episode_id = m.episode_id")
        cells += ["e.start_date AS _e_start", "e.end_date AS _e_end"]
        cells += ["e.episode_id IS NOT NULL AS _e_known", "b.episode_id IS NOT NULL AS _e_bad"]
    masks = [
        " | ".join(f"CASE WHEN {check.condition} THEN {1 << bit} ELSE 0 END" for bit, check in checks)
        + f" AS _mask{word}"
        for word, checks in _by_word(screen.checks)
    ]
    bits = ", ".join(f"_mask{word}" for word in range(len(masks)))
    ages = [f"coalesce({ident(c.name)} > {TOP_AGE_YEARS}, false)" for c in columns if c.kind == "age"]
    kept = [f"{stored(column)} AS {ident(column.name)}" for column in columns]
    connection.execute(
        f"INSERT INTO {screen.stage} BY NAME "
        f"SELECT {', '.join(kept)}, {bits}, {number} AS _source, _row, _series, "
        f"{' OR '.join(ages) or 'false'} AS _pooled, false AS _copy FROM ("
        f"SELECT *, {', '.join(masks)} FROM ("
        f"SELECT m._row, m._series, {', '.join(cells)} FROM {ident(mapped.relation)} m {' '.join(joins)}))"
    )
    for column in columns:
        if lists.of(column) is not None:
            connection.execute(f"DROP TABLE {ident('_words_' + column.name)}")


def settle_keys(connection: duckdb.DuckDBPyConnection, screen: Screen) -> None:
    """Mark exact copies, and set aside every row whose key another row contradicts.

    Notes
    -----
    Only rows that break no other rule take part. The first of several equal rows, by source, row and
    series, stays. Only keys that occur more than once are compared, so the usual file costs one
    grouping of its keys.
    """
    content = idents(screen.table.column_names, of="s")
    key = idents(screen.table.key)
    same_key = " AND ".join(f"s.{ident(k)} = r.{ident(k)}" for k in screen.table.key)
    word, bit = divmod(len(screen.checks) - 1, BITS)
    clean = f"NOT ({screen.bad})"
    connection.execute(
        f"CREATE TEMP TABLE repeated AS SELECT s.rowid AS id, {idents(screen.table.key, of='s')}, "
        f"row_number() OVER (PARTITION BY {content} ORDER BY _source, _row, _series) AS nth "
        f"FROM {screen.stage} s JOIN (SELECT {key} FROM {screen.stage} WHERE {clean} "
        f"GROUP BY {key} HAVING count(*) > 1) r ON {same_key} WHERE {clean}"
    )
    connection.execute(
        f"CREATE TEMP TABLE contradicted AS SELECT {key} FROM repeated WHERE nth = 1 "
        f"GROUP BY {key} HAVING count(*) > 1"
    )
    connection.execute(
        f"UPDATE {screen.stage} SET _mask{word} = {1 << bit} FROM "
        f"(SELECT s.id FROM repeated s JOIN contradicted r ON {same_key}) c "
        f"WHERE {screen.stage}.rowid = c.id"
    )
    connection.execute(
        f"UPDATE {screen.stage} SET _copy = true FROM repeated c "
        f"WHERE {screen.stage}.rowid = c.id AND c.nth > 1 AND {clean}"
    )
    connection.execute("DROP TABLE repeated")
    connection.execute("DROP TABLE contradicted")


def settle_episodes(connection: duckdb.DuckDBPyConnection, episodes: Screen) -> None:
    """List the accepted episodes, and those that were set aside, for the rows that hang on them."""
    connection.execute(
        f"CREATE TABLE known_episodes AS SELECT episode_id, start_date::DATE AS start_date, "
        f"end_date::DATE AS end_date FROM {episodes.stage} WHERE NOT ({episodes.bad}) AND NOT _copy"
    )
    connection.execute(
        f"CREATE TABLE bad_episodes AS SELECT DISTINCT episode_id FROM {episodes.stage} "
        f"WHERE ({episodes.bad}) AND episode_id IS NOT NULL "
        f"AND episode_id NOT IN (SELECT episode_id FROM known_episodes)"
    )


def _list_words(
    connection: duckdb.DuckDBPyConnection,
    mapped: Mapped,
    column: Column,
    words: Mapping[str, str],
    normalise: Callable[[str], str],
) -> None:
    """Make a table of the column's distinct words that the closed list knows, with their ids."""
    listed = ident("_words_" + column.name)
    connection.execute(f"CREATE TABLE {listed} (word VARCHAR, id VARCHAR)")
    reader = connection.cursor()
    text = text_of(column)
    found = reader.execute(f"SELECT DISTINCT {text} FROM {ident(mapped.relation)} m WHERE {text} IS NOT NULL")
    while batch := found.fetchmany(_WORD_BATCH):
        known = [(word, words[plain]) for (word,) in batch if (plain := normalise(word)) in words]
        if known:
            connection.executemany(f"INSERT INTO {listed} VALUES (?, ?)", known)
    reader.close()


def _words_needed(checks: tuple[Check, ...] | list[Check]) -> int:
    return -(-len(checks) // BITS)


def _by_word(checks: tuple[Check, ...]) -> Iterator[tuple[int, list[tuple[int, Check]]]]:
    """List the checks of each mask, with their bit in it."""
    for word in range(_words_needed(checks)):
        yield word, list(enumerate(checks[word * BITS : (word + 1) * BITS]))

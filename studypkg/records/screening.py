"""Mapped rows meet the rules: one bit mask per row says which it breaks, and equal keys are settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from studypkg.columns import TOP_AGE_YEARS, Column, Table
from studypkg.records.cells import (
    FLAG_WORDS,
    Reading,
    column_checks,
    quick_values,
    row_checks,
    stored,
    text_of,
    value_of,
    word_value,
)
from studypkg.records.mapping import Mapped
from studypkg.records.quoting import ident, idents, literal
from studypkg.records.rules import Check
from studypkg.records.sense import sense_checks
from studypkg.records.texts import texts_of

#: Bits of one mask; BIGINT has 63 besides the sign.
BITS = 62
#: Words read at once when a closed list is looked up.
_WORD_BATCH = 10_000
#: Hashes fetched at once.
_HASH_BATCH = 1 << 20
#: So many known words of a column go into the statement itself; more are joined as a table.
_WORDS_WRITTEN = 64


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
    in_force
        For each column the normalised codes that hold for a time only: first and last day.
    """

    words: Mapping[str, Mapping[str, str]]
    ranges: Mapping[str, tuple[float, float]]
    normalise: Callable[[str], str]
    in_force: Mapping[str, Mapping[str, tuple[str | None, str | None]]] = field(default_factory=dict)

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

    @property
    def masks(self) -> str:
        """SQL of the names of the masks."""
        return ", ".join(f"_mask{word}" for word in range(_words_needed(self.checks)))

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
    checks += row_checks(table, lists.ranges, cutoff, lists.in_force)
    # Rows that make no sense beside other rows are found once all rows are there.
    checks += [replace(check, condition="false") for check in sense_checks(table)]
    checks.append(Check("CONFLICTING_KEY", ", ".join(table.key), "false"))
    stage = f"stage_{table.name}"
    columns = [f"{ident(column.name)} {_type(connection, table, column, lists)}" for column in table.columns]
    columns += [f"_mask{word} BIGINT" for word in range(_words_needed(checks))]
    connection.execute(
        f"CREATE TEMP TABLE {stage} ({', '.join(columns)}, _source INTEGER, _row BIGINT, _series INTEGER, "
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
    joins, cells, made = [], [], []
    for column in columns:
        words, text = lists.of(column), text_of(column)
        known = _known_words(connection, mapped, column, words, lists.normalise) if words is not None else {}
        if column.name in lists.in_force:
            dated = {word: lists.normalise(word) for word in known}
            dated = {word: code for word, code in dated.items() if code in lists.in_force[column.name]}
            cells.append(f"{word_value(text, dated, 'VARCHAR')} AS {ident('_c_' + column.name)}")
        if words is None:
            value = _quickest(connection, mapped, column, reading)
        elif len(known) <= _WORDS_WRITTEN:
            value = word_value(text, known, _list_type(screen.table, column) if words else "VARCHAR")
        else:
            value = value_of(column, reading, listed=True)
            made.append(_list_words(connection, column, known))
            joins.append(f"LEFT JOIN {made[-1]} {ident('_w_' + column.name)} "
                         f"ON {ident('_w_' + column.name)}.word = {text}")  # fmt: skip
        cells += [f"{text} AS {ident('_t_' + column.name)}", f"{value} AS {ident(column.name)}"]
    if screen.table.parent is not None:
        joins.append(
            "LEFT JOIN (SELECT episode_id, start_date, end_date, true AS known FROM known_episodes UNION ALL "
            "SELECT episode_id, NULL, NULL, false FROM bad_episodes) e ON e.episode_id = m.episode_id"
        )
        cells += ["e.start_date AS _e_start", "e.end_date AS _e_end"]
        cells += ["coalesce(e.known, false) AS _e_known", "coalesce(NOT e.known, false) AS _e_bad"]
    masks = [f"{_mask(checks)} AS _mask{word}" for word, checks in _by_word(screen.checks)]
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
    for name in made:
        connection.execute(f"DROP TABLE {name}")


def _type(connection: duckdb.DuckDBPyConnection, table: Table, column: Column, lists: Lists) -> str:
    """Name the type of a column on the stage; the words of a closed list are numbers in their own order."""
    types = {"date": "TIMESTAMP", "number": "DOUBLE", "integer": "DOUBLE", "age": "DOUBLE"}
    words = lists.of(column)
    if not words:
        return types.get(column.kind, "VARCHAR")
    meanings = ", ".join(literal(word) for word in sorted(set(words.values())))
    kind = _list_type(table, column)
    connection.execute(f"CREATE OR REPLACE TEMP TYPE {kind} AS ENUM ({meanings})")
    return kind


def _list_type(table: Table, column: Column) -> str:
    return ident(f"_list_{table.name}_{column.name}")


def _mask(checks: list[tuple[int, Check]]) -> str:
    """Write the SQL of a mask; most rows break no rule, and then one question answers all."""
    bits = " | ".join(f"CASE WHEN {check.condition} THEN {1 << bit} ELSE 0 END" for bit, check in checks)
    return f"CASE WHEN {' OR '.join(f'({check.condition})' for _, check in checks)} THEN {bits} ELSE 0 END"


def _quickest(connection: duckdb.DuckDBPyConnection, mapped: Mapped, column: Column, reading: Reading) -> str:
    """Write the SQL of a value in the cheapest way that agrees with the rules on all texts of the column."""
    exact = value_of(column, reading, listed=False)
    quick = quick_values(column, reading)
    if not quick or column.name in mapped.absent:
        return exact
    texts = texts_of(connection, mapped.relation, column.name)
    if not texts.few:
        return exact
    other = ", ".join(f"coalesce(bool_or({one} IS DISTINCT FROM {exact}), false)" for one in quick)
    differs = connection.execute(f"SELECT {other} FROM {texts.relation} m").fetchone() or ()
    return next((one for one, differ in zip(quick, differs, strict=True) if not differ), exact)


def settle_keys(connection: duckdb.DuckDBPyConnection, screen: Screen) -> None:
    """Mark exact copies, and set aside every row whose key another row contradicts.

    Notes
    -----
    Only rows that break no other rule take part. The first of several equal rows, by source, row and
    series, stays. Only rows are compared whose key has the same hash as another's, so the usual file
    costs one sorting of numbers; a chance meeting of two hashes does no harm.
    """
    content = idents(screen.table.column_names, of="s")
    key = idents(screen.table.key)
    same_key = " AND ".join(f"s.{ident(k)} = r.{ident(k)}" for k in screen.table.key)
    word, bit = divmod(len(screen.checks) - 1, BITS)
    clean = f"NOT ({screen.bad})"
    hashed = f"hash({key})"
    repeated = _repeated(connection, hashed, f"{screen.stage} WHERE {clean}")
    if not repeated.size:
        return
    connection.register("_repeated", pa.table({"h": repeated}))
    connection.execute(
        f"CREATE TEMP TABLE repeated AS SELECT s.rowid AS id, {idents(screen.table.key, of='s')}, "
        f"row_number() OVER (PARTITION BY {content} ORDER BY _source, _row, _series) AS nth "
        f"FROM {screen.stage} s WHERE {clean} AND {hashed} IN (SELECT h FROM _repeated)"
    )
    connection.unregister("_repeated")
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


def _repeated(connection: duckdb.DuckDBPyConnection, hashed: str, rows: str) -> NDArray[np.uint64]:
    """Give the hashes that occur more than once; they are sorted where they lie."""
    ((count,),) = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()
    found, filled = np.empty(count, dtype=np.uint64), 0
    for batch in connection.sql(f"SELECT {hashed} AS h FROM {rows}").to_arrow_reader(_HASH_BATCH):
        piece = batch.column(0).to_numpy()
        found[filled : filled + piece.size] = piece
        filled += piece.size
    found.sort()
    return np.unique(found[1:][found[1:] == found[:-1]])


def _known_words(
    connection: duckdb.DuckDBPyConnection,
    mapped: Mapped,
    column: Column,
    words: Mapping[str, str],
    normalise: Callable[[str], str],
) -> dict[str, str]:
    """Find the column's different words that the closed list knows, with their ids."""
    text = text_of(column)
    known: dict[str, str] = {}
    texts = texts_of(connection, mapped.relation, column.name).relation
    found = connection.execute(f"SELECT DISTINCT {text} FROM {texts} m WHERE {text} IS NOT NULL")
    while batch := found.fetchmany(_WORD_BATCH):
        known |= {word: words[plain] for (word,) in batch if (plain := normalise(word)) in words}
    return known


def _list_words(connection: duckdb.DuckDBPyConnection, column: Column, known: Mapping[str, str]) -> str:
    """Make a table of words and their ids."""
    listed = ident("_words_" + column.name)
    connection.execute(f"CREATE TEMP TABLE {listed} (word VARCHAR, id VARCHAR)")
    connection.executemany(f"INSERT INTO {listed} VALUES (?, ?)", list(known.items()))
    return listed


def _words_needed(checks: tuple[Check, ...] | list[Check]) -> int:
    return -(-len(checks) // BITS)


def _by_word(checks: tuple[Check, ...]) -> Iterator[tuple[int, list[tuple[int, Check]]]]:
    """List the checks of each mask, with their bit in it."""
    for word in range(_words_needed(checks)):
        yield word, list(enumerate(checks[word * BITS : (word + 1) * BITS]))

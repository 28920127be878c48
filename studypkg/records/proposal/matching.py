"""Which column of a file is which column of a table: by its heading, and by what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from studypkg.columns import Column, Table
from studypkg.records.proposal.facts import Facts, words_in
from studypkg.records.proposal.headings import ROW_KEYS, fits, words_of
from studypkg.records.proposal.wordings import UNLESS, translated, understood
from studypkg.vocabulary import Vocabulary, normalise

#: How sure a match is: by its own name; by a usual heading with fitting content; worth a look.
SURE, LIKELY, PERHAPS = "sure", "likely", "perhaps"
_ORDER = {SURE: 3, LIKELY: 2, PERHAPS: 1}


@dataclass(frozen=True)
class Words:
    """The words of a column with a closed list: how many there are, and what the known ones mean.

    Parameters
    ----------
    different
        How many different words there are.
    as_they_are
        Words that are understood as they are.
    values
        Words, as they are written, that have to be translated, and what they mean.
    """

    different: int
    as_they_are: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def unknown(self) -> int:
        """How many words mean nothing that is known."""
        return self.different - len(self.as_they_are) - len(self.values)


@dataclass(frozen=True)
class Match:
    """A column of a table, the column of the file that fits it, how surely, and why not more surely."""

    column: Column
    origin: str
    confidence: str
    remark: str = ""
    words: Words | None = None


def match_table(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    facts: Sequence[Facts],
    table: Table,
    vocabulary: Vocabulary,
    *,
    barred: Sequence[str] = (),
) -> dict[str, Match]:
    """Find for each column of a table the column of the file that fits it best.

    Parameters
    ----------
    connection, relation
        The rows.
    facts
        What is known of the file's columns.
    table
        The table.
    vocabulary
        Its words.
    barred
        Columns that must not be used, because they look like identifiers or free text.

    Returns
    -------
    dict of str to Match
        By column of the table. A column of the file stands for one column of the table, except that
        one column may identify the patient and the episode.
    """
    found: list[tuple[int, int, Match]] = []
    for place, one in enumerate(facts):
        if one.column in barred or one.kind == "free text":
            continue
        for column in table.columns:
            how = fits(one.column, column.name)
            if how:
                match = _judged(connection, relation, one, column, how, vocabulary)
                found.append((-_ORDER[match.confidence] * 4 - how, place, match))
    chosen: dict[str, Match] = {}
    used: set[str] = set()
    for _, _, match in sorted(found, key=lambda one: one[:2]):
        if match.column.name not in chosen and match.origin not in used:
            chosen[match.column.name] = match
            used.add(match.origin)
    _add_keys(chosen, facts, table, barred)
    return chosen


def _judged(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    one: Facts,
    column: Column,
    how: int,
    vocabulary: Vocabulary,
) -> Match:
    """Weigh a heading against what stands below it."""
    confidence = {3: SURE, 2: LIKELY, 1: PERHAPS}[how]
    if one.kind == "empty":
        return Match(column, one.column, confidence if how == 3 else PERHAPS, "the column is empty")
    if column.kind == "date" and one.kind != "day":
        serial = one.numeric and 20_000 <= one.low <= one.high <= 70_000
        remark = "Excel's day numbers? Format its cells as dates" if serial else "most cells are no days"
        return Match(column, one.column, PERHAPS, remark)
    if column.kind in ("number", "integer", "age"):
        if not one.numeric:
            return Match(column, one.column, PERHAPS, "most cells are no numbers")
        outside = column.maximum is not None and column.kind != "age" and one.high > column.maximum
        if outside or (column.minimum is not None and one.low < column.minimum):
            remark = f"some lie outside of {_span(column)}: is the unit {column.unit or 'the same'}?"
            return Match(column, one.column, confidence if how == 3 else PERHAPS, remark)
        if how == 1:
            confidence = LIKELY if column.unit and column.unit in words_of(one.column) else PERHAPS
    if column.kind == "flag" or column.allowed or column.vocabulary:
        return _worded(connection, relation, one, column, confidence, vocabulary)
    if column.kind == "date" and how == 1:
        confidence = LIKELY
    return Match(column, one.column, confidence)


def _span(column: Column) -> str:
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    return f"{low}–{high}"


def _worded(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    one: Facts,
    column: Column,
    confidence: str,
    vocabulary: Vocabulary,
) -> Match:
    words = known_words(words_in(connection, relation, one.column), column, vocabulary)
    share = 1 - words.unknown / max(words.different, 1)
    if confidence == PERHAPS and share >= 0.8:
        confidence = LIKELY
    if share == 0 and words.different:
        confidence = LIKELY if confidence == SURE else PERHAPS
    remark = f"{words.unknown} of {words.different} words are not known" if words.unknown else ""
    return Match(column, one.column, confidence, remark, words)


def known_words(found: Sequence[str], column: Column, vocabulary: Vocabulary) -> Words:
    """Sort the words of a column: those understood, those to translate, and the rest, which is counted."""
    takes, turns = understood(column, vocabulary), translated(column, vocabulary)
    there = {normalise(word) for word in found}
    barred = {word for word, others in UNLESS.get(column.name, {}).items() if there.intersection(others)}
    plain = tuple(word for word in found if normalise(word) in takes)
    values = {
        word: turns[normalise(word)]
        for word in found
        if normalise(word) in turns and normalise(word) not in barred and word not in plain
    }
    return Words(len(found), plain, values)


def _add_keys(chosen: dict[str, Match], facts: Sequence[Facts], table: Table, barred: Sequence[str]) -> None:
    """Let one column, such as a plain `id`, number patient and episode where the file has no other."""
    names = [name for name in ("patient_id", "episode_id") if name in table.column_names]
    if all(name in chosen for name in names):
        return
    has = next((chosen[name] for name in ("episode_id", "patient_id") if name in chosen), None)
    used = {match.origin for match in chosen.values()}
    if has is None:
        free = [one.column for one in facts if one.column not in used and one.column not in barred]
        plain = [one for one in free if words_of(one) in ROW_KEYS]
        people = [one for one in free if fits(one, "patient_id") >= 1]
        if not (plain or people):
            return
        origin = (people or plain)[0]
    else:
        origin = has.origin
    for name in names:
        if name not in chosen:
            remark = "it numbers both patient and episode: has nobody two episodes?" if len(names) > 1 else ""
            remark = remark or "the episode is found by this number: it must be that of the episodes"
            chosen[name] = Match(table.column(name), origin, LIKELY, remark)

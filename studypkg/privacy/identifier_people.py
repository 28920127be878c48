"""Names of persons among the texts of a column, and sentences that somebody typed.

One text seldom tells. What tells is that many are shaped like names and hardly one stands twice, or that one
is shaped like a name among codes, or has a given name that many people have.
"""

# ruff: noqa: E501 (queries)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from studypkg.privacy.identifier_names import (
    CASELESS,
    ONE_WORD,
    PERSON,
    SMALL,
    STREET,
    has_given_name,
    is_label_of_signs,
    names_a_thing,
)
from studypkg.privacy.identifier_texts import Column, text

#: A column is free text if so large a share of its filled cells has so many words.
FREE_TEXT_WORDS = 5
FREE_TEXT_SHARE = 0.2
#: So many words in one cell of a column of words are a sentence that somebody typed, if it speaks of a person
#: or of a day; a longer one always is.
SENTENCE_WORDS = 7
STORY_WORDS = 12
_ABOUT_SOMEBODY = (
    r"(?i:\b(he|she|his|her|him|pt|patient|wife|husband|son|daughter|mother|father|mr|mrs|dr|called|told|says|said|lives"
    r"|works|moved|today|yesterday|tomorrow|er|sie|ihr|ihre|sein|seine|sagt|wohnt|arbeitet|heute|gestern|ella|él|su|dice"
    r"|vive|trabaja|paciente|hoy|ayer|elle|il|sa|habite|travaille|lei|lui|abita|lavora|hij|zij|haar|woont|werkt|ele|ela"
    r"|mora|trabalha|pacjent|mieszka|hon|han|bor)\b)|[0-9]{1,2}[./][0-9]{1,2}\b|[\p{Ll},] \p{Lu}\p{Ll}{2,}"
)
#: What stands in more cells than these is a label, and nobody's name or story.
RARE_TIMES = 3
#: A label of a list has at most so many words, or it is rather a sentence.
LABEL_WORDS = 6
#: Names of persons in so large a share of the cells.
PERSON_SHARE = 0.3
PERSON_DISTINCT = 20
#: So many different rare names, and so large a share of what is shaped like them, are names among words.
RARE_DISTINCT = 8
RARE_PERSONS = 0.8
#: Capitalised single words are names of persons only if there are so many different ones.
SURNAMES_DISTINCT = 20
#: Nearly all of a column are codes if so few of its cells are neither passed over nor shaped like names.
OTHER_SHARE = 0.05
FIGURES_SHARE = 0.9
#: Texts that are judged one by one; of more, the rarest are taken.
SAMPLE = 5_000

_FORMS = (("full", PERSON), ("caseless", CASELESS), ("small", SMALL), ("one", ONE_WORD), ("house", STREET))


@dataclass(frozen=True)
class Shaped:
    """Texts of one column that are shaped like names.

    Parameters
    ----------
    text, cells, form
        The text, how many cells hold it, and which shape it has.
    """

    text: str
    cells: int
    form: str


def shaped_like_names(connection: duckdb.DuckDBPyConnection) -> Mapping[int, Sequence[Shaped]]:
    """List, by column, the texts of `_notable` that are shaped like names, the rarest first."""
    cases = " ".join(f"WHEN regexp_full_match(v, {text(shape)}) THEN '{form}'" for form, shape in _FORMS)
    listed: dict[int, list[Shaped]] = {}
    for column, value, cells, form in connection.execute(
        f"SELECT c, v, n, form FROM (SELECT c, v, sum(n)::BIGINT AS n, CASE {cases} END AS form FROM _notable "
        "WHERE length(v) < 60 GROUP BY c, v) WHERE form IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY c, form ORDER BY n, hash(v)) <= {SAMPLE} ORDER BY c, n, v"
    ).fetchall():
        listed.setdefault(column, []).append(Shaped(value, cells, form))
    return listed


def names_in(column: Column, listed: Sequence[Shaped]) -> int:
    """Count the cells that name a person; 0 if there is no saying.

    Parameters
    ----------
    column
        The column.
    listed
        Its texts that are shaped like names.
    """
    words = [one for one in listed if one.form not in ("one", "house")]
    people = [one for one in words if not (names_a_thing(one.text) or is_label_of_signs(one.text))]
    cells = sum(one.cells for one in people)
    known = [one for one in people if one.cells <= RARE_TIMES and has_given_name(one.text)]
    if len(people) >= min(PERSON_DISTINCT, column.filled) and len(people) > 0.5 * len(words):
        seen = min(column.filled, len(words) * column.filled / max(sum(o.cells for o in words), 1))
        if cells > PERSON_SHARE * seen:
            return cells
    rare = [one for one in people if one.cells <= RARE_TIMES]
    all_rare = [one for one in words if one.cells <= RARE_TIMES]
    if len(rare) >= RARE_DISTINCT and len(rare) >= RARE_PERSONS * len(all_rare):
        return sum(one.cells for one in rare)
    if rare and _of_codes(column, listed):
        return sum(one.cells for one in rare)
    if known and column.filled > RARE_TIMES:
        return sum(one.cells for one in known)
    return _surnames(column, listed)


def houses_in(column: Column, listed: Sequence[Shaped]) -> int:
    """Count streets with the number of a house, among codes or as a whole column of different ones."""
    houses = [
        one
        for one in listed
        if one.form == "house" and one.cells <= RARE_TIMES and not names_a_thing(one.text)
    ]
    if len(houses) >= PERSON_DISTINCT or (houses and _of_codes(column, listed)):
        return sum(one.cells for one in houses)
    return 0


def _of_codes(column: Column, listed: Sequence[Shaped]) -> bool:
    """Say whether what is not shaped like a name is codes with figures."""
    shaped = sum(one.cells for one in listed)
    rest = column.filled - shaped
    figures = column.figures * column.filled
    return (
        rest >= max(20, 0.5 * column.filled)
        and column.notable - shaped <= OTHER_SHARE * column.filled
        and figures > FIGURES_SHARE * rest
    )


def _surnames(column: Column, listed: Sequence[Shaped]) -> int:
    """Count single capitalised words, if there are many and hardly any of them is a thing."""
    words = [one for one in listed if one.form == "one" and one.cells <= RARE_TIMES]
    people = [one for one in words if not names_a_thing(one.text)]
    if len(people) >= SURNAMES_DISTINCT and len(people) > RARE_PERSONS * len(words):
        return sum(one.cells for one in people)
    known = [one for one in people if has_given_name(one.text)]
    return sum(one.cells for one in known) if known and _of_codes(column, listed) else 0


def sentences(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> dict[int, int]:
    """Count, by column, the cells that somebody typed: many with many words, or one among codes or labels."""
    # Scripts without blanks: three signs count as a word.
    words = (
        "CASE WHEN regexp_matches(v, '[\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Thai}]') THEN length(v) // 3 "
        "ELSE length(v) - length(replace(v, ' ', '')) + 1 END"
    )
    found = {}
    by_number = {column.number: column for column in columns}
    for number, wordy, short, long, labels in connection.execute(
        f"SELECT c, coalesce(sum(n) FILTER (WHERE w >= {FREE_TEXT_WORDS} AND n <= {RARE_TIMES}), 0)::BIGINT, "
        f"count(*) FILTER (WHERE w >= {FREE_TEXT_WORDS} AND n <= {RARE_TIMES}), "
        f"count(*) FILTER (WHERE n <= {RARE_TIMES} AND (w >= {STORY_WORDS} "
        f"OR (w >= {SENTENCE_WORDS} AND regexp_matches(v, {text(_ABOUT_SOMEBODY)})))), "
        f"coalesce(sum(n) FILTER (WHERE w >= {LABEL_WORDS} AND n > {RARE_TIMES}), 0)::BIGINT "
        f"FROM (SELECT c, v, sum(n) AS n, {words} AS w FROM _notable GROUP BY c, v) GROUP BY c"
    ).fetchall():
        column = by_number.get(number)
        if column is None:
            continue
        if wordy > FREE_TEXT_SHARE * column.filled:
            found[number] = wordy
        elif short and column.odd(column.notable):
            found[number] = short
        elif long and column.odd(labels):
            found[number] = long
    return found

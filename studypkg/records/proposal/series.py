"""Headings of score columns taken apart: the instrument, what the score refers to, and when it was taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from studypkg.records.proposal.facts import Facts
from studypkg.records.proposal.headings import words_of
from studypkg.records.proposal.wordings import WORDINGS
from studypkg.schema import CONTEXTS
from studypkg.vocabulary import Vocabulary, normalise

#: Day on which every patient of a file without dates begins: only the distances matter.
NOMINAL_START = date(2000, 1, 1)

_PAIN = frozenset(("pain", "schmerz", "schmerzen", "douleur", "dolor", "pijn"))
_FILLER = frozenset(
    ("score", "scores", "total", "sum", "rating", "level", "points", "value", "intensity", "severity", "at",
     "in", "of", "the", "last", "24h", "hours", "during", "with", "mm", "cm", "0", "10", "100", "wert",
     "punkte")
)  # fmt: skip
#: Words for a time → its distance in weeks (None: not said) and what an assessment then is for.
_OCCASIONS: Mapping[str, tuple[float | None, str]] = {
    **dict.fromkeys(("baseline", "bl", "base", "intake", "initial", "pre", "admission"), (0.0, "intake")),
    **dict.fromkeys(("discharge", "dc", "final", "post", "exit"), (None, "discharge")),
    **dict.fromkeys(("followup", "fu", "follow"), (None, "follow_up")),
}
_UNITS: Mapping[str, float] = {
    **dict.fromkeys(("d", "day", "days", "tag", "jour", "dia", "dag"), 1 / 7),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks", "woche", "wochen", "semaine", "sem", "semana"), 1.0),
    **dict.fromkeys(("m", "mo", "mos", "mth", "month", "months", "monat", "mois", "mes"), 365.25 / 84),
    **dict.fromkeys(("y", "yr", "year", "years", "jahr", "an", "ano", "jaar"), 365.25 / 7),
}  # fmt: skip
#: Numbers of occasions without a distance: visit 1, t2.
_COUNTED = frozenset(("t", "v", "visit", "time", "timepoint", "assessment", "session", "besuch", "visite"))
_SPLIT = re.compile(r"([a-z]+)(\d+)$|(\d+)([a-z]+)$")


@dataclass(frozen=True)
class Occasion:
    """When a score of a wide file was taken: as its heading says it, in weeks if known, and its role."""

    label: str
    weeks: float | None
    role: str

    @property
    def day(self) -> str | None:
        """Nominal day, if the distance is known."""
        return None if self.weeks is None else str(NOMINAL_START + timedelta(days=round(self.weeks * 7)))


@dataclass(frozen=True)
class ScoreColumn:
    """A column that holds scores, and what its heading says of them."""

    column: str
    instrument: str | None
    context: str | None
    occasion: Occasion | None


def score_column(heading: str, vocabulary: Vocabulary) -> ScoreColumn | None:
    """Take a heading apart; None if anything is left that is not understood.

    Examples
    --------
    >>> from studypkg.vocabulary import load_vocabulary
    >>> one = score_column("NPRS_worst_wk12", load_vocabulary())
    >>> one.instrument, one.context, one.occasion.weeks
    ('nprs', 'worst_24h', 12.0)
    >>> score_column("systolic_wk12", load_vocabulary()) is None
    True
    """
    words = words_of(heading).split()
    instrument, words = _instrument(words, vocabulary)
    occasion, words = _occasion(words)
    context, words = _context(words)
    pain = bool(_PAIN.intersection(words))
    left = [word for word in words if word not in _FILLER and word not in _PAIN]
    if left or not (instrument or pain or context):
        return None
    return ScoreColumn(heading, instrument, context, occasion)


def numbered_groups(facts: Sequence[Facts], taken: Iterable[str]) -> list[tuple[str, ...]]:
    """Find columns of numbers that differ in a number at their end only, such as `pk1`, `pk2`, `pk5`."""
    groups: dict[str, list[str]] = {}
    for one in facts:
        found = re.fullmatch(r"(.*\D)\d{1,3}", one.column)
        if found and one.numeric and one.column not in set(taken):
            groups.setdefault(found.group(1).lower(), []).append(one.column)
    return [tuple(columns) for columns in groups.values() if len(columns) > 1]


def _instrument(words: list[str], vocabulary: Vocabulary) -> tuple[str | None, list[str]]:
    known = vocabulary.resolution("instruments")
    for length in range(min(len(words), 6), 0, -1):
        for at in range(len(words) - length + 1):
            found = known.get(normalise("".join(words[at : at + length])))
            if found is not None:
                return found, words[:at] + words[at + length :]
    return None, words


def _context(words: list[str]) -> tuple[str | None, list[str]]:
    known = {normalise(word): word for word in CONTEXTS}
    known |= {normalise(word): meaning for meaning, all_ in WORDINGS["context"].items() for word in all_}
    for length in (3, 2, 1):
        for at in range(len(words) - length + 1):
            found = known.get(normalise("".join(words[at : at + length])))
            if found is not None:
                return found, words[:at] + words[at + length :]
    return None, words


def _occasion(words: list[str]) -> tuple[Occasion | None, list[str]]:
    """Find the words that say when: `baseline`, `w4`, `6 months`, `visit 2`."""
    words = [word for word in words if word not in ("up",)]
    for at, word in enumerate(words):
        pair = words[at + 1] if at + 1 < len(words) else ""
        found = _distance(word, pair)
        if found is not None:
            occasion, used = found
            return occasion, words[:at] + words[at + used :]
    for at, word in enumerate(words):
        if word in _OCCASIONS:
            weeks, role = _OCCASIONS[word]
            return Occasion(word, weeks, role), words[:at] + words[at + 1 :]
    return None, words


def _distance(word: str, pair: str) -> tuple[Occasion, int] | None:
    split = _SPLIT.fullmatch(word)
    if split:
        unit, number, used = split.group(1) or split.group(4), split.group(2) or split.group(3), 1
    elif pair.isdigit():
        unit, number, used = word, pair, 2
    elif word.isdigit() and pair:
        unit, number, used = pair, word, 2
    else:
        return None
    if unit in _OCCASIONS and unit not in ("pre", "post"):
        return Occasion(f"{unit} {number}", None, _OCCASIONS[unit][1]), used
    if unit in _COUNTED:
        return Occasion(f"{unit} {number}", None, "intake" if number == "0" else "interim"), used
    if unit not in _UNITS:
        return None
    weeks = int(number) * _UNITS[unit]
    return Occasion(f"{unit} {number}", weeks, "interim" if weeks else "intake"), used

"""The words a study may use, with their meaning: packaged terms, plus those a study declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from studypkg.entries import read_term
from studypkg.errors import ConfigError, UnknownTermError, nearest
from studypkg.instruments import AdherenceInstrument, Instrument, Threshold, ThresholdRange
from studypkg.terms import (
    Care,
    Code,
    Coded,
    Condition,
    Dose,
    Exercise,
    Finding,
    Modality,
    StopRule,
    Term,
    normalise,
)

__all__ = [
    "RECORDS",
    "AdherenceInstrument",
    "Care",
    "Code",
    "Coded",
    "Condition",
    "Dose",
    "Exercise",
    "Finding",
    "Instrument",
    "Modality",
    "StopRule",
    "Term",
    "Threshold",
    "ThresholdRange",
    "Vocabulary",
    "load_vocabulary",
    "normalise",
    "parse_vocabulary",
]

#: The record type of each section.
RECORDS: Mapping[str, type[Term]] = MappingProxyType(
    {
        "exercises": Exercise,
        "exercise_categories": Term,
        "anatomy": Term,
        "modalities": Modality,
        "self_care": Care,
        "medical_treatments": Care,
        "conditions": Condition,
        "symptoms": Finding,
        "provoking_factors": Term,
        "risk_factors": Finding,
        "stop_rules": StopRule,
        "education": Term,
        "return_to_running": Term,
        "expected_course": Term,
        "populations": Term,
        "goals": Term,
        "instruments": Instrument,
        "adherence_instruments": AdherenceInstrument,
        "core_measures": Term,
        "reference_codes": Coded,
    }
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Vocabulary:
    """Every term, by section and id; frozen, and without a word that means two things in a section.

    Parameters
    ----------
    exercises, modalities, conditions, instruments, stop_rules, adherence_instruments, ...
        One mapping per section, from id to record. `RECORDS` lists the sections.

    Raises
    ------
    ConfigError
        If one word would mean two terms of a section.
    """

    exercises: Mapping[str, Exercise]
    exercise_categories: Mapping[str, Term]
    anatomy: Mapping[str, Term]
    modalities: Mapping[str, Modality]
    self_care: Mapping[str, Care]
    medical_treatments: Mapping[str, Care]
    conditions: Mapping[str, Condition]
    symptoms: Mapping[str, Finding]
    provoking_factors: Mapping[str, Term]
    risk_factors: Mapping[str, Finding]
    stop_rules: Mapping[str, StopRule]
    education: Mapping[str, Term]
    return_to_running: Mapping[str, Term]
    expected_course: Mapping[str, Term]
    populations: Mapping[str, Term]
    goals: Mapping[str, Term]
    instruments: Mapping[str, Instrument]
    adherence_instruments: Mapping[str, AdherenceInstrument]
    core_measures: Mapping[str, Term]
    reference_codes: Mapping[str, Coded]
    _words: Mapping[str, Mapping[str, str]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for section in RECORDS:
            object.__setattr__(self, section, MappingProxyType(dict(getattr(self, section))))
        words = {section: _words(section, self.section(section)) for section in RECORDS}
        object.__setattr__(self, "_words", MappingProxyType(words))

    def __repr__(self) -> str:
        terms = sum(len(self.section(section)) for section in RECORDS)
        return f"Vocabulary({terms} terms in {len(RECORDS)} sections)"

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only mapping cannot be pickled; a worker process rebuilds it from plain ones.
        return _rebuild, ({section: dict(self.section(section)) for section in RECORDS},)

    def section(self, name: str) -> Mapping[str, Term]:
        """All terms of a section, by id.

        Raises
        ------
        UnknownTermError
            If there is no such section.
        """
        if name not in RECORDS:
            raise UnknownTermError(
                f'the vocabulary has no section "{name}".{nearest(name, RECORDS)} '
                f"Its sections are: {', '.join(RECORDS)}."
            )
        found: Mapping[str, Term] = getattr(self, name)
        return found

    def resolution(self, section: str) -> Mapping[str, str]:
        """Every normalised word of a section and the id it means, for joining whole columns.

        Look words up as ``normalise(word)``. Each word means exactly one id.
        """
        self.section(section)
        return self._words[section]

    def resolve(self, section: str, word: str) -> str:
        """Find the id of a term by its id, name or alias.

        Parameters
        ----------
        section
            Such as ``"exercises"``.
        word
            Case, spaces, hyphens and underscores do not matter.

        Raises
        ------
        UnknownTermError
            If the section has no such word. The message quotes the word: it is meant for a
            declaration. A caller that screens patients' rows uses `resolution` instead.

        Examples
        --------
        >>> load_vocabulary().resolve("conditions", "ITBS")
        'itb_syndrome'
        """
        try:
            return self.resolution(section)[normalise(word)]
        except KeyError:
            terms = self.section(section)
            near = nearest(word, dict.fromkeys(w for term in terms.values() for w in term.words))
            raise UnknownTermError(
                f'the vocabulary section "{section}" has no term "{word}".{near} '
                f"Its terms are: {', '.join(terms)}. A study adds its own under [terms.{section}]."
            ) from None

    def extended(self, section: str, entries: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
        """Add a study's own terms, and leave this vocabulary as it is.

        Parameters
        ----------
        section
            The section they belong to.
        entries
            From id to the keys and values of the section's record, as in the packaged file.

        Raises
        ------
        UnknownTermError
            If there is no such section.
        ConfigError
            If an entry is not well formed, or if its id or another of its words is taken.

        Examples
        --------
        >>> own = {"headache": {"name": "Headache score", "minimum": 0, "maximum": 100, "direction": "lower"}}
        >>> load_vocabulary().extended("instruments", own).instruments["headache"].sign
        -1
        """
        known = self.section(section)
        taken = [key for key in entries if key in known]
        if taken:
            raise ConfigError(
                f'[terms.{section}]: "{taken[0]}" is already a term of the vocabulary. '
                "Use the term as it is, or choose another id."
            )
        own = _read_section(section, entries, place=f"[terms.{section}]", source="study")
        changes: dict[str, Any] = {section: {**known, **own}}
        return replace(self, **changes)


@cache
def load_vocabulary() -> Vocabulary:
    """Read the packaged vocabulary, once per process.

    Raises
    ------
    ConfigError
        If the packaged file is damaged; reinstalling the package mends it.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = files("studypkg").joinpath("vocabulary.yaml").read_text(encoding="utf-8")
    return parse_vocabulary(yaml.load(text, Loader=loader))


def parse_vocabulary(raw: Mapping[str, Any]) -> Vocabulary:
    """Make a vocabulary of sections as YAML gives them, checking every entry.

    Parameters
    ----------
    raw
        From section to id to the keys and values of its record. A key ``references`` maps short
        names to full citations; a threshold's ``source`` that is one of them is written out.
    """
    sections = {name: entries for name, entries in raw.items() if name != "references"}
    if set(sections) != set(RECORDS):
        odd = ", ".join(sorted(set(sections) ^ set(RECORDS)))
        raise ConfigError(f"vocabulary.yaml: missing or unknown sections: {odd}. Reinstall the package.")
    cited = _cite(sections, raw.get("references", {}))
    return _rebuild(
        {
            name: _read_section(name, entries, place=f"vocabulary.yaml: {name}", source="article")
            for name, entries in cited.items()
        }
    )


def _rebuild(sections: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
    return Vocabulary(**sections)


def _read_section(section: str, entries: Any, *, place: str, source: str) -> dict[str, Term]:
    if not isinstance(entries, Mapping):
        raise ConfigError(f"{place}: expected one heading per term, each with its keys and values.")
    record = RECORDS[section]
    return {key: read_term(record, key, entry, place=place, source=source) for key, entry in entries.items()}


def _cite(node: Any, references: Mapping[str, str]) -> Any:
    """Write out every ``source`` that is the short name of a reference."""
    if isinstance(node, Mapping):
        return {
            key: references[value] if key == "source" and value in references else _cite(value, references)
            for key, value in node.items()
        }
    return [_cite(item, references) for item in node] if isinstance(node, list) else node


def _words(section: str, terms: Mapping[str, Term]) -> Mapping[str, str]:
    """Map every word of a section to its one id."""
    found: dict[str, str] = {}
    for key, term in terms.items():
        for word in term.words:
            other = found.setdefault(normalise(word), key)
            if other != key:
                raise ConfigError(
                    f'vocabulary section "{section}": the word "{word}" means both "{other}" and "{key}". '
                    "Rename it in one of the two."
                )
    return MappingProxyType(found)

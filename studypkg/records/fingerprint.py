"""What the tables depend on, in one hash: files, mapping, vocabulary, rules, cut-off and package version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date

import studypkg
from studypkg.columns import Table
from studypkg.config import study_vocabulary
from studypkg.declaration import Study
from studypkg.records.rules import RULES
from studypkg.records.screening import Lists
from studypkg.terms import Coded
from studypkg.vocabulary import Vocabulary, normalise


def lists_of(study: Study, tables: Mapping[str, Table]) -> dict[str, Lists]:
    """Give the closed lists of every table: those of the schema, and those of the vocabulary."""
    vocabulary = study_vocabulary(study)
    return {name: _lists(table, vocabulary) for name, table in tables.items()}


def _lists(table: Table, vocabulary: Vocabulary) -> Lists:
    words: dict[str, Mapping[str, str]] = {}
    in_force: dict[str, Mapping[str, tuple[str | None, str | None]]] = {}
    for column in table.columns:
        if column.kind == "code" and (column.allowed or column.vocabulary):
            section = vocabulary.resolution(column.vocabulary) if column.vocabulary else {}
            own = _codes(vocabulary, column.vocabulary) if column.vocabulary else {}
            coded = {word: term for word, (term, _, _) in own.items()}
            words[column.name] = {**coded, **section, **{normalise(word): word for word in column.allowed}}
            in_force[column.name] = {
                word: (since, until) for word, (_, since, until) in own.items() if since or until
            }
    ranges = {name: (one.minimum, one.maximum) for name, one in vocabulary.instruments.items()}
    return Lists(words, ranges, normalise, {name: codes for name, codes in in_force.items() if codes})


def _codes(vocabulary: Vocabulary, section: str) -> dict[str, tuple[str, str | None, str | None]]:
    """Map the diagnosis codes of a section, with and without the dot, to a term and the days they hold.

    Notes
    -----
    A code that two terms share, a second choice and an unverified code mean nothing. Billing codes are
    never read: what was billed does not say what was done.
    """
    found: dict[str, dict[str, tuple[str | None, str | None]]] = {}
    for term in vocabulary.section(section).values():
        for code in term.codes if isinstance(term, Coded) else ():
            if code.system == "icd10cm" and not code.alternative and code.certainty != "unverified":
                for word in (code.code, code.code.replace(".", "")):
                    found.setdefault(normalise(word), {})[term.id] = (code.since, code.until)
    return {word: (*terms, *next(iter(terms.values()))) for word, terms in found.items() if len(terms) == 1}


def fingerprint_of(
    study: Study,
    tables: Mapping[str, Table],
    lists: Mapping[str, Lists],
    hashes: list[str],
    cutoff: date | None,
) -> str:
    """Hash everything that the tables depend on."""
    declared = study.model_dump(
        mode="json",
        include={
            "study": {"keep_raw"},
            "sources": True,
            "covariates": True,
            "terms": True,
            "screening": True,
            "privacy": {"policy", "allow_columns"},
        },
    )
    parts = {
        "declared": declared,
        "rules": rules_of(tables, lists),
        "files": hashes,
        "cutoff": str(cutoff),
        "version": studypkg.__version__,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def rules_of(tables: Mapping[str, Table], lists: Mapping[str, Lists]) -> str:
    """Hash the rules: the schema, the rule book and the closed lists."""
    parts = {
        "schema": repr(dict(tables)),
        "rules": sorted(RULES),
        "lists": {
            name: [{column: dict(words) for column, words in one.words.items()}, one.ranges, one.in_force]
            for name, one in lists.items()
        },
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

"""The two policies for records, and the mark of a policy on everything that is made under it.

``internal`` keeps real dates beside pseudonymous ids, and is for the clinic. ``research`` keeps no real
date and nothing more exact than 45 CFR 164.514(b)(2) allows of age and place, and is for everyone else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studypkg.columns import Column
from studypkg.config import study_tables
from studypkg.declaration import Study
from studypkg.errors import ConfigError, DisclosureError, QualityGateError, nearest

#: In the place of a month, in folders and titles of pages without real dates.
RESEARCH_ISSUE = "research"
#: Columns of every study that research knows by another pseudonym.
RENAMED = ("patient_id", "episode_id", "clinic_id", "therapist_id")
#: Columns of kind "id" that name no person: an arm is a word that models and contrasts use.
NAMES = ("arm",)


@dataclass(frozen=True)
class Policy:
    """What may be known in some tables.

    Parameters
    ----------
    name
        ``internal`` or ``research``.
    options
        Everything that decides what the values look like, besides the key.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of the policy and its options: 12 hexadecimal digits."""
        text = json.dumps({"name": self.name, "options": self.options}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def mark(self, key_id: str | None = None) -> dict[str, Any]:
        """Give the mark that tables and documents carry; plain values for JSON."""
        return {"name": self.name, "fingerprint": self.fingerprint, "key": key_id, "options": self.options}


def internal_policy(study: Study) -> Policy:
    """Give the policy of the records as the clinic knows them."""
    replaced = sorted({(s.table, name) for s in study.sources for name in s.pseudonymise})
    if not replaced:
        return Policy("internal")
    ways = study.privacy.pseudonyms.model_dump(mode="json", include={"case", "blanks", "ignore"})
    return Policy("internal", {"pseudonymised": [list(one) for one in replaced], **ways})


def policy_of(study: Study) -> Policy:
    """Give the policy under which the study's tables are read and its pages made.

    Raises
    ------
    ConfigError
        If the policy is `research` and a column of the study's own has no treatment, or the folder of the
        internal records is that of the research tables.
    """
    if study.privacy.policy == "internal":
        return internal_policy(study)
    inner, outer = study.internal.resolve(), study.processed.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise ConfigError(
            "[privacy.research] internal: the records with real dates need a folder apart from the research "
            f"tables, and {study.privacy.research.internal} is not apart from {study.study.processed}. "
            f"Name another folder."
        )
    options = study.privacy.research.model_dump(mode="json", exclude={"internal", "columns"})
    if study.privacy.research.dates == "relative":
        del options["max_shift_days"]
    return Policy("research", {**options, "columns": treatments(study), "of": internal_policy(study).options})


def treatments(study: Study) -> dict[str, str]:
    """Say what becomes of every column that only this study has, under `research`.

    Raises
    ------
    ConfigError
        If one is named that the study does not have, or one could hold anything and nobody has said.
    """
    own = [c for c in study_tables(study)["episodes"].columns if c.name in study.covariates]
    given = study.privacy.research.columns
    for name in given:
        if name not in study.covariates:
            raise ConfigError(
                f'[privacy.research.columns]: "{name}" is not in [covariates].'
                f"{nearest(name, study.covariates)} Only columns that a study adds itself are named here."
            )
        if given[name] in ("pseudonym", "zip3") and study.covariates[name].allowed:
            raise ConfigError(
                f'[privacy.research.columns] {name}: its words are a closed list and "{given[name]}" would '
                f'break. Write "keep" or "drop".'
            )
    return {column.name: given.get(column.name) or _usual(column) for column in own}


def _usual(column: Column) -> str:
    if column.kind in ("number", "integer", "flag", "date", "age") or column.allowed:
        return "keep"  # a date that is kept is moved, an age is put into its band
    raise ConfigError(
        f'[privacy.research.columns] does not name "{column.name}", which may hold any word. Write '
        f'{column.name} = "keep", "drop", "pseudonym" or "zip3".'
    )


def check_mark(manifest: Mapping[str, Any], policy: Policy, *, folder: str) -> None:
    """Refuse tables that were made under another policy than the one that is declared now.

    Parameters
    ----------
    manifest
        The account of the tables; empty before the first.
    policy
        What the declaration says.
    folder
        Where the tables are, for the message.

    Raises
    ------
    QualityGateError
        Saying which two policies meet, and the ways on.
    """
    if not manifest:
        return
    mark = mark_of(manifest)
    if mark["name"] != policy.name:
        raise QualityGateError(_crossed(mark["name"], policy.name, folder))
    if mark["fingerprint"] != policy.fingerprint:
        what = "[privacy.research] has" if policy.name == "research" else "`pseudonymise` or its rules have"
        way = (
            "Run `study ingest`, which derives the tables anew."
            if policy.name == "research"
            else "Set them back, or take the records in anew into an empty folder ([study] processed)."
        )
        raise QualityGateError(
            f"the tables in {folder} were made under other options of the policy {policy.name}: {what} "
            f"changed since. {way} Nothing was replaced."
        )


def mark_of(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the mark of a policy; tables without one were made before there were two, under `internal`."""
    found: Mapping[str, Any] = manifest.get("policy") or Policy("internal").mark()
    return found


def check_key(manifest: Mapping[str, Any], key_id: str | None) -> None:
    """Refuse to mix pseudonyms of two keys in the tables of a clinic.

    Raises
    ------
    QualityGateError
        If the tables hold pseudonyms of another key.
    """
    if not manifest:
        return
    before = mark_of(manifest)["key"]
    if before != key_id:
        raise QualityGateError(
            f"the records were taken in with the key {before or 'none'}, and this run has "
            f"{key_id or 'none'}: every patient would become another person. Use the key of before. To "
            f"change the key for good, take the records in anew, into an empty folder ([study] processed). "
            f"Nothing was replaced."
        )


def check_documents(marks: Mapping[str, Mapping[str, Any]], policy: Policy) -> None:
    """Refuse to publish documents that were released under another policy.

    Parameters
    ----------
    marks
        The `provenance` of each document by its file name.
    policy
        What the declaration says.

    Raises
    ------
    DisclosureError
        Naming the first such document.
    """
    for name, provenance in marks.items():
        told = provenance.get("policy", "internal"), provenance.get("policy_fingerprint", policy.fingerprint)
        if told != (policy.name, policy.fingerprint):
            raise DisclosureError(
                f"{name} was released under the policy {told[0]} ({told[1]}), and this study now declares "
                f"{policy.name} ({policy.fingerprint}). Nothing was published. Release the numbers again "
                f"under one policy: `study ingest`, then the same command."
            )


def check_pages(made: Mapping[str, str], policy: Policy, *, folder: str) -> None:
    """Refuse to put pages of one policy beside pages of the other.

    Parameters
    ----------
    made
        Name of the policy of each issue of pages that is there, by the issue.
    policy
        What the declaration says.
    folder
        Where the pages are, for the message.

    Raises
    ------
    DisclosureError
        Naming the first issue of another policy.
    """
    for issue, name in made.items():
        if name != policy.name:
            raise DisclosureError(
                f"{folder} holds pages of {issue} that were made under the policy {name}, and this study now "
                f"declares {policy.name}. Whoever is given the folder would get both. Name another folder "
                f"under [study] reports. Nothing was published."
            )


def refuse_calendar(policy: Policy, what: str) -> None:
    """Refuse what needs real dates where there are none.

    Raises
    ------
    DisclosureError
        Under `research`.
    """
    if policy.name == "research":
        raise DisclosureError(
            f"{what} needs real months, and this study is under the policy research, whose dates are moved "
            f'or relative. Use a study with policy = "internal" for it. Under research there are `study fit` '
            f"and the research page (`study report` without a month)."
        )


def _crossed(made: str, declared: str, folder: str) -> str:
    if declared == "research":
        return (
            f"the tables in {folder} were made under the policy {made} and hold real dates; this study now "
            f"declares research. Move {folder} to the folder of [privacy.research] internal, or name another "
            f"folder under [study] processed, and run `study ingest`. Nothing was published or replaced."
        )
    return (
        f"the tables in {folder} were made under the policy {made} and have no real dates; this study now "
        f'declares internal. Set policy = "{made}" again, or name an empty folder under [study] processed '
        f"and run `study ingest`. Nothing was published or replaced."
    )

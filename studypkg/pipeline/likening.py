"""How alike a study's people are on what outsiders may know, and the least coarse way to make them so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from studypkg.config import Study, study_tables
from studypkg.errors import ConfigError, DataRejectedError, DisclosureError, nearest
from studypkg.pipeline.opening import open_store
from studypkg.privacy.anonymity import Likeness, measure_likeness
from studypkg.privacy.generalisation import Demand, Material, Search, apply, material_of, search
from studypkg.privacy.policies import policy_of

_PERSON = "patient_id"


@dataclass(frozen=True)
class Alike:
    """How alike the people of a study are, and what would make them alike enough.

    Parameters
    ----------
    demand
        What is declared under `[privacy.anonymity]`.
    now
        As the tables are.
    found
        The least coarse way to reach the demand.
    then
        As they would be; `None` if there is no way.
    rows
        Rows that an export would have; 0 if there is no way.
    """

    demand: Demand
    now: Likeness
    found: Search
    then: Likeness | None
    rows: int

    @property
    def reached(self) -> bool:
        """Whether the tables already are as is asked, with nobody left out."""
        proposal = self.found.proposal
        return proposal is not None and not any(proposal.steps.values()) and not proposal.suppressed

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values; counts of people and names of columns only."""
        proposal = self.found.proposal
        return {
            "demand": vars(self.demand),
            "now": self.now.as_dict(),
            "reached": self.reached,
            "proposal": None if proposal is None else proposal.as_dict(),
            "reason": self.found.reason,
            "combinations": self.found.combinations,
            "visited": self.found.visited,
            "then": None if self.then is None else self.then.as_dict(),
        }


def alike(study: Study) -> Alike:
    """Measure the episodes of a study, and search for the least coarse way to its demand.

    Raises
    ------
    ConfigError
        If no quasi-identifiers are declared, or the episodes lack one.
    DataRejectedError
        If nothing has been ingested yet.
    QualityGateError
        If the tables were made under another policy.
    """
    rows, material, demand = _material(study)
    sensitive = study.privacy.anonymity.sensitive
    now = measure_likeness(
        rows, tuple(study.privacy.quasi_identifiers), person=_PERSON, sensitive=sensitive, k=demand.k
    )
    found = search(material, demand)
    if found.proposal is None:
        return Alike(demand, now, found, None, 0)
    made = apply(rows, material, demand, found.proposal, keep=(_PERSON, *sensitive))
    then = measure_likeness(
        made, tuple(study.privacy.quasi_identifiers), person=_PERSON, sensitive=sensitive, k=demand.k
    )
    return Alike(demand, now, found, then, len(made))


def export_alike(study: Study, path: Path) -> Alike:
    """Write the quasi-identifiers, as coarse as proposed, and the sensitive columns; no id and no date.

    Raises
    ------
    DisclosureError
        If the study is not under `research`, or no way reaches the demand.
    ConfigError
        If the file is there already or cannot be written.
    """
    if policy_of(study).name != "research":
        raise DisclosureError(
            "rows leave a study only under the policy research, and this one is under internal. Set "
            '[privacy] policy = "research" in a study for research, run `study ingest`, and export there.'
        )
    result = alike(study)
    if result.found.proposal is None or result.then is None:
        raise DisclosureError(
            f"k = {result.demand.k} is not reached: {result.found.reason}. Nothing was written."
        )
    if path.exists():
        raise ConfigError(f"{path.name} is there already and was left as it is. Choose another name.")
    rows, material, demand = _material(study)
    made = apply(rows, material, demand, result.found.proposal, keep=study.privacy.anonymity.sensitive)
    try:
        with TemporaryDirectory(prefix=".study-", dir=path.parent) as folder:
            aside = Path(folder) / "rows.csv"
            made.to_csv(aside, index=False)
            os.link(aside, path)
    except OSError:
        raise ConfigError(f"{path} cannot be written. Make its folder, or choose another.") from None
    return result


def _material(study: Study) -> tuple[pd.DataFrame, Material, Demand]:
    declared, asked = study.privacy.quasi_identifiers, study.privacy.anonymity
    if not declared:
        raise ConfigError(
            "no quasi-identifiers are declared. Write a block [privacy.quasi_identifiers.COLUMN] for every "
            "column of the episodes that an outsider may know, such as age_years and sex."
        )
    known = study_tables(study)["episodes"].column_names
    for name in (*declared, *asked.sensitive):
        if name not in known or name in (_PERSON, "episode_id"):
            raise ConfigError(
                f'[privacy]: "{name}" is no column of the episodes that can be known or sensitive.'
                f"{nearest(name, known)}"
            )
    both = sorted(set(declared) & set(asked.sensitive))
    if both:
        raise ConfigError(
            f'[privacy]: "{both[0]}" is both a quasi-identifier and sensitive. An outsider either knows it '
            f"or should not learn it: choose one."
        )
    store = open_store(study)
    if not store.has("episodes"):
        raise DataRejectedError("there are no screened tables yet. Run `study ingest` first.")
    rows = store.read("episodes")
    lacking = [name for name in (*declared, *asked.sensitive) if name not in rows]
    if lacking:
        raise ConfigError(
            f'the episodes have no column "{lacking[0]}": it is dropped under [privacy.research.columns], or '
            f"new since the last `study ingest`."
        )
    demand = Demand(asked.k, asked.l, asked.t, asked.max_suppressed)
    made = material_of(rows, declared, person=_PERSON, sensitive=asked.sensitive)
    return rows, made, demand

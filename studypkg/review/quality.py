"""What the records themselves say about their making: habits of a clinic, and who is left out of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from studypkg.privacy.suppression import Additive, Statistic
from studypkg.review.flow import completeness, loss_statistics, pair_statistics, sums_over_time
from studypkg.review.periods import Periods
from studypkg.review.summaries import Place, mean, share

#: Habits of record keeping, each a share of ended episodes; a high share is no fault by itself.
HABITS: Mapping[str, str] = {
    "capture": "A score at both ends of care",
    "no_therapist": "No therapist named",
    "no_report": "Exercise prescribed, none ever reported",
    "no_treatment": "No hands-on treatment recorded",
    "round_intake": "First score at the lowest, middle or highest mark",
    "same_score": "Last score equal to the first",
}
#: What is compared between the patients with and without a pair of scores.
TRAITS: Mapping[str, str] = {
    "baseline": "Score at intake",
    "age_years": "Age, years",
    "symptom_weeks": "Weeks with symptoms",
}


@dataclass(frozen=True)
class Recorded:
    """What is needed of the tables, one row per episode of all clinics.

    Parameters
    ----------
    outcomes
        The paired scores (`measures.episode_outcomes`), with `episode_id`, `clinic_id`, `therapist_id`,
        `month`, `status`, `baseline`, `final`, `responder`.
    traits
        The columns of `TRAITS` that the outcomes lack, and `sex`, with `episode_id`.
    prescribed, logged, treated
        Ids of the episodes with at least one such row.
    marks
        Lowest, middle and highest mark of the scale: where a score is put by habit.
    """

    outcomes: pd.DataFrame
    traits: pd.DataFrame
    prescribed: frozenset[str]
    logged: frozenset[str]
    treated: frozenset[str]
    marks: tuple[float, ...]


def quality_statistics(recorded: Recorded, when: Periods) -> tuple[list[Statistic], list[Additive]]:
    """Make every number of the data-quality page.

    Parameters
    ----------
    recorded
        The episodes and what is recorded of them.
    when
        The months; the habits are of all of them together.

    Returns
    -------
    tuple
        Completeness by clinic and month, habits by clinic over all months, the way from ended episodes to
        pairs over all clinics, and the traits of those with and without a pair; and what adds up.
    """
    found, sums = completeness(recorded.outcomes, when)
    ended = recorded.outcomes[recorded.outcomes["month"].isin(when.months)]
    for clinic, own in ended.groupby("clinic_id"):
        place = Place("clinic", str(clinic), when.window)
        found += _habits(own, recorded, place, str(clinic))
        months = [Place("clinic", str(clinic), month) for month in when.months]
        # The clinic's own page says on which step patients were lost, so the step is protected here too.
        sums += [*sums_over_time(place, months, ("ended", "paired")), *loss_statistics(own, place)[1]]
    network = Place("network", "network", when.window)
    found += pair_statistics(ended, network, steps=True)
    losses, steps = loss_statistics(ended, network)
    found += losses + _exclusions(ended, recorded.traits, network)
    # One group of patients, counted among those with a pair and among all.
    same = (network.cell("paired&better"),)
    sums += [*steps, Additive(network.cell("ended&better"), same)]
    clinics = sorted(str(c) for c in ended["clinic_id"].dropna().unique())
    sums.append(
        Additive(network.cell("ended"), tuple(Place("clinic", c, when.window).cell("ended") for c in clinics))
    )
    return found, sums


def _habits(own: pd.DataFrame, recorded: Recorded, place: Place, clinic: str) -> list[Statistic]:
    """Count how a clinic keeps its records, over the episodes that ended."""
    ids = own["episode_id"]
    paired = own[own["status"] == "paired"]
    with_intake = own[own["baseline"].notna()]
    due = own[ids.isin(recorded.prescribed)]
    cases = {
        "capture": (len(paired), len(own), "ended"),
        "no_therapist": (int(own["therapist_id"].isna().sum()), len(own), "ended"),
        "no_report": (int((~due["episode_id"].isin(recorded.logged)).sum()), len(due), "prescribed"),
        "no_treatment": (int((~ids.isin(recorded.treated)).sum()), len(own), "ended"),
        "round_intake": (
            int(with_intake["baseline"].isin(recorded.marks).sum()),
            len(with_intake),
            "intake_score",
        ),
        "same_score": (int((paired["final"] == paired["baseline"]).sum()), len(paired), "paired"),
    }
    empty = {"no_report": not recorded.prescribed, "no_treatment": not recorded.treated}
    return [
        share(
            place, measure, k, n, cell=cell, group=clinic, k_cell="paired" if measure == "capture" else None
        )
        for measure, (k, n, cell) in cases.items()
        # A study without such a table has no such habit.
        if not empty.get(measure, False)
    ]


def _exclusions(ended: pd.DataFrame, traits: pd.DataFrame, place: Place) -> list[Statistic]:
    """Describe the patients with and without a pair of scores, and the result under two extremes."""
    joined = ended.drop(columns=[c for c in traits if c != "episode_id" and c in ended]).merge(
        traits, on="episode_id", how="left"
    )
    found = []
    for group, part in (
        ("paired", joined[joined["status"] == "paired"]),
        ("not_paired", joined[joined["status"] != "paired"]),
    ):
        for trait in TRAITS:
            known = part[trait].dropna()
            found.append(mean(place, trait, known, cell=f"{group} with {trait}", group=group))
        sexed = part[part["sex"].isin(("female", "male"))]
        k = int((sexed["sex"] == "female").sum())
        found.append(share(place, "female", k, len(sexed), cell=f"{group} with sex", group=group))
    better = joined["responder"].fillna(False).astype(bool) & (joined["status"] == "paired")
    k, paired = int(better.sum()), int((joined["status"] == "paired").sum())
    found.append(share(place, "better_if_none", k, len(joined), cell="ended", k_cell="ended&better"))
    found.append(share(place, "responder", k, paired, cell="paired", k_cell="paired&better"))
    return found

"""What care was like: exercise, hands-on modalities, visits, how care ended, and safety."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from studypkg.privacy.suppression import Additive, Statistic
from studypkg.review.summaries import Place, count, mean, median, share


def adherence_statistics(
    by_episode: pd.DataFrame, by_exercise: pd.DataFrame, place: Place, exercises: Sequence[str]
) -> list[Statistic]:
    """Summarise how much of the prescribed exercise was reported done.

    Parameters
    ----------
    by_episode
        One row per episode: `adherence` (0–1, missing where not computable), `no_report_share`.
    by_exercise
        One row per episode and exercise, with the same columns and `exercise`.
    place
        Whose episodes they are, and of which period.
    exercises
        The exercises to list.
    """
    found = [
        median(place, "adherence", by_episode["adherence"], cell="with adherence"),
        mean(place, "no_report", by_episode["no_report_share"], cell="with prescription"),
    ]
    for exercise in exercises:
        values = by_exercise.loc[by_exercise["exercise"] == exercise, "adherence"]
        found.append(median(place, "adherence", values, cell=f"with adherence:{exercise}", group=exercise))
    return found


def modality_statistics(
    ended: pd.DataFrame, given: pd.DataFrame, place: Place, modalities: Sequence[str]
) -> list[Statistic]:
    """Share of the ended episodes in which each modality was given at least once.

    Parameters
    ----------
    ended
        One row per ended episode.
    given
        One row per episode, one column per modality: how often it was given.
    """
    counts = given.set_index("episode_id").reindex(ended["episode_id"])
    n = len(ended)
    return [
        share(place, "modality", int((counts[m].fillna(0) > 0).sum()), n, cell="ended", group=m)
        for m in modalities
        if m in counts
    ]


def visit_statistics(visits: pd.DataFrame, ended: pd.DataFrame, place: Place) -> list[Statistic]:
    """Visits attended per episode, and the shares of scheduled visits cancelled or missed.

    Parameters
    ----------
    visits
        One row per scheduled visit of the ended episodes.
    """
    attended = visits[visits["status"] == "attended"].groupby("episode_id").size()
    per_episode = attended.reindex(ended["episode_id"]).fillna(0)
    scheduled = len(visits)
    found = [mean(place, "visits_per_episode", per_episode, cell="ended")]
    # Many visits may be a few patients' visits.
    people = int(visits["episode_id"].nunique())
    for status in ("cancelled", "no_show"):
        k = int((visits["status"] == status).sum())
        found.append(replace(share(place, status, k, scheduled, cell="visits scheduled"), people=people))
    return found


def ending_statistics(ended: pd.DataFrame, place: Place) -> tuple[list[Statistic], list[Additive]]:
    """Count why care ended; the reasons add up to the ended episodes."""
    reasons = ended["end_reason"].fillna("not recorded")
    counts = reasons.value_counts().sort_index()
    found = [count(place, "end_reason", int(n), group=str(reason)) for reason, n in counts.items()]
    parts = tuple(place.cell(f"end_reason:{reason}") for reason in counts.index)
    return found, [Additive(place.cell("ended"), parts)] if parts else []


def safety_statistics(events: pd.DataFrame, place: Place, kinds: Sequence[str]) -> list[Statistic]:
    """Count the episodes with each kind of clinical event, and with any; 0 is a result and is shown."""
    listed = events[events["kind"].isin(list(kinds))]
    found = [count(place, "safety", int(listed["episode_id"].nunique()), group="any")]
    for kind in kinds:
        n = int(events.loc[events["kind"] == kind, "episode_id"].nunique())
        found.append(count(place, "safety", n, group=kind))
    return found

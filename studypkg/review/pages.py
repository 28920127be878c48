"""All numbers of a clinic's page and of the network's page, with what adds up among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from studypkg.privacy.suppression import Additive, Statistic
from studypkg.review.care import (
    adherence_statistics,
    ending_statistics,
    modality_statistics,
    safety_statistics,
    visit_statistics,
)
from studypkg.review.comparison import MEANS, SHARES, Tallies, comparison
from studypkg.review.flow import flow_statistics, sums_over_time
from studypkg.review.outcomes import improvement_by, result_statistics
from studypkg.review.periods import Periods
from studypkg.review.summaries import Place, mean, share

#: Counts that are shown for the month and for the months before it, and so add up to the window.
SHARED_CELLS = ("ended", "paired")


@dataclass(frozen=True)
class Material:
    """What `measures` made of the tables, one frame per theme, each with `episode_id`.

    Parameters
    ----------
    outcomes
        One row per episode (`measures.episode_outcomes`).
    adherence, exercise_adherence
        One row per episode, and one per episode and exercise.
    modalities
        One row per episode, one column per modality: how often it was given.
    visits, events
        The screened tables.
    exercises, modality_names, event_kinds
        What to list, in this order.
    """

    outcomes: pd.DataFrame
    adherence: pd.DataFrame
    exercise_adherence: pd.DataFrame
    modalities: pd.DataFrame
    visits: pd.DataFrame
    events: pd.DataFrame
    exercises: Sequence[str]
    modality_names: Sequence[str]
    event_kinds: Sequence[str]

    def of_clinic(self, clinic: str) -> Material:
        """Keep one clinic's rows."""
        return self.of_episodes(self.outcomes[self.outcomes["clinic_id"] == clinic])

    def of_episodes(self, outcomes: pd.DataFrame) -> Material:
        """Keep the rows of some episodes."""
        ids = outcomes["episode_id"]

        def keep(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame["episode_id"].isin(ids)]

        return Material(
            outcomes, keep(self.adherence), keep(self.exercise_adherence), keep(self.modalities),
            keep(self.visits), keep(self.events), self.exercises, self.modality_names, self.event_kinds,
        )  # fmt: skip


def clinic_page(
    material: Material, pool: Tallies, clinic: str, when: Periods
) -> tuple[list[Statistic], list[Additive]]:
    """Make every number of one clinic's page.

    Parameters
    ----------
    material
        Rows of all clinics.
    pool
        Sums of all clinics, for the comparison with the others.
    clinic
        The clinic.
    when
        Month of the page and the months before it.

    Returns
    -------
    tuple
        Statistics that have not passed the release gate, and the sums that hold among their cells.
    """
    own = material.of_clinic(clinic)
    month, window = Place("clinic", clinic, when.month), Place("clinic", clinic, when.window)
    past = Place("own_past", clinic, when.past)
    found: list[Statistic] = []
    sums: list[Additive] = []
    for place, months in ((month, (when.month,)), (past, when.before)):
        part = own.of_episodes(_ended(own.outcomes, months))
        statistics, relations = flow_statistics(part.outcomes, place)
        found += statistics + result_statistics(_paired(part.outcomes), place)
        found += adherence_statistics(part.adherence, part.exercise_adherence, place, ())
        found += safety_statistics(part.events, place, own.event_kinds)
        sums += relations
    whole = own.of_episodes(_ended(own.outcomes, when.months))
    found += _window(whole, window)
    statistics, relations = ending_statistics(whole.outcomes, window)
    conditions = sorted(whole.outcomes["condition"].dropna().unique())
    found += statistics + improvement_by(_paired(whole.outcomes), window, "condition", conditions)
    sums += relations
    sums.append(
        Additive(window.cell("paired"), tuple(window.cell(f"paired:{condition}") for condition in conditions))
    )
    earlier = [Place("clinic", clinic, name) for name in when.before]
    for place in earlier:
        paired = _paired(_ended(own.outcomes, (place.period,)))
        found.append(mean(place, "improvement", paired["improvement"], cell="paired"))
    sums += sums_over_time(past, earlier, ("paired",))
    sums += sums_over_time(window, [past, month], SHARED_CELLS)
    for period in (when.month, when.past):
        found += [comparison(pool, m, period, without=clinic) for m in (*MEANS, *SHARES, "capture")]
    found += [comparison(pool, "improvement", name, without=clinic) for name in when.before]
    return found, sums


def network_page(
    material: Material, pool: Tallies, clinics: Sequence[str], when: Periods
) -> tuple[list[Statistic], list[Additive]]:
    """Make every number of the network's page: the clinics side by side, and all of them together.

    Parameters
    ----------
    material, pool, when
        As for `clinic_page`.
    clinics
        The clinics to list, the small ones too; those are said to be too small.
    """
    found: list[Statistic] = []
    months = (when.month, *([when.past] if when.before else []))
    for period in months:
        chosen = (when.month,) if period == when.month else when.before
        ended = _ended(material.outcomes, chosen)
        for clinic in clinics:
            of_clinic = ended[ended["clinic_id"] == clinic]
            place = Place("clinic", clinic, period)
            found += _side_by_side(of_clinic, place, clinic)
        found += [comparison(pool, m, period, without=None) for m in (*MEANS, *SHARES, "capture")]
    found += [comparison(pool, "improvement", name, without=None) for name in when.before]
    everyone = material.of_episodes(_ended(material.outcomes, when.months))
    place = Place("network", "network", when.window)
    found += adherence_statistics(everyone.adherence, everyone.exercise_adherence, place, everyone.exercises)
    found += modality_statistics(everyone.outcomes, everyone.modalities, place, everyone.modality_names)
    found += safety_statistics(everyone.events, place, everyone.event_kinds)
    return found, []


def _window(whole: Material, window: Place) -> list[Statistic]:
    return [
        *adherence_statistics(whole.adherence, whole.exercise_adherence, window, whole.exercises),
        *modality_statistics(whole.outcomes, whole.modalities, window, whole.modality_names),
        *visit_statistics(whole.visits, whole.outcomes, window),
    ]


def _side_by_side(ended: pd.DataFrame, place: Place, clinic: str) -> list[Statistic]:
    paired = _paired(ended)
    found = [
        mean(place, "improvement", paired["improvement"], cell="paired", group=clinic),
        mean(place, "baseline", paired["baseline"], cell="paired", group=clinic),
        share(place, "capture", len(paired), len(ended), cell="ended", group=clinic),
    ]
    for measure in SHARES:
        known = paired[measure].dropna()
        k = int(known.astype(bool).sum())
        found.append(share(place, measure, k, len(known), cell="paired", group=clinic))
    return found


def _ended(outcomes: pd.DataFrame, months: Sequence[str]) -> pd.DataFrame:
    return outcomes[outcomes["month"].isin(list(months))]


def _paired(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes[outcomes["status"] == "paired"]

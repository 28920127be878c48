"""All numbers of a clinic's page and of the network's page, with what adds up among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from studypkg.privacy.suppression import Additive, Released, Statistic
from studypkg.review.care import (
    adherence_statistics,
    ending_statistics,
    modality_statistics,
    safety_statistics,
    visit_statistics,
)
from studypkg.review.comparison import MEANS, SHARES, Tallies, comparison
from studypkg.review.flow import loss_statistics, pair_statistics, sums_over_time
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
    material: Material, pool: Tallies, clinic: str, when: Periods, *, comparable: Collection[tuple[str, str]]
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
    comparable
        Shares, by measure and period, that the network's page shows. Others are not compared: together
        with this clinic's own number they would give the network's.

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
        found += pair_statistics(part.outcomes, place, steps=place is month)
        found += result_statistics(_paired(part.outcomes), place)
        found += adherence_statistics(part.adherence, part.exercise_adherence, place, ())
        found += safety_statistics(part.events, place, own.event_kinds)
    whole = own.of_episodes(_ended(own.outcomes, when.months))
    found += _window(whole, window)
    found += pair_statistics(whole.outcomes, window, steps=True)
    losses, steps = loss_statistics(whole.outcomes, window)
    statistics, relations = ending_statistics(whole.outcomes, window)
    conditions = sorted(whole.outcomes["condition"].dropna().unique())
    found += statistics + improvement_by(_paired(whole.outcomes), window, "condition", conditions)
    found += losses
    sums += steps + relations
    sums.append(
        Additive(window.cell("paired"), tuple(window.cell(f"paired:{condition}") for condition in conditions))
    )
    earlier = [Place("clinic", clinic, name) for name in when.before]
    for place in earlier:
        paired = _paired(_ended(own.outcomes, (place.period,)))
        found.append(mean(place, "improvement", paired["improvement"], cell="paired"))
    sums += sums_over_time(past, earlier, ("paired",))
    sums += sums_over_time(window, [past, month], SHARED_CELLS)
    own_shares = {(s.measure, s.period): s for s in found if s.kind == "share" and s.group == "all"}
    for period in (when.month, when.past):
        found += [comparison(pool, m, period, without=clinic) for m in MEANS]
        found += [
            comparison(pool, m, period, without=clinic)
            for m in (*SHARES, "capture")
            if (m, period) in comparable and _is_large(own_shares.get((m, period)), pool.min_cell)
        ]
    found += [comparison(pool, "improvement", name, without=clinic) for name in when.before]
    compared = {(s.measure, s.period) for s in found if s.scope == "network" and s.n is not None}
    for measure, period in sorted(compared):
        sums += _others_sums(pool, measure, period, clinic)
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
    sums: list[Additive] = []
    for period, months in ((when.month, (when.month,)), (when.past, when.before)):
        ended = _ended(material.outcomes, months)
        for clinic in clinics:
            of_clinic = ended[ended["clinic_id"] == clinic]
            found += _side_by_side(of_clinic, Place("clinic", clinic, period), clinic)
        for measure in (*MEANS, *SHARES, "capture"):
            found.append(comparison(pool, measure, period, without=None))
            sums += _pool_sums(pool, measure, period)
            # The network without one clinic is a group, too, and its clinic's page compares with it.
            for clinic in pool.small_without(measure, period):
                sums += _others_sums(pool, measure, period, clinic)
    found += [comparison(pool, "improvement", name, without=None) for name in when.before]
    everyone = material.of_episodes(_ended(material.outcomes, when.months))
    place = Place("network", "network", when.window)
    found += adherence_statistics(everyone.adherence, everyone.exercise_adherence, place, everyone.exercises)
    found += modality_statistics(everyone.outcomes, everyone.modalities, place, everyone.modality_names)
    found += safety_statistics(everyone.events, place, everyone.event_kinds)
    return found, sums


def shares_shown(released: Released) -> set[tuple[str, str]]:
    """List the network's shares that its page shows, by measure and period."""
    return {
        (s.measure, s.period)
        for s in released.statistics
        if s.scope == "network" and s.kind == "share" and s.status == "shown"
    }


def cells_withheld(released: Released) -> set[str]:
    """List the cells that a page withholds, so that no other page of the month shows them."""
    found = set()
    for s in released.statistics:
        if s.status == "withheld":
            found.add(s.k_cell if s.kind == "share" and s.n is not None else s.n_cell)
    return found


def _pool_sums(pool: Tallies, measure: str, period: str) -> list[Additive]:
    """State that the network's numerator and denominator are the sums of its clinics'."""
    whole = Place("network", "network", period)
    members = [Place("clinic", clinic, period) for clinic in pool.clinics(measure, period)]
    ended = "ended" if measure == "capture" else "paired"
    sums = [Additive(whole.cell(f"{measure}-n"), tuple(m.cell(ended) for m in members))]
    if measure not in MEANS:
        numerator = "paired" if measure == "capture" else f"paired&{measure}:all"
        sums.append(Additive(whole.cell(f"{measure}-k"), tuple(m.cell(numerator) for m in members)))
    return sums


def _others_sums(pool: Tallies, measure: str, period: str, clinic: str) -> list[Additive]:
    """State that the other clinics and this one are the network."""
    whole, rest = Place("network", "network", period), Place("network", f"others of {clinic}", period)
    own = Place("clinic", clinic, period)
    inside = clinic in pool.clinics(measure, period)
    ended = "ended" if measure == "capture" else "paired"
    mine = (own.cell(ended),) if inside else ()
    sums = [Additive(whole.cell(f"{measure}-n"), (rest.cell(f"{measure}-n"), *mine))]
    if measure not in MEANS:
        numerator = "paired" if measure == "capture" else f"paired&{measure}:all"
        mine = (own.cell(numerator),) if inside else ()
        sums.append(Additive(whole.cell(f"{measure}-k"), (rest.cell(f"{measure}-k"), *mine)))
    return sums


def _is_large(share: Statistic | None, min_cell: int) -> bool:
    """Say whether a share's parts are all large or 0, so that it is shown."""
    if share is None or share.n is None or share.k is None:
        return False
    return all(part == 0 or part >= min_cell for part in (share.k, share.n - share.k)) and share.n >= min_cell


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
        share(place, "capture", len(paired), len(ended), cell="ended", k_cell="paired", group=clinic),
    ]
    for measure in SHARES:
        known = paired[measure].dropna()
        k = int(known.astype(bool).sum())
        numerator = f"paired&{measure}:all"
        found.append(share(place, measure, k, len(known), cell="paired", k_cell=numerator, group=clinic))
    return found


def _ended(outcomes: pd.DataFrame, months: Sequence[str]) -> pd.DataFrame:
    return outcomes[outcomes["month"].isin(list(months))]


def _paired(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes[outcomes["status"] == "paired"]

"""How many patients a result rests on: from episodes ended to scores at both ends."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from studypkg.privacy.suppression import Additive, Statistic
from studypkg.review.periods import Periods
from studypkg.review.summaries import Place, count, share


def pair_statistics(ended: pd.DataFrame, place: Place, *, steps: bool) -> list[Statistic]:
    """Count the episodes that ended and those with a score at both ends.

    Parameters
    ----------
    ended
        One row per episode that ended in the period, with `status` as `measures.episode_outcomes`
        gives it: ``paired``, ``no_intake`` or ``no_final``.
    place
        Whose episodes they are, and of which period.
    steps
        Show the counts too, and not only the capture rate.

    Returns
    -------
    list of Statistic
        The capture rate (pairs among ended episodes) and, if asked for, the flow: ``ended``,
        ``paired`` and ``not_paired``, which are the denominator, the numerator and the rest of it.
    """
    n, paired = len(ended), int((ended["status"] == "paired").sum())
    rate = share(place, "capture", paired, n, cell="ended", k_cell="paired")
    if not steps:
        return [rate]
    return [
        count(place, "flow", n, group="ended", cell="ended"),
        count(place, "flow", paired, group="paired", cell="paired"),
        replace(count(place, "flow", n - paired, group="not_paired"), n_cell=rate.rest_cell),
        rate,
    ]


def loss_statistics(ended: pd.DataFrame, place: Place) -> tuple[list[Statistic], list[Additive]]:
    """Count on which step patients without a pair were lost: at intake, or at the end.

    Returns
    -------
    tuple
        The counts ``intake_score``, ``no_intake`` and ``no_final``, and what adds up: ended = with a score
        at intake + without; with a score at intake = paired + without a final score.
    """
    no_intake = int((ended["status"] == "no_intake").sum())
    no_final = int((ended["status"] == "no_final").sum())
    found = [
        count(place, "flow", len(ended) - no_intake, group="intake_score", cell="intake_score"),
        count(place, "flow", no_intake, group="no_intake", cell="no_intake"),
        count(place, "flow", no_final, group="no_final", cell="no_final"),
    ]
    return found, [
        Additive(place.cell("ended"), (place.cell("intake_score"), place.cell("no_intake"))),
        Additive(place.cell("intake_score"), (place.cell("paired"), place.cell("no_final"))),
    ]


def sums_over_time(whole: Place, parts: list[Place], cells: tuple[str, ...]) -> list[Additive]:
    """State that the cells of a stretch of months are the sums of its parts."""
    return [Additive(whole.cell(cell), tuple(part.cell(cell) for part in parts)) for cell in cells]


def completeness(outcomes: pd.DataFrame, when: Periods) -> tuple[list[Statistic], list[Additive]]:
    """Capture rate of every clinic in every month of the trend.

    Parameters
    ----------
    outcomes
        One row per episode of all clinics.
    when
        The months.

    Returns
    -------
    tuple
        One share per clinic and month, under the clinic's id; nothing adds up across them.
    """
    found = []
    for clinic, own in outcomes.groupby("clinic_id"):
        for month in when.months:
            ended = own[own["month"] == month]
            place = Place("clinic", str(clinic), month)
            k = int((ended["status"] == "paired").sum())
            found.append(
                share(place, "capture", k, len(ended), cell="ended", k_cell="paired", group=str(clinic))
            )
    return found, []

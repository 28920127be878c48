"""How many patients a result rests on: from episodes ended to scores at both ends."""

from __future__ import annotations

import pandas as pd

from studypkg.privacy.suppression import Additive, Statistic
from studypkg.review.periods import Periods
from studypkg.review.summaries import Place, count, share

#: Steps of the flow, and what was lost on the way to each.
STEPS = ("ended", "intake_score", "paired")
LOSSES = ("no_intake", "no_final")


def flow_statistics(ended: pd.DataFrame, place: Place) -> tuple[list[Statistic], list[Additive]]:
    """Count the episodes that ended, those with a score at intake, and those with a pair.

    Parameters
    ----------
    ended
        One row per episode that ended in the period, with `status` as `measures.episode_outcomes`
        gives it: ``paired``, ``no_intake`` or ``no_final``.
    place
        Whose episodes they are, and of which period.

    Returns
    -------
    tuple
        The counts and the capture rate (pairs among ended episodes), and what adds up: ended = with a
        score at intake + without; with a score at intake = paired + without a final score.
    """
    status = ended["status"]
    n = {
        "ended": len(ended),
        "no_intake": int((status == "no_intake").sum()),
        "no_final": int((status == "no_final").sum()),
        "paired": int((status == "paired").sum()),
    }
    n["intake_score"] = n["ended"] - n["no_intake"]
    found = [count(place, "flow", n[step], group=step, cell=step) for step in (*STEPS, *LOSSES)]
    found.append(share(place, "capture", n["paired"], n["ended"], cell="ended"))
    relations = [
        Additive(place.cell("ended"), (place.cell("intake_score"), place.cell("no_intake"))),
        Additive(place.cell("intake_score"), (place.cell("paired"), place.cell("no_final"))),
        Additive(place.cell("ended&capture:all"), (place.cell("paired"),)),
    ]
    return found, relations


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
            found.append(share(place, "capture", k, len(ended), cell="ended", group=str(clinic)))
    return found, []

"""What one session of a prescribed exercise asks for, and on which days it is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studypkg.measures.days import (
    DAYS_PER_WEEK,
    FAR_AHEAD,
    LONG_AGO,
    Floats,
    Ints,
    codes_of,
    day_number,
    day_numbers,
)


@dataclass(frozen=True)
class CareSpan:
    """First and last day of care of each episode, as seen at the data cut-off.

    Parameters
    ----------
    episode_ids
        One per episode.
    first, last
        Day numbers, shape (n,). `last` is the day of discharge or the data cut-off, whichever is earlier.
    discharged
        Day of discharge; far ahead while care goes on.
    """

    episode_ids: pd.Series[Any]
    first: Ints
    last: Ints
    discharged: Ints


def care_span(episodes: pd.DataFrame, cutoff: pd.Timestamp) -> CareSpan:
    """Read when care started, and when it ended or was last seen."""
    discharged = day_numbers(episodes["end_date"], missing=FAR_AHEAD)
    return CareSpan(
        episode_ids=episodes["episode_id"],
        first=day_numbers(episodes["start_date"], missing=LONG_AGO),
        last=np.minimum(discharged, day_number(cutoff)),
        discharged=discharged,
    )


def prescribed_dose(prescriptions: pd.DataFrame) -> Floats:
    """Work out the dose of one session, per side.

    Parameters
    ----------
    prescriptions
        One row per exercise, side and validity.

    Returns
    -------
    ndarray, shape (n,)
        Repetitions, steps or seconds in a session; missing where the prescription does not say enough.

    Notes
    -----
    Repetitions and steps: sets × count_min. Seconds: sets × count × shortest hold; sets × hold where no
    count is given; sets × count where no hold is given, the count being the seconds of a set.
    The lower end of a range is due: who does it has done what was asked.
    """
    sets = _numbers(prescriptions, "sets")
    count = _numbers(prescriptions, "count_min")
    hold = _numbers(prescriptions, "hold_min_s")
    timed = np.asarray(prescriptions["unit"] == "seconds")
    seconds = np.where(np.isnan(count), hold, np.where(np.isnan(hold), count, count * hold))
    dose = sets * np.where(timed, seconds, count)
    return np.where(dose > 0, dose, np.nan)


def prescribed_lines(
    prescriptions: pd.DataFrame, episodes: pd.DataFrame, *, cutoff: pd.Timestamp
) -> pd.DataFrame:
    """Turn prescriptions into lines that never overlap: one exercise, one side, one stretch of days.

    Parameters
    ----------
    prescriptions
        One row per exercise, side and validity. Side ``both`` becomes a line for each side.
    episodes
        One row per episode; a line lies within its episode's care and before the cut-off.
    cutoff
        Last day whose records count.

    Returns
    -------
    DataFrame
        One row per line: `episode` (position in `episodes`), `exercise`, `side`, `first` and `last` day
        number, `per_week` (days of the week on which it is due, at most 7), `target` (dose of such a day),
        `sets`, `unit`, `counted` (the dose has a count), `hold` in seconds.
        A line that starts again later ends on the day before.

    Notes
    -----
    A log holds one row per exercise, side and day. Where more than seven sessions a week are due, such a
    row stands for the day, so the target is the dose of a session times the sessions of a day.
    """
    span = care_span(episodes, cutoff)
    wide = prescriptions.reset_index(drop=True)
    _, episode = codes_of(span.episode_ids, wide["episode_id"])
    weekly = _numbers(wide, "sessions_per_week")
    lines = pd.DataFrame(
        {
            "episode": episode,
            "exercise": wide["exercise"].astype("str"),
            "side": wide["side"].fillna("unspecified").astype("str"),
            "first": day_numbers(wide["valid_from"], missing=LONG_AGO),
            "last": day_numbers(wide["valid_to"], missing=FAR_AHEAD),
            "per_week": np.minimum(weekly, DAYS_PER_WEEK),
            "target": prescribed_dose(wide) * np.maximum(np.nan_to_num(weekly) / DAYS_PER_WEEK, 1),
            "sets": _numbers(wide, "sets"),
            "unit": wide["unit"].fillna("reps").astype("str"),
            "counted": wide["count_min"].notna().to_numpy(),
            "hold": _numbers(wide, "hold_min_s"),
        }
    )
    lines = each_side(lines[lines["episode"] < len(span.episode_ids)])
    lines = lines.sort_values(["episode", "exercise", "side", "first"], kind="stable", ignore_index=True)
    same = ["episode", "exercise", "side"]
    following = (
        lines.groupby(same, sort=False)["first"].shift(-1).fillna(FAR_AHEAD).to_numpy().astype(np.int64)
    )
    at = lines["episode"].to_numpy()
    lines["first"] = np.maximum(lines["first"].to_numpy(), span.first[at])
    lines["last"] = np.minimum(np.minimum(lines["last"].to_numpy(), following - 1), span.last[at])
    return lines


def each_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Replace a row of side ``both`` by one of each side, with the same content."""
    both = rows["side"] == "both"
    if not both.any():
        return rows
    return pd.concat(
        [rows[~both], rows[both].assign(side="left"), rows[both].assign(side="right")], ignore_index=True
    )


def _numbers(frame: pd.DataFrame, column: str) -> Floats:
    return np.asarray(pd.to_numeric(frame[column]), dtype=np.float64)

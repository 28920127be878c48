"""Exercise over a whole episode: how much, how often, and how many of the exercises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studypkg.declaration import Adherence
from studypkg.measures.adherence import shares_of, summed, weekly_windows, weighed
from studypkg.measures.days import codes_of
from studypkg.measures.dose import care_span, prescribed_lines
from studypkg.measures.sessions import matched_sessions
from studypkg.measures.tally import Windows, due_and_done

#: Share from which a person is called adherent; a label beside the share, never instead of it.
ADHERENT_FROM = 0.80


@dataclass(frozen=True)
class EpisodeAdherence:
    """Adherence over the whole of care.

    Parameters
    ----------
    by_episode
        One row per episode.
    by_exercise
        One row per episode and prescribed exercise.
    """

    by_episode: pd.DataFrame
    by_exercise: pd.DataFrame


def episode_adherence(
    prescriptions: pd.DataFrame,
    logs: pd.DataFrame,
    episodes: pd.DataFrame,
    *,
    adherence: Adherence,
    cutoff: pd.Timestamp,
) -> EpisodeAdherence:
    """Measure exercise over each episode, week by week from the first visit to discharge or cut-off.

    Parameters
    ----------
    prescriptions, logs, episodes
        The screened tables.
    adherence
        What a session without a report means; the window plays no part here.
    cutoff
        Last day whose records count.

    Returns
    -------
    EpisodeAdherence
        Both frames hold `episode_id`, the shares and statuses of `window_adherence`, and sessions `done`,
        `partial`, `not_done`, `no_report`, `paused`. `by_episode` adds `session_adherence` (days with at
        least one exercise / days due), `session_adherence_low` (no report taken for not done), `breadth`
        (exercises done at least once / exercises prescribed) and `adherent` (at least 80 %; secondary).
        `by_exercise` adds `exercise`.

    Notes
    -----
    Weeks are added up after capping, so a busy week does not make up for an empty one.
    """
    lines = prescribed_lines(prescriptions, episodes, cutoff=cutoff)
    sessions = matched_sessions(lines, logs, episodes, cutoff=cutoff)
    windows = weekly_windows(episodes, cutoff)
    pairs = weighed(due_and_done(windows, lines, sessions))
    line = pairs["line"].to_numpy()
    of_episode = windows.episode[pairs["window"].to_numpy()]
    n = len(episodes)
    prescribed = np.isin(np.arange(n), lines["episode"].to_numpy())
    ids = episodes["episode_id"].to_numpy()

    total = summed(pairs, of_episode, n)
    by_episode = shares_of(total, prescribed, adherence.no_report, logged=True).join(_states(total))
    by_episode.insert(0, "episode_id", ids)
    daily = _session_days(pairs, windows, lines, sessions, episodes, cutoff)
    headline = daily["reported" if adherence.no_report == "missing" else "due"]
    by_episode["session_adherence"] = (daily["done"] / headline.where(headline > 0)).to_numpy()
    by_episode["session_adherence_low"] = (daily["done"] / daily["due"].where(daily["due"] > 0)).to_numpy()

    (exercise,) = codes_of(lines["exercise"])
    words = lines["exercise"].drop_duplicates().to_numpy()
    of_line = lines["episode"].to_numpy() * max(len(words), 1) + exercise
    kept, thread = np.unique(of_line, return_inverse=True)
    each = summed(pairs, thread[line], len(kept))
    everyone = np.ones(len(kept), dtype=bool)
    by_exercise = shares_of(each, everyone, adherence.no_report, logged=True).join(_states(each))
    owner = kept // max(len(words), 1)
    by_exercise.insert(0, "episode_id", ids[owner])
    by_exercise.insert(1, "exercise", words[kept % max(len(words), 1)])

    tried = (each["done"] + each["partial"]).to_numpy() > 0
    stood = each["lines"].to_numpy() > 0
    n_prescribed = np.bincount(owner, stood, minlength=n)
    n_tried = np.bincount(owner, stood & tried, minlength=n)
    heard = (total["done"] + total["partial"] + total["not_done"]).to_numpy() > 0
    breadth = np.full(n, np.nan)
    np.divide(n_tried, n_prescribed, out=breadth, where=heard & (n_prescribed > 0))
    by_episode["breadth"] = breadth
    share = by_episode["adherence"]
    by_episode["adherent"] = pd.arrays.BooleanArray(
        (share >= ADHERENT_FROM - 1e-9).to_numpy(), share.isna().to_numpy()
    )
    return EpisodeAdherence(by_episode, by_exercise)


def attendance(visits: pd.DataFrame, *, cutoff: pd.Timestamp | None = None) -> pd.DataFrame:
    """Count what became of the scheduled visits of each episode.

    Parameters
    ----------
    visits
        One row per scheduled visit.
    cutoff
        Visits after this day have not happened yet and are left out.

    Returns
    -------
    DataFrame
        One row per episode with a visit: `episode_id`, `scheduled`, `attended`, `cancelled`, `no_show`,
        `attendance` (attended / scheduled), `cancelled_share`, `no_show_share`.
    """
    held = (
        visits
        if cutoff is None
        else visits[pd.to_datetime(visits["date"]) < cutoff.normalize() + pd.Timedelta(days=1)]
    )
    counts = pd.crosstab(held["episode_id"], held["status"])
    counts = counts.reindex(columns=["attended", "cancelled", "no_show"], fill_value=0)
    scheduled = counts.sum(axis="columns")
    return pd.DataFrame(
        {
            "episode_id": counts.index.to_numpy(),
            "scheduled": scheduled.to_numpy(),
            **{status: counts[status].to_numpy() for status in counts},
            "attendance": (counts["attended"] / scheduled).to_numpy(),
            "cancelled_share": (counts["cancelled"] / scheduled).to_numpy(),
            "no_show_share": (counts["no_show"] / scheduled).to_numpy(),
        }
    )


def _states(sums: pd.DataFrame) -> pd.DataFrame:
    states = sums[["done", "partial", "not_done", "paused"]].astype(int)
    return states.assign(no_report=sums["due"] - sums["reported"])


def _session_days(
    pairs: pd.DataFrame,
    windows: Windows,
    lines: pd.DataFrame,
    sessions: pd.DataFrame,
    episodes: pd.DataFrame,
    cutoff: pd.Timestamp,
) -> pd.DataFrame:
    """Days on which exercise was due, reported and done, week by week, then added up by episode."""
    at, window = pairs["line"].to_numpy(), pairs["window"].to_numpy()
    start = care_span(episodes, cutoff).first
    of_episode = windows.episode[window]
    due = pd.DataFrame(
        {
            "episode": of_episode,
            "week": (windows.first[window] - start[of_episode]) // 7,
            "exercise": lines["exercise"].to_numpy()[at],
            "side": lines["side"].to_numpy()[at],
            "due": pairs["due"].to_numpy(),
        }
    )
    due = due.groupby(["episode", "week", "exercise", "side"], sort=False)["due"].sum().reset_index()
    weekly = due.groupby(["episode", "week"], sort=True)["due"].max().reset_index()
    seen = sessions[(sessions["line"] >= 0) & (sessions["state"] < 3)]
    episode = seen["episode"].to_numpy()
    days = pd.DataFrame(
        {
            "episode": episode,
            "week": (seen["day"].to_numpy() - start[episode]) // 7,
            "day": seen["day"].to_numpy(),
            "done": (seen["state"] < 2).to_numpy(),
        }
    )
    days = days.groupby(["episode", "week", "day"], sort=False)["done"].max().reset_index()
    counted = days.groupby(["episode", "week"])["done"].agg(done="sum", reported="size")
    joined = weekly.join(counted, on=["episode", "week"]).fillna({"done": 0, "reported": 0})
    joined["done"] = np.minimum(joined["done"], joined["due"])
    joined["reported"] = np.minimum(joined["reported"], joined["due"])
    sums = joined.groupby("episode")[["due", "reported", "done"]].sum()
    return sums.reindex(range(len(episodes))).fillna(0.0)

"""The share of the prescribed exercise that was done in the days before a score."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from studypkg.declaration import Adherence
from studypkg.measures.days import Floats, Ints, codes_of, day_number, day_numbers
from studypkg.measures.dose import care_span, prescribed_lines
from studypkg.measures.sessions import matched_sessions
from studypkg.measures.tally import Windows, due_and_done
from studypkg.schema import TABLES

#: Every status of an adherence. Only ``ok`` comes with a number.
ADHERENCE_STATUSES = {
    "ok": "computed",
    "no_prescription": "the episode has no prescription",
    "not_due": "no session was due in the window",
    "paused": "every session due was paused by the clinician",
    "no_report": "sessions were due, and none was reported",
    "not_computable:no_frequency": "no prescription in the window says how often",
    "not_computable:no_dose": "no prescription with a frequency says how much",
    "not_computable:unknown_dose": "sessions were reported without saying how much was done",
    "not_computable:no_logs": "the study has no exercise logs",
}

_SUMS = (
    "frequent", "usable", "asked", "due", "reported", "w_due", "w_known", "w_unknown", "w_credit", "w_extra",
    "credit", "known", "lines", "done", "partial", "not_done", "paused",
)  # fmt: skip


def window_adherence(
    scores: pd.DataFrame,
    prescriptions: pd.DataFrame | None,
    logs: pd.DataFrame | None,
    episodes: pd.DataFrame,
    *,
    adherence: Adherence,
    cutoff: pd.Timestamp,
) -> pd.DataFrame:
    """Measure adherence in the window that ends on the day before each score.

    Parameters
    ----------
    scores
        One row per score: `episode_id` and `date`.
    prescriptions, logs
        The tables, or None if the study has none.
    episodes
        One row per episode of care.
    adherence
        Length of the window in days, and what a session without a report means.
    cutoff
        Last day whose records count.

    Returns
    -------
    DataFrame
        One row per score, with its index: `episode_id`, `date`; `adherence` (0 to 1, by the study's
        rule), `adherence_uncapped`, `adherence_low` and `adherence_high` (no report taken for not done,
        and for all done), `adherence_mean` (mean share of the sessions, free of units), `sessions_due`,
        `sessions_reported`, `no_report_share`, `lines_due`, `lines_not_computable`, and
        `adherence_status` (see `ADHERENCE_STATUSES`). Without status ``ok`` there is no adherence.

    Notes
    -----
    Σ min(done, D)/Σ D over the sessions due in [t − w, t − 1], D being the dose of a session. Days before
    the first visit, after discharge, outside the validity of the prescription, after the cut-off, and
    paused sessions are not due. Under the rule ``missing`` both sums run over reported sessions; under
    ``zero`` the second runs over all that were due.
    """
    _, episode = codes_of(episodes["episode_id"], scores["episode_id"])
    day = day_numbers(scores["date"], missing=0)
    windows = Windows(episode, day - adherence.window_days, day - 1)
    if prescriptions is None:
        found = _no_table(len(scores), "no_prescription")
    else:
        lines = prescribed_lines(prescriptions, episodes, cutoff=cutoff)
        known = np.isin(windows.episode, lines["episode"].to_numpy())
        sessions = matched_sessions(lines, _rows(logs), episodes, cutoff=cutoff)
        pairs = weighed(due_and_done(windows, lines, sessions))
        sums = summed(pairs, pairs["window"].to_numpy(), len(scores))
        found = shares_of(sums, known, adherence.no_report, logged=logs is not None)
    found.insert(0, "episode_id", scores["episode_id"].to_numpy())
    found.insert(1, "date", scores["date"].to_numpy())
    return found.set_axis(scores.index)


def summed(pairs: pd.DataFrame, group: Ints, n_groups: int) -> pd.DataFrame:
    """Add up what was due and done over the lines and windows of each group.

    Parameters
    ----------
    pairs
        One row per window and line, as `weighed` gives them.
    group
        Group of each pair, shape (pairs,).
    n_groups
        How many groups there are.

    Returns
    -------
    DataFrame
        One row per group, with sums that `shares_of` turns into shares.
    """
    return pd.DataFrame(
        {name: np.bincount(group, pairs[name].to_numpy(dtype=float), minlength=n_groups) for name in _SUMS}
    )


def weighed(pairs: pd.DataFrame) -> pd.DataFrame:
    """Weigh sessions by their dose; lines without frequency or dose get no weight and are counted."""
    frequent = pairs["asked"].notna().to_numpy()
    usable = frequent & pairs["target"].notna().to_numpy()
    weight = np.where(usable, pairs["target"], 0.0)
    due, known, reported = pairs["due"].fillna(0), pairs["known"], pairs["reported"]
    return pairs.assign(
        lines=1.0,
        frequent=frequent,
        usable=usable,
        asked=pairs["asked"].fillna(0),
        due=due,
        w_due=weight * due,
        w_known=weight * known,
        w_unknown=weight * (reported - known),
        w_credit=weight * pairs["credit"],
        w_extra=weight * pairs["extra"],
        credit=np.where(usable, pairs["credit"], 0.0),
        known=np.where(usable, known, 0.0),
    )


def shares_of(
    sums: pd.DataFrame,
    prescribed: np.ndarray[Any, np.dtype[np.bool_]],
    no_report: Literal["missing", "zero"],
    *,
    logged: bool,
) -> pd.DataFrame:
    """Turn sums into shares, each group with its status.

    Parameters
    ----------
    sums
        One row per group, as `summed` gives them.
    prescribed
        Whether the episode of the group has any prescription, shape (groups,).
    no_report
        Whether a session without a report is missing or counts as zero.
    logged
        Whether the study has exercise logs at all.

    Returns
    -------
    DataFrame
        One row per group; the columns of `window_adherence` without its key.
    """
    asked_for = {"missing": sums["w_known"], "zero": sums["w_due"] - sums["w_unknown"]}[no_report]
    conditions = [
        ~prescribed,
        sums["lines"] == 0,
        sums["frequent"] == 0,
        sums["usable"] == 0,
        sums["asked"] <= 0,
        sums["w_due"] <= 0,
        np.full(len(sums), not logged),
        (sums["reported"] <= 0) & (no_report == "missing"),
        (sums["w_unknown"] > 0) & (asked_for <= 1e-9),
        asked_for <= 1e-9,
    ]
    status = np.select(
        [np.asarray(c, dtype=bool) for c in conditions],
        [
            "no_prescription",
            "not_due",
            "not_computable:no_frequency",
            "not_computable:no_dose",
            "not_due",
            "paused",
            "not_computable:no_logs",
            "no_report",
            "not_computable:unknown_dose",
            "no_report",
        ],
        "ok",
    )
    ok = status == "ok"
    bounded = ok | np.isin(status, ["no_report", "not_computable:unknown_dose"])
    seen = np.isin(status, ["no_prescription", "not_due", "not_computable:no_logs"])
    return pd.DataFrame(
        {
            "adherence": _ratio(sums["w_credit"], asked_for, ok),
            "adherence_uncapped": _ratio(sums["w_extra"], asked_for, ok),
            "adherence_low": _ratio(sums["w_credit"], sums["w_due"], bounded),
            "adherence_high": _ratio(
                sums["w_credit"] + sums["w_due"] - sums["w_known"], sums["w_due"], bounded
            ),
            "adherence_mean": _ratio(sums["credit"], sums["known"], ok & (sums["known"] > 0).to_numpy()),
            "sessions_due": sums["due"],
            "sessions_reported": sums["reported"],
            "no_report_share": _ratio(sums["due"] - sums["reported"], sums["due"], ~seen),
            "lines_due": sums["lines"].astype(int),
            "lines_not_computable": (sums["lines"] - sums["usable"]).astype(int),
            "adherence_status": status,
        }
    )


def _ratio(part: pd.Series[Any], whole: pd.Series[Any], where: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    bottom = whole.to_numpy(dtype=float)
    out = np.full(len(bottom), np.nan)
    np.divide(part.to_numpy(dtype=float), bottom, out=out, where=where & (bottom > 0))
    return out


def _rows(logs: pd.DataFrame | None) -> pd.DataFrame:
    return pd.DataFrame(columns=TABLES["exercise_logs"].column_names) if logs is None else logs


def _no_table(n: int, status: str) -> pd.DataFrame:
    empty = pd.DataFrame(0.0, index=range(n), columns=list(_SUMS))
    found = shares_of(empty, np.zeros(n, dtype=bool), "missing", logged=False)
    return found.assign(adherence_status=status)


def weekly_windows(episodes: pd.DataFrame, cutoff: pd.Timestamp) -> Windows:
    """Cut the care of every episode into weeks from its first visit; the last one may be shorter."""
    span = care_span(episodes, cutoff)
    weeks = np.maximum((span.last - span.first) // 7 + 1, 0)
    episode = np.repeat(np.arange(len(episodes), dtype=np.int64), weeks)
    week = np.arange(len(episode)) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    first = span.first[episode] + 7 * week
    return Windows(episode, first, np.minimum(first + 6, np.minimum(span.last[episode], day_number(cutoff))))

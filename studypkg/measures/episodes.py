"""Which scores open and close an episode of care, and what changed in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studypkg.declaration import Outcome
from studypkg.errors import QualityGateError
from studypkg.measures.days import FAR_AHEAD, LONG_AGO, Ints, as_dates, day_number, day_numbers
from studypkg.measures.response import response_rule, responses
from studypkg.vocabulary import Instrument

_CARRIED = (
    "episode_id", "patient_id", "clinic_id", "therapist_id", "start_date", "end_date", "end_reason",
    "condition", "surgical",
)  # fmt: skip


def episode_outcomes(
    episodes: pd.DataFrame,
    assessments: pd.DataFrame,
    *,
    instrument: Instrument,
    outcome: Outcome,
    cutoff: pd.Timestamp,
) -> pd.DataFrame:
    """Pair the intake with the discharge score of every episode, and judge the change.

    The intake score is the one with role ``intake`` nearest to the first visit, the earlier of two
    equally near. The final score is the latest one with role ``discharge`` within
    `outcome.final_window_days` of the last day of care. An interim score is never used as the final one.

    Parameters
    ----------
    episodes
        One row per episode of care.
    assessments
        One row per score.
    instrument, outcome
        The scale, and what the study declares about it.
    cutoff
        Last day whose records count; an episode that ends later is still open.

    Returns
    -------
    DataFrame
        One row per episode, in the order given: who and when; `month` of the episode's end; `status`
        ``paired``, ``no_intake``, ``no_final`` or ``open`` with its `reason`; `baseline`, `final` and
        their dates; then the columns of `responses`.

    Raises
    ------
    QualityGateError
        If the outcome names no context and the scores come in several.
    """
    scores = _scores(assessments, instrument, outcome, cutoff)
    last = day_number(cutoff)
    start = day_numbers(episodes["start_date"], missing=LONG_AGO)
    end = day_numbers(episodes["end_date"], missing=FAR_AHEAD)
    ended = end <= last
    intake = _intake(scores, episodes["episode_id"], start)
    discharge = scores[scores["role"] == "discharge"]
    any_discharge = np.asarray(episodes["episode_id"].isin(discharge["episode_id"]))
    distance = _distance(discharge, episodes["episode_id"], end)
    near = discharge[distance <= outcome.final_window_days]
    final = _latest(near, episodes["episode_id"])
    final_day = np.where(ended, final["day"].fillna(LONG_AGO).to_numpy(), LONG_AGO).astype(np.int64)
    final_score = np.where(ended, final["score"].to_numpy(dtype=float), np.nan)
    has_intake, has_final = np.isfinite(intake["score"].to_numpy(dtype=float)), np.isfinite(final_score)
    baseline_day = intake["day"].fillna(LONG_AGO).to_numpy().astype(np.int64)
    in_order = final_day > baseline_day
    status = np.select(
        [~ended, ~has_intake, ~(has_final & in_order)], ["open", "no_intake", "no_final"], "paired"
    )
    reason = np.select(
        [
            start > last,
            ~ended,
            ~has_intake & ~has_final,
            ~has_intake,
            has_final & ~in_order,
            ~has_final & any_discharge,
            ~has_final & (end + outcome.final_window_days > last),
            ~has_final,
        ],
        [
            "care starts after the data cut-off",
            "care goes on at the data cut-off",
            "neither an intake nor a discharge score",
            "no intake score",
            "the discharge score is not later than the intake score",
            f"the discharge score is more than {outcome.final_window_days} days from the end of care",
            "no discharge score yet; its window is still open",
            "no discharge score",
        ],
        "",
    )
    frame = _carried(episodes)
    frame["month"] = _months(end, ended)
    frame["status"], frame["reason"] = status, reason
    return _with_responses(
        frame,
        intake["score"].to_numpy(dtype=float),
        baseline_day,
        final_score,
        final_day,
        instrument,
        outcome,
    )


def score_changes(
    episodes: pd.DataFrame,
    assessments: pd.DataFrame,
    *,
    instrument: Instrument,
    outcome: Outcome,
    role: str,
    cutoff: pd.Timestamp,
    at_weeks: float | None = None,
    within_days: int = 28,
) -> pd.DataFrame:
    """Judge the change from intake to a score of any role, such as a trial's follow-up.

    Parameters
    ----------
    episodes, assessments, instrument, outcome, cutoff
        As for `episode_outcomes`.
    role
        Role of the later score. Of several scores, the latest is taken.
    at_weeks, within_days
        Take the score nearest to this many weeks after the start of the episode instead, and only
        if it lies within so many days of it.

    Returns
    -------
    DataFrame
        One row per episode, as `episode_outcomes` gives it, with status ``paired``, ``no_intake`` or
        ``no_final``; whether care has ended plays no part.
    """
    scores = _scores(assessments, instrument, outcome, cutoff)
    start = day_numbers(episodes["start_date"], missing=LONG_AGO)
    end = day_numbers(episodes["end_date"], missing=FAR_AHEAD)
    ids = episodes["episode_id"]
    intake = _intake(scores, ids, start)
    later = scores[scores["role"] == role]
    if at_weeks is None:
        final = _latest(later, ids)
    else:
        distance = _distance(later, ids, start + round(7 * at_weeks))
        near = later.assign(distance=distance)[distance <= within_days]
        final = _first(near.sort_values(["distance", "day"], kind="stable"), ids)
    baseline, ended = intake["score"].to_numpy(dtype=float), end <= day_number(cutoff)
    baseline_day = intake["day"].fillna(LONG_AGO).to_numpy().astype(np.int64)
    final_score = final["score"].to_numpy(dtype=float)
    final_day = final["day"].fillna(LONG_AGO).to_numpy().astype(np.int64)
    has_intake, has_final = np.isfinite(baseline), np.isfinite(final_score)
    in_order = final_day > baseline_day
    frame = _carried(episodes)
    frame["month"] = _months(end, ended)
    frame["status"] = np.select([~has_intake, ~(has_final & in_order)], ["no_intake", "no_final"], "paired")
    frame["reason"] = np.select(
        [~has_intake, ~has_final, ~in_order],
        ["no intake score", f"no {role} score", f"the {role} score is not later than the intake score"],
        "",
    )
    return _with_responses(frame, baseline, baseline_day, final_score, final_day, instrument, outcome)


def intake_scores(
    episodes: pd.DataFrame,
    assessments: pd.DataFrame,
    *,
    instrument: Instrument,
    outcome: Outcome,
    cutoff: pd.Timestamp,
) -> pd.Series[Any]:
    """Find the intake score of every episode, as `episode_outcomes` does.

    Returns
    -------
    Series
        Score by episode id; missing where there is none.
    """
    scores = _scores(assessments, instrument, outcome, cutoff)
    start = day_numbers(episodes["start_date"], missing=LONG_AGO)
    found = _intake(scores, episodes["episode_id"], start)
    return pd.Series(found["score"].to_numpy(dtype=float), index=episodes["episode_id"], name="baseline")


def same_outcome(assessments: pd.DataFrame, instrument: Instrument, outcome: Outcome) -> pd.Series[bool]:
    """Mark the scores of one instrument in the outcome's context.

    Raises
    ------
    QualityGateError
        If the outcome names no context and the scores come in several: they must not be mixed.
    """
    mine = assessments["instrument"] == instrument.id
    if outcome.context is not None:
        return mine & (assessments["context"] == outcome.context)
    contexts = sorted(assessments.loc[mine, "context"].dropna().unique())
    if len(contexts) > 1:
        raise QualityGateError(
            f"scores of {instrument.id} come in {len(contexts)} contexts ({', '.join(contexts)}). "
            "Name one as the `context` of the outcome in study.toml; contexts are never mixed."
        )
    return mine


def _scores(
    assessments: pd.DataFrame, instrument: Instrument, outcome: Outcome, cutoff: pd.Timestamp
) -> pd.DataFrame:
    mine = assessments[same_outcome(assessments, instrument, outcome) & assessments["score"].notna()]
    scores = pd.DataFrame(
        {
            "episode_id": mine["episode_id"],
            "role": mine["role"],
            "score": mine["score"].astype(float),
            "day": day_numbers(mine["date"], missing=FAR_AHEAD),
        }
    )
    return scores[scores["day"] <= day_number(cutoff)].sort_values(["day", "score"], kind="stable")


def _intake(scores: pd.DataFrame, ids: pd.Series[Any], start: Ints) -> pd.DataFrame:
    intake = scores[scores["role"] == "intake"]
    ranked = intake.assign(distance=_distance(intake, ids, start))
    return _first(ranked.sort_values(["distance", "day"], kind="stable"), ids)


def _distance(scores: pd.DataFrame, ids: pd.Series[Any], days: Ints) -> Ints:
    """Days between each score and a day of its episode; scores of unknown episodes lie far away."""
    there = pd.Series(days, index=ids).reindex(scores["episode_id"]).to_numpy(dtype=float)
    gap = np.abs(scores["day"].to_numpy() - there)
    return np.where(np.isfinite(gap), gap, 10 * FAR_AHEAD).astype(np.int64)


def _first(ranked: pd.DataFrame, ids: pd.Series[Any]) -> pd.DataFrame:
    return ranked.drop_duplicates("episode_id").set_index("episode_id")[["score", "day"]].reindex(ids)


def _latest(scores: pd.DataFrame, ids: pd.Series[Any]) -> pd.DataFrame:
    last = scores.drop_duplicates("episode_id", keep="last")
    return last.set_index("episode_id")[["score", "day"]].reindex(ids)


def _carried(episodes: pd.DataFrame) -> pd.DataFrame:
    return episodes.reindex(columns=list(_CARRIED)).reset_index(drop=True)


def _months(end: Ints, ended: np.ndarray[Any, np.dtype[np.bool_]]) -> pd.Series[Any]:
    dates = pd.Series(as_dates(np.where(ended, end, FAR_AHEAD)))
    months: pd.Series[Any] = dates.dt.strftime("%Y-%m").astype("str")
    return months


def _with_responses(
    frame: pd.DataFrame,
    baseline: np.ndarray[Any, np.dtype[np.float64]],
    baseline_day: Ints,
    final: np.ndarray[Any, np.dtype[np.float64]],
    final_day: Ints,
    instrument: Instrument,
    outcome: Outcome,
) -> pd.DataFrame:
    frame["baseline"], frame["baseline_date"] = baseline, as_dates(baseline_day)
    frame["final"], frame["final_date"] = final, as_dates(final_day)
    paired = np.asarray(frame["status"] == "paired")
    judged = responses(baseline, final, paired, instrument, response_rule(instrument, outcome))
    return pd.concat([frame, judged], axis=1)

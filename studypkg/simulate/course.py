"""How pain goes, who leaves because of it, and which questionnaires come back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.simulate.adherence import Logs
from studypkg.simulate.care import MODALITIES, Care
from studypkg.simulate.people import Clinic, Intake
from studypkg.simulate.truth import Truth

REASONS = (
    "completed", "discharged_better", "self_discharge_better", "self_discharge_not_helped",
    "lost_contact", "referred_out", "moved_away", "surgery",
)  # fmt: skip
_COMPLETED, _LOST = 0, 4
_CHANCE_OTHER = (0.003, 0.003, 0.001)
#: What is added to a clinic's share of discharge questionnaires, by reason of ending.
_CAPTURE_SHIFT = np.array([0.07, 0.07, -0.25, -0.25, -1.0, -0.15, -0.25, -0.15])
SCORED_VISIT_SHARE = 0.75
LOWEST, HIGHEST = 0, 10


@dataclass(frozen=True)
class Course:
    """What became of each episode; n episodes, v visit slots. Days count from the start.

    Parameters
    ----------
    end_slot, end_day, reason
        Last visit, its day, and the index into `REASONS`, shape (n,).
    scored
        Whether there is a score after intake at a visit, shape (n, v).
    discharge
        Whether that score is the discharge score, shape (n, v).
    day
        Day of the score: the day of the visit, or a little later for a mailed questionnaire.
    adherence
        Reported adherence in the week before, NaN where nothing was reported.
    person_mean
        Mean adherence of the episode over its scores, shape (n,).
    expected
        True expectation of the score given everything but the single score's own deviation.
    latent
        Score before rounding and clipping, shape (n, v).
    score
        Score as recorded, whole points 0–10, shape (n, v).
    """

    end_slot: np.ndarray
    end_day: np.ndarray
    reason: np.ndarray
    scored: np.ndarray
    discharge: np.ndarray
    day: np.ndarray
    adherence: np.ndarray
    person_mean: np.ndarray
    applications: np.ndarray
    soreness: np.ndarray
    winter: np.ndarray
    expected: np.ndarray
    latent: np.ndarray
    score: np.ndarray


def run_course(
    truth: Truth, clinic: Clinic, intake: Intake, care: Care, logs: Logs, rng: np.random.Generator
) -> Course:
    """Draw scores, then let people leave by the scores they gave, then keep what was recorded.

    Notes
    -----
    Leaving depends only on scores that are in the tables, so it is missing at random given them. The
    mean adherence of a person is taken over the scores that were kept, as an analyst takes it: when
    somebody leaves early it changes a little, and the scores with it.
    """
    shape = care.day.shape
    noise = rng.normal(0.0, truth.sd_residual, shape)
    slots = np.arange(shape[1])[None, :]
    planned = care.attended & (slots > 0) & (slots <= care.last[:, None])
    asked = planned & (rng.random(shape) < SCORED_VISIT_SHARE)
    at_last = slots == care.last[:, None]

    forever = care.day[np.arange(shape[0]), care.last]
    adherence = logs.adherence(care.day, forever)
    first_view = _expected(truth, clinic, intake, care, care.day, adherence, asked | at_last)[0] + noise
    end_slot, reason = _leave(truth, intake, care, asked & ~at_last, _recorded(first_view), rng)

    end_day = care.day[np.arange(shape[0]), end_slot]
    at_end = slots == end_slot[:, None]
    captured = rng.random(shape[0]) < clinic.capture + _CAPTURE_SHIFT[reason]
    late = np.where(rng.random(shape[0]) < 0.15, rng.integers(1, 6, shape[0]), 0)
    discharge = at_end & captured[:, None]
    completed_without = at_end & ((reason == _COMPLETED) | (reason == _LOST))[:, None]
    scored = discharge | (asked & (slots <= end_slot[:, None]) & ~completed_without)
    day = care.day + np.where(discharge, late[:, None], 0)

    adherence = logs.adherence(day, end_day)
    expected, person_mean, applications, sore, cold = _expected(
        truth, clinic, intake, care, day, adherence, scored
    )
    latent = expected + noise
    return Course(
        end_slot=end_slot,
        end_day=end_day,
        reason=reason,
        scored=scored,
        discharge=discharge,
        day=day,
        adherence=adherence,
        person_mean=person_mean,
        applications=applications,
        soreness=sore,
        winter=cold,
        expected=expected,
        latent=latent,
        score=_recorded(latent),
    )


def _expected(
    truth: Truth,
    clinic: Clinic,
    intake: Intake,
    care: Care,
    day: np.ndarray,
    adherence: np.ndarray,
    kept: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Work out the expectation of every score, and the parts of it that an analyst can or cannot see."""
    people = intake.people
    seen = kept & np.isfinite(adherence)
    number = seen.sum(axis=1)
    total = np.where(seen, adherence, 0.0).sum(axis=1)
    mean = np.divide(total, number, out=np.full(len(number), truth.adherence_centre), where=number > 0)
    within = np.where(np.isfinite(adherence), adherence - mean[:, None], 0.0)

    applications = care.applications_before + np.where((day > care.day)[:, :, None], care.given, False)
    points = np.array([truth.modality_points[name] for name in MODALITIES])
    sore = (day >= 1) & (day <= truth.soreness_days)
    month = (intake.start[:, None] + day).astype("datetime64[D]").astype("datetime64[M]").astype(
        np.int64
    ) % 12
    cold = clinic.winter & np.isin(month, (11, 0, 1))

    fixed = (
        truth.level
        + truth.baseline * (intake.baseline - truth.baseline_centre)
        + truth.age * (np.minimum(people.age, 90) - truth.age_centre)
        + truth.symptom * (intake.symptom_weeks - truth.symptom_centre)
        + truth.male * (people.sex == 1)
        + truth.between * (mean - truth.adherence_centre)
        + clinic.effect
        + clinic.therapist_effects[intake.therapist]
        + people.level
    )
    expected = (
        fixed[:, None]
        + (truth.week + people.slope)[:, None] * (day / 7.0)
        + truth.within * within
        + applications @ points
        + truth.soreness * sore
        + truth.winter * cold
    )
    return expected, mean, applications, sore, cold


def _recorded(latent: np.ndarray) -> np.ndarray:
    recorded: np.ndarray = np.clip(np.rint(latent), LOWEST, HIGHEST).astype(np.int64)
    return recorded


def _leave(
    truth: Truth,
    intake: Intake,
    care: Care,
    may_leave: np.ndarray,
    score: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the last visit of each episode, and why it was the last."""
    weeks = care.day / 7.0
    well = score <= 2
    not_helped = (score >= intake.baseline[:, None]) & (weeks >= 2)
    chances = np.stack(
        [
            truth.leave_discharged * (well & (weeks >= 4)),
            truth.leave_better * well,
            truth.leave_not_helped * not_helped,
            np.full(score.shape, truth.leave_lost),
            *(np.full(score.shape, chance) for chance in _CHANCE_OTHER),
        ]
    )
    bounds = np.cumsum(chances, axis=0)
    luck = rng.random(score.shape)
    leaves = may_leave & (luck < bounds[-1])
    left = leaves.any(axis=1)
    slot = np.where(left, leaves.argmax(axis=1), care.last)
    rows = np.arange(len(slot))
    which = 1 + (luck[rows, slot][None, :] >= bounds[:, rows, slot]).sum(axis=0)
    reason = np.where(left, which, _COMPLETED)
    return np.minimum(slot + (reason == _LOST), care.last), reason

"""The visits that are planned, what is done in them, and the events on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.simulate.people import Clinic, Intake
from studypkg.simulate.truth import Truth

MODALITIES = (
    "dry_needling", "iastm", "myofascial_cupping",
    "spinal_manipulation", "blood_flow_restriction", "soft_tissue_release",
)  # fmt: skip
STATUSES = ("attended", "cancelled", "no_show")
#: Event and the share of episodes that have it, some day of the planned care.
EVENTS: tuple[tuple[str, float], ...] = (
    ("severe_pain", 0.03),
    ("caution_persistent_pain", 0.02),
    ("refer_if_lingering", 0.01),
    ("adverse_event", 0.03),
    ("injection", 0.01),
    ("medication", 0.05),
)
MOST_VISITS = 20
LONGEST_DAYS = 98
NEVER = 10_000
#: Exercise rests this many days after the stop rule for severe pain.
PAUSE_DAYS = 7


@dataclass(frozen=True)
class Care:
    """Planned care; n episodes, v visit slots. Days count from the start of the episode.

    Parameters
    ----------
    day
        Day of each visit, shape (n, v), rising along a row.
    status
        Index into `STATUSES`, shape (n, v).
    last
        Slot of the last planned visit, shape (n,).
    therapist
        Index of the therapist of each visit, shape (n, v).
    given
        Whether a modality is given, shape (n, v, 6).
    event_day
        Day of each kind of event, `NEVER` if it does not happen, shape (n, 6).
    """

    day: np.ndarray
    status: np.ndarray
    last: np.ndarray
    therapist: np.ndarray
    given: np.ndarray
    event_day: np.ndarray

    @property
    def attended(self) -> np.ndarray:
        """Whether the person came, shape (n, v)."""
        attended: np.ndarray = self.status == 0
        return attended

    @property
    def applications_before(self) -> np.ndarray:
        """Applications of each modality on days before a visit, shape (n, v, 6)."""
        before: np.ndarray = np.cumsum(self.given, axis=1) - self.given
        return before


def plan_care(truth: Truth, clinic: Clinic, intake: Intake, rng: np.random.Generator) -> Care:
    """Draw the visits, modalities and events of the episodes, as if nobody left early.

    Notes
    -----
    Gaps between visits are 4 to 10 days, moved to a working day. Modalities are given by severity at
    intake, `logit(share) = logit(share₀) + log odds · (baseline − centre)`, so that a crude comparison
    shows needling beside *more* pain although it truly eases it.
    """
    count = len(intake)
    slots = np.arange(MOST_VISITS)
    gaps = rng.integers(4, 11, (count, MOST_VISITS))
    gaps[:, 0] = 0
    day = np.cumsum(gaps, axis=1)
    weekday = (intake.start[:, None] + day + 3) % 7
    day = day + np.where(weekday == 5, 2, 0) + np.where(weekday == 6, 1, 0)
    length = np.clip(rng.normal(58.0, 14.0, count), 30, LONGEST_DAYS)
    last = np.maximum((day <= length[:, None]).sum(axis=1) - 1, 2)
    at_edge = (slots[None, :] == 0) | (slots[None, :] == last[:, None])
    status = np.where(at_edge, 0, np.searchsorted([0.86, 0.95], rng.random((count, MOST_VISITS))))
    staff = len(clinic.therapist_ids)
    cover = (slots[None, :] % 3 == 2) & ~at_edge & (rng.random((count, MOST_VISITS)) < 0.4)
    stand_in = (intake.therapist[:, None] + rng.integers(1, max(staff, 2), (count, MOST_VISITS))) % staff
    given = (
        _courses(truth, intake, rng)[:, None, :]
        & (status == 0)[:, :, None]
        & (rng.random((count, MOST_VISITS, len(MODALITIES))) < 0.55)
    )
    return Care(
        day=day,
        status=status,
        last=last,
        therapist=np.where(cover, stand_in, intake.therapist[:, None]),
        given=given,
        event_day=_event_days(intake, length, rng),
    )


def _courses(truth: Truth, intake: Intake, rng: np.random.Generator) -> np.ndarray:
    share = np.array([truth.modality_share[name] for name in MODALITIES])
    log_odds = np.log(share / (1 - share))
    slope = truth.severity_log_odds * np.array([1.0, 0.5, 0.0, 0.0, 0.0, 0.0])
    logit = log_odds + slope * (intake.baseline[:, None] - truth.baseline_centre)
    chosen: np.ndarray = rng.random((len(intake), len(MODALITIES))) < 1 / (1 + np.exp(-logit))
    return chosen


def _event_days(intake: Intake, length: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chance = np.broadcast_to([share for _, share in EVENTS], (len(intake), len(EVENTS))).copy()
    chance[:, 0] *= np.where(intake.baseline >= 8, 2.5, 0.6)
    happens = rng.random(chance.shape) < chance
    day = 1 + (rng.random(chance.shape) * (length[:, None] - 1)).astype(np.int64)
    return np.where(happens, day, NEVER)

"""Who works in the clinics, and who comes to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.simulate.seeds import first_day, pseudonyms, stream
from studypkg.simulate.truth import Truth

SEXES = ("female", "male", "other", "unknown")
POPULATIONS = ("runners", "lifters", "everyday_movers", "athletes_active_adults")
CONDITIONS = ("outside_hip_pain", "itb_syndrome", "gluteal_tendinopathy", "hip_bursitis", "hip_flexor_strain")
SITES = ("hip", "knee", "thigh")
SIDES = ("left", "right", "both")
RETURN_MONTHS = 6
SMALL_CLINIC_STARTS = 3.0


@dataclass(frozen=True)
class Clinic:
    """A clinic: its true effect, how many discharge questionnaires it gets back, and its therapists."""

    number: int
    clinic_id: str
    effect: float
    capture: float
    therapist_ids: tuple[str, ...]
    therapist_effects: np.ndarray
    therapist_shares: np.ndarray
    winter: bool
    starts_per_month: float


@dataclass(frozen=True)
class People:
    """Persons as arrays, one element per person: who they are and what is peculiar to them."""

    patient_id: np.ndarray
    age: np.ndarray
    sex: np.ndarray
    population: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    adherence_logit: np.ndarray
    report_share: np.ndarray
    diary: np.ndarray

    def __len__(self) -> int:
        return len(self.patient_id)


@dataclass(frozen=True)
class Intake:
    """What is known on the first day, one element per episode that starts in one clinic and month."""

    people: People
    episode_id: np.ndarray
    start: np.ndarray
    therapist: np.ndarray
    condition: np.ndarray
    side: np.ndarray
    body_site: np.ndarray
    symptom_weeks: np.ndarray
    symptoms_known: np.ndarray
    age_known: np.ndarray
    surgical: np.ndarray
    baseline: np.ndarray

    def __len__(self) -> int:
        return len(self.episode_id)


def clinic_of(truth: Truth, number: int, clinics: int, seed: int, starts_per_month: float) -> Clinic:
    """Draw what is fixed about one clinic.

    The last of three or more clinics is too small to be shown; the second of two or more has a bad
    winter.
    """
    rng = stream(seed, "clinic", number)
    small = clinics >= 3 and number == clinics
    staff = 2 if small else int(rng.integers(4, 8))
    effect, capture = rng.normal(0.0, truth.sd_clinic), rng.uniform(0.66, 0.84)
    return Clinic(
        number=number,
        clinic_id=f"clinic_{number:02d}",
        effect=float(effect),
        capture=float(capture),
        therapist_ids=tuple(str(name).lower() for name in pseudonyms("t_", seed, number, 0, staff)),
        therapist_effects=rng.normal(0.0, truth.sd_therapist, staff),
        therapist_shares=rng.dirichlet(np.full(staff, 8.0)),
        winter=clinics >= 2 and number == 2,
        starts_per_month=min(SMALL_CLINIC_STARTS, starts_per_month) if small else starts_per_month,
    )


def draw_people(truth: Truth, clinic: Clinic, month: int, seed: int) -> People:
    """Draw the persons who may come to a clinic for the first time in a month."""
    rng = stream(seed, "people", clinic.number, month)
    count = int(rng.poisson(clinic.starts_per_month))
    common = rng.standard_normal((2, count))
    slope = truth.correlation * common[0] + np.sqrt(1 - truth.correlation**2) * common[1]
    return People(
        patient_id=pseudonyms("P", seed, clinic.number, month, count),
        age=np.clip(np.rint(rng.normal(47.0, 16.0, count)), 18, 95).astype(np.int64),
        sex=rng.choice(4, count, p=[0.58, 0.40, 0.01, 0.01]),
        population=rng.choice(4, count, p=[0.45, 0.12, 0.28, 0.15]),
        level=truth.sd_patient * common[0],
        slope=truth.sd_slope * slope,
        adherence_logit=rng.normal(truth.adherence_logit_mean, truth.adherence_logit_sd, count),
        report_share=rng.beta(9.0 * truth.report_share, 9.0 * (1 - truth.report_share), count),
        diary=rng.random(count) < 0.6,
    )


def draw_intake(truth: Truth, clinic: Clinic, month: int, seed: int, rng: np.random.Generator) -> Intake:
    """Draw the episodes that start in one clinic and one month; a few are of people seen before."""
    people = draw_people(truth, clinic, month, seed)
    before = draw_people(truth, clinic, month - RETURN_MONTHS, seed)
    count = len(people)
    again = np.flatnonzero(rng.random(count) < truth.returning_share)[: len(before)]
    people = _replaced(people, again, before, rng.permutation(len(before))[: len(again)])
    days = np.arange(first_day(month), first_day(month + 1))
    working = days[(days + 3) % 7 < 5]  # 1970-01-01 was a Thursday, so day + 3 counts from a Monday
    condition = rng.choice(5, count, p=[0.28, 0.30, 0.22, 0.12, 0.08])
    at_knee = (condition == 1) & (rng.random(count) < 0.4)
    severity = rng.normal(6.2, 1.5, count)
    return Intake(
        people=people,
        episode_id=pseudonyms("E", seed, clinic.number, month, count),
        start=rng.choice(working, count),
        therapist=rng.choice(len(clinic.therapist_ids), count, p=clinic.therapist_shares),
        condition=condition,
        side=rng.choice(3, count, p=[0.44, 0.48, 0.08]),
        body_site=np.where(at_knee, 1, np.where(condition == 4, 2, 0)),
        symptom_weeks=np.clip(np.rint(rng.lognormal(2.6, 0.8, count)), 1, 260).astype(np.int64),
        symptoms_known=rng.random(count) >= 0.04,
        age_known=rng.random(count) >= 0.01,
        surgical=rng.random(count) < 0.03,
        baseline=np.clip(np.rint(severity), 2, 10).astype(np.int64),
    )


def _replaced(people: People, at: np.ndarray, others: People, which: np.ndarray) -> People:
    columns = {}
    for name in People.__dataclass_fields__:
        column = getattr(people, name).copy()
        column[at] = getattr(others, name)[which]
        columns[name] = column
    return People(**columns)

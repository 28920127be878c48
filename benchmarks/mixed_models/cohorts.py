"""Simulated physical-therapy cohorts of any size, the same on every machine for the same seed.

Patients with eight irregular visits, therapists, clinics; pain on a 0–10 scale left unrounded, so that every
engine fits the model that made the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

VISITS = 8
MODALITIES = ("exercise", "manual", "dry_needling", "laser", "electro")
_SHARE_TREATED = (0.85, 0.60, 0.25, 0.20, 0.35)
_GAIN = (-0.45, -0.30, -0.15, -0.05, 0.05)
PATIENT_SD, SLOPE_SD, CORRELATION = 1.3, 0.12, -0.3
THERAPIST_SD, CLINIC_SD, RESIDUAL_SD = 0.4, 0.5, 1.1
# A small cohort keeps enough levels for their variances to be estimated at all.
LEAST_THERAPISTS, LEAST_CLINICS = 18, 6

FIXED = "weeks * adherence + " + " + ".join(MODALITIES) + " + baseline + age + sex"


@dataclass(frozen=True)
class Model:
    """One model of the comparison: its formula in lme4's notation and the cohort it is fitted to."""

    name: str
    formula: str
    cohort: str
    says: str


MODELS: dict[str, Model] = {
    m.name: m
    for m in (
        Model("M1", f"pain ~ {FIXED} + (1 + weeks | patient)", "nested", "patients, random slopes"),
        Model(
            "M2",
            f"pain ~ {FIXED} + (1 + weeks | patient) + (1 | therapist) + (1 | clinic)",
            "nested",
            "patients in therapists in clinics",
        ),
        Model(
            "M2x",
            f"pain ~ {FIXED} + (1 + weeks | patient) + (1 | therapist) + (1 | clinic)",
            "crossed",
            "patients crossed with the therapists of their clinic",
        ),
        Model(
            "M2f",
            f"pain ~ {FIXED} + (1 + weeks | patient) + (1 | therapist)",
            "free",
            "patients crossed with all therapists",
        ),
        Model("M3", "pain ~ arm * visit + baseline", "trial", "repeated measures, unstructured"),
    )
}


def cohort(kind: str, rows: int, seed: int = 1) -> pd.DataFrame:
    """Simulate the cohort of a kind.

    Parameters
    ----------
    kind
        ``nested``: a patient has one therapist, a therapist one clinic (20 to 25 patients a therapist, 8 to
        10 therapists a clinic). ``crossed``: each visit is with one of the clinic's therapists. ``free``:
        each visit is with any of rows/200, at most 500, therapists. ``trial``: six planned visits, some
        missed, two arms.
    rows
        How many rows; the cohort has this many, cut in the last patient where needed.
    seed
        Seed of numpy's default generator.
    """
    random = np.random.default_rng(seed)
    if kind == "trial":
        return _trial(rows, random)
    return _visits(kind, rows, random)


def _visits(kind: str, rows: int, random: np.random.Generator) -> pd.DataFrame:
    patients = -(-rows // VISITS)
    therapists = max(LEAST_THERAPISTS, round(patients / 22.5))
    clinics = max(LEAST_CLINICS, round(therapists / 9.0))
    therapist_of = _share_out(patients, random.integers(20, 26, size=therapists))
    clinic_of = _share_out(therapists, random.integers(8, 11, size=clinics))

    patient = np.repeat(np.arange(patients), VISITS)[:rows]
    therapist = therapist_of[patient]
    clinic = clinic_of[therapist]
    if kind == "crossed":
        first = np.searchsorted(clinic_of, np.arange(clinics))
        size = np.bincount(clinic_of, minlength=clinics)
        therapist = first[clinic] + (random.random(rows) * size[clinic]).astype(np.int64)
    elif kind == "free":
        therapists = max(8, min(500, rows // 200))
        therapist = random.integers(0, therapists, size=rows)
    elif kind != "nested":
        raise ValueError(f"No cohort is called {kind!r}: nested, crossed, free or trial.")

    # Visits are about weekly, and never on the same day twice.
    gaps = 0.3 + random.gamma(2.0, 0.5, size=(patients, VISITS))
    gaps[:, 0] = 0.0
    weeks = gaps.cumsum(axis=1).ravel()[:rows].round(3)
    habit = random.beta(4.0, 2.0, size=patients)
    adherence = np.clip(habit[patient] + 0.15 * random.standard_normal(rows), 0.0, 1.0).round(3)
    treated = (random.random((patients, len(MODALITIES))) < np.array(_SHARE_TREATED)).astype(float)
    age = np.clip(random.normal(52.0, 15.0, patients), 18.0, 95.0).round()
    sex = random.integers(0, 2, size=patients).astype(float)
    baseline = np.clip(random.normal(6.0, 1.5, patients), 0.0, 10.0).round(1)

    z = random.standard_normal((patients, 2))
    intercept = PATIENT_SD * z[:, 0]
    slope = SLOPE_SD * (CORRELATION * z[:, 0] + np.sqrt(1.0 - CORRELATION**2) * z[:, 1])
    fixed = 2.0 + 0.5 * baseline + 0.01 * age + 0.1 * sex + treated @ np.array(_GAIN) + intercept
    pain = fixed[patient] + (slope[patient] - 0.15) * weeks - 0.5 * adherence - 0.08 * weeks * adherence
    pain += (THERAPIST_SD * random.standard_normal(therapists))[therapist]
    if kind != "free":
        pain += (CLINIC_SD * random.standard_normal(clinics))[clinic]
    pain += RESIDUAL_SD * random.standard_normal(rows)
    table: dict[str, Any] = {
        "patient": _ids("P", patient, patients),
        "therapist": _ids("T", therapist, therapists),
        "clinic": _ids("C", clinic, clinics),
        "pain": pain,
        "weeks": weeks,
        "adherence": adherence,
    }
    table |= {name: treated[patient, j] for j, name in enumerate(MODALITIES)}
    table |= {"baseline": baseline[patient], "age": age[patient], "sex": sex[patient]}
    return pd.DataFrame(table)


def _trial(rows: int, random: np.random.Generator) -> pd.DataFrame:
    planned, kept_share = 6, 0.9
    patients = int(np.ceil(rows / planned / kept_share)) + 2
    correlation = 0.7 ** np.abs(np.subtract.outer(np.arange(planned), np.arange(planned)))
    sds = np.array([1.2, 1.4, 1.6, 1.7, 1.9, 2.0])
    root = np.linalg.cholesky(correlation * np.outer(sds, sds))
    arm = random.integers(0, 2, size=patients)
    baseline = np.clip(random.normal(6.0, 1.5, patients), 0.0, 10.0).round(1)
    visit = np.arange(planned)
    mean = 1.5 + 0.6 * baseline[:, None] - (0.25 + 0.12 * arm[:, None]) * visit
    pain = mean + random.standard_normal((patients, planned)) @ root.T
    kept = random.random((patients, planned)) < kept_share
    kept[:, 0] = True
    who, when = (at[:rows] for at in np.nonzero(kept))
    return pd.DataFrame(
        {
            "patient": _ids("P", who, patients),
            "arm": _ids("arm", arm[who], 2),
            "visit": _ids("V", when, planned),
            "pain": pain[who, when],
            "baseline": baseline[who],
        }
    )


def _share_out(members: int, weights: Codes) -> Codes:
    """Give members to groups in order, in shares as near to the weights as whole members allow."""
    ends = np.floor(weights.cumsum() / weights.sum() * members).astype(np.int64)
    return np.repeat(np.arange(len(weights)), np.diff(ends, prepend=0))


def _ids(letter: str, codes: Codes, count: int) -> pd.Series[str]:
    width = len(str(count))
    labels = pd.array([f"{letter}{k:0{width}d}" for k in range(count)], dtype="str")
    return pd.Series(labels.take(codes))

"""The invented network, one clinic and one month of starts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from studypkg.errors import ConfigError
from studypkg.simulate.adherence import prescribe, report_sessions
from studypkg.simulate.care import MODALITIES, plan_care
from studypkg.simulate.course import Course, run_course
from studypkg.simulate.faults import Fault, plant
from studypkg.simulate.people import SEXES, Clinic, Intake, clinic_of, draw_intake
from studypkg.simulate.scales import fill_in
from studypkg.simulate.seeds import first_day, month_number, month_text, stream
from studypkg.simulate.tables import (
    assessment_rows,
    episode_rows,
    event_rows,
    log_rows,
    prescription_rows,
    treatment_rows,
    visit_rows,
)
from studypkg.simulate.truth import Truth

#: Episodes start this many months before the first month, so that it has ends from its first day.
WARM_UP_MONTHS = 3
MOST_BAD_ROWS = 0.5


@dataclass(frozen=True)
class ClinicMonth:
    """The episodes that started in one clinic in one month, with all that happened to them.

    Parameters
    ----------
    clinic_id
        The clinic.
    month
        Month of start, as year and month.
    tables
        Clean rows of the seven tables, columns in the order of the schema.
    latent
        What no clinic can see: one row per pain score after intake, with its true expectation, the
        score before rounding, and the predictors as an analyst would compute them.
    faults
        Planted rows, which stand beside the clean ones.
    """

    clinic_id: str
    month: str
    tables: Mapping[str, pa.Table]
    latent: pa.Table
    faults: tuple[Fault, ...] = ()

    def frame(self, table: str) -> pd.DataFrame:
        """Give the clean rows of a table as a data frame."""
        frame: pd.DataFrame = self.tables[table].to_pandas()
        return frame


def simulate_network(
    truth: Truth,
    *,
    clinics: int,
    months: int,
    first_month: str,
    seed: int,
    episodes_per_month: float = 45,
    bad_rows: float = 0.0,
) -> Iterator[ClinicMonth]:
    """Invent a network of clinics, one clinic and one month of starts at a time.

    Parameters
    ----------
    truth
        The true effects.
    clinics
        Number of clinics. The second has a bad winter; the last of three or more is very small.
    months
        Number of months in which episodes end, beginning with `first_month`. The last day of the last
        month is the data cut-off: later rows are not there, and episodes that go on have no end.
    first_month
        Such as ``2025-10``.
    seed
        The same seed gives the same rows. A block depends on seed, clinic and month only, and on the
        cut-off, which takes rows away and changes none.
    episodes_per_month
        Mean number of episodes that start in a clinic in a month.
    bad_rows
        Share of faulty rows to plant beside the clean ones.

    Yields
    ------
    ClinicMonth
        Clinic by clinic, and months of start in order, from three months before `first_month`.

    Raises
    ------
    ConfigError
        If a number is out of its range or the month is not a month.
    """
    first = month_number(first_month)
    for name, value, low, high in (
        ("clinics", clinics, 1, 999),
        ("months", months, 1, 1200),
        ("episodes_per_month", episodes_per_month, 1, 100_000),
        ("bad_rows", bad_rows, 0, MOST_BAD_ROWS),
        ("seed", seed, 0, 2**63),
    ):
        if not low <= value <= high:
            raise ConfigError(f"{name} is {value}. It must be from {low} to {high}.")
    window = (first_day(first), first_day(first + months) - 1)
    for number in range(1, clinics + 1):
        clinic = clinic_of(truth, number, clinics, seed, episodes_per_month)
        for month in range(first - WARM_UP_MONTHS, first + months):
            yield simulate_block(truth, clinic, month, seed=seed, window=window, bad_rows=bad_rows)


def simulate_block(
    truth: Truth, clinic: Clinic, month: int, *, seed: int, window: tuple[int, int], bad_rows: float = 0.0
) -> ClinicMonth:
    """Invent the episodes that start in one clinic in one month.

    Parameters
    ----------
    truth, clinic
        The true effects, and the clinic as `clinic_of` drew it.
    month
        Month of start; see `month_number`.
    seed
        Seed of the network.
    window
        First day of the first month and the data cut-off, in days since 1970-01-01. Episodes that
        ended before the first are left out.
    bad_rows
        Share of faulty rows to plant.
    """
    rng = stream(seed, "course", clinic.number, month)
    intake = draw_intake(truth, clinic, month, seed, rng)
    care = plan_care(truth, clinic, intake, rng)
    lines = prescribe(truth, intake, rng)
    logs = report_sessions(truth, intake, care, lines, rng)
    course = run_course(truth, clinic, intake, care, logs, rng)
    scores = fill_in(truth, intake, course, rng)

    first, cutoff = window
    keep = intake.start + course.end_day >= first
    tables = {
        "episodes": episode_rows(clinic, intake, course, keep, cutoff),
        "assessments": assessment_rows(intake, scores, keep, cutoff),
        "prescriptions": prescription_rows(intake, lines, course, keep, cutoff),
        "exercise_logs": log_rows(intake, lines, logs, course, keep, cutoff),
        "treatments": treatment_rows(clinic, intake, care, course, keep, cutoff),
        "visits": visit_rows(clinic, intake, care, course, keep, cutoff),
        "events": event_rows(intake, care, course, keep, cutoff),
    }
    planted: tuple[Fault, ...] = ()
    if bad_rows > 0:
        faults = stream(seed, "faults", clinic.number, month)
        planted = plant(tables, bad_rows, (seed, clinic.number, month), faults)
    latent = _latent(truth, clinic, intake, course, lines.frequency_known, keep, cutoff)
    return ClinicMonth(clinic.clinic_id, month_text(month), tables, latent, planted)


def _latent(
    truth: Truth,
    clinic: Clinic,
    intake: Intake,
    course: Course,
    frequency_known: np.ndarray,
    keep: np.ndarray,
    cutoff: int,
) -> pa.Table:
    there = course.scored & keep[:, None] & (intake.start[:, None] + course.day <= cutoff)
    row, slot = np.nonzero(there)
    adherence, mean = course.adherence[row, slot], course.person_mean[row]
    people = intake.people
    columns = {
        "patient": people.patient_id[row],
        "episode": intake.episode_id[row],
        "therapist": np.array(clinic.therapist_ids, dtype=object)[intake.therapist[row]],
        "clinic": np.full(len(row), clinic.clinic_id, dtype=object),
        "date": (intake.start[row] + course.day[row, slot]).astype("datetime64[D]"),
        "weeks": course.day[row, slot] / 7.0,
        "adherence": adherence,
        "adherence_within": adherence - mean,
        "adherence_between": mean - truth.adherence_centre,
        "computable": frequency_known[row],
        "baseline": intake.baseline[row],
        **{name: course.applications[row, slot, k] for k, name in enumerate(MODALITIES)},
        "symptom_weeks": intake.symptom_weeks[row],
        "age_years": np.minimum(people.age[row], 90),
        "sex": np.array(SEXES, dtype=object)[people.sex[row]],
        "soreness": course.soreness[row, slot],
        "winter": course.winter[row, slot],
        "expected": course.expected[row, slot],
        "latent": course.latent[row, slot],
        "score": course.score[row, slot],
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()})

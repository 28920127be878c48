"""All questionnaires of a clinic and month as rows: pain, pain on a run, and function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.simulate.course import HIGHEST, LOWEST, Course
from studypkg.simulate.people import Intake
from studypkg.simulate.truth import Truth

INSTRUMENTS = ("nprs", "lefs", "uwri")
CONTEXTS = ("worst_24h", "run", "average")
ROLES = ("intake", "interim", "discharge")
_PAIN, _LEFS, _UWRI = range(3)
_WORST, _RUN, _AVERAGE = range(3)
_LEFS_AT_NO_PAIN, _LEFS_MOST = 80.0, 80
_UWRI_AT_NO_PAIN, _UWRI_MOST = 33.0, 36


@dataclass(frozen=True)
class Scores:
    """Rows of the assessments, shape (rows,) each: the words as indices, days from the start."""

    episode: np.ndarray
    day: np.ndarray
    instrument: np.ndarray
    context: np.ndarray
    score: np.ndarray
    role: np.ndarray


def fill_in(truth: Truth, intake: Intake, course: Course, rng: np.random.Generator) -> Scores:
    """Write down the scores that were given.

    Notes
    -----
    Pain at its worst in 24 hours is asked of all; pain on a run of half of the runners. Function is
    asked at intake and discharge: UWRI of most runners, LEFS of most others.
    """
    count = len(intake)
    runner = intake.people.population == 0
    uses_run = runner & (rng.random(count) < 0.5)
    uses_function = rng.random(count) < 0.6
    has_intake = rng.random(count) >= 0.03
    lead = np.where(rng.random(count) < 0.2, -rng.integers(1, 6, count), 0)

    first = np.flatnonzero(has_intake)
    later, slot = np.nonzero(course.scored)
    episode = np.concatenate([first, later])
    day = np.concatenate([lead[first], course.day[later, slot]])
    pain = np.concatenate([intake.baseline[first], course.score[later, slot]])
    latent = np.concatenate([intake.baseline[first].astype(float), course.latent[later, slot]])
    role = np.concatenate([np.zeros(len(first), np.int64), np.where(course.discharge[later, slot], 2, 1)])

    on_run = _whole(latent + truth.run_extra + rng.normal(0.0, 0.7, len(latent)), LOWEST, HIGHEST)
    lefs = _LEFS_AT_NO_PAIN + truth.lefs_per_point * latent + rng.normal(0.0, 6.0, len(latent))
    uwri = _UWRI_AT_NO_PAIN + truth.uwri_per_point * latent + rng.normal(0.0, 2.5, len(latent))
    runs = np.flatnonzero(uses_run[episode])
    ends = np.flatnonzero(uses_function[episode] & (role != 1))
    by_runner = runner[episode[ends]]
    function = np.where(by_runner, _whole(uwri[ends], 0, _UWRI_MOST), _whole(lefs[ends], 0, _LEFS_MOST))

    rows = np.concatenate([np.arange(len(episode)), runs, ends])
    instrument = np.concatenate([np.full(len(episode) + len(runs), _PAIN), np.where(by_runner, _UWRI, _LEFS)])
    context = np.repeat([_WORST, _RUN, _AVERAGE], [len(episode), len(runs), len(ends)])
    order = np.lexsort((context, instrument, day[rows], episode[rows]))
    rows = rows[order]
    return Scores(
        episode=episode[rows],
        day=day[rows],
        instrument=instrument[order],
        context=context[order],
        score=np.concatenate([pain, on_run[np.asarray(runs)], function])[order],
        role=role[rows],
    )


def _whole(value: np.ndarray, low: int, high: int) -> np.ndarray:
    whole: np.ndarray = np.clip(np.rint(value), low, high).astype(np.int64)
    return whole

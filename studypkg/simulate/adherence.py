"""Exercises as prescribed, as reported, and the adherence that a study can see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.simulate.care import LONGEST_DAYS, NEVER, PAUSE_DAYS, Care
from studypkg.simulate.people import SIDES, Intake
from studypkg.simulate.truth import Truth

EXERCISES = (
    "clamshell", "lateral_band_walk", "hip_flexor_stretch", "side_lying_leg_lift", "single_leg_glute_bridge",
)  # fmt: skip
STATES = ("done", "partial", "not_done", "paused")
SOURCES = ("diary", "app")
UNITS = ("reps", "steps", "seconds")
MOST_LINES = 4
DAYS = LONGEST_DAYS + 10
WINDOW_DAYS = 7
#: Per exercise, first dose and dose after the step up: sets, fewest and most repetitions.
_DOSE = np.array(
    [
        [[2, 10, 15], [3, 12, 15]],
        [[2, 10, 12], [3, 12, 15]],
        [[2, 1, 1], [3, 1, 1]],
        [[2, 10, 10], [3, 10, 12]],
        [[2, 8, 10], [3, 10, 12]],
    ]
)
_HOLD_S = np.array([[0, 0], [0, 0], [20, 30], [0, 0], [0, 0]])
#: Index into `UNITS`: steps of the band walk, seconds of the stretch.
_UNIT = np.array([0, 1, 2, 0, 0])
_ALTERNATING = np.array([False, True, False, False, True])
#: Days of the week with exercise for 3, 4 and 5 sessions a week: any seven days hold just as many.
_PATTERN = np.array([[1, 0, 1, 0, 1, 0, 0], [1, 1, 0, 1, 0, 1, 0], [1, 1, 1, 0, 1, 1, 0]], dtype=bool)


@dataclass(frozen=True)
class Lines:
    """Prescription lines; n episodes, 4 line slots, 2 versions of the dose. Days count from the start.

    Parameters
    ----------
    used
        Whether the slot holds a line, shape (n, 4).
    exercise
        Index into `EXERCISES`, shape (n, 4).
    side
        Index into the sides, shape (n, 4).
    dose
        Sets, fewest and most repetitions of each version, shape (n, 4, 2, 3).
    hold_s
        Shortest and longest hold in seconds, 0 for none, shape (n, 4, 2).
    unit
        Index into `UNITS`, shape (n, 4).
    change_day
        First day of the second version, `NEVER` if there is none, shape (n,).
    stop_day
        First day on which a line no longer stands, `NEVER` if it stands to the end, shape (n, 4).
    per_week
        Sessions per week, shape (n,).
    frequency_known
        Whether the prescription says so, shape (n,).
    """

    used: np.ndarray
    exercise: np.ndarray
    side: np.ndarray
    dose: np.ndarray
    hold_s: np.ndarray
    unit: np.ndarray
    change_day: np.ndarray
    stop_day: np.ndarray
    per_week: np.ndarray
    frequency_known: np.ndarray


@dataclass(frozen=True)
class Logs:
    """Reported sessions, one element per exercise and session, and their sums per episode and day.

    Parameters
    ----------
    episode, line, day
        Where the report belongs, shape (rows,).
    state
        Index into `STATES`, shape (rows,).
    sets_done, count_done, hold_s
        What was reported; not meaningful where the session was paused, shape (rows,).
    done_before, due_before
        Capped dose done and dose due of all reported sessions before a day, shape (n, days + 1).
    """

    episode: np.ndarray
    line: np.ndarray
    day: np.ndarray
    state: np.ndarray
    sets_done: np.ndarray
    count_done: np.ndarray
    hold_s: np.ndarray
    done_before: np.ndarray
    due_before: np.ndarray

    def adherence(self, day: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Give reported adherence in the seven days strictly before each day.

        Parameters
        ----------
        day
            Days from the start, shape (n, v).
        end
            Last day of care, which may have a session, shape (n,).

        Returns
        -------
        numpy.ndarray
            `Σ min(done, due) / Σ due` over the reported sessions, 0–1, shape (n, v); NaN where there
            was no report to go by.
        """
        stop = np.minimum(end + 1, DAYS)[:, None]
        high = np.clip(day, 0, stop)
        low = np.clip(day - WINDOW_DAYS, 0, stop)
        rows = np.arange(len(day))[:, None]
        due = self.due_before[rows, high] - self.due_before[rows, low]
        done = self.done_before[rows, high] - self.done_before[rows, low]
        share: np.ndarray = np.divide(done, due, out=np.full(due.shape, np.nan), where=due > 0)
        return share


def prescribe(truth: Truth, intake: Intake, rng: np.random.Generator) -> Lines:
    """Draw two to four exercises per episode, with doses; some step up, some stop."""
    count = len(intake)
    order = np.argsort(rng.random((count, len(EXERCISES))), axis=1)[:, :MOST_LINES]
    lines = rng.choice([2, 3, 4], count, p=[0.3, 0.45, 0.25])
    used = np.arange(MOST_LINES)[None, :] < lines[:, None]
    steps_up = rng.random(count) < 0.2
    stops = (rng.random(count) < 0.06)[:, None] & (np.arange(MOST_LINES)[None, :] == lines[:, None] - 1)
    return Lines(
        used=used,
        exercise=order,
        side=np.where(_ALTERNATING[order], 2, intake.side[:, None]),
        dose=_DOSE[order],
        hold_s=_HOLD_S[order],
        unit=_UNIT[order],
        change_day=np.where(steps_up, rng.integers(21, 36, count), NEVER),
        stop_day=np.where(stops, rng.integers(14, 21, count)[:, None], NEVER),
        per_week=rng.choice([3, 4, 5], count, p=[0.35, 0.35, 0.30]),
        frequency_known=rng.random(count) >= truth.no_frequency_share,
    )


def report_sessions(truth: Truth, intake: Intake, care: Care, lines: Lines, rng: np.random.Generator) -> Logs:
    """Draw what people write down about their sessions, as if nobody left early.

    Notes
    -----
    A due session is done with a probability that belongs to the person and the week; a third of the
    others are done in part. A diary then shows some of these as done. On a day without a report there
    is no row: an absent row is not a zero. What is reported, not what was done, moves the score.
    The dose of a session is sets × fewest repetitions, times the shortest hold if held; an exercise for
    both sides counts for each of them.
    """
    count, people = len(intake), intake.people
    days = np.arange(DAYS)
    weekday = (intake.start[:, None] + days[None, :] + rng.integers(0, 7, count)[:, None]) % 7
    due_day = _PATTERN[lines.per_week[:, None] - 3, weekday]
    reported = due_day & (rng.random((count, DAYS)) < people.report_share[:, None])
    standing = lines.used[:, :, None] & (days[None, None, :] < lines.stop_day[:, :, None])
    episode, line, day = np.nonzero(reported[:, None, :] & standing)

    weeks = DAYS // 7 + 1
    mood = rng.normal(0.0, truth.adherence_week_sd, (count, weeks)) + truth.adherence_drift * np.arange(weeks)
    logit = people.adherence_logit[episode] + mood[episode, day // 7]
    chance = 1 / (1 + np.exp(-logit))
    luck = rng.random(len(episode))
    state = np.where(luck < chance, 0, np.where(luck < chance + (1 - chance) / 3, 1, 2))
    embellished = people.diary[episode] & (rng.random(len(episode)) < truth.over_report)
    state = np.where(embellished, 0, state)
    rests = care.event_day[episode, 0]
    state = np.where((day > rests) & (day <= rests + PAUSE_DAYS), 3, state)

    later = (day >= lines.change_day[episode]).astype(np.int64)
    sets, fewest, most = lines.dose[episode, line, later].T
    hold = lines.hold_s[episode, line, 0]
    spare = rng.random(len(episode))
    sets_done, count_done = _amounts(state, sets, fewest, most, spare)
    sides = np.where(lines.side[episode, line] == SIDES.index("both"), 2, 1)
    weight = np.maximum(hold, 1) * sides
    due = np.where(state == 3, 0, sets * fewest * weight)
    done = np.minimum(sets_done * count_done * weight, due)
    return Logs(
        episode=episode,
        line=line,
        day=day,
        state=state,
        sets_done=sets_done,
        count_done=count_done,
        hold_s=np.where(state < 2, hold, 0),
        done_before=_running(done, episode, day, count),
        due_before=_running(due, episode, day, count),
    )


def _amounts(
    state: np.ndarray, sets: np.ndarray, fewest: np.ndarray, most: np.ndarray, spare: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn states into sets and repetitions: done is never below the dose, partial always is."""
    within = fewest + np.floor(spare * (most - fewest + 1)).astype(np.int64)
    short = (fewest > 1) & (spare < 0.5)
    fewer = np.maximum((fewest * (0.4 + spare)).astype(np.int64), 1)
    sets_if_done = sets + (spare > 0.97)
    sets_if_partial = np.where(short, sets, sets - 1)
    sets_done = np.select([state == 0, state == 1], [sets_if_done, sets_if_partial], 0)
    count_done = np.select([state == 0, state == 1], [within, np.where(short, fewer, fewest)], 0)
    return sets_done, count_done


def _running(amount: np.ndarray, episode: np.ndarray, day: np.ndarray, count: int) -> np.ndarray:
    sums = np.zeros((count, DAYS + 1))
    daily = np.bincount(episode * DAYS + day, weights=amount, minlength=count * DAYS).reshape(count, DAYS)
    np.cumsum(daily, axis=1, out=sums[:, 1:])
    return sums

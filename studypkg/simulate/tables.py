"""One clinic's episodes of one month as rows of the seven tables, up to the data cut-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from studypkg.schema import TABLES
from studypkg.simulate.adherence import EXERCISES, SOURCES, STATES, UNITS, Lines, Logs
from studypkg.simulate.care import EVENTS, MODALITIES, NEVER, STATUSES, Care
from studypkg.simulate.course import REASONS, Course
from studypkg.simulate.people import CONDITIONS, POPULATIONS, SEXES, SIDES, SITES, Clinic, Intake
from studypkg.simulate.scales import CONTEXTS, INSTRUMENTS, ROLES, Scores

_LOST, _REFERRED, _SURGERY = (
    REASONS.index("lost_contact"),
    REASONS.index("referred_out"),
    REASONS.index("surgery"),
)
_AGES = tuple(str(age) if age < 90 else "90+" for age in range(121))


def episode_rows(clinic: Clinic, intake: Intake, course: Course, keep: np.ndarray, cutoff: int) -> pa.Table:
    """Write the episodes that are kept; those still open at the cut-off have no end."""
    people, row = intake.people, np.flatnonzero(keep)
    end = intake.start + course.end_day
    is_open = end[row] > cutoff
    return _table(
        "episodes",
        {
            "patient_id": pa.array(people.patient_id[row], pa.string()),
            "episode_id": pa.array(intake.episode_id[row], pa.string()),
            "clinic_id": _words([clinic.clinic_id], np.zeros(len(row), np.int64)),
            "therapist_id": _words(clinic.therapist_ids, intake.therapist[row]),
            "start_date": _dates(intake.start[row]),
            "end_date": _dates(end[row], blank=is_open),
            "end_reason": _words(REASONS, course.reason[row], blank=is_open),
            "condition": _words(CONDITIONS, intake.condition[row]),
            "side": _words(SIDES, intake.side[row]),
            "body_site": _words(SITES, intake.body_site[row]),
            "symptom_weeks": pa.array(intake.symptom_weeks[row], mask=~intake.symptoms_known[row]),
            "age_years": _words(_AGES, people.age[row], blank=~intake.age_known[row]),
            "sex": _words(SEXES, people.sex[row]),
            "surgical": _words(("no", "yes"), intake.surgical[row].astype(np.int64)),
            "population": _words(POPULATIONS, people.population[row]),
            "arm": pa.nulls(len(row), pa.string()),
        },
    )


def assessment_rows(intake: Intake, scores: Scores, keep: np.ndarray, cutoff: int) -> pa.Table:
    """Write the scores."""
    date = intake.start[scores.episode] + scores.day
    row = np.flatnonzero(keep[scores.episode] & (date <= cutoff))
    return _table(
        "assessments",
        {
            "episode_id": pa.array(intake.episode_id[scores.episode[row]], pa.string()),
            "date": _dates(date[row]),
            "instrument": _words(INSTRUMENTS, scores.instrument[row]),
            "context": _words(CONTEXTS, scores.context[row]),
            "score": pa.array(scores.score[row]),
            "role": _words(ROLES, scores.role[row]),
        },
    )


def prescription_rows(
    intake: Intake, lines: Lines, course: Course, keep: np.ndarray, cutoff: int
) -> pa.Table:
    """Write the prescription lines; the second dose of a line is a row of its own.

    Notes
    -----
    Nothing is written that is not known at the cut-off: a step up that lies ahead is not there yet, and
    a line stands open until it has been changed or stopped. Of lines that stood to the end, every
    third is closed with the episode.
    """
    last = np.minimum(course.end_day, cutoff - intake.start)
    two = np.repeat(lines.used[:, :, None], 2, axis=2) & keep[:, None, None]
    two[:, :, 1] &= (lines.change_day <= last)[:, None] & (lines.change_day[:, None] < lines.stop_day)
    episode, slot, version = np.nonzero(two)
    change, stop = lines.change_day[episode], lines.stop_day[episode, slot]
    begin = np.where(version == 1, change, 0)
    is_closed = (course.end_day[episode] <= last[episode]) & ((episode + slot) % 3 == 0)
    end = np.where(is_closed, last[episode], last[episode] + 1)
    end = np.minimum(end, stop - 1)
    end = np.where(version == 0, np.minimum(end, change - 1), end)
    sets, fewest, most = lines.dose[episode, slot, version].T
    low, high = lines.hold_s[episode, slot].T
    return _table(
        "prescriptions",
        {
            "episode_id": pa.array(intake.episode_id[episode], pa.string()),
            "exercise": _words(EXERCISES, lines.exercise[episode, slot]),
            "side": _words(SIDES, lines.side[episode, slot]),
            "valid_from": _dates(intake.start[episode] + begin),
            "valid_to": _dates(intake.start[episode] + end, blank=end > last[episode]),
            "sets": pa.array(sets),
            "count_min": pa.array(fewest),
            "count_max": pa.array(most),
            "unit": _words(UNITS, lines.unit[episode, slot]),
            "hold_min_s": pa.array(low, mask=high == 0),
            "hold_max_s": pa.array(high, mask=high == 0),
            "sessions_per_week": pa.array(lines.per_week[episode], mask=~lines.frequency_known[episode]),
        },
    )


def log_rows(
    intake: Intake, lines: Lines, logs: Logs, course: Course, keep: np.ndarray, cutoff: int
) -> pa.Table:
    """Write the reported sessions."""
    last = np.where(keep, np.minimum(course.end_day, cutoff - intake.start), -1)
    row = np.flatnonzero(logs.day <= last[logs.episode])
    episode, line = logs.episode[row], logs.line[row]
    paused = logs.state[row] == STATES.index("paused")
    return _table(
        "exercise_logs",
        {
            "episode_id": _words(intake.episode_id, episode),
            "date": _dates(intake.start[episode] + logs.day[row]),
            "exercise": _words(EXERCISES, lines.exercise[episode, line]),
            "side": _words(SIDES, lines.side[episode, line]),
            "sets_done": pa.array(logs.sets_done[row], mask=paused),
            "count_done": pa.array(logs.count_done[row], mask=paused),
            "hold_s": pa.array(logs.hold_s[row], mask=logs.hold_s[row] == 0),
            "state": _words(STATES, logs.state[row]),
            "source": _words(SOURCES, np.where(intake.people.diary[episode], 0, 1)),
        },
    )


def treatment_rows(
    clinic: Clinic, intake: Intake, care: Care, course: Course, keep: np.ndarray, cutoff: int
) -> pa.Table:
    """Write the modalities that were given; minutes are recorded for most."""
    there = _happened(intake, care, course, keep, cutoff) & (_status(care, course) == 0)
    episode, slot, modality = np.nonzero(care.given & there[:, :, None])
    minutes = 5 + 5 * ((episode + slot + modality) % 4)
    return _table(
        "treatments",
        {
            "episode_id": pa.array(intake.episode_id[episode], pa.string()),
            "date": _dates(intake.start[episode] + care.day[episode, slot]),
            "modality": _words(MODALITIES, modality),
            "minutes": pa.array(minutes, mask=(episode + 3 * slot) % 10 == 0),
            "therapist_id": _words(clinic.therapist_ids, care.therapist[episode, slot]),
        },
    )


def visit_rows(
    clinic: Clinic, intake: Intake, care: Care, course: Course, keep: np.ndarray, cutoff: int
) -> pa.Table:
    """Write the scheduled visits; one that fell through has no therapist."""
    episode, slot = np.nonzero(_happened(intake, care, course, keep, cutoff))
    status = _status(care, course)[episode, slot]
    return _table(
        "visits",
        {
            "episode_id": pa.array(intake.episode_id[episode], pa.string()),
            "date": _dates(intake.start[episode] + care.day[episode, slot]),
            "status": _words(STATUSES, status),
            "therapist_id": _words(clinic.therapist_ids, care.therapist[episode, slot], blank=status != 0),
        },
    )


def event_rows(intake: Intake, care: Care, course: Course, keep: np.ndarray, cutoff: int) -> pa.Table:
    """Write the clinical events, and the referral or operation that ended an episode."""
    names = [name for name, _ in EVENTS] + ["referral", "surgery"]
    ended = np.stack([course.reason == _REFERRED, course.reason == _SURGERY], axis=1)
    day = np.concatenate([care.event_day, np.where(ended, course.end_day[:, None], NEVER)], axis=1)
    last = np.where(keep, np.minimum(course.end_day, cutoff - intake.start), -1)
    episode, kind = np.nonzero(day <= last[:, None])
    return _table(
        "events",
        {
            "episode_id": pa.array(intake.episode_id[episode], pa.string()),
            "date": _dates(intake.start[episode] + day[episode, kind]),
            "kind": _words(names, kind),
        },
    )


def _happened(intake: Intake, care: Care, course: Course, keep: np.ndarray, cutoff: int) -> np.ndarray:
    up_to_end = np.arange(care.day.shape[1])[None, :] <= course.end_slot[:, None]
    happened: np.ndarray = up_to_end & keep[:, None] & (intake.start[:, None] + care.day <= cutoff)
    return happened


def _status(care: Care, course: Course) -> np.ndarray:
    """Give the status of every visit: who was lost did not come to the last one."""
    status = care.status.copy()
    lost = np.flatnonzero(course.reason == _LOST)
    status[lost, course.end_slot[lost]] = STATUSES.index("no_show")
    return status


def _words(words: Sequence[str] | np.ndarray, which: np.ndarray, blank: np.ndarray | None = None) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(which, mask=blank))


def _dates(days: np.ndarray, blank: np.ndarray | None = None) -> pa.Array:
    return pa.array(days.astype("datetime64[D]"), mask=blank)


def _table(name: str, columns: dict[str, pa.Array]) -> pa.Table:
    return pa.table({column: columns[column] for column in TABLES[name].column_names})

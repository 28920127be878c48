"""An invented study of a few patients, made from the schema."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.schema import TABLES

START = pd.Timestamp("2026-01-01")
EXERCISES = ("clamshell", "hip_flexor_stretch", "side_lying_leg_lift")


def _full(name: str, columns: dict[str, object]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    for column in TABLES[name].columns:
        if column.name not in frame:
            kind = column.kind
            empty = pd.NaT if kind == "date" else np.nan if kind in ("number", "integer", "age") else None
            frame[column.name] = empty if column.default is None else column.default
        if column.kind in ("id", "code", "flag"):
            frame[column.name] = frame[column.name].astype("str")
    return frame[list(TABLES[name].column_names)]


@pytest.fixture
def full():
    """Complete a frame with the columns of its table."""
    return _full


@pytest.fixture
def clinic_records():
    """Random, seeded records of 30 episodes of 20 patients, with every kind of log and prescription."""
    rng = np.random.default_rng(20260101)
    n = 30
    ids = np.array([f"E{i:02d}" for i in range(n)])
    start = START + pd.to_timedelta(rng.integers(0, 40, n), unit="D")
    end = pd.Series(start + pd.to_timedelta(rng.integers(10, 60, n), unit="D"))
    end[rng.random(n) < 0.3] = pd.NaT
    episodes = _full(
        "episodes",
        {
            "patient_id": [f"P{i % 20:02d}" for i in range(n)],
            "episode_id": ids,
            "clinic_id": "C1",
            "therapist_id": "T1",
            "start_date": start,
            "end_date": end,
            "condition": "itb_syndrome",
        },
    )
    lines = [
        {
            "episode_id": ids[i],
            "exercise": exercise,
            "side": side,
            "valid_from": start[i] + pd.Timedelta(days=int(rng.integers(0, 10))),
            "valid_to": start[i] + pd.Timedelta(days=int(rng.integers(12, 40)))
            if rng.random() < 0.5
            else pd.NaT,
            "sets": rng.choice([2, 3, np.nan], p=[0.5, 0.4, 0.1]),
            "count_min": 10.0 if exercise != "hip_flexor_stretch" else np.nan,
            "unit": "seconds" if exercise == "hip_flexor_stretch" else "reps",
            "hold_min_s": 20.0 if exercise == "hip_flexor_stretch" else np.nan,
            "sessions_per_week": rng.choice([2, 3, 7, np.nan], p=[0.3, 0.4, 0.2, 0.1]),
        }
        for i in range(n)
        for exercise in EXERCISES
        for side in ("left", "right")
        if rng.random() < 0.8
    ]
    m = 2500
    owner = rng.integers(0, n, m)
    exercise = rng.choice(EXERCISES, m)
    logs = _full(
        "exercise_logs",
        {
            "episode_id": ids[owner],
            "date": start[owner] + pd.to_timedelta(rng.integers(-1, 62, m), unit="D"),
            "exercise": exercise,
            "side": rng.choice(["left", "right"], m),
            "sets_done": rng.choice([1.0, 2.0, 3.0], m),
            "count_done": np.where(exercise == "hip_flexor_stretch", np.nan, rng.integers(0, 16, m)),
            "hold_s": np.where(exercise == "hip_flexor_stretch", rng.integers(5, 35, m), np.nan),
            "state": rng.choice(["done", "partial", "not_done", "paused"], m, p=[0.6, 0.2, 0.1, 0.1]),
            "source": rng.choice(["app", "diary", "sensor"], m),
        },
    ).drop_duplicates(list(TABLES["exercise_logs"].key), ignore_index=True)
    k = 6
    scores = _full(
        "assessments",
        {
            "episode_id": np.repeat(ids, k),
            "date": np.repeat(start, k) + pd.to_timedelta(np.tile([0, 9, 16, 23, 37, 58], n), unit="D"),
            "instrument": "nprs",
            "score": rng.integers(0, 11, n * k).astype(float),
            "role": np.tile(["intake", "interim", "interim", "interim", "interim", "discharge"], n),
        },
    )
    return {
        "episodes": episodes,
        "assessments": scores,
        "prescriptions": _full("prescriptions", pd.DataFrame(lines).to_dict("list")),
        "logs": logs,
    }

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.measures import prescribed_dose
from studypkg.measures.days import as_dates
from studypkg.measures.dose import prescribed_lines


@pytest.mark.parametrize(
    ("unit", "sets", "count", "hold", "dose"),
    [
        ("reps", 2, 10, np.nan, 20),
        ("reps", 2, 10, 5, 20),
        ("steps", 3, 12, np.nan, 36),
        ("seconds", 3, np.nan, 20, 60),
        ("seconds", 2, 5, 20, 200),
        ("seconds", 2, 30, np.nan, 60),
        ("reps", np.nan, 10, np.nan, None),
        ("reps", 2, np.nan, np.nan, None),
        ("seconds", 2, np.nan, np.nan, None),
        ("seconds", 2, np.nan, 0, None),
    ],
)
def test_dose_of_one_session(full, unit, sets, count, hold, dose):
    line = full(
        "prescriptions",
        {"exercise": ["x"], "unit": [unit], "sets": [sets], "count_min": [count], "hold_min_s": [hold]},
    )
    found = prescribed_dose(line)[0]
    assert np.isnan(found) if dose is None else found == dose


@pytest.fixture
def one_episode(full):
    return full(
        "episodes",
        {
            "episode_id": ["E1"],
            "patient_id": ["P1"],
            "start_date": [pd.Timestamp("2026-01-05")],
            "end_date": [pd.Timestamp("2026-02-05")],
        },
    )


def prescription(full, **columns):
    usual = {
        "episode_id": "E1", "exercise": "clamshell", "side": "left", "valid_from": pd.Timestamp("2026-01-01"),
        "sets": 2.0, "count_min": 10.0, "sessions_per_week": 3.0,
    }  # fmt: skip
    return full("prescriptions", {k: [v] for k, v in {**usual, **columns}.items()})


def test_a_line_lies_within_care_and_both_sides_are_two_lines(full, one_episode):
    found = prescribed_lines(prescription(full, side="both"), one_episode, cutoff=pd.Timestamp("2026-06-30"))
    assert found["side"].tolist() == ["left", "right"]
    assert (
        as_dates(found["first"].to_numpy()).astype("datetime64[D]").astype(str).tolist() == ["2026-01-05"] * 2
    )
    assert (
        as_dates(found["last"].to_numpy()).astype("datetime64[D]").astype(str).tolist() == ["2026-02-05"] * 2
    )


def test_twice_a_day_is_one_row_of_the_log_with_the_dose_of_the_day(full, one_episode):
    found = prescribed_lines(
        prescription(full, sessions_per_week=14.0), one_episode, cutoff=pd.Timestamp("2026-06-30")
    )
    assert (found["per_week"].tolist(), found["target"].tolist()) == ([7], [40])

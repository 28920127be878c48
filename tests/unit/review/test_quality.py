"""Habits and exclusions, counted from drawn episodes and safe to show."""

import numpy as np
import pandas as pd
import pytest

from studypkg.privacy import audit, release
from studypkg.review import Recorded, periods, quality_statistics

WHEN = periods("2026-02", 2)


@pytest.fixture
def recorded():
    rows = []
    for clinic, n in (("north", 100), ("south", 80)):
        for i in range(n):
            rows.append(
                {
                    "episode_id": f"{clinic}{i}",
                    "clinic_id": clinic,
                    "therapist_id": None if i < 20 else "t1",
                    "month": WHEN.months[i % 2],
                    "status": "paired" if i % 4 else "no_final",
                    "baseline": 5.0 if i < 30 else 6.0,
                    "final": (5.0 if i < 30 else 2.0) if i % 4 else np.nan,
                    "responder": bool(i >= 30) if i % 4 else None,
                }
            )
    outcomes = pd.DataFrame(rows)
    traits = outcomes[["episode_id", "baseline"]].assign(age_years=50.0, symptom_weeks=8.0, sex="female")
    ids = outcomes["episode_id"]
    return Recorded(
        outcomes, traits, prescribed=frozenset(ids), logged=frozenset(ids[40:]), treated=frozenset(ids[15:]),
        marks=(0.0, 5.0, 10.0),
    )  # fmt: skip


def test_habits_are_shares_of_the_ended_episodes_of_a_clinic(recorded):
    numbers, _ = quality_statistics(recorded, WHEN)
    found = {(s.measure, s.group): (s.k, s.n) for s in numbers if s.period == WHEN.window and s.k is not None}
    assert found["capture", "north"] == (75, 100)
    assert found["no_therapist", "north"] == (20, 100)
    assert found["no_report", "north"] == (40, 100)
    assert found["no_treatment", "north"] == (15, 100)
    assert found["round_intake", "north"] == (30, 100)
    assert found["same_score", "north"] == (22, 75)
    assert found["no_report", "south"] == (0, 80)


def test_a_study_without_a_log_has_no_habit_of_logging(recorded):
    bare = Recorded(recorded.outcomes, recorded.traits, frozenset(), frozenset(), frozenset(), recorded.marks)
    measures = {s.measure for s in quality_statistics(bare, WHEN)[0]}
    assert "no_report" not in measures
    assert "no_treatment" not in measures
    assert "capture" in measures


def test_those_left_out_are_described_beside_those_counted(recorded):
    numbers, _ = quality_statistics(recorded, WHEN)
    place = {(s.measure, s.group): s for s in numbers if s.scope == "network"}
    assert (place["flow", "ended"].n, place["flow", "paired"].n) == (180, 135)
    assert place["baseline", "not_paired"].n == 45
    assert (place["better_if_none", "all"].k, place["better_if_none", "all"].n) == (91, 180)
    assert (place["responder", "all"].k, place["responder", "all"].n) == (91, 135)


def test_what_is_released_gives_no_small_cell_back(recorded):
    numbers, sums = quality_statistics(recorded, WHEN)
    assert audit(release(numbers, relations=sums), sums) == ()


def test_a_clinic_of_eight_is_in_no_number_that_gives_it_back(recorded):
    few = recorded.outcomes[recorded.outcomes["clinic_id"] == "south"].head(8)
    outcomes = pd.concat([recorded.outcomes[recorded.outcomes["clinic_id"] == "north"], few])
    small = Recorded(
        outcomes, recorded.traits, recorded.prescribed, recorded.logged, recorded.treated, recorded.marks
    )
    numbers, sums = quality_statistics(small, WHEN)
    made = release(numbers, relations=sums)
    assert made.get("capture", group="south", period=WHEN.window).status == "withheld"
    assert audit(made, sums) == ()

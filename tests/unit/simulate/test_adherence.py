"""Adherence behind the scores is what anyone can work out from prescriptions and logs."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from studypkg.simulate import Truth, simulate_network


@pytest.fixture(scope="module")
def block():
    plan = {"clinics": 1, "months": 6, "first_month": "2025-10", "seed": 6}
    return list(simulate_network(Truth(), **plan))[4]


def by_hand(line, log):
    """Capped dose of one session, and the dose that was due: sets × fewest repetitions × shortest hold."""
    sides = 2 if line["side"] == "both" else 1
    hold = line["hold_min_s"] if line["unit"] == "seconds" else 1
    due = line["sets"] * line["count_min"] * hold * sides
    held = log["hold_s"] if line["unit"] == "seconds" and log["state"] in ("done", "partial") else hold
    return min(log["sets_done"] * log["count_done"] * held * sides, due), due


def test_adherence_is_the_capped_dose_of_the_seven_days_before(block):
    lines = block.frame("prescriptions").to_dict("records")
    logs = block.frame("exercise_logs").to_dict("records")
    wanted = block.latent.to_pandas().head(60)
    checked = 0
    for row in wanted.to_dict("records"):
        done = due = 0.0
        for log in logs:
            before = row["date"] - log["date"]
            if log["episode_id"] != row["episode"] or log["state"] == "paused":
                continue
            if not timedelta(days=1) <= before <= timedelta(days=7):
                continue
            (line,) = [
                line
                for line in lines
                if line["episode_id"] == log["episode_id"]
                and (line["exercise"], line["side"]) == (log["exercise"], log["side"])
                and line["valid_from"] <= log["date"]
                and (pd.isna(line["valid_to"]) or log["date"] <= line["valid_to"])
            ]
            part, whole = by_hand(line, log)
            done, due = done + part, due + whole
        expected = done / due if due else np.nan
        assert row["adherence"] == pytest.approx(expected, nan_ok=True)
        checked += due > 0
    assert checked > 50


def test_person_mean_is_the_mean_over_the_recorded_scores():
    plan = {"clinics": 1, "months": 6, "first_month": "2025-10", "seed": 6}
    blocks = list(simulate_network(Truth(), **plan))
    closed = blocks[3]
    rows = closed.latent.to_pandas()
    mean = rows.groupby("episode")["adherence"].transform("mean") - Truth().adherence_centre
    known = rows["adherence"].notna()
    assert known.sum() > 100
    assert np.allclose(rows.loc[known, "adherence_between"], mean[known])


def test_partial_sessions_fall_short_and_done_sessions_do_not(block):
    lines = block.frame("prescriptions").drop_duplicates(["episode_id", "exercise", "side"], keep=False)
    logs = block.frame("exercise_logs").merge(lines, on=["episode_id", "exercise", "side"])
    dose = logs["sets_done"] * logs["count_done"]
    asked = logs["sets"] * logs["count_min"]
    assert (dose[logs["state"] == "done"] >= asked[logs["state"] == "done"]).all()
    partial = logs["state"] == "partial"
    assert ((dose[partial] < asked[partial]) & (dose[partial] > 0)).all()
    assert (dose[logs["state"] == "not_done"] == 0).all()


def test_any_seven_days_hold_the_sessions_of_a_week(block):
    """Reports never exceed the frequency, in any window of seven days."""
    logs = block.frame("exercise_logs").merge(
        block.frame("prescriptions").drop_duplicates(["episode_id", "exercise", "side"]),
        on=["episode_id", "exercise", "side"],
    )
    logs["date"] = pd.to_datetime(logs["date"])
    known = logs.dropna(subset="sessions_per_week").sort_values("date")
    keys = ["episode_id", "exercise", "side"]
    windows = (
        known.assign(one=1.0).set_index("date").groupby(keys)[["one", "sessions_per_week"]].rolling("7D")
    )
    counted, asked = windows["one"].sum().to_numpy(), windows["sessions_per_week"].max().to_numpy()
    assert (counted <= asked).all()
    assert (counted == asked).any()

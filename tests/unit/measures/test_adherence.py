"""The vectorised window against a plain loop over patients, days and sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.declaration import Adherence
from studypkg.measures import ADHERENCE_STATUSES, window_adherence

CUTOFF = pd.Timestamp("2026-03-10")
DAY = pd.Timedelta(days=1)
RANK = {"sensor": 0, "app": 1, "diary": 2, "recall": 3}


def by_hand(score, records, window_days, no_report):
    """Work out one score's adherence the slow way, straight from the definition."""
    episode = records["episodes"].set_index("episode_id").loc[score["episode_id"]]
    last_day = CUTOFF if pd.isna(episode["end_date"]) else min(CUTOFF, episode["end_date"])
    lines = records["prescriptions"]
    lines = lines[lines["episode_id"] == score["episode_id"]]
    logs = records["logs"]
    logs = logs[logs["episode_id"] == score["episode_id"]]
    days = [score["date"] - back * DAY for back in range(window_days, 0, -1)]
    done = due = 0.0
    low = high = 0.0
    for _, line in lines.iterrows():
        stands = [
            day
            for day in days
            if line["valid_from"] <= day <= (line["valid_to"] if pd.notna(line["valid_to"]) else last_day)
            and episode["start_date"] <= day <= last_day
        ]
        timed = line["unit"] == "seconds"
        dose = line["sets"] * (line["hold_min_s"] if timed else line["count_min"])
        if not stands or np.isnan(dose) or np.isnan(line["sessions_per_week"]):
            continue
        shares, paused = [], 0
        for day in stands:
            same = logs[
                (logs["date"] == day)
                & (logs["exercise"] == line["exercise"])
                & (logs["side"] == line["side"])
            ]
            if same.empty:
                continue
            log = same.loc[same["source"].map(RANK).idxmin()]
            if log["state"] == "paused":
                paused += 1
                continue
            amount = log["sets_done"] * (log["hold_s"] if timed else log["count_done"])
            shares.append(0.0 if log["state"] == "not_done" else min(amount, dose) / dose)
        sessions = max(line["sessions_per_week"] * len(stands) / 7 - paused, 0)
        credit = reported = 0.0
        for share in sorted(shares, reverse=True):
            part = min(1.0, max(sessions - reported, 0.0))
            credit += part * share
            reported += part
        done += dose * credit
        due += dose * (reported if no_report == "missing" else sessions)
        low += dose * sessions
        high += dose * (credit + sessions - reported)
    return (
        done / due if due > 1e-9 else np.nan,
        done / low if low > 1e-9 else np.nan,
        high / low if low > 1e-9 else np.nan,
    )


@pytest.mark.parametrize("window_days", [7, 14])
@pytest.mark.parametrize("no_report", ["missing", "zero"])
def test_agrees_with_a_plain_loop(clinic_records, window_days, no_report):
    scores = clinic_records["assessments"].query("role == 'interim'").iloc[::2]
    found = window_adherence(
        scores,
        clinic_records["prescriptions"],
        clinic_records["logs"],
        clinic_records["episodes"],
        adherence=Adherence(window_days=window_days, no_report=no_report),
        cutoff=CUTOFF,
    )
    expected = np.array(
        [by_hand(score, clinic_records, window_days, no_report) for _, score in scores.iterrows()]
    )
    assert np.isfinite(expected[:, 0]).sum() > 30
    np.testing.assert_allclose(found["adherence"], expected[:, 0], atol=1e-12)
    np.testing.assert_allclose(found["adherence_low"], expected[:, 1], atol=1e-12)
    np.testing.assert_allclose(found["adherence_high"], expected[:, 2], atol=1e-12)


def test_a_number_comes_only_with_status_ok(clinic_records):
    found = window_adherence(
        clinic_records["assessments"],
        clinic_records["prescriptions"],
        clinic_records["logs"],
        clinic_records["episodes"],
        adherence=Adherence(),
        cutoff=CUTOFF,
    )
    assert set(found["adherence_status"]) <= set(ADHERENCE_STATUSES)
    assert ((found["adherence_status"] == "ok") == found["adherence"].notna()).all()
    ok = found[found["adherence_status"] == "ok"]
    assert ok["adherence"].between(0, 1).all()
    assert (ok["adherence_low"] <= ok["adherence"] + 1e-12).all()
    assert (ok["adherence"] <= ok["adherence_high"] + 1e-12).all()


def test_neither_row_order_nor_index_matters(clinic_records):
    asked = {"adherence": Adherence(), "cutoff": CUTOFF}
    scores, prescriptions, logs, episodes = (
        clinic_records[name] for name in ("assessments", "prescriptions", "logs", "episodes")
    )
    straight = window_adherence(scores, prescriptions, logs, episodes, **asked)
    mixed = window_adherence(
        scores.sample(frac=1, random_state=1),
        prescriptions.sample(frac=1, random_state=2),
        logs.sample(frac=1, random_state=3),
        episodes.sample(frac=1, random_state=4),
        **asked,
    )
    pd.testing.assert_frame_equal(mixed.sort_index(), straight)


def test_tables_without_rows(clinic_records):
    scores, prescriptions, logs, episodes = (
        clinic_records[name] for name in ("assessments", "prescriptions", "logs", "episodes")
    )
    asked = {"adherence": Adherence(), "cutoff": CUTOFF}
    nothing_prescribed = window_adherence(scores, prescriptions.iloc[:0], logs, episodes, **asked)
    assert set(nothing_prescribed["adherence_status"]) == {"no_prescription"}
    nothing_logged = window_adherence(scores, prescriptions, logs.iloc[:0], episodes, **asked)
    assert "no_report" in set(nothing_logged["adherence_status"])
    assert nothing_logged["adherence"].isna().all()
    assert window_adherence(scores.iloc[:0], prescriptions, logs, episodes, **asked).empty

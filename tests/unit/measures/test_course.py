from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.declaration import Adherence
from studypkg.measures import attendance, episode_adherence

CUTOFF = pd.Timestamp("2026-03-10")


def course(records, **changed):
    tables = {**records, **changed}
    return episode_adherence(
        tables["prescriptions"], tables["logs"], tables["episodes"], adherence=Adherence(), cutoff=CUTOFF
    )


def test_one_row_per_episode_and_one_per_prescribed_exercise(clinic_records):
    found = course(clinic_records)
    assert found.by_episode["episode_id"].tolist() == clinic_records["episodes"]["episode_id"].tolist()
    wanted = clinic_records["prescriptions"][["episode_id", "exercise"]].drop_duplicates()
    got = found.by_exercise[["episode_id", "exercise"]]
    assert sorted(map(tuple, got.to_numpy())) == sorted(map(tuple, wanted.to_numpy()))


def test_exercises_add_up_to_their_episode(clinic_records):
    found = course(clinic_records)
    for column in ("sessions_due", "sessions_reported", "done", "partial", "not_done", "paused"):
        whole = found.by_exercise.groupby("episode_id")[column].sum()
        own = found.by_episode.set_index("episode_id")[column]
        np.testing.assert_allclose(own.reindex(whole.index), whole, atol=1e-9)


def test_shares_stay_between_0_and_1(clinic_records):
    frame = course(clinic_records).by_episode
    for column in ("adherence", "session_adherence", "session_adherence_low", "breadth", "no_report_share"):
        known = frame[column].dropna()
        assert len(known) > 20
        assert known.between(0, 1 + 1e-12).all(), column
    assert (frame["session_adherence_low"] <= frame["session_adherence"] + 1e-12).sum() > 20


def test_nothing_logged_is_no_report_and_nothing_prescribed_is_said(clinic_records):
    silent = course(clinic_records, logs=clinic_records["logs"].iloc[:0]).by_episode
    assert silent["adherence"].isna().all()
    assert silent["breadth"].isna().all()
    assert "no_report" in set(silent["adherence_status"])
    bare = course(clinic_records, prescriptions=clinic_records["prescriptions"].iloc[:0])
    assert set(bare.by_episode["adherence_status"]) == {"no_prescription"}
    assert bare.by_exercise.empty


def test_attendance_of_no_visits_has_no_rows(full):
    nothing = full("visits", {"episode_id": pd.Series([], dtype="str")})
    assert attendance(nothing).empty

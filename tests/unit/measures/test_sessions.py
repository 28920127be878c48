from __future__ import annotations

import pandas as pd
import pytest

from studypkg.measures import SESSION_STATES, session_adherence

CUTOFF = pd.Timestamp("2026-03-10")


def sessions(records, **changed):
    tables = {**records, **changed}
    return session_adherence(tables["prescriptions"], tables["logs"], tables["episodes"], cutoff=CUTOFF)


def test_every_session_before_the_cut_off_is_there_once(clinic_records):
    found = sessions(clinic_records)
    logs = clinic_records["logs"]
    expected = logs[logs["date"] <= CUTOFF].drop_duplicates(["episode_id", "date", "exercise", "side"])
    assert len(found) == len(expected)
    assert not found.duplicated(["episode_id", "date", "exercise", "side"]).any()
    assert set(found["state"]) == set(SESSION_STATES)
    assert (found.loc[found["line"] >= 0, "share"].dropna() <= 1).all()
    assert found.loc[found["line"] < 0, "state"].isin(["not_due", "after_discharge"]).all()


def test_a_session_entered_twice_counts_once(clinic_records):
    logs = clinic_records["logs"]
    doubled = pd.concat([logs, logs], ignore_index=True)
    order = ["episode_id", "date", "exercise", "side"]
    pd.testing.assert_frame_equal(
        sessions(clinic_records, logs=doubled).sort_values(order, ignore_index=True),
        sessions(clinic_records).sort_values(order, ignore_index=True),
    )


@pytest.mark.parametrize("empty", ["logs", "prescriptions"])
def test_tables_without_rows(clinic_records, empty):
    found = sessions(clinic_records, **{empty: clinic_records[empty].iloc[:0]})
    assert (found["line"] == -1).all()

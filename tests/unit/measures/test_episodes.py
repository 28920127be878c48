from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.declaration import Outcome
from studypkg.measures import episode_outcomes
from studypkg.vocabulary import load_vocabulary


def test_one_row_per_episode_whatever_the_scores(clinic_records):
    episodes, scores = clinic_records["episodes"], clinic_records["assessments"]
    found = episode_outcomes(
        episodes,
        scores,
        instrument=load_vocabulary().instruments["nprs"],
        outcome=Outcome(instrument="nprs", final_window_days=30),
        cutoff=pd.Timestamp("2026-03-10"),
    )
    assert found["episode_id"].tolist() == episodes["episode_id"].tolist()
    assert set(found["status"]) == {"paired", "no_final", "open"}
    paired = found["status"] == "paired"
    assert (found["improvement"].notna() == paired).all()
    assert (found.loc[paired, "reason"] == "").all() and (found.loc[~paired, "reason"] != "").all()
    assert (found["month"].notna() == (found["status"] != "open")).all()
    np.testing.assert_array_equal(
        found.loc[paired, "improvement"], found.loc[paired, "baseline"] - found.loc[paired, "final"]
    )


def test_no_scores_at_all(clinic_records):
    found = episode_outcomes(
        clinic_records["episodes"],
        clinic_records["assessments"].iloc[:0],
        instrument=load_vocabulary().instruments["lefs"],
        outcome=Outcome(instrument="lefs"),
        cutoff=pd.Timestamp("2026-03-10"),
    )
    assert set(found["status"]) == {"no_intake", "open"}
    assert found["responder"].isna().all()

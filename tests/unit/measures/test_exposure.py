from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.measures import modality_exposure


def test_agrees_with_a_plain_loop(clinic_records, full):
    rng = np.random.default_rng(3)
    episodes, scores = clinic_records["episodes"], clinic_records["assessments"]
    owner = rng.integers(0, len(episodes), 400)
    treatments = full(
        "treatments",
        {
            "episode_id": episodes["episode_id"].to_numpy()[owner],
            "date": episodes["start_date"].to_numpy()[owner]
            + pd.to_timedelta(rng.integers(0, 60, 400), unit="D"),
            "modality": rng.choice(["iastm", "dry_needling"], 400),
        },
    )
    found = modality_exposure(scores, treatments, ["iastm", "dry_needling"])
    for modality in ("iastm", "dry_needling"):
        expected = [
            treatments[
                (treatments["episode_id"] == score.episode_id)
                & (treatments["date"] < score.date)
                & (treatments["modality"] == modality)
            ]["date"].nunique()
            for score in scores.itertuples()
        ]
        assert found[modality].tolist() == expected
        assert max(expected) > 3


def test_keeps_the_index_and_counts_none_where_nothing_was_given(clinic_records, full):
    scores = clinic_records["assessments"].iloc[[5, 2]]
    nothing = full("treatments", {"episode_id": pd.Series([], dtype="str")})
    found = modality_exposure(scores, nothing, ["iastm"])
    assert found.index.tolist() == [5, 2]
    assert found["iastm"].tolist() == [0, 0]

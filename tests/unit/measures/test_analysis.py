from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.declaration import Adherence, Outcome
from studypkg.errors import QualityGateError
from studypkg.measures import analysis_rows
from studypkg.schema import ANALYSIS_COLUMNS
from studypkg.vocabulary import load_vocabulary

CUTOFF = pd.Timestamp("2026-03-10")


@pytest.fixture
def build(clinic_records, full):
    treatments = full(
        "treatments",
        {
            "episode_id": ["E00", "E00"],
            "date": pd.to_datetime(["2026-01-02", "2026-01-03"]),
            "modality": "iastm",
        },
    )

    def make(**changed):
        asked = {
            "instrument": load_vocabulary().instruments["nprs"],
            "outcome": Outcome(instrument="nprs"),
            "adherence": Adherence(),
            "modalities": ["iastm", "dry_needling"],
            "covariates": [],
            "roles": ("interim", "discharge"),
            "cutoff": CUTOFF,
        }
        tables = {**clinic_records, "treatments": treatments}
        tables.update({k: v for k, v in changed.items() if k in tables})
        asked.update({k: v for k, v in changed.items() if k not in tables})
        names = ("episodes", "assessments", "prescriptions", "logs", "treatments")
        return analysis_rows(*(tables[name] for name in names), **asked)

    return make


def test_no_row_vanishes(build, clinic_records):
    found = build()
    assert found.n_read == len(clinic_records["assessments"])
    assert len(found.rows) + found.excluded["n"].sum() == found.n_read
    assert found.excluded.set_index("reason")["n"]["role not asked for"] == 30
    assert "after the data cut-off" in set(found.excluded["reason"])
    assert found.adherence_states["n"].sum() == len(found.rows)


def test_columns_are_those_that_formulas_may_name(build):
    assert list(build().rows) == [*ANALYSIS_COLUMNS, "iastm", "dry_needling"]


def test_within_and_between_parts_add_up_to_adherence(build):
    rows = build().rows
    known = rows[rows["adherence"].notna()]
    grand_mean = known.groupby("patient")["adherence"].mean().mean()
    rebuilt = known["adherence_within"] + known["adherence_between"] + grand_mean
    np.testing.assert_allclose(rebuilt, known["adherence"])
    np.testing.assert_allclose(known.groupby("patient")["adherence_within"].mean(), 0, atol=1e-12)
    one_per_person = known.groupby("patient")["adherence_between"]
    assert (one_per_person.nunique() == 1).all()
    assert one_per_person.first().mean() == pytest.approx(0, abs=1e-12)


def test_baseline_is_the_intake_score_of_the_same_episode(build, clinic_records):
    scores = clinic_records["assessments"]
    intake = scores[scores["role"] == "intake"].set_index("episode_id")["score"]
    rows = build().rows
    assert (rows["baseline"] == intake.loc[rows["episode"]].to_numpy()).all()
    assert sorted(set(rows["weeks"].round(3))) == [1.286, 2.286, 3.286, 5.286, 8.286]
    assert set(build(roles=("intake",)).rows["weeks"]) == {0.0}


def test_a_row_without_baseline_is_excluded_with_its_reason(build, clinic_records):
    scores = clinic_records["assessments"]
    lost = scores[~((scores["episode_id"] == "E00") & (scores["role"] == "intake"))]
    found = build(assessments=lost)
    assert "E00" not in set(found.rows["episode"])
    own = scores[(scores["episode_id"] == "E00") & (scores["role"] != "intake") & (scores["date"] <= CUTOFF)]
    assert found.excluded.set_index("reason")["n"]["no intake score"] == len(own) > 0
    assert len(found.rows) + found.excluded["n"].sum() == found.n_read


def test_without_treatments_nobody_knows_what_was_given(build):
    assert build(treatments=None).rows["iastm"].isna().all()
    assert build().rows["iastm"].dtype == np.int64


def test_covariates_come_from_the_episodes(build, clinic_records):
    episodes = clinic_records["episodes"].assign(stratum="a")
    assert set(build(episodes=episodes, covariates=["stratum"]).rows["stratum"]) == {"a"}
    with pytest.raises(QualityGateError, match='Did you mean "stratum"'):
        build(episodes=episodes, covariates=["stratun"])


def test_an_episode_that_stands_twice_stops_the_run(build, clinic_records):
    twice = pd.concat([clinic_records["episodes"]] * 2, ignore_index=True)
    with pytest.raises(QualityGateError, match="30 episodes stand twice"):
        build(episodes=twice)

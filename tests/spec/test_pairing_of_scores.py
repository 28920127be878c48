"""Which score opens an episode, which one closes it, and which never may."""

from __future__ import annotations

import pandas as pd
import pytest

from studypkg.declaration import Outcome
from studypkg.errors import QualityGateError
from studypkg.measures import episode_outcomes, score_changes
from studypkg.vocabulary import Instrument, Threshold

NPRS = Instrument(
    id="nprs", name="Numeric Pain Rating Scale", minimum=0, maximum=10, direction="lower",
    thresholds=(Threshold(measure="mcid", value=2, population="chronic pain", source="Farrar 2001"),),
)  # fmt: skip
PAIN = Outcome(instrument="nprs", context="average", final_window_days=14)
CUTOFF = pd.Timestamp("2026-06-30")


def outcomes(episodes, assessments, cutoff=CUTOFF, outcome=PAIN):
    return episode_outcomes(episodes, assessments, instrument=NPRS, outcome=outcome, cutoff=cutoff)


def test_intake_and_discharge_make_a_pair(draw):
    episodes = draw(
        "episodes",
        """
        episode_id | patient_id | start_date | end_date
        -----------+------------+------------+-----------
        E1         | P1         | 2026-01-05 | 2026-03-02
        """,
    )
    scores = draw(
        "assessments",
        """
        date       | instrument | score | role
        -----------+------------+-------+----------
        2026-01-05 | nprs       | 7     | intake
        2026-02-01 | nprs       | 2     | interim
        2026-03-01 | nprs       | 4     | discharge
        2026-03-01 | lefs       | 70    | discharge
        """,
    )
    row = outcomes(episodes, scores).iloc[0]
    assert (row["status"], row["reason"], row["month"]) == ("paired", "", "2026-03")
    assert (row["baseline"], row["final"], row["improvement"]) == (7, 4, 3)
    assert row["final_date"] == pd.Timestamp("2026-03-01")


@pytest.mark.parametrize(
    ("drawn", "status", "reason"),
    [
        ("2026-02-20 | nprs | 2 | interim", "no_final", "no discharge score"),
        (
            "2026-02-01 | nprs | 2 | discharge",
            "no_final",
            "the discharge score is more than 14 days from the end of care",
        ),
        ("2026-03-02 | nprs | 2 | follow_up", "no_final", "no discharge score"),
    ],
)
def test_no_other_score_stands_in_for_the_discharge_score(draw, drawn, status, reason):
    episodes = draw("episodes", "start_date | end_date\n2026-01-05 | 2026-03-02")
    scores = draw("assessments", f"date | instrument | score | role\n2026-01-05 | nprs | 7 | intake\n{drawn}")
    row = outcomes(episodes, scores).iloc[0]
    assert (row["status"], row["reason"]) == (status, reason)
    assert pd.isna(row["final"]) and pd.isna(row["improvement"]) and pd.isna(row["responder"])
    assert row["responder_status"] == "not_paired"


def test_an_episode_without_intake_score_stays_in_the_table(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-05 | 2026-03-02")
    scores = draw("assessments", "date | instrument | score | role\n2026-03-02 | nprs | 2 | discharge")
    row = outcomes(episodes, scores).iloc[0]
    assert (row["status"], row["reason"], row["final"]) == ("no_intake", "no intake score", 2)


def test_care_that_goes_on_at_the_cut_off_is_open_and_has_no_month(draw):
    episodes = draw(
        "episodes",
        """
        episode_id | start_date | end_date
        E1         | 2026-01-05 |
        E2         | 2026-01-05 | 2026-07-02
        E3         | 2026-01-05 | 2026-06-30
        E4         | 2026-07-09 |
        """,
    )
    scores = draw("assessments", "date | instrument | score | role\n2026-01-05 | nprs | 7 | intake")
    found = outcomes(episodes, scores)
    assert found["status"].tolist() == ["open", "open", "no_intake", "open"]
    assert found["month"].isna().tolist() == [True, True, False, True]
    assert found["month"].iloc[2] == "2026-06"
    assert found["reason"].iloc[3] == "care starts after the data cut-off"


def test_a_discharge_score_that_may_still_come_is_said_to_be_awaited(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-05 | 2026-06-25")
    scores = draw("assessments", "date | instrument | score | role\n2026-01-05 | nprs | 7 | intake")
    assert outcomes(episodes, scores)["reason"].tolist() == [
        "no discharge score yet; its window is still open"
    ]


def test_intake_is_the_score_nearest_to_the_first_visit_and_final_the_latest(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-05 | 2026-03-02")
    scores = draw(
        "assessments",
        """
        date       | instrument | score | role
        2025-12-20 | nprs       | 9     | intake
        2026-01-04 | nprs       | 7     | intake
        2026-01-06 | nprs       | 6     | intake
        2026-03-01 | nprs       | 4     | discharge
        2026-03-09 | nprs       | 5     | discharge
        """,
    )
    row = outcomes(episodes, scores).iloc[0]
    assert (row["baseline"], row["final"]) == (7, 5)


def test_two_episodes_of_one_patient_are_two_rows(draw):
    episodes = draw(
        "episodes",
        """
        episode_id | patient_id | start_date | end_date
        E1         | P1         | 2026-01-05 | 2026-02-02
        E2         | P1         | 2026-03-05 | 2026-04-02
        """,
    )
    scores = draw(
        "assessments",
        """
        episode_id | date       | instrument | score | role
        E1         | 2026-01-05 | nprs       | 7     | intake
        E1         | 2026-02-02 | nprs       | 3     | discharge
        E2         | 2026-03-05 | nprs       | 4     | intake
        E2         | 2026-04-02 | nprs       | 6     | discharge
        """,
    )
    assert outcomes(episodes, scores)["improvement"].tolist() == [4, -2]


def test_contexts_are_not_mixed(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-05 | 2026-03-02")
    scores = draw(
        "assessments",
        """
        date       | instrument | context | score | role
        2026-01-05 | nprs       | run     | 8     | intake
        2026-03-02 | nprs       | rest    | 1     | discharge
        """,
    )
    run = Outcome(instrument="nprs", context="run")
    assert outcomes(episodes, scores, outcome=run)["status"].tolist() == ["no_final"]
    with pytest.raises(QualityGateError, match="2 contexts"):
        outcomes(episodes, scores, outcome=Outcome(instrument="nprs"))


def test_a_trial_asks_for_the_change_to_a_follow_up(draw):
    episodes = draw("episodes", "start_date\n2026-01-01")
    scores = draw(
        "assessments",
        """
        date       | instrument | score | role
        2026-01-01 | nprs       | 8     | intake
        2026-03-28 | nprs       | 5     | follow_up
        2026-06-28 | nprs       | 3     | follow_up
        """,
    )
    asked = {"instrument": NPRS, "outcome": PAIN, "role": "follow_up", "cutoff": CUTOFF}
    assert score_changes(episodes, scores, **asked)["improvement"].tolist() == [5]
    assert score_changes(episodes, scores, **asked, at_weeks=12)["improvement"].tolist() == [3]
    far = score_changes(episodes, scores, **asked, at_weeks=52)
    assert far["reason"].tolist() == ["no follow_up score"]

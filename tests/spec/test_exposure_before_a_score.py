"""What counts as given before a score, and how visits are counted."""

from __future__ import annotations

import pandas as pd

from studypkg.measures import attendance, episode_modalities, modality_exposure


def test_only_what_was_given_on_an_earlier_day_counts(draw):
    scores = draw(
        "assessments",
        """
        episode_id | date       | instrument | score | role
        E1         | 2026-01-01 | nprs       | 7     | intake
        E1         | 2026-01-15 | nprs       | 5     | interim
        E1         | 2026-02-01 | nprs       | 3     | discharge
        E2         | 2026-02-01 | nprs       | 3     | interim
        """,
    )
    treatments = draw(
        "treatments",
        """
        episode_id | date       | modality
        E1         | 2026-01-01 | dry_needling
        E1         | 2026-01-08 | dry_needling
        E1         | 2026-01-08 | dry_needling
        E1         | 2026-01-15 | dry_needling
        E1         | 2026-01-16 | iastm
        E2         | 2026-02-02 | iastm
        """,
    )
    found = modality_exposure(scores, treatments, ["dry_needling", "iastm", "spinal_manipulation"])
    #                                          on the day: not yet; the row of 8 January twice: once
    assert found["dry_needling"].tolist() == [0, 2, 3, 0]
    assert found["iastm"].tolist() == [0, 0, 1, 0]
    assert found["spinal_manipulation"].tolist() == [0, 0, 0, 0]

    episodes = draw("episodes", "episode_id | start_date\nE1 | 2026-01-01\nE2 | 2026-01-01")
    whole = episode_modalities(
        episodes, treatments, ["dry_needling", "iastm"], cutoff=pd.Timestamp("2026-02-01")
    )
    assert whole["dry_needling"].tolist() == [3, 0]
    assert whole["iastm"].tolist() == [1, 0]


def test_attendance_is_attended_of_scheduled(draw):
    visits = draw(
        "visits",
        """
        date       | status
        2026-01-01 | attended
        2026-01-08 | attended
        2026-01-15 | cancelled
        2026-01-22 | no_show
        2026-07-22 | cancelled
        """,
    )
    row = attendance(visits, cutoff=pd.Timestamp("2026-06-30")).iloc[0]
    assert (row["scheduled"], row["attendance"], row["cancelled_share"], row["no_show_share"]) == (
        4,
        0.5,
        0.25,
        0.25,
    )

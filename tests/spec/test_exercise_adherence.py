"""How much of the prescribed exercise was done in the week before a score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.declaration import Adherence
from studypkg.measures import episode_adherence, session_adherence, window_adherence

CUTOFF = pd.Timestamp("2026-06-30")
CLAMSHELL = """
exercise  | side  | valid_from | sets | count_min | count_max | sessions_per_week
----------+-------+------------+------+-----------+-----------+------------------
clamshell | left  | 2026-01-01 | 2    | 10        | 15        | 1
clamshell | right | 2026-01-01 | 2    | 10        | 15        | 1
"""


@pytest.fixture
def week_before(draw):
    """Adherence in the week before a score on 8 January, that is from 1 to 7 January."""

    def measure(
        prescriptions, logs, *, no_report="missing", care="2026-01-01 | ", cutoff=CUTOFF, on="2026-01-08"
    ):
        episodes = draw("episodes", f"start_date | end_date\n{care}")
        scores = draw("assessments", f"date | instrument | score | role\n{on} | nprs | 4 | interim")
        found = window_adherence(
            scores,
            None if prescriptions is None else draw("prescriptions", prescriptions),
            None if logs is None else draw("exercise_logs", logs),
            episodes,
            adherence=Adherence(no_report=no_report),
            cutoff=cutoff,
        )
        assert len(found) == 1
        return found.iloc[0]

    return measure


def test_surplus_on_one_side_does_not_buy_back_the_other(week_before):
    # right 2×12 of 2×10, left 2×8 of 2×10: (20 + 16)/40 = 0.90, and 40/40 without the cap
    found = week_before(
        CLAMSHELL,
        """
        date       | exercise  | side  | sets_done | count_done | state
        2026-01-03 | clamshell | right | 2         | 12         | done
        2026-01-03 | clamshell | left  | 2         | 8          | partial
        """,
    )
    assert found["adherence_status"] == "ok"
    assert found["adherence"] == pytest.approx(0.90)
    assert found["adherence_uncapped"] == pytest.approx(1.00)
    assert (found["sessions_due"], found["sessions_reported"], found["no_report_share"]) == (2, 2, 0)


@pytest.mark.parametrize("prescribed", ["both", "unspecified"])
def test_sides_meet_however_they_are_written(week_before, prescribed):
    line = f"""
    exercise  | side         | valid_from | sets | count_min | sessions_per_week
    clamshell | {prescribed} | 2026-01-01 | 2    | 10        | 1
    """
    found = week_before(
        line,
        """
        date       | exercise  | side  | sets_done | count_done | state
        2026-01-03 | clamshell | right | 2         | 12         | done
        2026-01-03 | clamshell | left  | 2         | 8          | partial
        """,
    )
    assert found["adherence"] == pytest.approx(0.90)


@pytest.mark.parametrize("logged", ["both", "unspecified"])
def test_a_log_for_both_sides_fills_both(week_before, logged):
    found = week_before(
        CLAMSHELL,
        f"""
        date       | exercise  | side     | sets_done | count_done | state
        2026-01-03 | clamshell | {logged} | 2         | 9          | partial
        """,
    )
    assert (found["adherence"], found["sessions_reported"]) == (pytest.approx(0.90), 2)


DAILY = """
exercise  | valid_from | sets | count_min | sessions_per_week
clamshell | 2026-01-01 | 2    | 10        | 7
"""
THREE_REPORTS = """
date       | exercise  | sets_done | count_done | state
2026-01-01 | clamshell | 2         | 10         | done
2026-01-02 | clamshell | 1         | 10         | partial
2026-01-03 | clamshell |           |            | not_done
"""


def test_a_day_without_report_is_not_a_zero(week_before):
    # 1 + 0.5 + 0 sessions of 3 reported; 4 of 7 sessions without a report
    found = week_before(DAILY, THREE_REPORTS)
    assert found["adherence"] == pytest.approx(1.5 / 3)
    assert found["adherence_low"] == pytest.approx(1.5 / 7)
    assert found["adherence_high"] == pytest.approx(5.5 / 7)
    assert found["no_report_share"] == pytest.approx(4 / 7)
    assert week_before(DAILY, THREE_REPORTS, no_report="zero")["adherence"] == pytest.approx(1.5 / 7)


def test_a_week_without_any_report_has_no_adherence(week_before):
    late = "date | exercise | state\n2026-01-09 | clamshell | done"
    found = week_before(DAILY, late)
    assert found["adherence_status"] == "no_report"
    assert np.isnan(found["adherence"])
    assert (found["adherence_low"], found["adherence_high"], found["no_report_share"]) == (0, 1, 1)


def test_what_was_done_on_the_day_of_the_score_does_not_explain_it(week_before):
    log = "date | exercise | state\n2026-01-07 | clamshell | not_done\n2026-01-08 | clamshell | done"
    assert week_before(DAILY, log)["adherence"] == 0


def test_a_pause_by_the_clinician_leaves_the_denominator(week_before):
    log = """
    date       | exercise  | state
    2026-01-01 | clamshell | done
    2026-01-02 | clamshell | paused
    2026-01-03 | clamshell | paused
    2026-01-04 | clamshell | not_done
    """
    found = week_before(DAILY, log)
    assert (found["sessions_due"], found["adherence"]) == (5, 0.5)
    all_week = "date | exercise | state\n" + "\n".join(
        f"2026-01-0{d} | clamshell | paused" for d in range(1, 8)
    )
    assert week_before(DAILY, all_week)["adherence_status"] == "paused"


@pytest.mark.parametrize(
    ("what", "care", "valid_to", "cutoff"),
    [
        ("discharge", "2026-01-01 | 2026-01-03", "", "2026-06-30"),
        ("end of the prescription", "2026-01-01 | ", "2026-01-03", "2026-06-30"),
        ("data cut-off", "2026-01-01 | ", "", "2026-01-03"),
    ],
)
def test_nothing_is_due_after(week_before, what, care, valid_to, cutoff):
    line = f"""
    exercise  | valid_from | valid_to   | sets | count_min | sessions_per_week
    clamshell | 2026-01-01 | {valid_to} | 2    | 10        | 7
    """
    found = week_before(line, THREE_REPORTS, care=care, cutoff=pd.Timestamp(cutoff), no_report="zero")
    assert (found["sessions_due"], found["adherence"]) == (3, pytest.approx(0.5)), what


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("clamshell | 2026-01-01 | 2 | 10 | reps |  |", "not_computable:no_frequency"),
        ("lateral_band_walk | 2026-01-01 |  | 10 | steps |  | 3", "not_computable:no_dose"),
        ("single_leg_glute_bridge | 2026-01-01 |  |  | reps |  | 3", "not_computable:no_dose"),
        ("clamshell | 2026-01-09 | 2 | 10 | reps |  | 3", "not_due"),
        ("clamshell | 2026-01-01 | 2 | 10 | reps |  | 0", "not_due"),
    ],
)
def test_a_prescription_that_does_not_say_enough_has_no_adherence(week_before, line, status):
    head = "exercise | valid_from | sets | count_min | unit | hold_min_s | sessions_per_week"
    found = week_before(f"{head}\n{line}", "date | exercise | state\n2026-01-03 | clamshell | done")
    assert found["adherence_status"] == status
    assert np.isnan(found["adherence"])


def test_tables_that_are_not_there(week_before):
    assert week_before(None, None)["adherence_status"] == "no_prescription"
    assert week_before(DAILY, None)["adherence_status"] == "not_computable:no_logs"


def test_holds_are_counted_in_seconds(week_before):
    # hip flexor stretch, 3 × 20 s; done 3 × 15 s: 45/60
    line = """
    exercise           | valid_from | sets | unit    | hold_min_s | hold_max_s | sessions_per_week
    hip_flexor_stretch | 2026-01-01 | 3    | seconds | 20         | 30         | 1
    """
    log = """
    date       | exercise           | sets_done | hold_s | state
    2026-01-03 | hip_flexor_stretch | 3         | 15     | partial
    """
    assert week_before(line, log)["adherence"] == pytest.approx(0.75)


def test_more_sessions_than_due_count_up_to_what_was_due(week_before):
    # three a week are due; five were done, two of them half: the best three count
    line = "exercise | valid_from | sets | count_min | sessions_per_week\nclamshell | 2026-01-01 | 2 | 10 | 3"
    log = "date | exercise | sets_done | count_done | state\n" + "\n".join(
        f"2026-01-0{day} | clamshell | 2 | {count} | done"
        for day, count in enumerate((5, 10, 10, 5, 10), start=1)
    )
    found = week_before(line, log)
    assert (found["adherence"], found["sessions_due"]) == (1, 3)
    assert found["adherence_uncapped"] == pytest.approx(4 / 3)


def test_part_of_a_session_without_numbers_is_unknown_and_not_zero(week_before):
    found = week_before(DAILY, "date | exercise | state\n2026-01-03 | clamshell | partial")
    assert found["adherence_status"] == "not_computable:unknown_dose"
    assert (found["adherence_low"], found["adherence_high"]) == (0, 1)


def test_of_several_sources_the_sensor_is_believed(draw, week_before):
    log = """
    date       | exercise  | sets_done | count_done | state   | source
    2026-01-03 | clamshell | 2         | 10         | done    | diary
    2026-01-03 | clamshell | 2         | 6          | partial | sensor
    2026-01-03 | clamshell | 2         | 10         | done    | recall
    """
    assert week_before(DAILY, log)["adherence"] == pytest.approx(0.6)


def test_a_diary_says_220_exercises_where_the_sensor_counted_176(draw):
    days = pd.date_range("2026-01-01", periods=220).strftime("%Y-%m-%d")
    head = "date | exercise | state | source"
    diary = [f"{day} | clamshell | done | diary" for day in days]
    sensor = [f"{day} | clamshell | done | sensor" for day in days[:176]]
    silent = [f"{day} | clamshell | not_done | sensor" for day in days[176:]]
    episodes = draw("episodes", "start_date\n2026-01-01")
    done = {}
    for name, rows in {"diary": diary, "both": diary + sensor + silent}.items():
        found = session_adherence(
            draw("prescriptions", DAILY),
            draw("exercise_logs", "\n".join((head, *rows))),
            episodes,
            cutoff=pd.Timestamp("2026-12-31"),
        )
        done[name] = int((found["state"] == "done").sum())
    assert done == {"diary": 220, "both": 176}


def test_every_reported_session_has_a_state(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-01 | 2026-01-20")
    prescriptions = draw(
        "prescriptions",
        "exercise | valid_from | valid_to | sets | count_min | sessions_per_week\n"
        "clamshell | 2026-01-02 | 2026-01-10 | 2 | 10 | 7",
    )
    logs = draw(
        "exercise_logs",
        """
        date       | exercise  | state
        2026-01-01 | clamshell | done
        2026-01-02 | clamshell | done
        2026-01-03 | clamshell | partial
        2026-01-04 | clamshell | not_done
        2026-01-05 | clamshell | paused
        2026-01-11 | clamshell | done
        2026-01-21 | clamshell | done
        """,
    )
    found = session_adherence(prescriptions, logs, episodes, cutoff=CUTOFF).sort_values("date")
    assert found["state"].tolist() == [
        "not_due", "done", "partial", "not_done", "paused", "not_due", "after_discharge",
    ]  # fmt: skip


def test_a_new_dose_replaces_the_old_one(week_before):
    lines = """
    exercise  | valid_from | sets | count_min | sessions_per_week
    clamshell | 2026-01-01 | 2    | 10        | 7
    clamshell | 2026-01-05 | 3    | 10        | 7
    """
    log = "date | exercise | sets_done | count_done | state\n" + "\n".join(
        f"2026-01-0{day} | clamshell | 2 | 10 | done" for day in range(1, 8)
    )
    found = week_before(lines, log)
    # four days of 20 and three of 30 repetitions: (80 + 60)/(80 + 90)
    assert (found["sessions_due"], found["adherence"]) == (7, pytest.approx(140 / 170))


def test_a_busy_week_does_not_make_up_for_an_empty_one(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-01 | 2026-01-14")
    lines = draw(
        "prescriptions",
        "exercise | valid_from | sets | count_min | sessions_per_week\nclamshell | 2026-01-01 | 2 | 10 | 3",
    )
    busy = [f"2026-01-0{day} | clamshell | done" for day in range(1, 7)]
    logs = draw("exercise_logs", "\n".join(("date | exercise | state", *busy)))
    found = episode_adherence(lines, logs, episodes, adherence=Adherence(no_report="zero"), cutoff=CUTOFF)
    row = found.by_episode.iloc[0]
    assert (row["sessions_due"], row["adherence"], row["session_adherence"]) == (6, 0.5, 0.5)
    assert (row["no_report"], row["no_report_share"]) == (3, 0.5)
    assert row["adherent"] == False  # noqa: E712  a nullable boolean


def test_sessions_and_breadth_of_an_episode(draw):
    episodes = draw("episodes", "start_date | end_date\n2026-01-01 | 2026-01-07")
    lines = draw(
        "prescriptions",
        """
        exercise           | valid_from | sets | count_min | sessions_per_week
        clamshell          | 2026-01-01 | 2    | 10        | 3
        side_lying_leg_lift | 2026-01-01 | 2    | 10        | 3
        """,
    )
    logs = draw(
        "exercise_logs",
        """
        date       | exercise            | state
        2026-01-01 | clamshell           | done
        2026-01-03 | clamshell           | done
        2026-01-05 | clamshell           | not_done
        2026-01-05 | side_lying_leg_lift | not_done
        """,
    )
    found = episode_adherence(lines, logs, episodes, adherence=Adherence(), cutoff=CUTOFF)
    row = found.by_episode.iloc[0]
    assert row["session_adherence"] == pytest.approx(2 / 3)
    assert row["breadth"] == 0.5
    assert found.by_exercise.set_index("exercise")["adherence"].round(3).to_dict() == {
        "clamshell": 0.667,
        "side_lying_leg_lift": 0.0,
    }

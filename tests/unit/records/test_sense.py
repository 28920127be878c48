"""Tests of the rules across tables: logs and prescriptions, scores after discharge, scores that differ."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import duckdb
import pytest

from studypkg.declaration import Waivable
from studypkg.errors import ConfigError
from studypkg.records.result import IngestResult
from studypkg.records.rules import RULES

EPISODES = [
    # patient, episode, start, end, side
    ("p1", "e1", "2026-01-01", "2026-03-31", "left"),
    ("p1", "e2", "2026-01-01", "", "right"),
    ("p2", "e3", "2026-02-01", "", "left"),
]
PRESCRIPTION = ("episode_id", "exercise", "side", "valid_from", "valid_to", "sets")
LOG = ("episode_id", "date", "exercise", "side", "state")
SCORE = ("episode_id", "date", "instrument", "context", "score", "role")


def write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


class Clinic:
    """An inbox with prescriptions and logs, each row written as words."""

    def __init__(self, inbox) -> None:
        self.inbox = inbox
        self.episodes(*EPISODES)
        self.scores("e1 2026-01-01 nprs average 7 intake")

    def episodes(self, *rows: tuple[str, ...]) -> None:
        header = ("patient_id", "episode_id", "clinic_id", "condition", "start_date", "end_date", "side")
        full = [(person, episode, "c1", "ITBS", *rest) for person, episode, *rest in rows]
        write(self.inbox.root / "e.csv", header, full)

    def _source(self, table: str, path: str, **keys: object) -> None:
        if not any(one["table"] == table for one in self.inbox.sources):
            self.inbox.sources.append({"table": table, "path": path, **keys})

    def scores(self, *rows: str, file: str = "a.csv") -> None:
        write(self.inbox.root / file, SCORE, [tuple(row.split()) for row in rows])

    def prescriptions(self, *rows: str, file: str = "p.csv", **keys: object) -> None:
        self._source("prescriptions", file, **keys)
        full = [("" if cell == "-" else cell for cell in row.split()) for row in rows]
        write(self.inbox.root / file, PRESCRIPTION, [(*row, "3") for row in full])

    def logs(self, *rows: str, file: str = "l.csv", **keys: object) -> None:
        self._source("exercise_logs", file, **keys)
        write(self.inbox.root / file, LOG, [(*row.split(), "done") for row in rows])

    def deliver(self, day: str) -> IngestResult:
        return self.inbox.deliver(day)

    def stand(self, table: str) -> list[str]:
        frame = self.inbox.store.read(table)
        what = ["date", "exercise"] if table == "exercise_logs" else ["date", "role", "score"]
        frame["date"] = frame["date"].dt.strftime("%Y-%m-%d")
        return sorted(" ".join(map(str, row)) for row in frame[["episode_id", *what]].itertuples(index=False))

    def set_aside(self, table: str) -> list[tuple[str, str]]:
        """Give rule and column of every line of the quarantine, by row."""
        path = self.inbox.store.quarantine(table)
        return duckdb.sql(f'SELECT rule, "column" FROM \'{path}\' ORDER BY "row", rule').fetchall()


@pytest.fixture
def clinic(inbox) -> Clinic:
    return Clinic(inbox)


# ------------------------------------------------------------------ logs and prescriptions


def test_a_log_on_the_first_and_on_the_last_day_of_its_prescription_stands(clinic) -> None:
    clinic.prescriptions("e1 clamshell left 2026-01-05 2026-01-20")
    clinic.logs("e1 2026-01-05 clamshell left", "e1 2026-01-20 clamshell left")
    result = clinic.deliver("2026-05-01")
    assert len(clinic.stand("exercise_logs")) == 2
    assert result.quarantined == 0


def test_logs_before_after_between_and_of_what_was_never_prescribed_are_set_aside(clinic) -> None:
    clinic.prescriptions(
        "e1 clamshell left 2026-01-05 2026-01-20",
        "e1 clamshell left 2026-02-01 2026-02-10",
        "e1 single_leg_glute_bridge right 2026-01-05 -",
    )
    clinic.logs(
        "e1 2026-01-04 clamshell left",
        "e1 2026-01-25 clamshell left",
        "e1 2026-02-11 clamshell left",
        "e1 2026-02-05 clamshell left",
        "e1 2026-02-05 lateral_band_walk left",
        "e1 2026-02-05 single_leg_glute_bridge left",
        "e1 2026-03-05 single_leg_glute_bridge right",
    )
    result = clinic.deliver("2026-05-01")
    assert clinic.set_aside("exercise_logs") == [
        ("BEFORE_PRESCRIPTION", "date"),
        ("AFTER_PRESCRIPTION", "date"),
        ("AFTER_PRESCRIPTION", "date"),
        ("NOT_PRESCRIBED", "exercise"),
        ("NOT_PRESCRIBED", "side"),
    ]
    logs = next(one for one in result.sources if one.table == "exercise_logs")
    assert (logs.read, logs.accepted, logs.duplicate, logs.quarantined) == (7, 2, 0, 5)
    assert clinic.stand("exercise_logs") == [
        "e1 2026-02-05 clamshell",
        "e1 2026-03-05 single_leg_glute_bridge",
    ]


@pytest.mark.parametrize(
    ("prescribed", "logged", "fits"),
    [
        ("both", "left", True),
        ("left", "both", True),
        ("unspecified", "right", True),
        ("right", "unspecified", True),
        ("right", "left", False),
    ],
)
def test_a_side_that_is_not_told_or_both_contradicts_no_side(clinic, prescribed, logged, fits) -> None:
    clinic.prescriptions(f"e1 clamshell {prescribed} 2026-01-05 -")
    clinic.logs(f"e1 2026-01-06 clamshell {logged}")
    clinic.deliver("2026-05-01")
    assert (len(clinic.stand("exercise_logs")) == 1) == fits


def test_without_prescriptions_in_the_study_or_of_the_episode_no_log_is_judged(clinic) -> None:
    clinic.logs("e1 2026-01-04 clamshell left", "e3 2026-02-04 clamshell left")
    assert clinic.deliver("2026-05-01").quarantined == 0
    clinic.prescriptions("e1 clamshell left 2026-01-01 -")
    assert clinic.deliver("2026-06-01").quarantined == 0
    assert len(clinic.stand("exercise_logs")) == 2


def test_a_log_of_a_prescription_that_was_set_aside_waits_for_it(clinic) -> None:
    clinic.prescriptions(
        "e1 clamshell left 2026-01-05 2026-01-01", "e1 single_leg_glute_bridge left 2026-01-05 -"
    )
    clinic.logs("e1 2026-01-06 clamshell left")
    clinic.deliver("2026-05-01")
    assert clinic.set_aside("exercise_logs") == [("PRESCRIPTION_QUARANTINED", "exercise")]
    clinic.prescriptions(
        "e1 clamshell left 2026-01-05 2026-02-01", "e1 single_leg_glute_bridge left 2026-01-05 -"
    )
    clinic.deliver("2026-06-01")
    assert clinic.stand("exercise_logs") == ["e1 2026-01-06 clamshell"]


def test_a_log_that_comes_before_its_prescription_waits_and_comes_in_with_it(clinic) -> None:
    clinic.prescriptions("e1 clamshell left 2026-01-05 -", delivery="additions")
    clinic.logs(
        "e1 2026-01-06 clamshell left", "e1 2026-02-06 single_leg_glute_bridge left", delivery="additions"
    )
    clinic.deliver("2026-03-01")
    assert clinic.set_aside("exercise_logs") == [("NOT_PRESCRIBED", "exercise")]
    clinic.prescriptions("e1 single_leg_glute_bridge left 2026-02-01 -")
    clinic.logs("e1 2026-02-07 single_leg_glute_bridge left")
    result = clinic.deliver("2026-04-01")
    assert [(one.waited, one.accepted, one.still) for one in result.waiting] == [(1, 1, 0)]
    assert clinic.stand("exercise_logs") == [
        "e1 2026-01-06 clamshell",
        "e1 2026-02-06 single_leg_glute_bridge",
        "e1 2026-02-07 single_leg_glute_bridge",
    ]


def test_logs_that_stand_are_judged_again_when_their_prescription_changes_and_come_back(clinic) -> None:
    clinic.prescriptions("e1 clamshell left 2026-01-05 -", delivery="additions")
    clinic.logs("e1 2026-01-06 clamshell left", "e1 2026-02-06 clamshell left", delivery="additions")
    clinic.deliver("2026-03-01")
    clinic.prescriptions("e1 clamshell left 2026-01-05 2026-01-31")
    result = clinic.deliver("2026-04-01")
    assert next(one for one in result.tables if one.table == "exercise_logs").set_aside == 1
    assert clinic.stand("exercise_logs") == ["e1 2026-01-06 clamshell"]
    assert clinic.set_aside("exercise_logs") == [("AFTER_PRESCRIPTION", "date")]
    clinic.prescriptions("e1 clamshell left 2026-01-05 2026-02-28")
    result = clinic.deliver("2026-05-01")
    assert next(one for one in result.tables if one.table == "exercise_logs").returned == 1
    assert clinic.stand("exercise_logs") == ["e1 2026-01-06 clamshell", "e1 2026-02-06 clamshell"]


def test_the_first_prescription_of_an_episode_judges_the_logs_that_stood_without_any(clinic) -> None:
    clinic.logs(
        "e1 2026-01-06 clamshell left", "e1 2026-01-06 single_leg_glute_bridge left", delivery="additions"
    )
    clinic.deliver("2026-03-01")
    assert len(clinic.stand("exercise_logs")) == 2
    clinic.prescriptions("e1 clamshell left 2026-01-05 -", delivery="additions")
    clinic.deliver("2026-04-01")
    assert clinic.stand("exercise_logs") == ["e1 2026-01-06 clamshell"]
    assert clinic.set_aside("exercise_logs") == [("NOT_PRESCRIBED", "exercise")]


def test_the_join_agrees_with_a_search_row_by_row(clinic) -> None:
    dice = random.Random(20260601)
    sides, exercises = ("left", "right", "both", "unspecified"), ("clamshell", "single_leg_glute_bridge")
    day = lambda: date(2026, 1, 1) + timedelta(dice.randrange(60))  # noqa: E731
    lines, seen = [], set()
    for _ in range(40):
        first, last = sorted((day(), day()))
        line = (dice.choice(("e1", "e2")), dice.choice(exercises), dice.choice(sides), first)
        if line not in seen:
            seen.add(line)
            lines.append((*line, dice.choice((last, None))))
    # Few lines per episode, so that many logs find none; and none at all for the third episode.
    lines = lines[:8]
    logs = {
        (episode, max(day(), date(2026, 2, 1)), dice.choice(exercises), dice.choice(sides))
        for episode in ("e1", "e2", "e3")
        for _ in range(70)
    }
    clinic.prescriptions(*(f"{e} {x} {s} {a} {b or '-'}" for e, x, s, a, b in lines))
    clinic.logs(*(f"{e} {d} {x} {s}" for e, d, x, s in sorted(logs)))
    clinic.deliver("2026-06-01")

    def fits(episode: str, when: date, exercise: str, side: str) -> bool:
        own = [line for line in lines if line[0] == episode]
        return not own or any(
            exercise == x and a <= when <= (b or when) and {side, s} != {"left", "right"}
            for _, x, s, a, b in own
        )

    kept = clinic.inbox.store.read("exercise_logs", ["episode_id", "date", "exercise", "side"])
    found = {(e, d.date(), x, s) for e, d, x, s in kept.itertuples(index=False)}
    assert found == {one for one in logs if fits(*one)}
    assert 20 < len(found) < len(logs) - 20
    assert len(found) + len(clinic.set_aside("exercise_logs")) == len(logs)


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_logs_and_prescriptions_come_those_stand_that_fit_the_latest_word(
    clinic, seed
) -> None:
    dice = random.Random(seed)
    lines: dict[tuple[str, str, str], str] = {}
    logs: set[tuple[str, str, str]] = set()
    for month in range(1, 6):
        own = {
            (dice.choice(("e1", "e2")), dice.choice(("clamshell", "lateral_band_walk")), f"2026-01-0{day}"):
            f"2026-01-{dice.choice((14, 18, 24))}" for day in dice.sample(range(1, 9), 2)
        }  # fmt: skip
        done = {
            (dice.choice(("e1", "e2", "e3")), f"2026-02-{dice.randrange(1, 9):02}", "clamshell"),
            (dice.choice(("e1", "e2")), f"2026-01-{dice.randrange(1, 29):02}", "clamshell"),
            (dice.choice(("e1", "e2")), f"2026-01-{dice.randrange(1, 29):02}", "lateral_band_walk"),
        }
        lines |= own
        logs |= done
        told = (f"{e} {x} unspecified {a} {b}" for (e, x, a), b in own.items())
        clinic.prescriptions(*told, delivery="additions")
        clinic.logs(*(f"{e} {d} {x} left" for e, d, x in sorted(done)), delivery="additions")
        clinic.deliver(f"2026-{month + 4:02}-01")
        planned = {episode for episode, _, _ in lines}
        assert clinic.stand("exercise_logs") == sorted(
            f"{e} {d} {x}"
            for e, d, x in logs
            if e not in planned or any((e, x) == (f, y) and a <= d <= b for (f, y, a), b in lines.items())
        )


# ------------------------------------------------------------------ scores after discharge


def test_after_discharge_only_discharge_scores_and_follow_ups_stand(clinic) -> None:
    clinic.scores(
        "e1 2026-03-31 nprs average 3 interim",
        "e1 2026-04-01 nprs average 2 interim",
        "e1 2026-04-02 nprs average 2 intake",
        "e1 2026-04-03 nprs average 2 discharge",
        "e1 2026-06-30 nprs average 1 follow_up",
        "e2 2026-06-30 nprs average 1 interim",
    )
    clinic.deliver("2026-07-01")
    assert clinic.set_aside("assessments") == [("SCORE_AFTER_DISCHARGE", "date")] * 2
    assert len(clinic.stand("assessments")) == 4


def test_a_score_that_stood_is_set_aside_when_the_discharge_comes_in_and_returns_when_it_is_mended(clinic):
    clinic.inbox.additions("assessments")
    clinic.scores("e2 2026-03-01 nprs average 4 interim", "e2 2026-03-20 nprs average 2 follow_up")
    clinic.deliver("2026-04-01")
    clinic.episodes(EPISODES[0], ("p1", "e2", "2026-01-01", "2026-02-20", "right"), EPISODES[2])
    clinic.deliver("2026-05-01")
    assert clinic.stand("assessments") == ["e2 2026-03-20 follow_up 2.0"]
    assert clinic.set_aside("assessments") == [("SCORE_AFTER_DISCHARGE", "date")]
    clinic.episodes(*EPISODES)
    clinic.deliver("2026-06-01")
    assert len(clinic.stand("assessments")) == 2


# ------------------------------------------------------------------ scores that contradict one another


def test_scores_of_one_day_and_context_that_differ_are_both_set_aside(clinic) -> None:
    clinic.scores(
        "e2 2026-02-01 nprs average 5 interim",
        "e2 2026-02-01 nprs average 3 discharge",
        "e2 2026-02-01 nprs run 8 interim",
        "e2 2026-02-02 nprs average 4 interim",
        "e2 2026-02-02 nprs average 4 discharge",
        "e2 2026-02-03 nprs average 4 interim",
    )
    result = clinic.deliver("2026-05-01")
    assert clinic.set_aside("assessments") == [("CONTRADICTING_SCORES", "score")] * 2
    assert len(clinic.stand("assessments")) == 4
    assert result.sources[1].reasons == {"CONTRADICTING_SCORES": 2}


def test_two_complaints_of_a_person_may_hurt_differently_and_two_episodes_of_one_may_not(clinic) -> None:
    kept = "e3 2026-02-01 nprs average 5 intake"
    clinic.scores("e1 2026-02-01 nprs average 5 interim", "e2 2026-02-01 nprs average 3 interim", kept)
    assert clinic.deliver("2026-05-01").quarantined == 0
    twin = ("p1", "e2", "2026-01-01", "", "left")
    clinic.episodes(EPISODES[0], twin, EPISODES[2])
    clinic.deliver("2026-06-01")
    assert clinic.stand("assessments") == ["e3 2026-02-01 intake 5.0"]
    assert clinic.set_aside("assessments") == [("CONTRADICTING_SCORES", "score")] * 2


def test_a_correction_of_one_of_two_contradicting_scores_brings_the_other_back(clinic) -> None:
    clinic.inbox.additions("assessments")
    clinic.scores("e2 2026-02-01 nprs average 5 interim", "e3 2026-02-01 nprs average 5 intake")
    clinic.deliver("2026-03-01")
    clinic.scores("e2 2026-02-01 nprs average 3 discharge")
    result = clinic.deliver("2026-04-01")
    assert clinic.stand("assessments") == ["e3 2026-02-01 intake 5.0"]
    assert clinic.set_aside("assessments") == [("CONTRADICTING_SCORES", "score")] * 2
    assert (result.tables[1].set_aside, result.tables[1].waiting) == (1, 2)
    clinic.scores("e2 2026-02-01 nprs average 5 discharge")
    result = clinic.deliver("2026-05-01")
    assert clinic.stand("assessments")[:2] == ["e2 2026-02-01 discharge 5.0", "e2 2026-02-01 interim 5.0"]
    assert (result.tables[1].returned, result.tables[1].waiting) == (1, 0)


def test_a_correction_that_contradicts_does_not_leave_the_older_version_standing(clinic) -> None:
    clinic.inbox.additions("assessments")
    clinic.scores(
        "e2 2026-02-01 nprs average 5 interim",
        "e2 2026-02-01 nprs average 5 discharge",
        "e3 2026-02-01 nprs average 5 intake",
    )
    clinic.deliver("2026-03-01")
    assert len(clinic.stand("assessments")) == 3
    clinic.scores("e2 2026-02-01 nprs average 6 interim")
    clinic.deliver("2026-04-01")
    assert clinic.stand("assessments") == ["e3 2026-02-01 intake 5.0"]


def test_a_withdrawn_score_contradicts_nobody(clinic) -> None:
    clinic.inbox.additions("assessments", withdrawn={"status": "deleted"})
    header = (*SCORE, "status")
    both = [("e2", "2026-02-01", "nprs", "average", "5", "interim", "")]
    both += [("e2", "2026-02-01", "nprs", "average", "3", "discharge", "")]
    write(
        clinic.inbox.root / "a.csv", header, [*both, ("e3", "2026-02-01", "nprs", "run", "3", "intake", "")]
    )
    clinic.deliver("2026-03-01")
    assert len(clinic.stand("assessments")) == 1
    write(clinic.inbox.root / "a.csv", header, [(*both[1][:-1], "deleted")])
    clinic.deliver("2026-04-01")
    assert "e2 2026-02-01 interim 5.0" in clinic.stand("assessments")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_in_what_stands_are_the_last_words_that_nothing_contradicts(clinic, seed) -> None:
    dice = random.Random(seed)
    clinic.inbox.additions("assessments")
    said = {("e3", "2026-03-01", "intake"): 5}
    for month in range(1, 6):
        keys = [
            (
                dice.choice(("e1", "e2")),
                f"2026-02-0{dice.randrange(1, 4)}",
                dice.choice(("interim", "discharge")),
            )
            for _ in range(4)
        ]
        heard = {key: dice.choice((4, 5)) for key in keys}
        said |= heard
        told = heard if month > 1 else said
        clinic.scores(*(f"{e} {d} nprs average {score} {role}" for (e, d, role), score in told.items()))
        clinic.deliver(f"2026-{month + 4:02}-01")
        values: dict[tuple[str, str], set[int]] = {}
        for (episode, day, _), score in said.items():
            values.setdefault((episode, day), set()).add(score)
        assert clinic.stand("assessments") == sorted(
            f"{e} {d} {role} {float(score)}" for (e, d, role), score in said.items() if len(values[e, d]) == 1
        )


@pytest.mark.parametrize("seed", range(3))
def test_a_source_of_additions_and_one_that_tells_everything_contradict_each_other_or_not(
    clinic, seed
) -> None:
    dice = random.Random(seed)
    clinic.inbox.additions("assessments")
    clinic.inbox.sources.append({"table": "assessments", "path": "b.csv"})
    added = {("e3", "2026-03-01", "interim"): 5}
    for month in range(1, 6):
        heard, whole = (
            {
                (dice.choice(("e1", "e2")), f"2026-02-0{dice.randrange(1, 4)}", role): dice.choice((4, 5))
                for _ in range(4)
            }
            for role in ("interim", "discharge")
        )
        added |= heard
        told = heard if month > 1 else added
        for said, file in ((told, "a.csv"), (whole, "b.csv")):
            rows = (f"{e} {d} nprs average {score} {role}" for (e, d, role), score in said.items())
            clinic.scores(*rows, file=file)
        clinic.deliver(f"2026-{month + 4:02}-01")
        due = added | whole
        values: dict[tuple[str, str], set[int]] = {}
        for (episode, day, _), score in due.items():
            values.setdefault((episode, day), set()).add(score)
        assert clinic.stand("assessments") == sorted(
            f"{e} {d} {role} {float(score)}" for (e, d, role), score in due.items() if len(values[e, d]) == 1
        )


def test_a_day_that_the_study_gives_to_every_score_makes_none_contradict_another(clinic) -> None:
    clinic.inbox.sources[1] |= {"constants": {"date": "2026-02-01"}, "drop": ["date"]}
    clinic.scores("e2 2026-02-01 nprs average 5 intake", "e2 2026-03-01 nprs average 3 discharge")
    assert clinic.deliver("2026-05-01").quarantined == 0


# ------------------------------------------------------------------ rules that a study waives


def test_what_a_study_waives_comes_in_with_the_next_run(clinic) -> None:
    clinic.inbox.additions("assessments")
    clinic.prescriptions("e1 clamshell left 2026-01-05 2026-01-20")
    clinic.logs("e1 2026-01-04 clamshell left", "e1 2026-01-25 clamshell left", delivery="additions")
    clinic.scores(
        "e1 2026-04-02 nprs average 2 interim",
        "e2 2026-02-01 nprs average 5 interim",
        "e2 2026-02-01 nprs average 3 discharge",
        "e3 2026-02-01 nprs average 3 intake",
    )
    clinic.deliver("2026-05-01")
    assert (len(clinic.stand("assessments")), len(clinic.stand("exercise_logs"))) == (1, 0)
    clinic.inbox.screening["waive"] = ["AFTER_PRESCRIPTION", "CONTRADICTING_SCORES", "SCORE_AFTER_DISCHARGE"]
    clinic.deliver("2026-06-01")
    assert len(clinic.stand("assessments")) == 4
    assert clinic.stand("exercise_logs") == ["e1 2026-01-25 clamshell"]
    assert clinic.set_aside("exercise_logs") == [("BEFORE_PRESCRIPTION", "date")]
    del clinic.inbox.screening["waive"]
    clinic.deliver("2026-07-01")
    assert (len(clinic.stand("assessments")), len(clinic.stand("exercise_logs"))) == (1, 0)


def test_what_may_be_waived_are_rules_and_the_reference_lists_them(request) -> None:
    page = (request.config.rootpath / "docs/reference/screening-rules.md").read_text(encoding="utf-8")
    listed = page.split("May be waived:")[1].split("\n\n")[0]
    for code in get_args(Waivable):
        assert code in RULES
        assert f"`{code}`" in listed


def test_a_rule_about_one_cell_cannot_be_waived(clinic) -> None:
    clinic.inbox.screening["waive"] = ["OUT_OF_RANGE"]
    with pytest.raises(ConfigError, match="waive"):
        clinic.deliver("2026-05-01")

"""Three months of a clinic through `study ingest`: a late prescription, a contradiction, its correction."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from studypkg.cli import main
from studypkg.store import Store

STUDY = """
[study]
name = "Sense across rows"
[screening]
max_bad_share = 1.0
[[sources]]
table = "episodes"
path = "episodes.csv"
[[sources]]
table = "assessments"
path = "scores*.csv"
delivery = "additions"
[[sources]]
table = "prescriptions"
path = "prescriptions*.csv"
delivery = "additions"
[[sources]]
table = "exercise_logs"
path = "logs*.csv"
delivery = "additions"
"""
EPISODES = """patient_id,episode_id,clinic_id,start_date,end_date,condition
CNRYP1,CNRYE1,c1,2026-01-05,,itb_syndrome
CNRYP2,CNRYE2,c1,2026-01-12,,itb_syndrome
"""
SCORES = "episode_id,date,instrument,context,score,role\n"
LINES = "episode_id,exercise,side,valid_from,valid_to,sets\n"
LOGS = "episode_id,date,exercise,side,state\n"


@pytest.fixture
def clinic(tmp_path, monkeypatch, capsys):
    """Deliver files on a day, and give what was printed."""
    monkeypatch.chdir(tmp_path)
    printed = []

    def deliver(day: str, **files: str) -> str:
        for name, text in files.items():
            Path(f"{name}.csv").write_text(text, encoding="utf-8")
        moment = dt.datetime.fromisoformat(f"{day}T08:30:00")
        monkeypatch.setattr("studypkg.cli.records.now_of", lambda study: moment)
        assert main(["ingest"]) == 0
        assert main(["quarantine"]) == 0
        told = capsys.readouterr()
        printed.append(told.out + told.err)
        return told.out

    Path("study.toml").write_text(STUDY, encoding="utf-8")
    yield deliver
    assert "CNRY" not in "".join(printed)


def rows(table: str) -> list[tuple]:
    frame = Store(Path("data/processed")).read(table)
    wanted = {"assessments": ["role", "score"], "exercise_logs": ["exercise"]}[table]
    frame = frame.sort_values(["date", *wanted])
    return list(zip(frame["date"].dt.strftime("%m-%d"), *(frame[name] for name in wanted), strict=True))


def set_aside(table: str) -> list[tuple[str, str, str, str]]:
    with Path(f"data/processed/quarantine/{table}.csv").open(encoding="utf-8", newline="") as file:
        return sorted((one["file"], one["row"], one["column"], one["rule"]) for one in csv.DictReader(file))


def test_rows_wait_for_what_makes_sense_of_them(clinic) -> None:
    told = clinic(
        "2026-02-28",
        episodes=EPISODES,
        scores1=SCORES
        + "CNRYE1,2026-01-05,nprs,average,7,intake\nCNRYE1,2026-02-05,nprs,average,5,interim\n",
        prescriptions1=LINES + "CNRYE1,clamshell,left,2026-01-05,,3\n",
        logs1=LOGS
        + "CNRYE1,2026-01-06,clamshell,left,done\nCNRYE1,2026-02-06,lateral_band_walk,left,done\n"
        + "CNRYE2,2026-01-13,clamshell,left,done\n",
    )
    assert rows("exercise_logs") == [("01-06", "clamshell"), ("01-13", "clamshell")]
    assert set_aside("exercise_logs") == [("logs1.csv", "3", "exercise", "NOT_PRESCRIBED")]
    assert "NOT_PRESCRIBED" in told
    assert "Deliver the prescription, or mend the exercise or the side." in " ".join(told.split())

    # The prescription comes a month late, and the first one has ended; a score contradicts an older one.
    clinic(
        "2026-03-31",
        prescriptions2=LINES
        + "CNRYE1,lateral_band_walk,left,2026-02-01,,3\nCNRYE1,clamshell,left,2026-01-05,2026-01-31,3\n",
        logs2=LOGS + "CNRYE1,2026-02-01,clamshell,left,done\n",
        scores2=SCORES + "CNRYE1,2026-02-05,nprs,average,3,discharge\n",
    )
    assert rows("exercise_logs") == [
        ("01-06", "clamshell"),
        ("01-13", "clamshell"),
        ("02-06", "lateral_band_walk"),
    ]
    assert set_aside("exercise_logs") == [("logs2.csv", "2", "date", "AFTER_PRESCRIPTION")]
    assert rows("assessments") == [("01-05", "intake", 7.0)]
    assert set_aside("assessments") == [
        ("scores1.csv", "3", "score", "CONTRADICTING_SCORES"),
        ("scores2.csv", "2", "score", "CONTRADICTING_SCORES"),
    ]

    # The clinic mends the score and the last day; an interim score after discharge is one too many.
    clinic(
        "2026-04-30",
        episodes=EPISODES.replace("2026-01-05,,", "2026-01-05,2026-03-31,"),
        prescriptions3=LINES + "CNRYE1,clamshell,left,2026-01-05,2026-02-28,3\n",
        scores3=SCORES
        + "CNRYE1,2026-02-05,nprs,average,5,discharge\nCNRYE1,2026-04-02,nprs,average,1,interim\n"
        + "CNRYE1,2026-04-03,nprs,average,1,follow_up\n",
    )
    assert [day for day, _ in rows("exercise_logs")] == ["01-06", "01-13", "02-01", "02-06"]
    assert set_aside("exercise_logs") == []
    assert rows("assessments") == [
        ("01-05", "intake", 7.0),
        ("02-05", "discharge", 5.0),
        ("02-05", "interim", 5.0),
        ("04-03", "follow_up", 1.0),
    ]
    assert set_aside("assessments") == [("scores3.csv", "3", "date", "SCORE_AFTER_DISCHARGE")]
    for account in (one.account for one in Store(Path("data/processed")).batches()):
        for source in account["sources"]:
            assert source["read"] == source["accepted"] + source["duplicate"] + source["quarantined"]

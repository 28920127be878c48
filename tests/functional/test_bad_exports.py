"""What logs, REDCap and FHIR really send, by the numbers of docs/reference/bad-inputs.md: 22, 30 and 32."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from clinic_folder import CANARY, STUDY, Clinic, as_csv

from studypkg.cli import main
from studypkg.store import Store

ROOT = Path(__file__).resolve().parents[2]
DATA = 11
LOGS = """
[[sources]]
table = "prescriptions"
path = "prescriptions.csv"
[[sources]]
table = "exercise_logs"
path = "logs.csv"
"""
REDCAP = """
[study]
name = "REDCap"
keep_raw = false
[[sources]]
table = "episodes"
kind = "redcap"
path = "data.csv"
constants = {clinic_id = "hill", start_date = "2026-01-05", condition = "outside_hip_pain"}
columns = {patient_id = "redcap_record", episode_id = "redcap_record"}
redcap = {dictionary = "dictionary.csv", form = "intake"}
[[sources]]
table = "assessments"
kind = "redcap"
path = "data.csv"
constants = {instrument = "nprs", context = "average", role = "interim"}
columns = {episode_id = "redcap_record", date = "seen_on", score = "pain_now"}
[sources.redcap]
dictionary = "dictionary.csv"
form = "weekly"
missing_codes = ["-99"]
[[sources]]
table = "treatments"
kind = "redcap"
path = "data.csv"
constants = {modality = "iastm"}
columns = {episode_id = "redcap_record", date = "seen_on", minutes = "given___1"}
redcap = {dictionary = "dictionary.csv", form = "weekly"}
"""
DICTIONARY = """Variable / Field Name,Form Name,Field Type,Field Label,\
"Choices, Calculations, OR Slider Labels",Text Validation Type OR Show Slider Number,Identifier?
record_id,intake,text,Record,,,
called,intake,text,Name,,,y
seen_on,weekly,text,Seen on,,date_ymd,
pain_now,weekly,text,Worst pain,,number,
given,weekly,checkbox,Given,"1, Manual | 2, Taping",,
"""
HEAD = (
    "record_id,redcap_repeat_instrument,redcap_repeat_instance,called,intake_complete,seen_on,pain_now,"
    "given___1,given___2,weekly_complete"
)


@pytest.fixture
def clinic(tmp_path):
    return Clinic(tmp_path)


# ------------------------------------------------------------------ 22: repetitions
def with_logs(clinic: Clinic, done: str) -> Clinic:
    """Give every episode ten repetitions a day, and one log that says how many were done."""
    prescribed = [["episode_id", "exercise", "valid_from", "sets", "count_min", "count_max"]]
    logs = [["episode_id", "date", "exercise", "count_done", "state"]]
    for i in range(40):
        key = f"{CANARY}E{i:03d}"
        prescribed.append([key, "clamshell", f"2026-01-{i % 28 + 1:02d}", "1", "10", "10"])
        logs.append([key, f"2026-02-{i % 28 + 1:02d}", "clamshell", done if i == 5 else "10", "done"])
    (clinic.folder / "prescriptions.csv").write_text(as_csv(prescribed))
    (clinic.folder / "logs.csv").write_text(as_csv(logs))
    return clinic.declare(STUDY + LOGS).write()


def test_22_more_than_was_prescribed_is_kept_as_it_was_done(clinic, capsys):
    outcome = with_logs(clinic, "15").ingest(main, capsys)
    assert outcome.reasons("exercise_logs") == {}
    assert sorted(clinic.store.read("exercise_logs")["count_done"])[-2:] == [10, 15]


@pytest.mark.parametrize(
    ("done", "rule"),
    [
        ("-3", "OUT_OF_RANGE"), ("2001", "OUT_OF_RANGE"), ("ten", "NOT_A_NUMBER"), ("3x10", "NOT_A_NUMBER"),
        ("10.5", "NOT_AN_INTEGER"), ("1e400", "NOT_A_NUMBER"),
    ],
)  # fmt: skip
def test_22_what_cannot_have_been_done_is_set_aside(clinic, capsys, done, rule):
    outcome = with_logs(clinic, done).ingest(main, capsys)
    assert outcome.reasons("exercise_logs") == {rule: 1}
    assert len(clinic.store.read("exercise_logs")) == 39


# ------------------------------------------------------------------ 30: REDCap
def test_30_instances_boxes_and_codes_for_missing(tmp_path, capsys):
    lines = [HEAD]
    for i in range(1, 21):
        lines.append(f"{i},,,{CANARY}NAME,2,,,,,")
        for week, pain in ((1, "6"), (2, "-99" if i == 7 else "4"), (3, "2")):
            lines.append(f"{i},weekly,{week},,,2026-02-{week * 7:02d},{pain},{i % 2},0,2")
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "dictionary.csv").write_text(DICTIONARY)
    (tmp_path / "study.toml").write_text(REDCAP)
    assert main(["ingest", "--study", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
    store = Store(tmp_path / "data" / "processed")
    assert len(store.read("episodes")) == 20
    scores = store.read("assessments")
    assert len(scores) == 59  # one of sixty says that there is none
    assert scores["score"].value_counts().to_dict() == {6: 20, 2: 20, 4: 19}
    given = store.read("treatments")["minutes"]
    assert given.value_counts().to_dict() == {1: 30, 0: 30}


# ------------------------------------------------------------------ 32: FHIR
@pytest.fixture
def export(tmp_path):
    """A clinic's export of FHIR, as it should be."""
    folder = Path(shutil.copytree(ROOT / "tests" / "data" / "fhir_clinic", tmp_path / "fhir"))
    declared = (folder / "study.toml").read_text(encoding="utf-8").split("[[sources]]")
    (folder / "study.toml").write_text("[[sources]]".join(declared[:3]), encoding="utf-8")
    return folder


def scores_of(folder: Path) -> int:
    return len(Store(folder / "data" / "processed").read("assessments"))


def edit(path: Path, number: int, change) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number] = change(lines[number])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def pain_line(path: Path) -> int:
    """Find a line with a pain score."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines) if "72514-3" in line and "{score}" in line)


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("truncated line", lambda line: line[: len(line) // 2], ("Observation.ndjson", "line")),
        ("wrong type", lambda line: line.replace('"Observation"', '"Patient"', 1), ("Observation.ndjson",)),
    ],
)
def test_32_a_line_that_is_not_what_it_should_be(export, capsys, case, change, words):
    edit(export / "export" / "Observation.ndjson", 100, change)
    assert main(["ingest", "--study", str(export)]) == DATA
    said = capsys.readouterr().err
    assert [word for word in words if word not in said] == []
    assert "Canarina" not in said
    assert not (export / "data" / "processed" / "tables").exists()


def test_32_millimetres_are_no_points(export, capsys):
    assert main(["ingest", "--study", str(export)]) == 0
    before = scores_of(export)
    file = export / "export" / "Observation.ndjson"
    number = pain_line(file)

    def in_millimetres(line: str) -> str:
        one = json.loads(line)
        one["valueQuantity"] = {
            "value": 50, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm",
        }  # fmt: skip
        return json.dumps(one)

    edit(file, number, in_millimetres)
    assert main(["ingest", "--study", str(export)]) == 0
    capsys.readouterr()
    found = Store(export / "data" / "processed").read("assessments")
    assert len(found) == before - 1
    assert found.loc[found["instrument"] == "nprs", "score"].max() <= 10
    account = json.loads((export / "data/processed/ingest.json").read_text())
    (scores,) = (one for one in account["sources"] if one["table"] == "assessments")
    assert scores["read"] == scores["accepted"] + scores["duplicate"] + scores["quarantined"]


def test_32_what_the_list_of_deleted_names_is_withdrawn(export, capsys):
    assert main(["ingest", "--study", str(export)]) == 0
    before = scores_of(export)
    lines = (export / "export" / "Observation.ndjson").read_text(encoding="utf-8").splitlines()
    key = json.loads(lines[pain_line(export / "export" / "Observation.ndjson")])["id"]
    file = export / "export" / "deleted.ndjson"
    gone = json.loads(file.read_text(encoding="utf-8"))
    gone["entry"].append({"request": {"method": "DELETE", "url": f"Observation/{key}"}})
    file.write_text(json.dumps(gone) + "\n", encoding="utf-8")
    assert main(["ingest", "--study", str(export)]) == 0
    assert scores_of(export) == before - 1
    assert key not in capsys.readouterr().out


def test_32_another_edition_is_refused(export, capsys):
    def as_r5(line: str) -> str:
        one = json.loads(line)
        one["diagnosis"] = [{"condition": [{"reference": "Condition/1"}]}]
        return json.dumps(one)

    edit(export / "export" / "EpisodeOfCare.ndjson", 0, as_r5)
    (export / "export" / "manifest.json").unlink()  # its address says R4
    assert main(["ingest", "--study", str(export)]) == DATA
    assert "R5" in capsys.readouterr().err

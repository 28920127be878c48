"""Real trials and diaries, taken in by `study ingest`: the counts that their PROVENANCE states."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from studypkg.cli import main
from studypkg.store import Store

ROOT = Path(__file__).resolve().parents[2]
DATA, EXAMPLES = ROOT / "tests" / "data", ROOT / "examples"
IDENTIFIER = 12
HEAD = """
[study]
name = "Real data"
[terms.conditions.complaint]
name = "what the trial was about"
[terms.instruments.measured]
name = "what was measured"
minimum = 0
maximum = 1000
direction = "lower"
"""


def source(table: str, path: Path | str, *, columns="", constants="", values="", more="") -> str:
    """Declare one source; the path is written out."""
    return (
        f'[[sources]]\ntable = "{table}"\npath = "{path}"\n{more}\ncolumns = {{{columns}}}\n'
        f"constants = {{{constants}}}\n[sources.values]\n{values}\n"
    )


def people(path: Path | str, person: str, *, start="2000-01-01", values="", columns="", more="") -> str:
    """Declare the episodes of a file: one for each of its people."""
    return source(
        "episodes", path, values=values, more=more,
        columns=f'patient_id = "{person}", episode_id = "{person}"{columns}',
        constants=f'clinic_id = "trial", start_date = "{start}", condition = "complaint"',
    )  # fmt: skip


def words(given: dict[str, str]) -> str:
    """Write a table of words as TOML does."""
    return "{" + ", ".join(f'"{key}" = "{value}"' for key, value in given.items()) + "}"


def days(start: int, end: int) -> str:
    """Give every numbered day the calendar day that it is declared to stand for."""
    zero = dt.date(2000, 1, 1)
    return words({str(n): (zero + dt.timedelta(days=n)).isoformat() for n in range(start, end + 1)})


@pytest.fixture
def ingest(tmp_path, capsys):
    """Run `study ingest` on a declaration; gives the account of every source, and the store."""

    def run(*blocks: str, code: int = 0):
        (tmp_path / "study.toml").write_text(HEAD + "\n".join(blocks), encoding="utf-8")
        assert main(["ingest", "--study", str(tmp_path)]) == code, capsys.readouterr().err
        if code:
            return capsys.readouterr().err
        account = json.loads((tmp_path / "data/processed/ingest.json").read_text(encoding="utf-8"))
        for one in account["sources"]:
            assert one["read"] == one["accepted"] + one["duplicate"] + one["quarantined"]
        return account["sources"], Store(tmp_path / "data" / "processed")

    return run


def rows_of(path: Path, **options) -> list[dict[str, str]]:
    """Read a file with the csv module."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream, **options))


# ------------------------------------------------------------------ acupuncture, a row per visit
def test_acupuncture_long(ingest):
    path = DATA / "acupuncture_headache" / "acupuncture_long.csv"
    scores = source(
        "assessments", path, columns='episode_id = "id", date = "time", role = "time"',
        constants='instrument = "measured", context = "average"',
        values='date = {"3" = "2000-04-01", "12" = "2000-12-30"}\n'
        'role = {"3" = "interim", "12" = "follow_up"}\n'
        '[sources.melt]\nvalue = "score"\nseries = [{column = "head", set = {}}]',
    )  # fmt: skip
    sex = 'sex = {"1" = "female", "0" = "male"}'
    (who, seen), store = ingest(people(path, "id", values=sex), scores)
    assert (who["read"], who["accepted"], who["duplicate"]) == (802, 401, 401)
    assert (seen["records"], seen["empty"], seen["accepted"]) == (802, 75 + 100, 802 - 175)
    assert store.read("assessments")["role"].value_counts().to_dict() == {"interim": 326, "follow_up": 301}


# ------------------------------------------------------------------ amitriptyline, two periods, bare returns
@pytest.mark.parametrize(("name", "persons", "rows"), [("xoverPP", 122, 244), ("xoverBOCF", 124, 248)])
def test_amitriptyline(ingest, name, persons, rows):
    path = DATA / "amitriptyline_crossover" / f"{name}.csv"
    blocks = [people(path, "ID")]
    for column, first, second in (
        ("Time1", "08", "11"), ("Time2", "15", "18"), ("Time3", "22", "25"),
    ):  # fmt: skip
        blocks.append(
            source(
                "assessments", path, columns=f'episode_id = "ID", date = "Period", score = "{column}"',
                constants='instrument = "nprs", context = "average", role = "interim"',
                values=f'date = {{"1" = "2000-01-{first}", "2" = "2000-03-{second}"}}',
            )
        )  # fmt: skip
    (who, *seen), store = ingest(*blocks)
    assert (who["read"], who["accepted"], who["duplicate"]) == (rows, persons, rows - persons)
    assert [(one["read"], one["accepted"]) for one in seen] == [(rows, rows)] * 3
    theirs = Counter(float(row[column]) for row in rows_of(path) for column in ("Time1", "Time2", "Time3"))
    assert Counter(store.read("assessments")["score"]) == theirs


# ------------------------------------------------------------------ a diary of headaches, day by day
def test_migraine_diary(ingest):
    path = DATA / "migraine_diary" / "KosteckiDillon.csv"
    calendar = days(-1_500, 1_500)
    diary = source(
        "assessments", path, columns='episode_id = "id", date = "time", score = "headache"',
        constants='instrument = "measured", context = "average", role = "interim"',
        values=f'date = {calendar}\nscore = {{"yes" = "1", "no" = "0"}}', more='drop = ["dos"]',
    )  # fmt: skip
    (who, seen), store = ingest(people(path, "id", start="1999-01-01"), diary)
    assert (who["read"], who["accepted"]) == (4152, 133)
    # One person and day stands twice, with the same answer.
    assert (seen["read"], seen["accepted"], seen["duplicate"], seen["quarantined"]) == (4152, 4151, 1, 0)
    written = store.read("assessments")
    assert (written["score"] == 1).sum() == 2666
    logged = written.groupby("episode_id").size()
    assert (logged.min(), logged.max(), len(logged)) == (7, 121, 133)


# ------------------------------------------------------------------ home treadmill, day by day
def test_treadmill_days(ingest):
    path = DATA / "exercise_adherence_dpex" / "daily_summary.tsv"
    minutes = source(
        "assessments", path, columns='episode_id = "patient", date = "nday"',
        constants='instrument = "measured", context = "average", role = "interim"',
        values=f"date = {days(0, 400)}\n"
        '[sources.melt]\nvalue = "score"\nseries = [{column = "state.altExercise", set = {}}]',
        more='missing = ["", "NA"]',
    )  # fmt: skip
    (who, seen), store = ingest(people(path, "patient"), minutes)
    assert (who["read"], who["accepted"]) == (573, 16)
    assert (seen["records"], seen["empty"], seen["accepted"]) == (573, 176, 573 - 176)
    total = sum(float(row["state.altExercise"]) for row in rows_of(path, delimiter="\t")
                if row["state.altExercise"] != "NA")  # fmt: skip
    assert store.read("assessments")["score"].sum() == pytest.approx(total)


# ------------------------------------------------------------------ step training, as text and from Stata
@pytest.mark.parametrize(("name", "kind"), [("data_final.csv", "csv"), ("data_final.dta", "stata")])
def test_step_training(ingest, name, kind):
    path = DATA / "ms_step_training" / name
    more = f'kind = "{kind}"'
    arms = 'arm = {"1" = "trained", "0" = "usual_care"}'
    walk = source(
        "assessments", path, columns='episode_id = "id", date = "session", role = "session"',
        constants='instrument = "measured", context = "average"', more=more,
        values='date = {"0" = "2000-01-01", "1" = "2000-07-01"}\nrole = {"0" = "intake", "1" = "discharge"}\n'
        '[sources.melt]\nvalue = "score"\nseries = [{column = "reaction_time", set = {}}]',
    )  # fmt: skip
    (who, seen), store = ingest(people(path, "id", columns=', arm = "group"', values=arms, more=more), walk)
    assert (who["read"], who["accepted"], who["duplicate"]) == (130, 65, 65)
    assert store.read("episodes")["arm"].value_counts().to_dict() == {"usual_care": 33, "trained": 32}
    assert (seen["records"], seen["accepted"] + seen["empty"]) == (130, 130)


# ------------------------------------------------------------------ laser for neck pain
def test_neck_pain(tmp_path):
    fresh = shutil.ignore_patterns("processed", "reports")
    folder = shutil.copytree(EXAMPLES / "neck_pain_laser", tmp_path / "neck", ignore=fresh)
    assert main(["ingest", "--study", str(folder)]) == 0
    store = Store(Path(folder) / "processed")
    assert store.read("episodes")["arm"].value_counts().to_dict() == {"active": 45, "sham": 45}
    scores = store.read("assessments")
    assert len(scores) == 264
    assert (scores.groupby("episode_id").size() == 3).sum() == 84


# ------------------------------------------------------------------ FHIR: four people of Synthea
def test_fhir_bundles_of_four_people(ingest):
    more = 'kind = "fhir"\nfhir = {timezone = "America/New_York", episode = "patient"%s}'
    path = DATA / "fhir_samples" / "r4_synthea"
    (who, seen), store = ingest(
        source("episodes", path, more=more % "", constants='clinic_id = "c", condition = "complaint"'),
        source("assessments", path, more=more % ', role = "by_order"'),
    )
    assert (who["read"], who["accepted"]) == (4, 4)
    assert (seen["read"], seen["accepted"]) == (35, 35)
    assert sorted(store.read("assessments").groupby("episode_id").size()) == [8, 8, 9, 10]


# ------------------------------------------------------------------ REDCap: seven projects
def project(name: str, form: str, *, more: str = "", values: str = "") -> str:
    """Declare a form of a project as episodes, one for each record and instance."""
    place = DATA / "redcap_exports" / name
    block = people(place / "data.csv", "redcap_record", more=f'kind = "redcap"\n{more}', values=values)
    return block + f'[sources.redcap]\ndictionary = "{place / "dictionary.csv"}"\nform = "{form}"\n'


SEX = 'sex = {"0" = "female", "1" = "male"}'
FLAG = 'sex = {"FALSE" = "female", "TRUE" = "male"}'
BORN = 'drop = ["birth_date"]'
#: Form, what the declaration says more, and the rows of the export that hold the form.
PROJECTS = {
    "simple": ("demographics", {"values": FLAG}, 5),
    "longitudinal": ("demographics", {"values": SEX}, 3),
    "checkboxes-1": ("form_2", {}, 3),
    "repeating-instruments": ("bp", {}, 4),
    "potentially-problematic-values": ("form_1", {}, 2),
    "arm-multiple-delete": ("demographics", {"more": BORN}, 60),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_redcap_projects(ingest, name):
    form, said, rows = PROJECTS[name]
    exported = rows_of(DATA / "redcap_exports" / name / "data.csv")
    records = {next(iter(row.values())) for row in exported}
    (who,), store = ingest(project(name, form, **said))
    assert (who["read"], who["quarantined"]) == (rows, 0)
    assert who["accepted"] == len(store.read("episodes")) <= len(records)
    assert set(store.read("episodes")["patient_id"]) <= records


def test_redcap_a_day_of_birth_that_nobody_flagged_is_stopped(ingest):
    told = ingest(project("arm-multiple-delete", "demographics"), code=IDENTIFIER)
    assert '"birth_date"' in told


def test_redcap_500_people_stop_at_the_mail_address_that_nobody_flagged(ingest):
    told = ingest(project("clinical-trial-1", "demographics"), code=IDENTIFIER)
    assert '"email"' in told
    (who,), store = ingest(project("clinical-trial-1", "demographics", more='drop = ["email"]'))
    assert (who["read"], who["accepted"]) == (500, 500)
    assert store.read("episodes")["patient_id"].nunique() == 500


# ------------------------------------------------------------------ csv-spectrum
def test_every_shape_of_csv_spectrum_is_there():
    shapes = {path.stem for path in (DATA / "csv_spectrum" / "csvs").glob("*.csv")}
    assert shapes == {path.stem for path in (DATA / "csv_spectrum" / "json").glob("*.json")}
    assert len(shapes) == 11  # read one by one in tests/unit/records/test_delimited.py
    for name in shapes:
        text = (DATA / "csv_spectrum" / "csvs" / f"{name}.csv").read_bytes()
        assert (b"\r\n" in text) == name.endswith("_crlf"), name

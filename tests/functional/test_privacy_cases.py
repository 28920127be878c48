"""What somebody curious could try, by the numbers of docs/reference/bad-inputs.md: P2 to P6 and P8."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from clinic_folder import CANARY, STUDY, Clinic

from studypkg.cli import main
from studypkg.privacy.keys import new_key
from studypkg.store import Store

MONTH = "2026-03"
CONFIG, GATE = 10, 13
PSEUDONYM = "[bcdfghjkmnpqrstvwxyz]{20}"
KEYED = """
[study]
name = "Pseudonyms"
[privacy.pseudonyms]
key_file = "{key}"
[[sources]]
table = "episodes"
path = "in/e-*.csv"
pseudonymise = ["patient_id", "episode_id"]
[[sources]]
table = "assessments"
path = "in/a.csv"
pseudonymise = ["episode_id"]
"""


# ------------------------------------------------------------------ P3: clinics of three patients and of one
@pytest.fixture(scope="module")
def tiny_clinics(network, tmp_path_factory):
    """A month in which one clinic has three patients and another one has one."""
    folder = tmp_path_factory.mktemp("tiny") / "network"
    fresh = shutil.ignore_patterns("processed", "reports")
    shutil.copytree(network, folder, ignore=fresh)
    path = folder / "data" / "raw" / "episodes.csv"
    episodes = pd.read_csv(path, dtype=str, keep_default_na=False)
    ended = episodes[(episodes["clinic_id"] == "clinic_03") & episodes["end_date"].str.startswith(MONTH)]
    few = list(dict.fromkeys(ended["patient_id"]))[:4]
    assert len(few) == 4
    episodes.loc[episodes["clinic_id"] == "clinic_04", "clinic_id"] = "clinic_01"
    episodes.loc[episodes["patient_id"].isin(few[:3]), "clinic_id"] = "clinic_04"
    episodes.loc[episodes["patient_id"] == few[3], "clinic_id"] = "clinic_05"
    episodes.to_csv(path, index=False)
    assert main(["monthly", "--study", str(folder), "--month", MONTH]) == 0
    return folder


@pytest.mark.parametrize(("clinic", "patients"), [("clinic_04", 3), ("clinic_05", 1)])
def test_p3_a_clinic_of_three_patients_and_one_of_one_show_no_number(tiny_clinics, clinic, patients):
    episodes = Store(tiny_clinics / "data" / "processed").read("episodes")
    assert episodes.loc[episodes["clinic_id"] == clinic, "patient_id"].nunique() == patients
    document = json.loads(
        (tiny_clinics / f"data/processed/released/{MONTH}/clinic-{clinic}.json").read_text(encoding="utf-8")
    )
    own = [one for one in document["released"]["statistics"] if one["scope"] != "network"]
    assert own
    for one in own:
        assert one["status"] != "shown" or not one["n"], one
    page = (tiny_clinics / f"reports/{MONTH}/{clinic}/{clinic}.html").read_text(encoding="utf-8")
    assert "fewer than 11" in page


def test_p2_p3_nobody_can_work_the_small_clinics_out_of_all_pages(tiny_clinics, capsys):
    assert main(["audit", "--study", str(tiny_clinics), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == []


# ------------------------------------------------------------------ P4: very old people
def test_p4_ages_of_91_and_105_are_one_group(tmp_path, capsys):
    clinic = Clinic(tmp_path).declare(STUDY)
    for row, age in ((1, "91"), (2, "105"), (3, "90+"), (4, "89")):
        clinic.edit("episodes", row, "age_years", age)
    assert clinic.write().ingest(main, capsys).accepted("episodes") == 40
    ages = clinic.store.read("episodes")["age_years"]
    assert sorted(ages)[-4:] == [89, 90, 90, 90]


# ------------------------------------------------------------------ P5: every byte
def test_p5_no_canary_in_any_byte_besides_the_records_themselves(tmp_path, capsys):
    clinic = Clinic(tmp_path).declare(STUDY).edit("assessments", 3, "score", "99")
    clinic.edit("episodes", 9, "condition", f"{CANARY} of the hip").write()
    outcome = clinic.ingest(main, capsys)
    outcome.tells_no_value()
    assert outcome.reasons() == {"SCORE_OUT_OF_RANGE": 1, "EPISODE_QUARANTINED": 4}
    for command in (["history"], ["quarantine"], ["check"]):
        assert main([*command, "--study", str(tmp_path)]) == 0
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
    tables = clinic.folder / "data" / "processed" / "tables"
    assert CANARY.encode() not in (tables / "ingest.json").read_bytes()
    for account in (clinic.folder / "data" / "processed" / "history").rglob("batch.json"):
        assert CANARY.encode() not in account.read_bytes()


# ------------------------------------------------------------------ P6 and P8: pseudonyms and their key
def keyed_study(folder, key):
    """Write a study of two months of episodes, of which four patients have one in each, and one of scores."""
    (folder / "in").mkdir(parents=True)
    (folder / "study.toml").write_text(KEYED.format(key=key), encoding="utf-8")
    head = "patient_id,episode_id,clinic_id,start_date,condition"
    for month in (1, 2):
        lines = [
            f"{CANARY}P{n},{CANARY}E{month}-{n},c1,2026-0{month}-05,ITBS"
            for n in range(8 * (month - 1), 8 * (month - 1) + 12)
        ]
        (folder / f"in/e-{month}.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    scores = [f"{CANARY}E1-{n},2026-01-{n + 5:02d},nprs,{n % 10},intake" for n in range(12)]
    text = "\n".join(["episode_id,date,instrument,score,role", *scores]) + "\n"
    (folder / "in/a.csv").write_text(text, encoding="utf-8")
    return folder


def people(folder):
    return Store(folder / "data" / "processed").read("episodes")


def test_p6_one_pseudonym_in_all_files_and_months_and_another_in_another_study(tmp_path):
    for name in ("one", "two"):
        new_key(tmp_path / f"{name}.key")
        folder = keyed_study(tmp_path / name, tmp_path / f"{name}.key")
        assert main(["ingest", "--study", str(folder)]) == 0
    episodes = people(tmp_path / "one")
    assert len(episodes) == 24
    assert episodes["patient_id"].nunique() == 20  # four came in both months
    months = episodes.groupby("patient_id")["start_date"].nunique()
    assert (months == 2).sum() == 4
    scores = Store(tmp_path / "one/data/processed").read("assessments")
    assert set(scores["episode_id"]) < set(episodes["episode_id"])
    assert episodes["patient_id"].str.fullmatch(PSEUDONYM).all()
    assert not set(episodes["patient_id"]) & set(people(tmp_path / "two")["patient_id"])


def test_p8_without_its_key_a_study_takes_nothing_in(tmp_path, capsys):
    folder = keyed_study(tmp_path / "study", tmp_path / "nowhere.key")
    assert main(["ingest", "--study", str(folder)]) == CONFIG
    said = capsys.readouterr().err
    assert "nowhere.key" in said
    assert CANARY not in said
    assert not (folder / "data" / "processed" / "tables").exists()


def test_p8_another_key_is_named_in_the_account_and_never_mixed(tmp_path, capsys):
    new_key(tmp_path / "first.key")
    new_key(tmp_path / "second.key")
    folder = keyed_study(tmp_path / "study", tmp_path / "first.key")
    assert main(["ingest", "--study", str(folder)]) == 0
    account = folder / "data" / "processed" / "ingest.json"
    first, before = json.loads(account.read_text())["policy"]["key"], people(folder)
    (folder / "study.toml").write_text(KEYED.format(key=tmp_path / "second.key"), encoding="utf-8")
    capsys.readouterr()
    assert main(["ingest", "--study", str(folder)]) == GATE
    assert "key" in capsys.readouterr().err
    assert json.loads(account.read_text())["policy"]["key"] == first
    pd.testing.assert_frame_equal(people(folder), before)
    # Taken in anew as a whole, the records say which key they are of now.
    shutil.rmtree(folder / "data" / "processed")
    assert main(["ingest", "--study", str(folder)]) == 0
    second = json.loads(account.read_text())["policy"]["key"]
    assert first != second
    assert not set(people(folder)["patient_id"]) & set(before["patient_id"])

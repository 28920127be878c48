"""A study under one policy cannot pass for one under the other, and what must not be there is nowhere."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from studypkg import pipeline
from studypkg.cli import main
from studypkg.config import load_study
from studypkg.pipeline.measuring import measure
from studypkg.privacy.keys import new_key
from studypkg.store import Store

ROOT = Path(__file__).resolve().parents[2]
STUDY = """
[study]
name = "Two policies"
[[sources]]
table = "episodes"
path = "in/e.csv"
pseudonymise = ["patient_id"]
drop = ["surname"]
[[sources]]
table = "assessments"
path = "in/a.csv"
[screening]
max_bad_share = 1.0
[outcomes.pain]
instrument = "nprs"
[privacy]
policy = "internal"
[privacy.pseudonyms]
key_file = "{key}"
case = "fold"
[privacy.research]
dates = "relative"
[privacy.quasi_identifiers.age_years]
bands = [10, 20]
[privacy.quasi_identifiers.sex]
[privacy.anonymity]
k = 3
max_suppressed = 0.5
"""
CANARY = "Canary-P"


@pytest.fixture
def study(tmp_path):
    new_key(tmp_path / "key")
    folder = tmp_path / "clinic"
    (folder / "in").mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY.format(key=tmp_path / "key"))
    episodes = ["patient_id,episode_id,clinic_id,start_date,condition,age_years,sex,surname"]
    scores = ["episode_id,date,instrument,score,role"]
    for n in range(24):
        day, sex = f"{n + 1:02d}", ("female", "male")[n % 2]
        episodes.append(f"{CANARY}{n},e{n},c{n % 2},2025-03-{day},ITBS,{30 + n},{sex},Name{n}")
        scores.append(f"e{n},2025-03-{day},nprs,{n % 10},intake")
        scores.append(f"e{n},2025-04-{day},nprs,{n % 8},discharge")
    scores.append("e3,2025-04-31,nprs,4,interim")  # no such day: it is set aside
    (folder / "in/e.csv").write_text("\n".join(episodes) + "\n")
    (folder / "in/a.csv").write_text("\n".join(scores) + "\n")
    return folder


def run(study: Path, *arguments: str) -> int:
    return main([*arguments, "--study", str(study)])


def set_keys(study: Path, **changes: str) -> None:
    text = (study / "study.toml").read_text()
    for name, value in changes.items():
        text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert found == 1
    (study / "study.toml").write_text(text)


def everything(folder: Path) -> str:
    """Give every byte below a folder as text, and what compressed tables say."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)))
        if path.is_file():
            parts.append(path.read_bytes().decode("latin-1"))
            if path.suffix == ".parquet":
                parts.append(pd.read_parquet(path).to_csv())
    return "\n".join(parts)


def test_originals_are_nowhere_after_ids_were_replaced_at_the_way_in(study, capsys):
    assert run(study, "ingest") == 0
    told = capsys.readouterr()
    for text in (everything(study / "data"), told.out, told.err):
        assert CANARY.casefold() not in text.casefold()
        assert "Name7" not in text
    # The file with ids is kept by its hash alone; the one without is kept.
    assert len(list((study / "data/processed/raw").iterdir())) == 1
    assert "replaced by pseudonyms" in told.out
    account = json.loads((study / "data/processed/ingest.json").read_text())
    assert account["policy"]["name"] == "internal"
    assert len(account["policy"]["key"]) == 12
    patients = pd.read_parquet(study / "data/processed/tables/episodes.parquet")["patient_id"]
    assert patients.str.fullmatch("[bcdfghjkmnpqrstvwxyz]{20}").all()


def test_the_same_patient_written_otherwise_stays_the_same_row(study):
    assert run(study, "ingest") == 0
    before = pd.read_parquet(study / "data/processed/tables/episodes.parquet")
    text = (study / "in/e.csv").read_text()
    (study / "in/e.csv").write_text(text.replace(CANARY, f" {CANARY.upper()}"))
    assert run(study, "ingest") == 0
    after = pd.read_parquet(study / "data/processed/tables/episodes.parquet")
    assert list(after["patient_id"]) == list(before["patient_id"])


def test_no_real_day_and_no_pseudonym_of_the_clinic_is_among_research_tables(study, capsys):
    set_keys(study, policy='"research"')
    assert run(study, "ingest") == 0
    processed = study / "data/processed"
    text = everything(processed)
    assert "2025" not in re.sub(r"[0-9a-f]{40,}", "", "\n".join(
        path.read_text() for path in processed.rglob("*.json")
    ))  # fmt: skip
    inner = pd.read_parquet(study / "data/internal/tables/episodes.parquet")
    for pseudonym in (*inner["patient_id"], "2025-03", "2025-04", "e.csv", CANARY):
        assert pseudonym not in text
    scores = pd.read_parquet(processed / "tables/assessments.parquet")
    assert len(scores) == 48
    assert sorted(scores["date"].unique()) == [pd.Timestamp("2000-01-01"), pd.Timestamp("2000-02-01")]
    assert not any(processed.glob("raw/*"))
    assert not any((processed / "quarantine").glob("*"))
    # The office still mends rows: they lie with the internal records, closed to others.
    assert (study / "data/internal").stat().st_mode & 0o077 == 0
    capsys.readouterr()
    assert run(study, "quarantine", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["rule"] == "NOT_A_DATE"


@pytest.mark.parametrize("turn", [("internal", "research"), ("research", "internal")], ids=" to ".join)
def test_the_other_policy_is_refused_and_nothing_is_replaced(study, turn, capsys):
    made, declared = turn
    set_keys(study, policy=f'"{made}"')
    assert run(study, "ingest") == 0
    before = everything(study / "data/processed/tables")
    set_keys(study, policy=f'"{declared}"')
    for command in ("ingest", "fit", "report", "monthly", "anonymity"):
        capsys.readouterr()
        assert run(study, command) == 13
        said = capsys.readouterr().err
        assert f"were made under the policy {made}" in said
        assert "study ingest" in said
    assert everything(study / "data/processed/tables") == before
    assert not any((study / "reports").rglob("*.html"))


def test_moving_the_internal_records_as_told_makes_it_a_research_study(study):
    assert run(study, "ingest") == 0
    set_keys(study, policy='"research"')
    assert run(study, "ingest") == 13
    (study / "data/processed").rename(study / "data/internal")
    assert run(study, "ingest") == 0
    assert json.loads((study / "data/processed/ingest.json").read_text())["policy"]["name"] == "research"


def test_what_needs_real_months_is_refused_under_research(study, capsys):
    set_keys(study, policy='"research"')
    assert run(study, "ingest") == 0
    for command in (
        ["report", "--month", "2025-04"],
        ["report", "--clinic", "c1"],
        ["monthly", "--month", "2025-04"],
        ["fit", "--month", "2025-04"],
        ["fit", "--as-of", "1"],
    ):
        capsys.readouterr()
        assert run(study, *command) == 13
        assert "needs real months" in capsys.readouterr().err


def test_another_key_is_refused_before_anything_is_mixed(study, tmp_path, capsys):
    assert run(study, "ingest") == 0
    new_key(tmp_path / "other")
    set_keys(study, key_file=f'"{tmp_path / "other"}"')
    assert run(study, "ingest") == 13
    assert "another person" in capsys.readouterr().err


def test_other_options_of_research_are_derived_anew(study):
    set_keys(study, policy='"research"')
    assert run(study, "ingest") == 0
    set_keys(study, dates='"shift"')
    assert run(study, "fit") == 0  # takes the records in first, and derives
    days = pd.read_parquet(study / "data/processed/tables/assessments.parquet")["date"]
    assert days.nunique() > 2
    assert len(list((study / "data/processed").glob("tables-*"))) == 1  # two shifts give each other away


def test_pages_of_two_policies_do_not_lie_side_by_side(study, capsys):
    set_keys(study, policy='"research"')
    assert run(study, "ingest") == 0
    (study / "reports/2025-04").mkdir(parents=True)
    (study / "reports/2025-04/manifest.json").write_text('{"month": "2025-04", "pages": []}')
    assert run(study, "report") == 13
    assert "pages of 2025-04 that were made under the policy internal" in capsys.readouterr().err


def test_rows_leave_only_under_research_and_only_alike(study, tmp_path, capsys):
    assert run(study, "ingest") == 0
    out = tmp_path / "people.csv"
    assert run(study, "anonymity", "--export", str(out)) == 13
    set_keys(study, policy='"research"', k="3")
    (study / "data/processed").rename(study / "data/internal")
    assert run(study, "ingest") == 0
    assert run(study, "anonymity", "--export", str(out)) == 0
    rows = pd.read_csv(out)
    assert rows.groupby(list(rows.columns)).size().min() >= 3
    capsys.readouterr()
    assert run(study, "anonymity", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["now"]["k"] < 3 <= told["then"]["k"]
    set_keys(study, max_suppressed="0.0", k="1000")
    assert run(study, "anonymity") == 13


def test_an_original_that_is_typed_into_a_mended_row_is_refused(study, tmp_path, capsys):
    text = (study / "in/e.csv").read_text().replace("2025-03-05", "2025-13-05")
    (study / "in/e.csv").write_text(text)
    assert run(study, "ingest") == 0
    mend = tmp_path / "mend.csv"
    assert run(study, "quarantine", "--export", str(mend)) == 0
    rows = mend.read_text()
    assert CANARY not in rows
    changed = re.sub(r"[bcdfghjkmnpqrstvwxyz]{20}", f"{CANARY}4", rows).replace("2025-13-05", "2025-03-05")
    mend.write_text(changed)
    capsys.readouterr()
    assert run(study, "quarantine", "--readmit", str(mend)) == 12
    told = capsys.readouterr()
    assert "no pseudonym" in told.err
    assert CANARY not in told.err + told.out + everything(study / "data")


def test_a_pseudonym_is_not_hashed_again(study, capsys):
    file, replaced = str(study / "in/e.csv"), str(study / "in/once.csv")
    assert run(study, "pseudonymise", file, "-c", "patient_id", "--out", replaced) == 0
    (study / "in/e.csv").write_text(Path(replaced).read_text())
    capsys.readouterr()
    assert run(study, "pseudonymise", replaced, "-c", "patient_id", "--out", replaced + "2") == 10
    assert run(study, "ingest") == 10
    assert "24 of the ids are pseudonyms already" in capsys.readouterr().err


def test_a_file_is_replaced_turned_to_a_new_key_and_linked_back(study, tmp_path, capsys):
    file, once, twice = str(study / "in/e.csv"), str(study / "in/1.csv"), str(study / "in/2.csv")
    new_key(tmp_path / "next")
    register = ("--originals", file, "--originals-column", "patient_id")
    assert run(study, "pseudonymise", file, "-c", "patient_id", "--out", once) == 0
    old = ("--rotate-from", str(tmp_path / "key"), "--key-file", str(tmp_path / "next"))
    assert run(study, "pseudonymise", once, "-c", "patient_id", "--out", twice, *old) == 10
    assert "--originals" in capsys.readouterr().err
    assert run(study, "pseudonymise", once, "-c", "patient_id", "--out", twice, *old, *register) == 0
    first, second, original = (pd.read_csv(path) for path in (once, twice, file))
    assert not set(first["patient_id"]) & set(second["patient_id"])
    pd.testing.assert_frame_equal(first.drop(columns="patient_id"), second.drop(columns="patient_id"))
    assert Path(once).stat().st_mode & 0o077 == 0
    link, refused = tmp_path / "link.csv", study / "link.csv"
    ask = ("relink", twice, "-c", "patient_id", *register, "--key-file", str(tmp_path / "next"))
    assert run(study, *ask, "--out", str(refused)) == 10
    assert not refused.exists()
    assert run(study, *ask, "--out", str(link)) == 0
    found = pd.read_csv(link).set_index("pseudonym")["original"]
    assert list(found[second["patient_id"]]) == list(original["patient_id"])
    told = capsys.readouterr()
    assert CANARY not in told.out + told.err


def test_models_see_the_same_rows_under_both_policies(tmp_path):
    new_key(tmp_path / "key")
    folder = tmp_path / "network"
    folder.mkdir()
    text = (ROOT / "study.toml").read_text()
    said = f'[privacy]\npolicy = "research"\npseudonyms = {{ key_file = "{tmp_path / "key"}" }}'
    (folder / "study.toml").write_text(text.replace("[privacy]", said, 1))
    study = load_study(folder)
    pipeline.simulate_records(study, clinics=2, months=3, per_month=20)
    pipeline.ingest_records(study, today=None)
    seen = []
    for store in (Store(study.internal), pipeline.open_store(study)):
        measured = measure(study, store)
        rows, excluded = measured.analysis(study, study.models["primary"])
        numbers = rows.select_dtypes("number").drop(columns="age_years").round(9)
        same = pd.concat([numbers, rows[["role", "sex", "condition", "side"]]], axis=1)
        groups = rows[["patient", "episode", "therapist", "clinic"]].nunique()
        ages = rows["age_years"].dropna()
        seen.append((same.sort_values([*same], ignore_index=True), groups, excluded, sorted(ages // 5)))
    (rows, groups, excluded, ages), (moved, regrouped, left_out, bands) = seen
    pd.testing.assert_frame_equal(rows, moved)
    pd.testing.assert_series_equal(groups, regrouped)
    assert (excluded, ages) == (left_out, bands)
    assert len(rows) > 100
    document = pipeline.models_step(str(folder / "study.toml")).document
    assert (document.month, document.provenance["policy"]) == ("research", "research")
    assert not re.search(r"\b20\d\d-\d\d", json.dumps(asdict(document), default=str))
    assert not (study.processed / "released").exists()

"""The page about databases and files: every block it shows is a block that a study may have, and reads."""

import re
import sqlite3
import tomllib
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from studypkg.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/databases.md").read_text(encoding="utf-8")
BLOCKS = [tomllib.loads(text)["sources"][0] for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]

STUDY = """
[study]
name = "page"

[outcomes.pain]
instrument = "nprs"

[[sources]]
table = "episodes"
path = "data/raw/episodes.csv"

"""
EPISODES = "patient_id,episode_id,clinic_id,start_date,condition\np1,e1,c1,2026-01-05,ITBS\n"
SCORES = {
    "episode_id": ["e1", "e1"],
    "date": ["2026-01-05", "2026-02-05"],
    "instrument": ["nprs", "nprs"],
    "context": ["worst_24h", "worst_24h"],
    "score": [7.0, 3.0],
    "role": ["intake", "interim"],
}
VISITS = "episode_id,date,status\ne1,2026-01-05,attended\n"


@pytest.fixture
def study(tmp_path):
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/episodes.csv").write_text(EPISODES)
    return tmp_path


def block(**wanted):
    (text,) = [
        text
        for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
        if wanted.items() <= tomllib.loads(text)["sources"][0].items()
    ]
    return text


def ingest(folder, text, capsys):
    assessments = "" if 'table = "assessments"' in text else _USUAL
    (folder / "study.toml").write_text(STUDY + text + assessments)
    pd.DataFrame(SCORES).to_csv(folder / "data/raw/scores.csv", index=False)
    assert main(["check", "--study", str(folder)]) == 0, capsys.readouterr()
    assert main(["ingest", "--study", str(folder)]) == 0, capsys.readouterr()


_USUAL = '\n[[sources]]\ntable = "assessments"\npath = "data/raw/scores.csv"\n'


def test_a_sqlite_file(study, capsys):
    with sqlite3.connect(study / "data/raw/clinic.sqlite") as connection:
        pd.DataFrame(SCORES).to_sql("scores", connection, index=False)
    connection.close()
    ingest(study, block(path="data/raw/clinic.sqlite"), capsys)


def test_an_spss_file(study, capsys):
    pyreadstat.write_sav(pd.DataFrame(SCORES), study / "data/raw/scores.sav")
    ingest(study, block(kind="spss"), capsys)


def test_many_files(study, capsys):
    for number in (1, 2):
        (study / f"data/raw/visits-{number}.csv").write_text(VISITS.replace("-05", f"-0{number + 4}"))
    ingest(study, block(path="data/raw/visits-*.csv"), capsys)


def test_every_block_is_one_that_a_study_may_have(study, monkeypatch, capsys):
    monkeypatch.setenv("CLINIC_DB", "postgresql://reader:canary@db.clinic.example/clinic")
    for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        (study / "study.toml").write_text(STUDY + text + _USUAL)
        main(["check", "--study", str(study)])
        told = capsys.readouterr()
        assert "study.toml: " in told.out, told
        assert "canary" not in told.out + told.err

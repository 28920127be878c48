"""Seven files: the same bytes every time, whole or not at all, with the faults that were asked for."""

import csv
import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256

import pandas as pd
import pytest

from studypkg.schema import TABLES
from studypkg.simulate import FAULT_KINDS, Truth, simulate_network, write_network
from studypkg.simulate import writing as writing_module
from studypkg.vocabulary import load_vocabulary

PLAN = {"clinics": 3, "months": 2, "first_month": "2025-12", "seed": 12, "episodes_per_month": 40}


def digests(folder):
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    return folder, write_network(folder, Truth(), **PLAN)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dirty")
    return folder, write_network(folder, Truth(), **PLAN, bad_rows=0.02)


def test_one_file_per_table_with_the_columns_of_the_schema(clean):
    folder, written = clean
    assert {path.name for path in folder.iterdir()} == {f"{name}.csv" for name in TABLES}
    for name, table in TABLES.items():
        text = (folder / f"{name}.csv").read_bytes()
        assert text.startswith((",".join(table.column_names) + "\n").encode())
        assert b"\r" not in text
        assert b'"' not in text
        assert len(rows_of(folder / f"{name}.csv")) == written.rows[name] > 0


def test_files_hold_the_rows_of_the_blocks(clean):
    folder, _ = clean
    blocks = list(simulate_network(Truth(), **PLAN))
    written = pd.read_csv(folder / "assessments.csv")
    made = pd.concat([block.frame("assessments") for block in blocks], ignore_index=True)
    assert written["score"].tolist() == made["score"].tolist()
    assert written["date"].tolist() == made["date"].astype(str).tolist()


def test_the_same_seed_writes_the_same_bytes_in_another_process(clean, dirty, tmp_path):
    call = (
        "from pathlib import Path; from studypkg.simulate import Truth, write_network; "
        f"write_network(Path({str(tmp_path)!r}), Truth(), **{PLAN!r}, bad_rows=0.02)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "99", "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", call], check=True, env=environment)
    assert digests(tmp_path) == digests(dirty[0])
    assert digests(tmp_path) != digests(clean[0])


def test_faults_are_extra_rows_and_the_clean_rows_stay(clean, dirty):
    for name in TABLES:
        before, after = (Counter(map(str, rows_of(run[0] / f"{name}.csv"))) for run in (clean, dirty))
        assert before - after == Counter(), name
        planted = sum(n for kind, n in dirty[1].faults.items() if FAULT_KINDS[kind] == name)
        assert sum((after - before).values()) == planted, name
        assert dirty[1].rows[name] == clean[1].rows[name] + planted


def test_each_kind_of_fault_is_there_as_often_as_reported(dirty):
    folder, written = dirty
    tables = {name: rows_of(folder / f"{name}.csv") for name in TABLES}
    modalities = load_vocabulary().modalities
    known = {row["episode_id"] for row in tables["episodes"]}
    visits = Counter((row["episode_id"], row["date"]) for row in tables["visits"])
    logs = Counter(map(str, tables["exercise_logs"]))
    assert written.faults == {
        "score_out_of_range": sum(
            row["score"] == "11" and row["instrument"] == "nprs" for row in tables["assessments"]
        ),
        "bad_date": sum(row["date"].endswith("-02-30") for row in tables["assessments"]),
        "unknown_modality": sum(row["modality"] not in modalities for row in tables["treatments"]),
        "orphan_episode": sum(row["episode_id"] not in known for row in tables["exercise_logs"]),
        "exact_duplicate": sum(n - 1 for n in logs.values()),
        "end_before_start": sum("" < row["end_date"] < row["start_date"] for row in tables["episodes"]),
        "conflicting_key": sum(n - 1 for n in visits.values()),
    }  # fmt: skip
    assert all(count > 0 for count in written.faults.values())


def test_the_share_of_faults_is_about_the_one_asked_for(clean, dirty):
    for name in set(FAULT_KINDS.values()):
        share = dirty[1].rows[name] / clean[1].rows[name] - 1
        assert share == pytest.approx(0.02, abs=0.015), name


def test_without_bad_rows_every_kind_is_reported_as_none(clean):
    assert clean[1].faults == dict.fromkeys(FAULT_KINDS, 0)


def test_a_run_that_fails_leaves_the_old_files_and_no_litter(tmp_path, monkeypatch):
    write_network(tmp_path, Truth(), **{**PLAN, "clinics": 1})
    before = digests(tmp_path)

    def fails(*_args, **_kwargs):
        yield next(iter(simulate_network(Truth(), **PLAN)))
        raise OSError("disk full")

    monkeypatch.setattr(writing_module, "simulate_network", fails)
    with pytest.raises(OSError, match="disk full"):
        write_network(tmp_path, Truth(), **PLAN)
    assert digests(tmp_path) == before


def test_litter_of_a_dead_run_is_swept_and_that_of_a_live_run_is_not(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, live = (tmp_path / f".visits.csv.{pid}.partial" for pid in (ended.pid, os.getppid()))
    dead.touch()
    live.touch()
    write_network(tmp_path, Truth(), **{**PLAN, "clinics": 1})
    assert not dead.exists()
    assert live.exists()

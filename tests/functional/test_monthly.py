"""The scheduled job, end to end on a small invented network."""

import json
import re
import shutil

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from studypkg.cli import main

MONTH = "2026-03"
CLINICS = ["clinic_01", "clinic_02", "clinic_03", "clinic_04"]
TINY = "clinic_04"


def page(network, unit):
    return (network / "reports" / MONTH / unit / f"{unit}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("unit", ["ingest", "research", "network", *CLINICS])
def test_every_page_stands_beside_its_executed_notebook(network, unit):
    assert "<html" in page(network, unit)
    notebook = nbformat.read(network / "reports" / MONTH / unit / f"{unit}.ipynb", as_version=4)
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")


def test_the_index_lists_every_clinic_with_its_status(network):
    index = (network / "reports" / "index.html").read_text(encoding="utf-8")
    for unit in CLINICS:
        assert f"{MONTH}/{unit}/{unit}.html" in index


def test_a_second_run_does_nothing_and_says_so(network, capsys):
    before = {p: p.stat().st_mtime_ns for p in (network / "reports").rglob("*") if p.is_file()}
    assert main(["monthly", "--study", str(network), "--month", MONTH]) == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in (network / "reports").rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("unit", ["ingest", "research", "network", *CLINICS])
def test_a_page_asks_nothing_of_the_network_and_runs_no_script(network, unit):
    text = page(network, unit)
    assert "Content-Security-Policy" in text
    assert not re.search(r"<script|<link[^>]+href=|src=\"(?!data:)|@import|url\((?!['\"]?data:)", text)


def test_no_pseudonym_of_a_patient_or_episode_leaves_the_records(network):
    episodes = pd.read_csv(network / "data" / "raw" / "episodes.csv", dtype=str)
    names = {*episodes["patient_id"], *episodes["episode_id"]}
    for path in (network / "reports").rglob("*"):
        if path.suffix in {".html", ".ipynb", ".json"}:
            words = set(re.findall(r"[A-Z]{8,}", path.read_text(encoding="utf-8")))
            assert not words & names, path.name


def test_the_tiny_clinic_is_told_that_it_is_too_small_and_shows_no_result(network):
    document = json.loads((network / "data/processed/released" / MONTH / f"clinic-{TINY}.json").read_text())
    own = [s for s in document["released"]["statistics"] if s["scope"] != "network"]
    month = [s for s in own if s["period"] == MONTH and s["measure"] in ("improvement", "responder")]
    assert month
    assert all(s["status"] != "shown" for s in month)
    assert "fewer than 11" in page(network, TINY)


@pytest.mark.parametrize("unit", CLINICS)
def test_no_released_count_is_small(network, unit):
    document = json.loads((network / "data/processed/released" / MONTH / f"clinic-{unit}.json").read_text())
    for s in document["released"]["statistics"]:
        if s["status"] == "shown":
            assert s["n"] is None or s["n"] == 0 or s["n"] >= 11
            if s["kind"] == "share":
                assert all(part == 0 or part >= 11 for part in (s["k"], s["n"] - s["k"]))


def test_one_clinics_failure_leaves_the_others_published(network, tmp_path, capsys):
    folder = shutil.copytree(network, tmp_path / "network", symlinks=True)
    notebook = folder / "notebooks" / "clinic_report.ipynb"
    broken = nbformat.read(notebook, as_version=4)
    code = next(c for c in broken.cells if c.cell_type == "code" and "read_document" in c.source)
    code.source += f"\nassert document.clinic != {CLINICS[1]!r}"
    nbformat.write(broken, notebook)
    good = page(folder, CLINICS[1])
    assert main(["monthly", "--study", str(folder), "--month", MONTH]) == 16
    printed = capsys.readouterr().out
    assert "clinic 02" in printed.lower() or CLINICS[1] in printed
    assert page(folder, CLINICS[1]) == good, "the last good page stays"
    assert (folder / "reports" / MONTH / CLINICS[1] / f"{CLINICS[1]}.failed.ipynb").is_file()
    manifest = json.loads((folder / "reports" / MONTH / "manifest.json").read_text())
    status = {p["unit"]: p["status"] for p in manifest["pages"]}
    assert status[CLINICS[1]] == "failed"
    assert status[CLINICS[0]] == "ok"


def test_a_name_in_the_records_stops_the_run_and_replaces_nothing(network, tmp_path, capsys):
    folder = shutil.copytree(network, tmp_path / "network", symlinks=True)
    raw = folder / "data" / "raw" / "visits.csv"
    visits = pd.read_csv(raw, dtype=str)
    visits.assign(patient_name="Mary Example").to_csv(raw, index=False)
    index = (folder / "reports" / "index.html").read_bytes()
    good = page(folder, CLINICS[0])
    assert main(["monthly", "--study", str(folder), "--month", MONTH]) == 12
    told = capsys.readouterr().err
    assert "patient_name" in told
    assert "visits.csv" in told
    assert "Mary" not in told
    assert (folder / "reports" / "index.html").read_bytes() == index
    assert page(folder, CLINICS[0]) == good
    for path in (folder / "reports").rglob("*"):
        if path.is_file():
            assert b"Mary" not in path.read_bytes()


def test_too_many_bad_rows_stop_the_run_and_replace_nothing(network, tmp_path, capsys):
    folder = shutil.copytree(network, tmp_path / "network", symlinks=True)
    raw = folder / "data" / "raw" / "assessments.csv"
    scores = pd.read_csv(raw, dtype=str)
    scores.assign(score="77").to_csv(raw, index=False)
    good = page(folder, CLINICS[0])
    assert main(["monthly", "--study", str(folder), "--month", MONTH]) == 11
    assert "assessments.csv" in capsys.readouterr().err
    assert page(folder, CLINICS[0]) == good


@pytest.mark.parametrize("name", ["ingest", "models"])
def test_a_researcher_runs_the_notebook_in_its_own_folder_without_any_parameter(network, tmp_path, name):
    folder = shutil.copytree(network, tmp_path / "network", symlinks=True)
    notebook = nbformat.read(folder / "notebooks" / f"{name}.ipynb", as_version=4)
    ran = NotebookClient(notebook, resources={"metadata": {"path": str(folder / "notebooks")}}).execute()
    shown = [o for c in ran.cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in shown if o.output_type == "error"]
    assert any("text/html" in o.get("data", {}) for o in shown)


def test_a_model_without_a_number_ends_with_14_and_the_pages_say_so(network, tmp_path, capsys):
    folder = shutil.copytree(network, tmp_path / "network", symlinks=True)
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    start, end = text.index("[models.primary]"), text.index("[report]")
    model = (
        '[models.primary]\nformula = "score ~ weeks + (1 | arm)"\ncontrasts = { "Per week" = "weeks" }\n\n'
    )
    study.write_text(text[:start] + model + text[end:], encoding="utf-8")
    assert main(["monthly", "--study", str(folder), "--month", MONTH]) == 14
    assert "gave no number" in capsys.readouterr().out
    document = json.loads(
        (folder / "data/processed/released" / MONTH / f"clinic-{CLINICS[0]}.json").read_text()
    )
    assert document["model"]["status"] == "failed"
    assert all(answer["estimate"] is None for answer in document["answers"])
    assert document["model"]["reason"] in page(folder, CLINICS[0])

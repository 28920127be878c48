"""What is committed: notebooks that tell and do not compute, and nothing that a run wrote."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
MOST_LINES_IN_A_CELL = 5


def cells(notebook, kind):
    return [c for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def test_the_four_notebooks_are_here():
    assert {n.name for n in NOTEBOOKS} >= {
        "ingest.ipynb", "models.ipynb", "clinic_report.ipynb", "network_report.ipynb",
    }  # fmt: skip


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.name)
def test_notebook_is_committed_without_outputs(notebook):
    for cell in cells(notebook, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.name)
def test_notebook_has_one_tagged_parameters_cell(notebook):
    tagged = [c for c in cells(notebook, "code") if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.name)
def test_notebook_tells_and_modules_do(notebook):
    for cell in cells(notebook, "code"):
        if "parameters" not in cell["metadata"].get("tags", []):
            code = [line for line in source(cell).splitlines() if line.strip()]
            assert len(code) <= MOST_LINES_IN_A_CELL
        nodes = ast.walk(ast.parse(source(cell)))
        assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda) for n in nodes)


@pytest.mark.parametrize(
    "path",
    [
        "data/raw/episodes.csv", "data/processed/ingest.json", "data/processed/tables-1/x.parquet",
        "reports/index.html", "reports/2026-09/clinic_01/clinic_01.html",
        "examples/neck_pain_laser/processed/ingest.json", "examples/neck_pain_laser/reports/index.html",
    ],
)  # fmt: skip
def test_what_a_run_writes_cannot_be_committed_by_accident(path):
    run = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False)
    assert run.returncode == 0

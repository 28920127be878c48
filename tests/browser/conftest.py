"""Every kind of page, made once from the committed notebooks, and a browser to look at it with."""

import json
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "reports"))

from sample_pages import (  # noqa: E402  (stands with the unit tests of the pages)
    clinic_document,
    ingest_document,
    network_document,
    research_document,
)

from studypkg.reports import write_document  # noqa: E402
from studypkg.reports.render import render_notebook  # noqa: E402
from studypkg.reports.site import IndexEntry, write_index  # noqa: E402

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
STEPS = {"ingest": "ingest_step", "models": "models_step"}


def told(name, document, folder):
    """Copy a notebook that is a run, with the run replaced by reading the document it would give."""
    raw = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        source = "".join(cell["source"])
        if STEPS[name] in source:
            cell["source"] = f'from studypkg import reports\n\ndocument = reports.read_document("{document}")'
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Paths of the pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    documents = {
        "clinic": clinic_document(),
        "tiny": clinic_document(0.1, clinic="clinic_06", clinic_name="Mill Lane clinic"),
        "network": network_document(),
        "ingest": ingest_document(),
        "models": research_document(),
    }
    for name, document in documents.items():
        path = write_document(document, folder / f"{name}.json")
        if name in STEPS:
            notebook, parameters = told(name, path.name, folder), {"month": document.month}
        else:
            notebook = ROOT / "notebooks" / f"{document.kind}_report.ipynb"
            parameters = {"document_path": path.name, "month": document.month}
        made[name] = render_notebook(
            notebook, parameters, folder / "out", stem=name, show_code=name in STEPS,
            title=name, timeout=120, cwd=folder,
        ).html  # fmt: skip
    entry = IndexEntry("2026-09", "clinic_03", "Harbour Street", "ok", "+2.9 points", "clinic.html", 7)
    made["index"] = write_index(folder / "out", [entry], "Riverside Physical Therapy Network")
    return made


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that asks nobody for anything."""
    with sync_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        opened = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield opened
        opened.close()

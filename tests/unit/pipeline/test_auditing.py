"""The audit of a folder of reports: a clean one passes, and every planted fault is found."""

import base64
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image, PngImagePlugin
from pypdf import PdfWriter

from studypkg.cli import main
from studypkg.config import load_study
from studypkg.errors import DisclosureError, StudyError
from studypkg.pipeline.auditing import audit_reports
from studypkg.privacy.bounds import Additive
from studypkg.privacy.ledger import Ledger, issue_of
from studypkg.privacy.statistic import Statistic
from studypkg.privacy.suppression import release

MONTH = "2026-03"
PAGE = (Path(__file__).resolve().parents[3] / "docs/how-to/audit.md").read_text(encoding="utf-8")
CANARY = "PQX7Z4711K"
DECLARED = """
[study]
name = "Audited"
[[sources]]
table = "episodes"
path = "episodes.csv"
"""


def counts(month, **groups):
    """Counts of one clinic and month, and that they add up."""
    cells = {name: f"north/{month}/{name}" for name in groups}
    numbers = [
        Statistic("flow", "clinic", name, month, "count", n, value=n, n_cell=cells[name])
        for name, n in groups.items()
    ]
    return numbers, [Additive(cells["ended"], tuple(cells[name] for name in groups if name != "ended"))]


def page(**cells):
    rows = "".join(f"<tr><th>{name}</th><td>{n}</td></tr>" for name, n in cells.items())
    return (
        "<!DOCTYPE html><html><head><title>North</title></head><body>"
        "<p>fewer than 11 patients are not shown</p>"
        f"<table><tr><th></th><th>Patients</th></tr>{rows}</table></body></html>"
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study with one published page, one issue in the ledger, and records with ids."""
    root = tmp_path_factory.mktemp("study")
    (root / "study.toml").write_text(DECLARED, encoding="utf-8")
    tables = root / "data" / "processed" / "tables"
    tables.mkdir(parents=True)
    ids = [CANARY, *(f"PQX7Z{n:04d}A" for n in range(60))]
    pd.DataFrame({"patient_id": ids, "clinic_id": "north"}).to_parquet(tables / "episodes.parquet")
    numbers, sums = counts(MONTH, ended=80, paired=60, unpaired=20)
    released = release(numbers, relations=sums)
    issue = issue_of(released, month=MONTH, page="clinic-north", batch="b1", sums=sums)
    Ledger(root / "data" / "processed" / "issued").append([issue])
    document = root / "data" / "processed" / "released" / MONTH / "clinic-north.json"
    document.parent.mkdir(parents=True)
    raw = {"kind": "clinic", "clinic": "north", "month": MONTH, "released": released.to_dict()}
    document.write_text(json.dumps(raw), encoding="utf-8")
    folder = root / "reports" / MONTH / "north"
    folder.mkdir(parents=True)
    (folder / "north.html").write_text(page(ended=80, paired=60, unpaired=20), encoding="utf-8")
    (root / "reports" / MONTH / "manifest.json").write_text('{"pages": [], "seconds": 3.2}', encoding="utf-8")
    return root


@pytest.fixture
def study(made, tmp_path):
    shutil.copytree(made, tmp_path / "study")
    return load_study(tmp_path / "study")


def found(study, **options):
    """Kinds and files of the findings; the value itself is in none of them."""
    done = audit_reports(study, **options)
    assert CANARY.casefold() not in (done.as_text() + json.dumps(done.as_dict())).casefold()
    return {(one.kind, one.file.rpartition("/")[2]) for one in done.found}


def place(study, name, data):
    """Put a file beside the page."""
    path = study.reports / MONTH / "north" / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def picture(path, word):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", word)
    Image.new("RGB", (2, 2)).save(path, pnginfo=info)


def test_a_clean_folder_passes(study):
    done = audit_reports(study)
    assert done.found == ()
    assert (done.exit_code, done.files, done.ids, done.issues, done.cells) == (0, 2, 61, 1, 3)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.html", "<p>3 patients got worse</p>", "small count"),
        ("a.html", page(paired=7), "small count"),
        ("a.html", '<img alt="Got worse: 4 patients.">', "small count"),
        ("a.html", page(paired=61), "number"),
        ("a.csv", "group,n\nworse,3\n", "small count"),
        ("a.csv", f"row,who\n1,{CANARY}\n", "identifier"),
        ("a.csv", "contact\njane.doe@example.org\n", "identifier"),
        ("a.json", '{"paired": {"n": 3}}', "small count"),
        ("a.html", f"<!-- {CANARY.lower()} -->", "identifier"),
        ("a.html", "<p>call (802) 555-0143 for her</p>", "identifier"),
        ("a.html", f"<img src='data:image/svg+xml,<svg><text>{CANARY}</text></svg>'>", "identifier"),
        ("a.svg", f"<svg><text>{CANARY}</text></svg>", "identifier"),
        ("a.bin", b"\x00\x01\x02", "not understood"),
    ],
)
def test_a_planted_fault_is_found(study, name, data, kind):
    place(study, name, data)
    assert (kind, name) in found(study)


def test_an_id_in_the_metadata_of_a_picture_is_found(study):
    picture(place(study, "a.png", b""), CANARY)
    assert found(study) == {("identifier", "a.png")}


def test_an_id_in_a_picture_within_a_page_is_found(study, tmp_path):
    picture(tmp_path / "a.png", CANARY)
    data = base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    place(study, "a.html", f'<img alt="" src="data:image/png;base64,{data}">')
    assert found(study) == {("identifier", "a.html")}


def test_an_id_in_the_metadata_of_a_pdf_is_found(study):
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_metadata({"/Title": CANARY})
    writer.write(place(study, "a.pdf", b""))
    assert found(study) == {("identifier", "a.pdf")}


def test_a_traceback_with_an_id_is_found_for_both(study):
    trace = {"output_type": "error", "ename": "KeyError", "evalue": CANARY, "traceback": []}
    cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [trace]}
    place(study, "a.ipynb", json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}))
    assert found(study) == {("identifier", "a.ipynb"), ("machine", "a.ipynb")}


def test_a_path_and_an_account_are_found(study, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "office_manager_jane")
    place(study, "a.html", "<p>by office_manager_jane</p>")
    place(study, "b.html", "<p>read from /home/jane/records.csv</p>")
    assert found(study) == {("machine", "a.html"), ("machine", "b.html")}


def test_an_id_in_the_name_of_a_file_is_found_and_not_repeated(study):
    place(study, f"{CANARY}.txt", "x")
    assert ("identifier", "file 2 of the folder") in found(study)


def test_the_difference_of_two_issues_gives_a_cell_back(study):
    ledger = Ledger(study.processed / "issued")
    numbers, sums = counts("2026-02", ended=70, paired=61, unpaired=9)
    first = release(numbers, relations=sums)
    assert first.withheld >= 2
    ledger.append([issue_of(first, month="2026-02", page="clinic-north", batch="b1", sums=sums)])
    assert found(study) == set()
    # A later issue shows what the first one hid to protect the small cell.
    shown = release(numbers[:2])
    ledger.append([issue_of(shown, month="2026-02", page="clinic-north", number=2, batch="b1")])
    assert ("derivable", "") in found(study)


def test_a_document_that_is_in_no_ledger_is_found(study):
    released = release(counts(MONTH, ended=90, paired=60, unpaired=30)[0])
    file = study.processed / "released" / MONTH / "clinic-north.json"
    raw = json.loads(file.read_text()) | {"released": released.to_dict()}
    file.write_text(json.dumps(raw), encoding="utf-8")
    assert ("unlisted", "") in found(study)


def test_a_changed_ledger_stops_the_audit(study):
    (file,) = (study.processed / "issued").glob("*.jsonl")
    file.write_text(file.read_text().replace(":60", ":61"), encoding="utf-8")
    with pytest.raises(DisclosureError):
        audit_reports(study)


def test_a_kind_that_is_not_understood_may_be_allowed(study):
    place(study, "a.bin", b"\x00\x01\x02")
    assert found(study, allow=["*.bin"]) == set()
    assert audit_reports(study, allow=["*.bin"]).passed_over == (f"{MONTH}/north/a.bin",)


def test_an_allowed_kind_is_searched_for_ids_all_the_same(study):
    place(study, "a.bin", b"\x00\x01\x02" + CANARY.encode())
    assert found(study, allow=["*.bin"]) == {("identifier", "a.bin")}


def test_a_link_out_of_the_folder_is_not_followed(study, tmp_path):
    (study.reports / "out.html").symlink_to(tmp_path)
    assert found(study) == {("not understood", "out.html")}


def test_the_command_says_what_it_found_and_writes_nothing(study, capsys):
    before = sorted((p, p.stat().st_mtime_ns) for p in study.reports.rglob("*"))
    assert main(["audit", "--study", str(study.root)]) == 0
    assert "no small count can be worked out" in capsys.readouterr().out
    assert sorted((p, p.stat().st_mtime_ns) for p in study.reports.rglob("*")) == before
    place(study, "a.csv", f"id\n{CANARY}\n")
    assert main(["audit", "--study", str(study.root), "--json"]) == 13
    told = json.loads(capsys.readouterr().out)
    assert not told["clean"]
    assert told["found"][0] == {
        "kind": "identifier",
        "file": f"{MONTH}/north/a.csv",
        "place": "",
        "what": "id of a person in the records",
    }


def test_a_study_without_reports_is_told_so(study):
    shutil.rmtree(study.reports)
    with pytest.raises(StudyError, match="study monthly"):
        audit_reports(study)


def test_the_example_of_the_page_on_audits_is_what_is_printed(study, capsys):
    (line,) = re.findall(r"```text\n(.*)\n```", PAGE)
    place(study, "list.csv", f"id\n{CANARY}\n")
    assert main(["audit", "--study", str(study.root)]) == 13
    assert line in capsys.readouterr().out
    (clean,) = re.findall(r"\*\*\"(.*)\"\*\*", PAGE)
    (study.reports / MONTH / "north" / "list.csv").unlink()
    main(["audit", "--study", str(study.root)])
    assert clean in capsys.readouterr().out


def test_every_kind_of_finding_is_explained_on_the_page():
    kinds = re.findall(r"^\| ([a-z ]+) \|", PAGE, re.MULTILINE)
    assert set(kinds) == {
        "identifier", "small count", "number", "derivable", "unlisted", "machine", "not understood"
    }  # fmt: skip

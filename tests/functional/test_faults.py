"""What machines really do, by the numbers of docs/reference/bad-inputs.md: F6 and F8 to F12."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile

import nbformat
import pytest
from clinic_folder import STUDY, Clinic

from studypkg import jobs
from studypkg.cli import main
from studypkg.pipeline.runs import library_versions

MONTH, BEFORE = "2026-03", "2026-02"
GATE, PARTLY = 13, 16
ONE, DEAD = "clinic_02", "clinic_03"


@pytest.fixture
def clinic(tmp_path):
    return Clinic(tmp_path).declare(STUDY).write()


@pytest.fixture
def copy(network, tmp_path):
    """A study of its own, whose month stands."""
    return shutil.copytree(network, tmp_path / "network", symlinks=True)


def manifest_of(folder, month=MONTH):
    return json.loads((folder / "reports" / month / "manifest.json").read_text(encoding="utf-8"))


def bytes_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pretend_older(folder, name="scipy"):
    """Say in the record of the month that it was made with another version of a library."""
    told = manifest_of(folder)
    told["libraries"][name] = "0.1"
    (folder / "reports" / MONTH / "manifest.json").write_text(json.dumps(told), encoding="utf-8")


# ------------------------------------------------------------------ F6: one clinic, one month
@pytest.fixture(scope="module")
def one_clinic_again(network, tmp_path_factory):
    """The month after the pages of one clinic were made again, with what the files were before."""
    folder = tmp_path_factory.mktemp("again") / "network"
    shutil.copytree(network, folder, symlinks=True)
    pretend_older(folder)
    before = {path: path.stat().st_mtime_ns for path in (folder / "reports" / MONTH).rglob("*.html")}
    assert main(["report", "--study", str(folder), "--month", MONTH, "--clinic", ONE]) == 0
    return folder, before


def test_f6_one_clinic_again_leaves_the_other_clinics(one_clinic_again):
    folder, before = one_clinic_again
    after = {path: path.stat().st_mtime_ns for path in before}
    made = {path.stem for path in before if before[path] != after[path]}
    assert made == {"ingest", "research", ONE}
    pages = {page["unit"]: page["status"] for page in manifest_of(folder)["pages"]}
    assert {"clinic_01", ONE, DEAD, "clinic_04", "network"} < set(pages)
    assert "failed" not in pages.values()


@pytest.fixture(scope="module")
def month_with_a_dead_kernel(network, tmp_path_factory):
    """Another month, made with a notebook that takes its kernel with it at one clinic."""
    folder = tmp_path_factory.mktemp("dead") / "network"
    shutil.copytree(network, folder, symlinks=True)
    notebook = folder / "notebooks" / "clinic_report.ipynb"
    deadly = nbformat.read(notebook, as_version=4)
    code = next(c for c in deadly.cells if c.cell_type == "code" and "read_document" in c.source)
    # What the system does to a process that takes too much memory.
    code.source += (
        f"\nimport os, signal\nif document.clinic == {DEAD!r}:\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    nbformat.write(deadly, notebook)
    before = bytes_below(folder / "reports" / MONTH)
    code = main(["monthly", "--study", str(folder), "--month", BEFORE])
    return folder, before, code


def test_f6_one_month_alone_leaves_the_others(month_with_a_dead_kernel):
    folder, before, _ = month_with_a_dead_kernel
    assert bytes_below(folder / "reports" / MONTH) == before
    index = (folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert f"{MONTH}/{ONE}/{ONE}.html" in index
    assert f"{BEFORE}/{ONE}/{ONE}.html" in index


# ------------------------------------------------------------------ F11: a kernel that dies
def test_f11_a_kernel_that_is_killed_costs_one_page(month_with_a_dead_kernel):
    folder, _, code = month_with_a_dead_kernel
    assert code == PARTLY
    pages = {page["unit"]: page for page in manifest_of(folder, BEFORE)["pages"]}
    assert [unit for unit, page in pages.items() if page["status"] == "failed"] == [DEAD]
    assert "DeadKernelError" in pages[DEAD]["reason"]
    assert not (folder / "reports" / BEFORE / DEAD / f"{DEAD}.html").exists()
    assert (folder / "reports" / BEFORE / ONE / f"{ONE}.html").is_file()


# ------------------------------------------------------------------ F8: a file that changes after it came in
def test_f8_a_file_that_changes_later_is_another_delivery(clinic, capsys):
    assert clinic.ingest(main, capsys).accepted() == 160
    old = (clinic.folder / "assessments.csv").read_bytes()
    kept = clinic.folder / "data/processed/raw" / hashlib.sha256(old).hexdigest()
    clinic.edit("assessments", 2, "score", "6").write()
    assert clinic.store.read("assessments")["score"].max() == 7
    assert kept.read_bytes() == old, "the copy is of what was read"
    clinic.ingest(main, capsys)
    assert main(["history", "--study", str(clinic.folder), "--json"]) == 0
    batches = json.loads(capsys.readouterr().out)
    hashes = [{one["name"]: one["sha256"] for one in batch["files"]}["assessments.csv"] for batch in batches]
    assert hashes[0] == kept.name
    assert hashes[1] == hashlib.sha256((clinic.folder / "assessments.csv").read_bytes()).hexdigest()
    assert sum(one["corrected"] for one in batches[1]["tables"]) == 1
    assert 6 not in set(clinic.store.read("assessments", as_of=1)["score"])


def test_f8_a_kept_copy_that_was_changed_is_found(clinic, capsys):
    assert clinic.ingest(main, capsys).accepted() == 160
    verify = ["history", "--study", str(clinic.folder), "--verify"]
    assert main(verify) == 0
    kept = sorted((clinic.folder / "data/processed/raw").iterdir())[0]
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b"\n")
    capsys.readouterr()
    assert main(verify) == GATE
    assert f"raw/{kept.name}" in capsys.readouterr().err


# ------------------------------------------------------------------ F9: a manifest that is empty or cut short
@pytest.mark.parametrize("part", [0, 0.5])
def test_f9_a_damaged_account_of_the_tables(clinic, capsys, part):
    assert clinic.ingest(main, capsys).accepted() == 160
    account = clinic.folder / "data/processed/tables/ingest.json"
    text = account.read_bytes()
    account.chmod(0o600)
    account.write_bytes(text[: int(len(text) * part)])
    message = clinic.ingest(main, capsys).refused(GATE, "ingest.json", "backup")
    assert "Nothing was replaced" in message
    account.write_bytes(text)
    assert "Nothing has changed" in clinic.ingest(main, capsys).said


@pytest.mark.parametrize("part", [0, 0.5])
def test_f9_a_damaged_batch_of_the_history(clinic, capsys, part):
    assert clinic.ingest(main, capsys).accepted() == 160
    (batch,) = (clinic.folder / "data/processed/history").glob("0001-*/batch.json")
    text = batch.read_bytes()
    batch.chmod(0o600)
    batch.write_bytes(text[: int(len(text) * part)])
    clinic.edit("assessments", 2, "score", "6").write()
    clinic.ingest(main, capsys).refused(GATE, "history is damaged", "backup")


@pytest.mark.parametrize("text", ["", '{"month": "2026-03", "pages": [{"unit"', "[]", '{"pages": 3}'])
def test_f9_a_damaged_record_of_a_month(copy, capsys, text):
    (copy / "reports" / MONTH / "manifest.json").write_text(text, encoding="utf-8")
    before = bytes_below(copy / "reports")
    for month in (MONTH, BEFORE):
        assert main(["monthly", "--study", str(copy), "--month", month]) == GATE
        said = capsys.readouterr().err
        assert "manifest.json is damaged" in said
        assert f"study monthly --month {MONTH}" in said
        assert "Traceback" not in said
    assert bytes_below(copy / "reports") == before


# ------------------------------------------------------------------ F10: a folder that takes nothing
def test_f10_reports_that_cannot_be_written(copy, capsys, monkeypatch):
    before = bytes_below(copy / "reports")
    real = tempfile.mkstemp

    def refusing(*given, **more):
        if "reports" in str(more.get("dir")):
            raise OSError(errno.EROFS, "Read-only file system", "CNRYNAME")
        return real(*given, **more)

    monkeypatch.setattr(tempfile, "mkstemp", refusing)
    assert main(["monthly", "--study", str(copy), "--month", MONTH, "--again"]) == GATE
    said = capsys.readouterr().err
    assert "reports cannot be written (read-only file system)" in said
    assert "Traceback" not in said
    assert "CNRYNAME" not in said
    assert bytes_below(copy / "reports") == before


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_f10_records_that_cannot_be_written(clinic, capsys, monkeypatch, reason):
    def refusing(*given, **more):
        raise OSError(reason, "no")

    monkeypatch.setattr(jobs.FileLock, "acquire", refusing)
    clinic.ingest(main, capsys).refused(GATE, "processed cannot be written")


# ------------------------------------------------------------------ F12: another version of a library
def test_f12_every_run_records_the_versions_of_its_libraries(network):
    assert manifest_of(network)["libraries"] == library_versions()
    assert {"numpy", "scipy", "pandas", "duckdb", "glmm"} < set(library_versions())
    page = (network / "reports" / MONTH / ONE / f"{ONE}.html").read_text(encoding="utf-8")
    for name in ("numpy", "scipy", "duckdb"):
        assert f"{name} {library_versions()[name]}" in page


def test_f12_the_same_versions_are_not_talked_about(network, capsys):
    assert main(["monthly", "--study", str(network), "--month", MONTH]) == 0
    assert "versions of libraries" not in capsys.readouterr().out


def test_f12_another_version_is_said_and_changes_no_page_by_itself(copy, capsys):
    pretend_older(copy)
    before = bytes_below(copy / "reports")
    assert main(["monthly", "--study", str(copy), "--month", MONTH]) == 0
    said = capsys.readouterr().out
    assert f"scipy {library_versions()['scipy']} ({MONTH}: 0.1)" in said
    assert "--again makes them anew" in said
    assert bytes_below(copy / "reports") == before


def test_f12_one_page_made_again_does_not_hide_that_the_others_are_older(one_clinic_again):
    folder, _ = one_clinic_again
    assert manifest_of(folder)["libraries"]["scipy"] == "0.1"

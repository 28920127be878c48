"""A notebook is run with checked parameters, published whole, and kept without its secrets if it fails."""

import json
import re

import nbformat
import pytest
from sample_pages import ROOT, clinic_document, network_document

from studypkg.errors import ConfigError, DataRejectedError, RenderError
from studypkg.reports import write_document
from studypkg.reports.render import check_parameters, render_notebook

CLINIC = ROOT / "notebooks" / "clinic_report.ipynb"


def notebook(folder, *cells, parameters="month = None\nrows = 3"):
    """Write a small notebook: a tagged parameters cell, then the given cells."""
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    )
    for source in cells:
        new = nbformat.v4.new_markdown_cell if source.startswith("#") else nbformat.v4.new_code_cell
        made.cells.append(new(source))
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "told.ipynb"
    nbformat.write(made, path)
    return path


def rendered(path, out, parameters=None, **changes):
    given = {"stem": "page", "show_code": False, "title": "Page", "timeout": 60}
    return render_notebook(path, parameters or {"month": "2026-09"}, out, **{**given, **changes})


@pytest.fixture(scope="module")
def clinic_page(tmp_path_factory):
    """One clinic's page from the committed notebook, in a folder whose name holds braces."""
    folder = tmp_path_factory.mktemp("a {month} folder")
    document = write_document(clinic_document(), folder / "clinic-clinic_03.json")
    parameters = {"document_path": str(document), "month": "2026-09", "clinic": "clinic_03"}
    return rendered(CLINIC, folder / "{x}", parameters, stem="clinic_03", cwd=folder), folder


def test_the_clinic_page_is_one_file_without_requests_or_scripts(clinic_page):
    html = clinic_page[0].html.read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert "Pain fell by 2.9 points on average during care." in html
    assert "<script" not in html
    assert not re.search(r'(src|href|srcset)="(?!#|data:)', html)
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html


def test_owners_see_no_code(clinic_page):
    html = clinic_page[0].html.read_text(encoding="utf-8")
    assert "read_document" not in html
    assert "document_path" not in html


def test_every_entry_of_the_contents_leads_somewhere(clinic_page):
    html = clinic_page[0].html.read_text(encoding="utf-8")
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert len(targets) >= 10
    assert targets <= set(re.findall(r'id="([^"]+)"', html))


def test_the_record_beside_it_names_no_folder_and_no_moment(clinic_page):
    made, folder = clinic_page
    text = made.notebook.read_text(encoding="utf-8")
    assert str(folder) not in text
    assert str(ROOT) not in text
    kept = json.loads(text)["metadata"]["papermill"]["parameters"]
    assert kept == {"document_path": "clinic-clinic_03.json", "month": "2026-09", "clinic": "clinic_03"}
    assert "start_time" not in text


def test_the_same_document_gives_the_same_bytes(clinic_page):
    made, folder = clinic_page
    before = made.html.read_bytes(), made.notebook.read_bytes()
    parameters = {"document_path": "clinic-clinic_03.json", "month": "2026-09", "clinic": "clinic_03"}
    again = rendered(CLINIC, folder / "{x}", parameters, stem="clinic_03", cwd=folder)
    assert (again.html.read_bytes(), again.notebook.read_bytes()) == before


def test_nothing_is_left_beside_the_page(clinic_page):
    assert {p.name for p in clinic_page[0].html.parent.iterdir()} == {"clinic_03.html", "clinic_03.ipynb"}


def test_the_network_page(tmp_path):
    document = write_document(network_document(), tmp_path / "network.json")
    path = ROOT / "notebooks" / "network_report.ipynb"
    made = rendered(path, tmp_path, {"document_path": document.name, "month": "2026-09"}, cwd=tmp_path)
    assert "Not assessed, too few patients: Mill Lane." in made.html.read_text(encoding="utf-8")


def test_a_page_of_the_wrong_clinic_is_never_made(tmp_path):
    document = write_document(clinic_document(), tmp_path / "page.json")
    parameters = {"document_path": str(document), "month": "2026-09", "clinic": "clinic_04"}
    with pytest.raises(RenderError, match=r"clinic_report\.ipynb, cell .*clinic_04"):
        rendered(CLINIC, tmp_path / "out", parameters)
    assert not (tmp_path / "out" / "page.html").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mnth": "2026-09"}, 'unknown parameter "mnth". Did you mean "month"?'),
        ({}, 'parameter "month" has no default'),
        ({"month": ["2026-09"]}, 'parameter "month" is a list'),
        ({"month": float("nan")}, "not a finite number"),
        ({"month": "2026-09", "x = 1; import os #": 1}, "unknown parameter"),
    ],
)
def test_parameters_are_checked_before_anything_runs(parameters, message, tmp_path):
    with pytest.raises(ConfigError) as caught:
        check_parameters(notebook(tmp_path), parameters)
    assert message in str(caught.value)


def test_text_is_passed_as_text_whatever_it_says(tmp_path):
    value = '"; raise SystemExit("x") #{month} \\ \n é'
    made = rendered(notebook(tmp_path, "month"), tmp_path / "out", {"month": value})
    outputs = json.loads(made.notebook.read_text(encoding="utf-8"))["cells"][-1]["outputs"]
    assert eval("".join(outputs[0]["data"]["text/plain"])) == value


def test_a_failed_cell_keeps_the_copy_but_no_value(tmp_path):
    cell = "secret = 'Mary' + ' Smith'\nraise ValueError(f'bad row of {secret}')"
    path = notebook(tmp_path, "# A story", "1 + 1", cell)
    with pytest.raises(RenderError) as caught:
        rendered(path, tmp_path / "out")
    assert str(caught.value) == (
        'told.ipynb, cell 4: stopped with ValueError. The executed copy is "page.failed.ipynb".'
    )
    kept = (tmp_path / "out" / "page.failed.ipynb").read_text(encoding="utf-8")
    assert "Mary Smith" not in kept
    assert "ValueError" in kept
    assert json.loads((tmp_path / "out" / "page.failed.json").read_text()) == {
        "status": "failed", "cell": 4, "error": "ValueError",
    }  # fmt: skip
    assert not (tmp_path / "out" / "page.html").exists()


def test_a_study_error_comes_out_as_its_own_class(tmp_path):
    cell = "from studypkg.errors import DataRejectedError\nraise DataRejectedError('visits.csv: 40 bad rows')"
    with pytest.raises(DataRejectedError, match=r"told\.ipynb, cell \d: visits\.csv: 40 bad rows"):
        rendered(notebook(tmp_path, cell), tmp_path / "out")


def test_a_good_page_outlives_a_later_failure_and_a_success_clears_it(tmp_path):
    out = tmp_path / "out"
    rendered(notebook(tmp_path, "rows"), out)
    page = (out / "page.html").read_bytes()
    with pytest.raises(RenderError):
        rendered(notebook(tmp_path, "1 / 0"), out)
    assert (out / "page.html").read_bytes() == page
    rendered(notebook(tmp_path, "rows"), out)
    assert {p.name for p in out.iterdir()} == {"page.html", "page.ipynb"}


def test_a_cell_that_hangs_is_stopped(tmp_path):
    with pytest.raises(RenderError, match=r"raise \[jobs\] timeout_seconds"):
        rendered(notebook(tmp_path, "import time\ntime.sleep(60)"), tmp_path / "out", timeout=3)


def test_warnings_are_counted_and_not_kept(tmp_path):
    cell = "import warnings\nwarnings.warn('row of Mary' + ' Smith')"
    made = rendered(notebook(tmp_path, cell), tmp_path / "out")
    assert "lines of warnings" in made.notebook.read_text(encoding="utf-8")
    assert "Mary" not in made.html.read_text(encoding="utf-8")


def test_researchers_see_the_code(tmp_path):
    made = rendered(notebook(tmp_path, "# Title", "## Part", "rows"), tmp_path / "out", show_code=True)
    html = made.html.read_text(encoding="utf-8")
    assert "<summary>Code</summary>" in html


def test_text_output_is_escaped(tmp_path):
    made = rendered(notebook(tmp_path, "'<script>alert(1)</script>'"), tmp_path / "out")
    assert "<script" not in made.html.read_text(encoding="utf-8")

"""A document is read back as it was written, and never under another clinic's name."""

import json

import pytest
from sample_pages import clinic_document, ingest_document, network_document, research_document

from studypkg.errors import RenderError
from studypkg.reports import read_document, write_document
from studypkg.reports.document import to_dict
from studypkg.reports.reading import document_from


@pytest.mark.parametrize("make", [clinic_document, network_document, ingest_document, research_document])
def test_round_trip(make, tmp_path):
    document = make()
    path = write_document(document, tmp_path / "page.json")
    assert read_document(path, kind=document.kind, month="2026-09") == document


def test_the_wrong_clinic_is_refused(tmp_path):
    path = write_document(clinic_document(), tmp_path / "page.json")
    with pytest.raises(RenderError, match='is of clinic "clinic_03", but "clinic_04" was asked for'):
        read_document(path, kind="clinic", clinic="clinic_04")


def test_an_unknown_key_names_the_nearest():
    raw = {**to_dict(clinic_document()), "clinik_name": "x"}
    with pytest.raises(RenderError, match=r'unknown key "clinik_name"\. Did you mean "clinic_name"'):
        document_from(raw)


def test_a_lacking_key_is_named():
    raw = to_dict(clinic_document())
    del raw["outcome"]
    with pytest.raises(RenderError, match="outcome"):
        document_from(raw)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"month": "2026-09"}'])
def test_half_a_document_is_refused(text, tmp_path):
    path = tmp_path / "page.json"
    path.write_text(text)
    with pytest.raises(RenderError, match=r"page\.json"):
        read_document(path)


def test_not_a_number_cannot_be_written(tmp_path):
    document = clinic_document(provenance={"seconds": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_document(document, tmp_path / "page.json")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_plain_json(tmp_path):
    raw = json.loads(write_document(clinic_document(), tmp_path / "page.json").read_text(encoding="utf-8"))
    assert raw["kind"] == "clinic"
    assert raw["outcome"]["name"] == "pain"

"""The page about FHIR: its study.toml run on a clinic's export, as NDJSON and as one Bundle."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from studypkg.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/fhir.md").read_text(encoding="utf-8")
CLINIC = ROOT / "tests/data/fhir_clinic"
TABLES = ("episodes", "assessments", "treatments", "visits", "prescriptions")
#: Words that stand in names, addresses, notes and narratives of the export.
CANARIES = (b"Canarina", b"Zzyzwick", b"Canary Lane", b"Birdsville", b"MRN77000", b"010-1000", b"1931-04-09")


def resources():
    """Walk the export as plain JSON, sharing nothing with the reader."""
    for file in sorted((CLINIC / "export").glob("[A-Z]*.ndjson")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """Ingest the export in both forms, with the study.toml of the page."""
    folders = {}
    for form in ("ndjson", "bundle"):
        folder = folders[form] = tmp_path_factory.mktemp(form)
        (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
        (folder / "study.toml").write_text(text, encoding="utf-8")
        if form == "ndjson":
            shutil.copytree(CLINIC / "export", folder / "export")
        else:
            (folder / "export").mkdir()
            gone = json.loads((CLINIC / "export/deleted.ndjson").read_text(encoding="utf-8"))["entry"]
            bundle = {"resourceType": "Bundle", "type": "collection"}
            bundle["entry"] = [*({"resource": one} for one in resources()), *gone]
            (folder / "export/bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
        assert main(["ingest", "--study", str(folder)]) == 0
    return folders


def rows(folder, table):
    (path,) = (folder / "data/processed").glob(f"tables-*/{table}.parquet")
    frame = pd.read_parquet(path).astype(str)
    columns = [name for name in frame if not name.startswith(("_", "source_"))]
    return sorted(frame[columns].itertuples(index=False, name=None))


@pytest.mark.parametrize("table", TABLES)
def test_a_bundle_and_ndjson_give_the_same_rows(ingested, table):
    ndjson = rows(ingested["ndjson"], table)
    assert len(ndjson) > 0
    assert rows(ingested["bundle"], table) == ndjson


def test_the_rows_are_those_that_a_walk_through_the_files_counts(ingested):
    kinds = {}
    for one in resources():
        kinds.setdefault(one["resourceType"], []).append(one)
    assert len(rows(ingested["ndjson"], "episodes")) == len(kinds["EpisodeOfCare"])
    assert len(rows(ingested["ndjson"], "visits")) == len(kinds["Encounter"]) + len(kinds["Appointment"])
    named = [one for one in kinds["Procedure"] if "cpt" not in one["code"]["coding"][0]["system"]]
    assert len(rows(ingested["ndjson"], "treatments")) == len(named)
    assert len(rows(ingested["ndjson"], "prescriptions")) == len(kinds["ServiceRequest"])


def test_nobody_is_in_any_byte_that_was_written(ingested):
    for folder in ingested.values():
        export = b"".join(path.read_bytes() for path in (folder / "export").iterdir())
        assert [word for word in CANARIES if word not in export] == []
        for path in (folder / "data").rglob("*"):
            if path.is_file():
                held = path.read_bytes()
                assert [word for word in CANARIES if word in held] == [], path.name

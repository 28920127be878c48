"""Small FHIR deliveries, written beside the question that is put to them."""

import json
from types import SimpleNamespace

import duckdb
import pytest

from studypkg.records.arrivals import arrive
from studypkg.records.read import open_arrival
from studypkg.sources import Source

PATIENT, EPISODE, CONDITION, VISIT = (
    f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "1234"
)


@pytest.fixture
def ids():
    return SimpleNamespace(patient=PATIENT, episode=EPISODE, condition=CONDITION, visit=VISIT)


def coded(system, code, text=None):
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


@pytest.fixture
def make():
    """Make resources of one person with one episode from 5 January to 2 March 2026."""

    def base(kind, identifier, **fields):
        return {
            "resourceType": kind,
            "id": identifier,
            "subject": {"reference": f"Patient/{PATIENT}"},
            **fields,
        }

    def pain(number, day, value, **fields):
        return base(
            "Observation", f"{number:08d}-aaaa-4aaa-8aaa-aaaaaaaaaaaa", status="final",
            code=coded("http://loinc.org", "72514-3"), effectiveDateTime=day,
            valueQuantity={"value": value, "unit": "{score}", "code": "{score}"},
        ) | fields  # fmt: skip

    care = [
        {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1980-06-15"},
        {
            "resourceType": "EpisodeOfCare", "id": EPISODE, "status": "finished",
            "patient": {"reference": f"Patient/{PATIENT}"},
            "diagnosis": [{"condition": {"reference": f"Condition/{CONDITION}"}}],
            "managingOrganization": {"reference": "Organization/north"},
            "period": {"start": "2026-01-05", "end": "2026-03-02"},
        },
        base(
            "Condition", CONDITION, clinicalStatus=coded("x", "active"),
            code=coded("http://hl7.org/fhir/sid/icd-10-cm", "M76.31"), onsetDateTime="2025-12-01",
        ),
    ]  # fmt: skip
    return SimpleNamespace(base=base, pain=pain, care=care, coded=coded)


@pytest.fixture
def read(tmp_path):
    """Read resources, or files, as one table; gives the rows as dicts, and the notes."""
    connections = []

    def reading(table, given, path="delivery", **options):
        folder = tmp_path / "delivery"
        folder.mkdir(exist_ok=True)
        if isinstance(given, dict):
            for name, text in given.items():
                place = folder / name
                place.write_bytes(text if isinstance(text, bytes) else text.encode())
        else:
            bundle = {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": one} for one in given],
            }
            (folder / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
        connection = duckdb.connect(config={"threads": 1})
        connections.append(connection)
        withdrawn = options.pop("withdrawn", {})
        options = {
            "timezone": "America/New_York",
            **({"role": "by_order"} if table == "assessments" else {}),
        } | options
        source = Source(table=table, kind="fhir", path=path, fhir=options, withdrawn=withdrawn)
        raw = open_arrival(connection, arrive(source, tmp_path, tmp_path), source)
        rows = connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()
        dicts = [dict(zip(("_row", *raw.columns), row, strict=True)) for row in rows]
        return SimpleNamespace(raw=raw, rows=dicts, notes=" | ".join(raw.notes), connection=connection)

    yield reading
    for connection in connections:
        connection.close()

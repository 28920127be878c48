"""Published samples of three editions: the counts of their PROVENANCE, and no person in what is read."""

import json
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from studypkg.errors import IdentifierFoundError
from studypkg.records.arrivals import arrive
from studypkg.records.read import open_arrival
from studypkg.sources import Source

SAMPLES = Path(__file__).parents[3] / "data" / "fhir_samples"
SYNTHEA = {"timezone": "America/New_York", "episode": "patient"}
#: Pain scores per person, as PROVENANCE.md states them.
PAIN = {"Elisha": 8, "Xuan": 8, "Fabian": 9, "Jackson": 10}


def take(table, path, **options):
    connection = duckdb.connect(config={"threads": 1})
    source = Source(table=table, kind="fhir", path=path, fhir=options)
    raw = open_arrival(connection, arrive(source, SAMPLES, SAMPLES), source)
    rows = connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()
    return raw, [dict(zip(("_row", *raw.columns), row, strict=True)) for row in rows], connection


def resources(path):
    """Walk the files as plain JSON, sharing nothing with the reader."""
    place = SAMPLES / path
    for file in sorted(place.iterdir()) if place.is_dir() else [place]:
        for number, entry in enumerate(json.loads(file.read_text(encoding="utf-8"))["entry"], 1):
            yield file, number, entry["resource"]


def test_the_copies_hold_what_their_provenance_says():
    pain = Counter()
    for file, _, one in resources("r4_synthea"):
        if one["resourceType"] == "Observation" and one["code"]["coding"][0]["code"] == "72514-3":
            pain[file.name.split("_")[0]] += 1
    assert pain == PAIN


def test_every_pain_score_of_r4_is_read_with_its_value_day_and_place():
    raw, rows, _ = take("assessments", "r4_synthea", role="by_order", **SYNTHEA)
    files = sorted((SAMPLES / "r4_synthea").iterdir())
    expected = {
        (files.index(file), number): (one["valueQuantity"]["value"], one["subject"]["reference"][9:])
        for file, number, one in resources("r4_synthea")
        if one["resourceType"] == "Observation" and one["code"]["coding"][0]["code"] == "72514-3"
    }
    found = {(r["_row"] >> 40, r["_row"] & (2**40 - 1)): (float(r["score"]), r["episode_id"]) for r in rows}
    assert found == expected
    assert len(rows) == sum(PAIN.values())
    assert {r["instrument"] for r in rows} == {"nprs"}
    counts = Counter(one["resourceType"] for _, _, one in resources("r4_synthea"))
    assert (
        f"{counts['Observation']} Observation, 0 QuestionnaireResponse read: 35 made 35 row(s)"
        in raw.notes[1]
    )


@pytest.mark.parametrize(
    ("table", "kinds", "made"),
    [("visits", ("Encounter",), 52), ("treatments", ("Procedure",), 0), ("prescriptions", ("CarePlan",), 0),
     ("episodes", ("Patient",), 4), ("events", ("Procedure", "Condition"), 0)],
)  # fmt: skip
def test_every_resource_of_r4_is_a_row_or_has_a_reason(table, kinds, made):
    raw, rows, _ = take(table, "r4_synthea", **SYNTHEA)
    counts = Counter(one["resourceType"] for _, _, one in resources("r4_synthea"))
    assert len(rows) == made
    told = next(note for note in raw.notes if " read: " in note)
    assert all(f"{counts[kind]} {kind}" in told for kind in kinds)
    assert f"{sum(counts[kind] for kind in kinds) - made} are not for this table" in told


def test_bone_immobilization_is_no_modality_of_the_study_unless_the_study_says_so():
    _, rows, _ = take("treatments", "r4_synthea", codes={"274474001": "soft_tissue_release"}, **SYNTHEA)
    expected = [
        one for _, _, one in resources("r4_synthea")
        if one["resourceType"] == "Procedure" and one["code"]["coding"][0]["code"] == "274474001"
    ]  # fmt: skip
    assert len(rows) == len(expected) > 0


def test_dstu2_is_recognised_and_its_scores_are_kept_apart():
    scores = {
        "38221-8": "wong_baker",
        "http://cds.ahrq.gov/cdsconnect/pms|PEGASSESSMENT": "peg",
        "STARTBACK": {"instrument": "start_back"},
    }
    raw, rows, _ = take(
        "assessments", "dstu2_pain_summary/ahrq-pain-mgmt-summary.json", timezone="UTC", episode="patient",
        role="interim", date_fallback=["issued"], instruments=scores,
    )  # fmt: skip
    assert raw.notes[0].startswith("read as FHIR DSTU2")
    assert Counter(r["instrument"] for r in rows) == {"wong_baker": 3, "peg": 3, "start_back": 3}
    assert sorted(float(r["score"]) for r in rows if r["instrument"] == "wong_baker") == [6, 6, 10]
    assert {r["date"] for r in rows if r["instrument"] == "peg"} == {"2016-12-02", "2017-05-30", "2017-11-15"}


def test_a_time_of_issue_is_no_day_of_a_score_unless_the_study_says_so():
    _, rows, _ = take(
        "assessments", "dstu2_pain_summary/ahrq-pain-mgmt-summary.json", timezone="UTC", episode="patient",
        role="interim", instruments={"38221-8": "wong_baker"},
    )  # fmt: skip
    assert [r["date"] for r in rows] == ["", "", ""]


def test_stu3_questionnaires_give_the_scores_that_are_declared_and_no_answer_besides():
    raw, rows, _ = take(
        "assessments", "stu3_proms", timezone="UTC", episode="patient", ids="pseudonyms", role="by_order",
        date_fallback=["encounter"], instruments={"EQ-VAS": "eq_vas", "SMART-PROMs-QUE4#Score": "oxford_hip"},
    )  # fmt: skip
    assert raw.notes[0].startswith("read as FHIR STU3")
    told = sorted((r["instrument"], r["date"], r["score"]) for r in rows)
    assert told == [
        ("eq_vas", "2019-03-06", "70"), ("eq_vas", "2019-03-11", "90"), ("eq_vas", "2019-09-21", "999"),
        ("eq_vas", "2019-09-28", "95"), ("oxford_hip", "2019-03-06", "15"),
        ("oxford_hip", "2019-09-28", "46"),
    ]  # fmt: skip
    assert "10 QuestionnaireResponse read: 6 made 6 row(s), 4 are not for this table" in " ".join(raw.notes)


def test_ids_that_are_medical_record_numbers_are_refused():
    with pytest.raises(
        IdentifierFoundError, match=r"2 of 2 Patient ids stand among the patient's own identifiers"
    ):
        take("episodes", "stu3_proms", timezone="UTC", episode="patient")


def said_of_persons(path):
    """List every name, address, number, birth date and mother's name that the Patients of a sample carry."""
    words = set()
    for _, _, one in resources(path):
        if one["resourceType"] not in ("Patient", "Practitioner"):
            continue
        for name in one.get("name", []):
            family = name.get("family", [])
            words |= {*name.get("given", []), *(family if isinstance(family, list) else [family])}
        for place in one.get("address", []):
            words |= {*place.get("line", []), place.get("city"), place.get("postalCode")}
        words |= {contact["value"] for contact in one.get("telecom", [])}
        words |= {one["birthDate"][:10]} if one["resourceType"] == "Patient" else set()
        words |= {
            i["value"]
            for i in one.get("identifier", [])
            if len(i["value"]) > 4 and i["value"] != one.get("id")
        }
        words |= {x["valueString"] for x in one.get("extension", []) if "valueString" in x}
    return {word for word in words if word and len(word) > 3}


@pytest.mark.parametrize(
    ("path", "options"),
    [("r4_synthea", SYNTHEA), ("stu3_proms", {"timezone": "UTC", "episode": "patient", "ids": "pseudonyms"}),
     ("dstu2_pain_summary/ahrq-pain-mgmt-summary.json", {"timezone": "UTC", "episode": "patient"})],
)  # fmt: skip
@pytest.mark.parametrize("table", ["episodes", "assessments"])
def test_no_person_is_in_the_rows_the_notes_or_any_table_of_the_database(path, options, table):
    role = {"role": "interim", "instruments": {"EQ-VAS": "eq_vas"}} if table == "assessments" else {}
    raw, rows, connection = take(table, path, **options, **role)
    text = json.dumps([raw.name, raw.notes, [part.name for part in raw.parts], rows])
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert [name for (name,) in tables] == [raw.relation]
    found = {word for word in said_of_persons(path) if word in text}
    assert found == set()

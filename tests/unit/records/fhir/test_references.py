"""One id form for every way in which FHIR refers to a resource."""

import json

WAYS = (
    "Patient/{}", "https://ehr.example/fhir/Patient/{}", "Patient/{}/_history/3", "/Patient/{}",
    "urn:uuid:{}",
    "https://ehr.example/r4/Patient/{}/_history/12",
)  # fmt: skip


def test_ways_to_refer_to_a_patient(read, make, ids):
    subjects = [{"reference": way.format(ids.patient), "display": "Canary"} for way in WAYS]
    scores = [make.pain(n, "2026-01-05", 5, subject=subject) for n, subject in enumerate(subjects)]
    rows = read("assessments", [*make.care, *scores]).rows
    assert [row["episode_id"] for row in rows] == [ids.episode] * len(WAYS)


def test_a_patient_by_identifier_is_found_and_the_identifier_is_nowhere(read, make, ids):
    make.care[0]["identifier"] = [{"system": "urn:mrn", "value": "4711"}]
    subjects = [
        {"identifier": {"system": "urn:mrn", "value": "4711"}},
        {"reference": "Patient?identifier=urn:mrn|4711"},
    ]
    scores = [make.pain(n, "2026-01-05", 5, subject=subject) for n, subject in enumerate(subjects)]
    found = read("assessments", [*make.care, *scores])
    assert [row["episode_id"] for row in found.rows] == [ids.episode] * 2
    assert "4711" not in str(found.rows) + found.notes


def test_an_identifier_of_nobody_and_one_of_two_people_mean_no_patient(read, make):
    twin = {**make.care[0], "id": "7" * 8 + "-7777-4777-8777-" + "7" * 12}
    for one in (make.care[0], twin):
        one["identifier"] = [{"system": "urn:mrn", "value": "4711"}]
    subjects = [{"identifier": {"system": "urn:mrn", "value": value}} for value in ("4711", "4712")]
    scores = [make.pain(n, "2026-01-05", 5, subject=subject) for n, subject in enumerate(subjects)]
    found = read("assessments", [*make.care, twin, *scores])
    assert found.rows == []
    assert "2 of them: about no patient, or one that cannot be told apart" in found.notes


def test_the_address_of_an_entry_leads_to_the_id_of_its_resource(read, make, ids):
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": one} for one in make.care],
    }
    bundle["entry"][0]["fullUrl"] = "urn:uuid:0c3f9d8e-1111-4222-8333-444455556666"
    one = make.pain(
        1, "2026-01-05", 5, subject={"reference": "urn:uuid:0c3f9d8e-1111-4222-8333-444455556666"}
    )
    bundle["entry"].append({"resource": one})

    found = read("assessments", {"b.json": json.dumps(bundle)})
    assert [row["episode_id"] for row in found.rows] == [ids.episode]


def test_a_resource_without_an_id_has_that_of_its_address(read, make, ids):

    entries = [{"resource": one} for one in make.care]
    entries[1] = {"fullUrl": f"urn:uuid:{ids.episode}", "resource": {**make.care[1]}}
    del entries[1]["resource"]["id"]
    found = read("episodes", {"b.json": json.dumps({"resourceType": "Bundle", "entry": entries})})
    assert [row["episode_id"] for row in found.rows] == [ids.episode]

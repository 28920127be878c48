"""Modalities, visits, events and prescriptions: what a record says, and nothing read into it."""

import pytest

from studypkg.errors import ConfigError

CPT, SNOMED = "http://www.ama-assn.org/go/cpt", "http://snomed.info/sct"


def numbered(n):
    return f"{n:08d}-dddd-4ddd-8ddd-dddddddddddd"


def procedure(make, n, code, **fields):
    return make.base(
        "Procedure",
        numbered(n),
        status="completed",
        code=code,
        performedDateTime="2026-01-12T09:00:00-05:00",
        **fields,
    )


def test_a_modality_is_known_by_its_word_or_by_a_declared_code(read, make):
    given = [
        procedure(make, 1, {"text": "Dry-Needling"}),
        procedure(make, 2, {"coding": [{"system": SNOMED, "code": "1", "display": "IASTM"}]}),
        procedure(make, 3, {"coding": [{"system": "https://clinic.example/m", "code": "CUP"}]}),
        procedure(make, 4, {"text": "bone immobilization"}),
        procedure(make, 5, {"text": "cupping"}, performer=[{"actor": {"reference": "Practitioner/t1"}}]),
    ]
    found = read("treatments", [*make.care, *given], codes={"CUP": "myofascial_cupping"})
    told = [(row["modality"], row["date"], row["therapist_id"]) for row in found.rows]
    assert told == [
        ("dry_needling", "2026-01-12", ""), ("iastm", "2026-01-12", ""),
        ("myofascial_cupping", "2026-01-12", ""),
        ("myofascial_cupping", "2026-01-12", "t1"),
    ]  # fmt: skip
    assert "1 of them: another procedure" in found.notes


def test_a_billing_code_never_names_a_modality(read, make):
    given = [
        procedure(make, 1, {"coding": [{"system": CPT, "code": "97140", "display": "dry needling"}]}),
        procedure(
            make, 2, {"coding": [{"system": CPT, "code": "20560"}, {"system": SNOMED, "display": "cupping"}]}
        ),
    ]
    found = read("treatments", [*make.care, *given])
    assert [row["modality"] for row in found.rows] == ["myofascial_cupping"]
    assert "1 of them: a billing code, which says nothing of the modality" in found.notes


@pytest.mark.parametrize("key", ["97140", f"{CPT}|97140", "G0283"])
def test_a_billing_code_cannot_be_declared(read, make, key):
    with pytest.raises(ConfigError, match=r"a billing code says nothing of the modality"):
        read("treatments", make.care, codes={key: "soft_tissue_release"})


def test_two_modalities_in_one_procedure_and_what_was_not_done(read, make):
    given = [
        procedure(make, 1, {"text": "cupping", "coding": [{"system": SNOMED, "display": "dry needling"}]}),
        procedure(make, 2, {"text": "cupping"}) | {"status": "not-done"},
        procedure(make, 3, {"text": "cupping"}, notPerformed=True),
        procedure(make, 4, {"text": "cupping"}) | {"status": "in-progress"},
    ]
    found = read("treatments", [*make.care, *given], version="R4")
    assert [(row["modality"], row["fhir_reason"]) for row in found.rows] == [("", "two_modalities")]
    assert "2 of them: not done: not-done" in found.notes
    assert "1 of them: not done: in-progress" in found.notes


def visit(make, n, status, day, **fields):
    return make.base(
        "Encounter", numbered(n), status=status, period={"start": f"{day}T09:00:00-05:00"}, **fields
    )


def booking(make, n, status, day):
    who = [{"reference": f"Patient/{make.care[0]['id']}"}, {"reference": "Practitioner/t1"}]
    return {
        "resourceType": "Appointment", "id": numbered(n), "status": status, "start": f"{day}T09:00:00-05:00",
        "participant": [{"actor": one, "status": "accepted"} for one in who],
    }  # fmt: skip


def test_visits_from_encounters_and_from_the_appointments_they_do_not_speak_for(read, make):
    given = [
        visit(
            make, 1, "finished", "2026-01-05", participant=[{"individual": {"reference": "Practitioner/t1"}}]
        ),
        visit(make, 2, "cancelled", "2026-01-12"),
        visit(make, 3, "planned", "2026-01-19"),
        visit(make, 4, "entered-in-error", "2026-01-20"),
        booking(make, 5, "noshow", "2026-01-26"),
        booking(make, 6, "fulfilled", "2026-01-05"),
        booking(make, 7, "booked", "2026-02-02"),
    ]
    found = read("visits", [*make.care, *given])
    assert [(row["date"], row["status"], row["therapist_id"]) for row in found.rows] == [
        ("2026-01-05", "attended", "t1"), ("2026-01-12", "cancelled", ""), ("2026-01-26", "no_show", "t1"),
    ]  # fmt: skip
    for fate in ("not over: planned", "not over: booked", "an appointment whose Encounter is read"):
        assert f"1 of them: {fate}" in found.notes


def test_without_encounters_a_kept_appointment_is_a_visit(read, make):
    found = read("visits", [*make.care, booking(make, 1, "fulfilled", "2026-01-05")])
    assert [(row["status"], row["date"]) for row in found.rows] == [("attended", "2026-01-05")]


def test_a_visit_before_midnight_stays_on_its_day(read, make):
    late = visit(make, 1, "finished", "2026-01-05") | {"period": {"start": "2026-01-06T04:59:00Z"}}
    assert [row["date"] for row in read("visits", [*make.care, late]).rows] == ["2026-01-05"]


def test_events_are_adverse_events_and_what_the_study_declares(read, make):
    given = [
        make.base("AdverseEvent", numbered(1), actuality="actual", date="2026-01-20"),
        make.base("AdverseEvent", numbered(2), actuality="potential", date="2026-01-20"),
        procedure(make, 3, {"coding": [{"system": SNOMED, "code": "52734007"}]}),
        procedure(make, 4, {"coding": [{"system": SNOMED, "code": "1"}]}),
        make.base(
            "Condition", numbered(5), clinicalStatus=make.coded("x", "active"), recordedDate="2026-02-01",
            code=make.coded(SNOMED, "307176005"),
        ),
    ]  # fmt: skip
    found = read("events", [*make.care, *given], codes={"52734007": "surgery", "307176005": "adverse_event"})
    assert sorted((row["kind"], row["date"]) for row in found.rows) == [
        ("adverse_event", "2026-01-20"), ("adverse_event", "2026-02-01"), ("surgery", "2026-01-12"),
    ]  # fmt: skip
    assert "1 of them: not said to have happened" in found.notes


def request(make, n, **fields):
    return make.base(
        "ServiceRequest", numbered(n), status="active", intent="order", authoredOn="2026-01-05",
        code={"text": "Clamshells"}, **fields,
    )  # fmt: skip


def test_a_prescribed_exercise_with_its_dose(read, make):
    repeat = {
        "boundsPeriod": {"start": "2026-01-06", "end": "2026-02-17"},
        "frequency": 3,
        "period": 1,
        "periodUnit": "wk",
    }
    given = [
        request(
            make, 1, occurrenceTiming={"repeat": repeat}, quantityQuantity={"value": 12, "unit": "{reps}"}
        ),
        request(make, 2, quantityQuantity={"value": 2, "unit": "min"}, occurrenceTiming={
            "repeat": {"frequency": 1, "period": 1, "periodUnit": "mo"}}),
    ]  # fmt: skip
    first, second = read("prescriptions", [*make.care, *given]).rows
    assert first | {"_row": 0} == {
        "_row": 0, "episode_id": make.care[1]["id"], "exercise": "clamshell", "valid_from": "2026-01-06",
        "valid_to": "2026-02-17", "sets": "", "count_min": "12", "count_max": "12", "unit": "reps",
        "sessions_per_week": "3.0", "fhir_reason": "",
    }  # fmt: skip
    assert (second["valid_from"], second["count_min"], second["unit"]) == ("2026-01-05", "120", "seconds")
    assert second["sessions_per_week"] == ""  # a month has no fixed number of weeks


def test_a_plan_gives_a_row_for_each_of_its_exercises(read, make):
    plan = make.base(
        "CarePlan", numbered(1), status="active", intent="plan", period={"start": "2026-01-05"},
        activity=[
            {"detail": {"status": "in-progress", "code": {"text": "hip flexor stretch"}}},
            {"detail": {"status": "cancelled", "code": {"text": "clamshells"}}},
            {"detail": {"status": "in-progress", "code": {"text": "call the patient at home"}}},
            {"detail": {
                "status": "scheduled", "code": {"text": "leg lifts"},
                "quantity": {"value": 2, "unit": "{sets}"},
            }},
        ],
    )  # fmt: skip
    found = read("prescriptions", [*make.care, plan])
    told = [(row["exercise"], row["valid_from"], row["sets"]) for row in found.rows]
    assert told == [("hip_flexor_stretch", "2026-01-05", ""), ("side_lying_leg_lift", "2026-01-05", "2")]


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"status": "revoked"}, "not in force: revoked"),
    ({"intent": "proposal"}, "a proposal, no prescription"),
     ({"code": {"text": "blood test"}}, "no exercise of the study")],
)  # fmt: skip
def test_what_is_no_prescription_in_force(read, make, fields, told):
    found = read("prescriptions", [*make.care, request(make, 1) | fields])
    assert found.rows == []
    assert f"1 of them: {told}" in found.notes

"""Episodes of care: what they are made of, age without a birth date, ids that are no numbers."""

import pytest

from studypkg.errors import ConfigError, DataRejectedError, IdentifierFoundError


def test_an_episode_of_care_with_its_diagnosis_and_person(read, make, ids):
    found = read("episodes", make.care)
    assert found.rows == [
        {
            "_row": 2, "patient_id": ids.patient, "episode_id": ids.episode,
            "clinic_id": "north", "therapist_id": "",
            "start_date": "2026-01-05", "end_date": "2026-03-02", "condition": "itb_syndrome",
            "side": "right",
            "symptom_weeks": "5.0", "age_years": "45", "sex": "female", "fhir_reason": "",
        }
    ]  # fmt: skip


def people(make, count, change):
    """Copy the person and the episode as often as is needed, and change each copy."""
    for n in range(count):
        person, episode = (one | {"id": f"{n:08d}" + one["id"][8:]} for one in make.care[:2])
        episode["patient"] = {"reference": f"Patient/{person['id']}"}
        change(n, person, episode)
        yield from (person, episode)


BORN = {
    "1980-01-05": "46", "1980-01-06": "45", "1936-01-05": "90+", "1936-01-06": "89", "1921-05-05": "90+",
    "2024-02-29": "1", "2000-02-29": "25", "1980": "", "1980-06": "", "not told": "",
    "1980-01-05T00:00:00.000Z": "46",
}  # fmt: skip


def test_an_age_is_whole_years_at_the_start_and_needs_the_day_of_birth(read, make):
    given = people(make, len(BORN), lambda n, person, _: person.update(birthDate=list(BORN)[n]))
    found = read("episodes", [*given, make.care[2]])
    assert [row["age_years"] for row in found.rows] == list(BORN.values())
    assert not [born for born in BORN if born in str(found.rows)]


STATUSES = {
    "active": "", "onhold": "", "planned": "not begun: planned", "waitlist": "not begun: waitlist",
    "cancelled": "not begun: cancelled", "entered-in-error": "entered in error, so withdrawn",
}  # fmt: skip


def test_only_care_that_has_begun_is_an_episode_and_a_planned_end_is_none(read, make):
    given = people(make, len(STATUSES), lambda n, _, episode: episode.update(status=list(STATUSES)[n]))
    found = read("episodes", [*given, make.care[2]])
    assert [row["end_date"] for row in found.rows] == ["", ""]
    assert all(f"1 of them: {fate}" in found.raw.notes for fate in STATUSES.values() if fate)


CODES = (
    ("http://hl7.org/fhir/sid/icd-10-cm", "M7632", "itb_syndrome", "left"),
    ("urn:oid:2.16.840.1.113883.6.90", "m76.30", "itb_syndrome", "unspecified"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "S76.011D", "hip_flexor_strain", "right"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "M76.01", "gluteal_tendinopathy", "right"),
    ("http://loinc.org", "M76.31", "", ""),
    ("http://snomed.info/sct", "202855006", "lateral_epicondylitis", ""),
)


def test_codes_of_conditions(read, make):
    given = []
    for n, (system, code, *_) in enumerate(CODES):
        condition = make.care[2] | {
            "id": f"{n:08d}" + make.care[2]["id"][8:],
            "code": make.coded(system, code),
        }
        episode = make.care[1] | {"id": f"{n:08d}" + make.care[1]["id"][8:]}
        given += [
            condition,
            episode | {"diagnosis": [{"condition": {"reference": f"Condition/{condition['id']}"}}]},
        ]
    declared = {"http://snomed.info/sct|202855006": "lateral_epicondylitis"}
    found = read("episodes", [make.care[0], *given], codes=declared)
    assert [(row["condition"], row["side"]) for row in found.rows] == [one[2:] for one in CODES]
    assert [row["fhir_reason"] for row in found.rows if not row["condition"]] == ["no_diagnosis_of_the_study"]


def test_a_body_site_says_the_side_where_the_code_does_not(read, make):
    make.care[2]["code"] = make.coded("http://hl7.org/fhir/sid/icd-10-cm", "M54.50")
    make.care[2]["bodySite"] = [make.coded("http://snomed.info/sct", "7771000")]
    row = read("episodes", make.care).rows[0]
    assert (row["condition"], row["side"]) == ("referred_low_back_pain", "left")


def test_of_two_diagnoses_the_first_in_rank_counts_and_none_is_guessed(read, make):
    other = {**make.care[2], "id": "6" * 8 + "-6666-4666-8666-" + "6" * 12}
    other["code"] = make.coded("http://hl7.org/fhir/sid/icd-10-cm", "M25.551")
    make.care[1]["diagnosis"].append({"condition": {"reference": f"Condition/{other['id']}"}})
    row = read("episodes", [*make.care, other]).rows[0]
    assert (row["condition"], row["fhir_reason"]) == ("", "two_diagnoses")
    make.care[1]["diagnosis"][1]["rank"] = 1
    row = read("episodes", [*make.care, other]).rows[0]
    assert (row["condition"], row["fhir_reason"]) == ("outside_hip_pain", "")


def test_a_refuted_diagnosis_is_none(read, make):
    make.care[2]["verificationStatus"] = make.coded("x", "refuted")
    assert read("episodes", make.care).rows[0]["fhir_reason"] == "no_diagnosis_of_the_study"


def test_a_condition_as_episode_begins_with_the_first_visit_for_it(read, make, ids):
    make.care[2] |= {"recordedDate": "2026-01-02", "abatementDateTime": "2026-03-01"}
    visits = [
        make.base(
            "Encounter", f"{n:08d}-bbbb-4bbb-8bbb-bbbbbbbbbbbb", status="finished", period={"start": day},
            serviceProvider={"reference": f"Organization/o{n}"},
            diagnosis=[{"condition": {"reference": f"Condition/{ids.condition}"}}],
        )
        for n, day in enumerate(["2026-01-19", "2026-01-12"])
    ]  # fmt: skip
    row = read("episodes", [*make.care, *visits], episode="condition").rows[0]
    told = (row["episode_id"], row["start_date"], row["end_date"], row["clinic_id"], row["symptom_weeks"])
    assert told == (ids.condition, "2026-01-12", "2026-03-01", "o1", "6.0")
    row = read("episodes", make.care, episode="condition").rows[0]
    assert row["start_date"] == "2026-01-02"


def test_everything_of_a_patient_as_one_episode(read, make, ids):
    visit = make.base(
        "Encounter", ids.visit, status="finished", period={"start": "2026-01-07T09:00:00-05:00"}
    )
    row = read("episodes", [*make.care, visit], episode="patient").rows[0]
    assert (row["episode_id"], row["start_date"], row["condition"]) == (
        ids.patient,
        "2026-01-07",
        "itb_syndrome",
    )


@pytest.mark.parametrize("number", ["12724066", "MRN0012345", "Mary.Smith"])
def test_an_id_that_may_be_a_record_number_is_refused_without_naming_it(read, make, number):
    make.care[0]["id"] = number
    make.care[1]["patient"] = {"reference": f"Patient/{number}"}
    with pytest.raises(IdentifierFoundError, match=r"study pseudonymise") as fault:
        read("episodes", make.care)
    assert number not in str(fault.value)
    assert read("episodes", make.care, ids="pseudonyms").rows[0]["patient_id"] == number


@pytest.mark.parametrize("made_up", ["eq081-VQEgP8drUUqCWzHfw3", "9f86d081884c7d659a2feaa0"])
def test_an_id_that_a_machine_made_up_is_a_pseudonym(read, make, made_up):
    make.care[0]["id"] = made_up
    make.care[1]["patient"] = {"reference": f"Patient/{made_up}"}
    assert read("episodes", make.care).rows[0]["patient_id"] == made_up


@pytest.mark.parametrize(
    ("change", "edition"),
    [
        ({}, "R4"),
        ({"assertedDate": "2026-01-02"}, "STU3"),
        ({"dateRecorded": "2026-01-02"}, "DSTU2"),
        ({"meta": {"profile": ["http://hl7.org/fhir/3.0/StructureDefinition/Condition"]}}, "STU3"),
    ],
)
def test_the_edition_shows_in_the_resources(read, make, change, edition):
    make.care[2] |= change
    if change:
        make.care[2]["clinicalStatus"] = "active"
    assert read("episodes", make.care).notes.startswith(f"read as FHIR {edition}, by the shape")


def test_r5_is_refused_and_a_mixture_is_asked_about(read, make):
    make.care[1]["diagnosis"] = [{"condition": [{"reference": "Condition/1"}]}]
    with pytest.raises(DataRejectedError, match=r"FHIR R5 .* Ask for R4"):
        read("episodes", make.care)
    assert read("episodes", make.care, version="R4").notes.startswith("read as FHIR R4, as declared")
    older = make.base("Condition", "8" * 32, dateRecorded="2026-01-02", clinicalStatus="active")
    make.care[1]["diagnosis"] = []
    with pytest.raises(ConfigError, match=r"1 that look like DSTU2 and 1 that look like R4"):
        read("episodes", [*make.care, older])


def test_no_fhir_resource_is_an_exercise_log(read, make):
    with pytest.raises(ConfigError, match=r'no FHIR resource feeds "exercise_logs"'):
        read("exercise_logs", make.care)

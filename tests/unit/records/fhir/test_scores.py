"""Scores: which code, which unit, which status, which episode, which role."""

import json

import pytest

from studypkg.errors import ConfigError


def scores(found):
    return [(row["date"], row["instrument"], row["score"], row["role"]) for row in found.rows]


def test_pain_of_one_episode_in_the_order_of_its_days(read, make):
    found = read(
        "assessments",
        [
            *make.care,
            make.pain(3, "2026-03-02", 2),
            make.pain(1, "2026-01-05", 7),
            make.pain(2, "2026-02-02", 5.5),
        ],
    )
    assert sorted(scores(found)) == [
        ("2026-01-05", "nprs", "7", "intake"),
        ("2026-02-02", "nprs", "5.5", "interim"),
        ("2026-03-02", "nprs", "2", "discharge"),
    ]
    assert {row["episode_id"] for row in found.rows} == {make.care[1]["id"]}


def test_the_last_score_before_the_end_is_no_discharge(read, make):
    found = read("assessments", [*make.care, make.pain(1, "2026-01-05", 7), make.pain(2, "2026-03-01", 2)])
    assert [role for *_, role in scores(found)] == ["intake", "interim"]


def test_a_role_must_be_declared(read, make):
    with pytest.raises(ConfigError, match=r'role = "by_order"'):
        read("assessments", [*make.care, make.pain(1, "2026-01-05", 7)], role=None)


NPRS, VAS = "72514-3", "38214-3"
#: Code, quantity as sent, score as it goes on, and what is wrong with it.
QUANTITIES = (
    (NPRS, {"value": 7, "unit": "{score}"}, "7", ""),
    (NPRS, {"value": 7}, "7", ""),
    (NPRS, {"value": 7, "code": "1", "unit": "of ten"}, "7", ""),
    (NPRS, {"value": 64, "unit": "mm"}, "64 mm", "unit_does_not_fit"),
    (NPRS, {"value": 64, "code": "%"}, "64 %", "unit_does_not_fit"),
    (NPRS, {"value": 3, "unit": "{score}", "comparator": "<"}, "3 as a bound", "a_bound"),
    (VAS, {"value": 64, "unit": "mm", "code": "mm"}, "64", ""),
    (VAS, {"value": 6.4, "unit": "cm", "code": "cm"}, "64.0", ""),
    (VAS, {"value": 7, "unit": "{score}"}, "7 {score}", "unit_does_not_fit"),
    (VAS, {"value": 7}, "7 without a unit", "unit_does_not_fit"),
    (NPRS, {"value": 1e300, "unit": "{score}"}, "1e+300", ""),
    (NPRS, {"value": 7, "unit": "Canary"}, "7 another unit", "unit_does_not_fit"),
    (NPRS, {"value": 7, "unit": "Canary asked for water"}, "7 another unit", "unit_does_not_fit"),
)


def test_the_unit_decides_what_a_number_is(read, make):
    given = [
        make.pain(n, f"2026-01-{n:02d}", 0, code=make.coded("http://loinc.org", code), valueQuantity=quantity)
        for n, (code, quantity, *_) in enumerate(QUANTITIES, 6)
    ]
    found = read("assessments", [*make.care, *given])
    assert [(row["score"], row["fhir_reason"]) for row in found.rows] == [one[2:] for one in QUANTITIES]


VALUES = (
    ({"valueInteger": 6}, "6", ""),
    ({"valueString": "7/10"}, "7/10", "no_number"),
    ({"valueString": "7-8"}, "7-8", "no_number"),
    ({"valueString": "seven, says Canary"}, "text", "no_number"),
    ({"valueCodeableConcept": {"coding": [{"code": "LA6752-5"}]}}, "", "a_word"),
    ({}, "", "no_value"),
)


def test_values_that_are_no_quantity(read, make):
    given = []
    for n, (value, *_) in enumerate(VALUES, 6):
        one = make.pain(n, f"2026-01-{n:02d}", 0)
        del one["valueQuantity"]
        given.append({**one, **value})
    found = read("assessments", [*make.care, *given])
    assert [(row["score"], row["fhir_reason"]) for row in found.rows] == [one[1:] for one in VALUES]


#: What is changed in a score, and what it is counted as then.
NOT_FOR_THE_STUDY = (
    ({"status": "entered-in-error"}, "entered in error, so withdrawn"),
    ({"status": "preliminary"}, "not final: preliminary"),
    ({"status": "registered"}, "not final: registered"),
    ({"status": "cancelled"}, "not final: cancelled"),
    ({"status": None}, "without a status"),
    ({"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}}, "another measurement"),
    ({"code": {"text": "pain"}}, "another measurement"),
    ({"subject": {"reference": "Group/1"}}, "about no patient, or one that cannot be told apart"),
    (
        {"subject": {"reference": "#p1"}, "contained": [{"id": "p1"}]},
        "about no patient, or one that cannot be told apart",
    ),
    ({"effectiveDateTime": "2024-01-05"}, "no episode of care of the study on that day"),
    ({"valueQuantity": None, "dataAbsentReason": {"text": "asked"}}, "no value, and it says why not"),
)


def test_what_is_no_score_of_the_study_is_counted_with_its_reason(read, make):
    changed = [
        {k: v for k, v in {**make.pain(n, "2026-01-12", 5), **fields}.items() if v is not None}
        for n, (fields, _) in enumerate(NOT_FOR_THE_STUDY, 2)
    ]
    found = read("assessments", [*make.care, make.pain(1, "2026-01-05", 7), *changed])
    assert len(found.rows) == 1
    assert (
        "12 Observation, 0 QuestionnaireResponse read: 1 made 1 row(s), 11 are not for this table"
        in found.notes
    )
    for fate in {fate for _, fate in NOT_FOR_THE_STUDY}:
        number = sum(fate == other for _, other in NOT_FOR_THE_STUDY)
        assert f"{number} of them: {fate}" in found.raw.notes


def test_of_two_versions_the_one_updated_last_counts(read, make):
    older = make.pain(1, "2026-01-05", 7, meta={"lastUpdated": "2026-01-05T15:00:00Z"})
    newer = make.pain(1, "2026-01-05", 3, status="amended", meta={"lastUpdated": "2026-01-06T15:00:00+01:00"})
    found = read("assessments", [*make.care, newer, older])
    assert [row["score"] for row in found.rows] == ["3"]
    assert "1 of them: an older version of another resource in the delivery" in found.notes


def test_a_correction_that_was_entered_in_error_takes_the_score_back(read, make):
    older = make.pain(1, "2026-01-05", 7, meta={"lastUpdated": "2026-01-05T15:00:00Z"})
    newer = make.pain(
        1, "2026-01-05", 7, status="entered-in-error", meta={"lastUpdated": "2026-01-06T15:00:00Z"}
    )
    assert read("assessments", [*make.care, older, newer]).rows == []


def test_components_are_scores_of_their_own(read, make):
    panel = make.base(
        "Observation", "00000001-aaaa-4aaa-8aaa-aaaaaaaaaaaa", status="final", effectiveDateTime="2026-01-05",
        code=make.coded("http://loinc.org", "panel"),
        component=[
            {"code": make.coded("http://loinc.org", "72514-3"),
             "valueQuantity": {"value": 6, "code": "{score}"}},
            {"code": make.coded("http://loinc.org", "8867-4"),
             "valueQuantity": {"value": 61, "unit": "/min"}},
            {"code": make.coded("http://loinc.org", "38214-3"), "valueQuantity": {"value": 58, "code": "mm"}},
        ],
    )  # fmt: skip
    found = read("assessments", [*make.care, panel])
    assert sorted((row["instrument"], row["score"]) for row in found.rows) == [
        ("nprs", "6"),
        ("vas_pain", "58"),
    ]
    assert "1 made 2 row(s)" in found.notes
    places = [found.raw.place(row["_row"]) for row in found.rows]
    assert places == ["row 4 of bundle.json", "row 4 of bundle.json (row 2 of the resource)"]


def test_instruments_and_contexts_stay_apart(read, make):
    worst = make.pain(2, "2026-01-05", 9, code=make.coded("http://loinc.org", "38208-5"))
    faces = make.pain(3, "2026-01-05", 4, code=make.coded("http://loinc.org", "38221-8"))
    declared = {"38208-5": {"instrument": "NRS", "context": "worst_24h"}, "38221-8": "wong_baker"}
    found = read(
        "assessments", [*make.care, make.pain(1, "2026-01-05", 5), worst, faces], instruments=declared
    )
    told = sorted((row["instrument"], row["context"], row["score"]) for row in found.rows)
    assert told == [("nprs", "", "5"), ("nprs", "worst_24h", "9"), ("wong_baker", "", "4")]
    assert {row["role"] for row in found.rows} == {"intake"}


def test_codes_of_two_instruments_in_one_observation_are_not_chosen_between(read, make):
    both = make.pain(1, "2026-01-05", 5)
    both["code"]["coding"].append({"system": "http://loinc.org", "code": "38214-3"})
    assert [row["fhir_reason"] for row in read("assessments", [*make.care, both]).rows] == ["two_instruments"]


def test_a_declared_unit_is_the_only_one(read, make):
    declared = {"38214-3": {"instrument": "vas_pain", "unit": "{score}"}}
    code = make.coded("http://loinc.org", "38214-3")
    both = [
        make.pain(1, "2026-01-05", 70, code=code),
        make.pain(2, "2026-01-06", 7, code=code, valueQuantity={"value": 7, "unit": "cm"}),
    ]
    found = read("assessments", [*make.care, *both], instruments=declared)
    assert [row["score"] for row in found.rows] == ["70", "7 cm"]


def answer(make, items, **fields):
    return make.base(
        "QuestionnaireResponse", "00000009-aaaa-4aaa-8aaa-aaaaaaaaaaaa", status="completed", item=items,
        questionnaire="https://clinic.example/Questionnaire/lefs|2.1",
        authored="2026-01-05T10:00:00-05:00", **fields,
    )  # fmt: skip


ANSWERS = (
    ([{"valueInteger": 52}], "52", ""),
    ([{"valueDecimal": 52.5}], "52.5", ""),
    ([{"valueQuantity": {"value": 52, "unit": "{score}"}}], "52", ""),
    ([{"valueCoding": {"code": "52"}}], "52", ""),
    ([{"valueCoding": {"code": "LA1-2"}}], "no number", "no_number"),
    ([{"valueString": "52 of 80, said Canary"}], "text", "no_number"),
    ([{"valueInteger": 52}, {"valueInteger": 50}], "52 and more", "several_answers"),
)


def test_a_total_deep_in_a_questionnaire(read, make):
    forms = [
        answer(make, [{"linkId": "g", "item": [{"linkId": "h", "answer": [{"valueBoolean": True, "item": [
            {"linkId": "total", "answer": given}]}]}, {"linkId": "q1", "answer": [{"valueInteger": 3}]}]}])
        | {"id": f"{n:08d}-cccc-4ccc-8ccc-cccccccccccc"}
        for n, (given, *_) in enumerate(ANSWERS)
    ]  # fmt: skip
    found = read("assessments", [*make.care, *forms], instruments={"lefs#total": "lefs"})
    assert [(r["instrument"], r["score"], r["fhir_reason"]) for r in found.rows] == [
        ("lefs", *a[1:]) for a in ANSWERS
    ]


def test_an_item_whose_link_is_a_loinc_code_needs_no_declaration(read, make):
    found = read(
        "assessments", [*make.care, answer(make, [{"linkId": "/72514-3", "answer": [{"valueInteger": 4}]}])]
    )
    assert [(row["instrument"], row["score"]) for row in found.rows] == [("nprs", "4")]


def test_a_total_of_another_questionnaire_is_not_taken(read, make):
    other = answer(make, [{"linkId": "total", "answer": [{"valueInteger": 52}]}])
    other["questionnaire"] = "https://clinic.example/Questionnaire/odi"
    found = read("assessments", [*make.care, other], instruments={"lefs#total": "lefs"})
    assert found.rows == []
    assert "1 of them: no item of it is a score of the study" in found.notes


def test_two_open_episodes_are_not_chosen_between_unless_the_encounter_tells(read, make, ids):
    other = json.loads(json.dumps(make.care[1])) | {"id": "5" * 8 + "-5555-4555-8555-" + "5" * 12}
    visit = make.base(
        "Encounter", ids.visit, status="finished", period={"start": "2026-01-06T09:00:00-05:00"},
        episodeOfCare=[{"reference": f"EpisodeOfCare/{ids.episode}"}],
    )  # fmt: skip
    told = make.pain(2, "2026-01-06", 4, encounter={"reference": f"Encounter/{ids.visit}"})
    found = read("assessments", [*make.care, other, visit, make.pain(1, "2026-01-06", 5), told])
    assert [(r["score"], r["episode_id"], r["fhir_reason"]) for r in found.rows] == [
        ("5", "", "two_episodes"), ("4", ids.episode, ""),
    ]  # fmt: skip


def test_a_score_may_lie_a_month_around_its_episode(read, make):
    days = ["2025-12-05", "2025-12-06", "2026-02-01", "2026-04-01", "2026-04-02"]
    found = read("assessments", [*make.care, *(make.pain(n, day, 5) for n, day in enumerate(days))])
    assert [row["date"] for row in found.rows] == days[1:4]

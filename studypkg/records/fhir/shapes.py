"""What is read of each resource, and nothing else: the shape of its JSON and the columns made of it.

A name, an address, a telephone number, a photo, a note or a narrative has no place in any of these
shapes, so it cannot come into a table. Whatever is text in a shape is reduced to a closed form (an id, a
day, a number, a word that is known) before it becomes a column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TEXT = "VARCHAR"
_REFERENCE = {"reference": _TEXT, "identifier": "JSON"}
_PERIOD = {"start": _TEXT, "end": _TEXT}
_CONCEPT = {"coding": "JSON", "text": _TEXT}
_QUANTITY = {"value": _TEXT, "comparator": _TEXT, "unit": _TEXT, "code": _TEXT}
_VALUE = {
    "valueQuantity": _QUANTITY, "valueInteger": _TEXT, "valueString": _TEXT,
    "valueCodeableConcept": {"coding": "JSON"}, "dataAbsentReason": "JSON",
}  # fmt: skip
_REPEAT = {
    "boundsPeriod": _PERIOD, "frequency": _TEXT, "frequencyMax": _TEXT, "period": _TEXT, "periodMax": _TEXT,
    "periodUnit": _TEXT, "periodUnits": _TEXT,
}  # fmt: skip
#: A dose, of a request or of an activity of a plan.
_DOSE = {"value": _TEXT, "unit": _TEXT, "code": _TEXT}

_PATIENT = "coalesce(fhir_ref(r.subject, 'Patient'), fhir_ref(r.patient, 'Patient'))"
_ENCOUNTER = "coalesce(fhir_ref(r.encounter, 'Encounter'), fhir_ref(r.context, 'Encounter'))"
_STATUS = "CASE WHEN regexp_full_match(r.status, '[a-z][a-z-]{1,30}') THEN r.status END"
_TERMS = "fhir_known(fhir_tokens(codings), @codes)"
_NAMED = "list_concat(fhir_known(fhir_tokens(codings), @codes), fhir_known(fhir_words(codings, r.code.text), @words))"


def _measured(part: str) -> str:
    """Write the SQL of a value with its kind: text is kept only where it is made of digits and signs."""
    q = f"{part}.valueQuantity"
    digits = "[0-9][0-9 .,/–-]{0,11}"
    return f"""struct_pack(
        terms := fhir_known(fhir_tokens(fhir_codings({part}.code.coding)), @codes),
        value := CASE WHEN {q}.value IS NOT NULL THEN fhir_number({q}.value)
            WHEN {part}.valueInteger IS NOT NULL THEN fhir_number({part}.valueInteger)
            WHEN {part}.valueString IS NOT NULL THEN CASE WHEN regexp_full_match(trim({part}.valueString),
                '{digits}') THEN trim({part}.valueString) ELSE 'text' END END,
        unit := CASE WHEN {q} IS NULL THEN '' WHEN coalesce({q}.code, {q}.unit) IS NULL THEN 'none'
            WHEN regexp_full_match(coalesce({q}.code, {q}.unit), '[A-Za-z0-9%{{}}/. _-]{{1,20}}')
            THEN coalesce({q}.code, {q}.unit) ELSE 'another unit' END,
        kind := CASE WHEN {q}.value IS NOT NULL AND {q}.comparator IS NOT NULL THEN 'bound'
            WHEN {q}.value IS NOT NULL THEN 'quantity' WHEN {part}.valueInteger IS NOT NULL THEN 'integer'
            WHEN {part}.valueString IS NOT NULL THEN 'string'
            WHEN {part}.valueCodeableConcept.coding IS NOT NULL THEN 'coded'
            WHEN {part}.dataAbsentReason IS NOT NULL THEN 'absent' ELSE 'none' END)"""


def _dose(code: str, r: str, timing: str, quantity: str, start: str, end: str) -> str:
    """Write the SQL of one prescribed exercise."""
    repeat = f"{timing}.repeat"
    return f"""struct_pack(
        terms := list_sort(list_distinct(list_concat(
            fhir_known(fhir_tokens(fhir_codings({code}.coding)), @codes),
            fhir_known(fhir_words(fhir_codings({code}.coding), {code}.text), @words)))),
        status := CASE WHEN regexp_full_match({r}.status, '[a-z][a-z-]{{1,30}}') THEN {r}.status END,
        valid_from := fhir_day(coalesce({start}, {repeat}.boundsPeriod.start)),
        valid_to := fhir_day(coalesce({end}, {repeat}.boundsPeriod."end")),
        frequency := CASE WHEN {repeat}.frequencyMax IS NULL AND {repeat}.periodMax IS NULL
            THEN fhir_number({repeat}.frequency) END,
        period := fhir_number({repeat}.period),
        period_unit := CASE WHEN coalesce({repeat}.periodUnit, {repeat}.periodUnits) IN ('d', 'wk')
            THEN coalesce({repeat}.periodUnit, {repeat}.periodUnits) END,
        amount := fhir_number({quantity}.value),
        unit := CASE WHEN regexp_full_match(coalesce({quantity}.code, {quantity}.unit), '[A-Za-z{{}}]{{1,20}}')
            THEN lower(coalesce({quantity}.code, {quantity}.unit)) END)"""


@dataclass(frozen=True)
class Shape:
    """How one type of resource is read.

    Parameters
    ----------
    fields
        The part of its JSON that is looked at, with the type of each leaf.
    columns
        Column to SQL over `r`, the resource in that shape, and over `lists`.
    lists
        What several columns are made of.
    references
        Columns that refer to a resource, with its type.
    edition
        SQL that tells the edition of FHIR by the shape, or NULL where it does not show.
    moment
        SQL of the text that says when it happened.
    """

    fields: Mapping[str, Any]
    columns: Mapping[str, str]
    lists: Mapping[str, str] = field(default_factory=dict)
    references: tuple[tuple[str, str], ...] = ()
    edition: str = "NULL"
    moment: str = "NULL::VARCHAR"

    @property
    def json(self) -> str:
        """The shape as DuckDB's `json_transform` wants it."""
        every = {"resourceType": _TEXT, "id": _TEXT, "meta": {"lastUpdated": _TEXT, "profile": [_TEXT]}}
        return json.dumps({**every, **self.fields})


_CODINGS = {"codings": "fhir_codings(r.code.coding)"}
_WHO = (("patient", "Patient"), ("encounter", "Encounter"))
_ACTOR = (
    "fhir_ref(list_filter(r.participant, lambda p: starts_with(p.actor.reference, '@/') OR "
    "contains(p.actor.reference, '/@/'))[1].actor, '@')"
)

SHAPES: Mapping[str, Shape] = {
    "Patient": Shape(
        {"gender": _TEXT, "identifier": [{"system": _TEXT, "value": _TEXT}]},
        {
            "sex": "CASE WHEN r.gender IN ('male', 'female', 'other', 'unknown') THEN r.gender ELSE '' END",
            "aliases": "list_filter(list_transform(r.identifier, lambda i: fhir_seal(i.system, i.value)), "
            "lambda x: x IS NOT NULL)",
            "is_number": "coalesce(list_contains(list_transform(r.identifier, lambda i: i.value), r.id), false)",
        },
    ),
    "EpisodeOfCare": Shape(
        {
            "status": _TEXT, "patient": _REFERENCE, "subject": _REFERENCE, "period": _PERIOD,
            "diagnosis": [{"condition": "JSON", "rank": _TEXT}], "condition": [_REFERENCE],
            "careManager": _REFERENCE, "managingOrganization": _REFERENCE,
        },
        {
            "status": _STATUS,
            "patient": _PATIENT,
            "starts": "fhir_day(r.period.start)",
            "ends": 'fhir_day(r.period."end")',
            "conditions": "list_concat(list_transform(r.diagnosis, lambda d: fhir_ref("
            "json_transform(d.condition, '{\"reference\":\"VARCHAR\",\"identifier\":\"JSON\"}'), 'Condition')), "
            "list_transform(r.condition, lambda c: fhir_ref(c, 'Condition')))",
            "first_rank": "list_position(list_transform(r.diagnosis, lambda d: d.rank), '1')",
            "clinic": "fhir_ref(r.managingOrganization, 'Organization')",
            "therapist": "fhir_ref(r.careManager, 'Practitioner')",
        },
        references=(("patient", "Patient"),),
        edition="CASE WHEN r.condition IS NOT NULL THEN 'DSTU2' "
        "WHEN json_type(r.diagnosis[1].condition) = 'ARRAY' THEN 'R5' END",
        moment="r.period.start",
    ),
    "Condition": Shape(
        {
            "clinicalStatus": "JSON", "verificationStatus": "JSON", "code": _CONCEPT, "subject": _REFERENCE,
            "patient": _REFERENCE, "encounter": _REFERENCE, "context": _REFERENCE, "bodySite": "JSON",
            "onsetDateTime": _TEXT, "abatementDateTime": _TEXT, "recordedDate": _TEXT, "assertedDate": _TEXT,
            "dateRecorded": _TEXT, "participant": "JSON",
        },
        {
            "status": "CASE WHEN regexp_matches(r.verificationStatus::VARCHAR, 'entered-in-error') "
            "THEN 'entered-in-error' WHEN regexp_matches(r.verificationStatus::VARCHAR, 'refuted') "
            "THEN 'refuted' ELSE 'stated' END",
            "patient": _PATIENT,
            "encounter": _ENCOUNTER,
            "terms": _TERMS,
            "onset": "fhir_day(r.onsetDateTime)",
            "recorded": "fhir_day(coalesce(r.recordedDate, r.assertedDate, r.dateRecorded))",
            "abated": "fhir_day(r.abatementDateTime)",
            "site_side": "fhir_known(fhir_tokens(fhir_codings(json_extract(r.bodySite, '$[0].coding'))), "
            "MAP {'snomed|7771000': 'left', 'snomed|24028007': 'right', 'snomed|51440002': 'both'})[1]",
        },
        _CODINGS,
        _WHO,
        "CASE WHEN r.participant IS NOT NULL THEN 'R5' WHEN r.patient IS NOT NULL OR r.dateRecorded IS NOT NULL "
        "THEN 'DSTU2' WHEN r.context IS NOT NULL OR r.assertedDate IS NOT NULL THEN 'STU3' "
        "WHEN json_type(r.clinicalStatus) = 'OBJECT' THEN 'R4' END",
        moment="coalesce(r.recordedDate, r.assertedDate, r.dateRecorded)",
    ),
    "Encounter": Shape(
        {
            "status": _TEXT, "class": "JSON", "subject": _REFERENCE, "patient": _REFERENCE, "period": _PERIOD,
            "episodeOfCare": [_REFERENCE], "serviceProvider": _REFERENCE, "appointment": "JSON",
            "participant": [{"individual": _REFERENCE}], "actualPeriod": "JSON",
            "diagnosis": [{"condition": _REFERENCE}], "reasonReference": [_REFERENCE],
        },
        {
            "status": _STATUS,
            "patient": _PATIENT,
            "day": "fhir_day(r.period.start)",
            "episodes": "list_distinct(list_filter(list_transform(r.episodeOfCare, "
            "lambda e: fhir_ref(e, 'EpisodeOfCare')), lambda x: x IS NOT NULL))",
            "clinic": "fhir_ref(r.serviceProvider, 'Organization')",
            "therapist": "list_filter(list_transform(r.participant, "
            "lambda p: fhir_ref(p.individual, 'Practitioner')), lambda x: x IS NOT NULL)[1]",
            "conditions": "list_filter(list_concat(list_transform(r.diagnosis, lambda d: "
            "fhir_ref(d.condition, 'Condition')), list_transform(r.reasonReference, "
            "lambda d: fhir_ref(d, 'Condition'))), lambda x: x IS NOT NULL)",
            "appointments": "regexp_extract_all(r.appointment::VARCHAR, 'Appointment/([A-Za-z0-9.-]{1,64})', 1)",
        },
        references=(("patient", "Patient"),),
        edition="CASE WHEN r.actualPeriod IS NOT NULL OR json_type(r.class) = 'ARRAY' THEN 'R5' "
        "WHEN r.patient IS NOT NULL OR json_type(r.class) = 'VARCHAR' THEN 'DSTU2' END",
        moment="r.period.start",
    ),
    "Observation": Shape(
        {
            "status": _TEXT, "category": "JSON", "code": _CONCEPT, "subject": _REFERENCE, "encounter": _REFERENCE,
            "context": _REFERENCE, "effectiveDateTime": _TEXT, "effectiveInstant": _TEXT,
            "effectivePeriod": _PERIOD, "issued": _TEXT, "triggeredBy": "JSON", **_VALUE,
            "component": [{"code": _CONCEPT, **_VALUE}],
        },
        {
            "status": _STATUS,
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": _ENCOUNTER,
            "day": "coalesce(fhir_day(coalesce(r.effectiveDateTime, r.effectiveInstant)), "
            'fhir_period(r.effectivePeriod.start, r.effectivePeriod."end"))',
            "issued": "fhir_day(r.issued)",
            "scores": f"list_filter(list_prepend({_measured('r')}, list_transform(coalesce(r.component, []), "
            f"lambda p: {_measured('p')})), lambda s: len(s.terms) > 0)",
        },
        references=_WHO,
        edition="CASE WHEN r.triggeredBy IS NOT NULL THEN 'R5' WHEN json_type(r.category) = 'OBJECT' THEN 'DSTU2' "
        "WHEN r.context IS NOT NULL THEN 'STU3' "
        "WHEN json_type(r.category) = 'ARRAY' AND r.encounter IS NOT NULL THEN 'R4' END",
        moment="coalesce(r.effectiveDateTime, r.effectiveInstant, r.effectivePeriod.start, r.issued)",
    ),
    "QuestionnaireResponse": Shape(
        {
            "status": _TEXT, "questionnaire": "JSON", "subject": _REFERENCE, "encounter": _REFERENCE,
            "context": _REFERENCE, "authored": _TEXT, "group": "JSON",
        },
        {
            "status": _STATUS,
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": _ENCOUNTER,
            "day": "fhir_day(r.authored)",
            "old": "r.\"group\" IS NOT NULL",
            "scores": "fhir_answers(text, coalesce(r.questionnaire->>'$.reference', r.questionnaire->>'$'), @codes)",
        },
        references=_WHO,
        edition="CASE WHEN r.\"group\" IS NOT NULL THEN 'DSTU2' WHEN r.context IS NOT NULL OR "
        "json_type(r.questionnaire) = 'OBJECT' THEN 'STU3' WHEN json_type(r.questionnaire) = 'VARCHAR' THEN 'R4' END",
        moment="r.authored",
    ),
    "Procedure": Shape(
        {
            "status": _TEXT, "code": _CONCEPT, "subject": _REFERENCE, "encounter": _REFERENCE, "context": _REFERENCE,
            "performedDateTime": _TEXT, "performedPeriod": _PERIOD, "notPerformed": _TEXT, "notDone": _TEXT,
            "occurrenceDateTime": "JSON", "occurrencePeriod": "JSON",
            "performer": [{"actor": _REFERENCE}],
        },
        {
            "status": f"CASE WHEN lower(coalesce(r.notPerformed, r.notDone)) = 'true' THEN 'not-done' ELSE {_STATUS} END",
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": _ENCOUNTER,
            "day": 'coalesce(fhir_day(r.performedDateTime), fhir_period(r.performedPeriod.start, r.performedPeriod."end"))',
            "therapist": "list_filter(list_transform(r.performer, lambda p: fhir_ref(p.actor, 'Practitioner')), "
            "lambda x: x IS NOT NULL)[1]",
            "terms": f"list_sort(list_distinct({_NAMED}))",
            "billed": "fhir_billing(codings)",
        },
        _CODINGS,
        _WHO,
        "CASE WHEN r.occurrenceDateTime IS NOT NULL OR r.occurrencePeriod IS NOT NULL THEN 'R5' "
        "WHEN r.notPerformed IS NOT NULL THEN 'DSTU2' "
        "WHEN r.context IS NOT NULL OR r.notDone IS NOT NULL THEN 'STU3' END",
        moment="coalesce(r.performedDateTime, r.performedPeriod.start)",
    ),
    "ServiceRequest": Shape(
        {
            "status": _TEXT, "intent": _TEXT, "code": {"concept": "JSON", **_CONCEPT}, "subject": _REFERENCE,
            "encounter": _REFERENCE, "context": _REFERENCE, "occurrencePeriod": _PERIOD,
            "occurrenceTiming": {"repeat": _REPEAT}, "scheduledTiming": {"repeat": _REPEAT},
            "scheduledPeriod": _PERIOD, "authoredOn": _TEXT, "orderedOn": _TEXT, "quantityQuantity": _DOSE,
        },
        {
            "status": _STATUS,
            "intent": "CASE WHEN regexp_full_match(r.intent, '[a-z-]{1,20}') THEN r.intent END",
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": _ENCOUNTER,
            "day": "fhir_day(coalesce(r.authoredOn, r.orderedOn))",
            "terms": f"list_sort(list_distinct({_NAMED}))",
            "doses": "["
            + _dose(
                "r.code", "r", "coalesce(r.occurrenceTiming, r.scheduledTiming)", "r.quantityQuantity",
                "coalesce(r.occurrencePeriod, r.scheduledPeriod).start",
                'coalesce(r.occurrencePeriod, r.scheduledPeriod)."end"',
            )
            + "]",
        },
        _CODINGS,
        _WHO,
        "CASE WHEN r.code.concept IS NOT NULL THEN 'R5' ELSE 'R4' END",
    ),
    "CarePlan": Shape(
        {
            "status": _TEXT, "intent": _TEXT, "subject": _REFERENCE, "encounter": _REFERENCE, "context": _REFERENCE,
            "period": _PERIOD, "created": _TEXT, "plannedActivityReference": "JSON",
            "activity": [{"detail": {
                "status": _TEXT, "code": _CONCEPT, "scheduledTiming": {"repeat": _REPEAT},
                "scheduledPeriod": _PERIOD, "quantity": _DOSE,
            }}],
        },
        {
            "status": _STATUS,
            "intent": "CASE WHEN regexp_full_match(r.intent, '[a-z-]{1,20}') THEN r.intent END",
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": _ENCOUNTER,
            "day": "fhir_day(coalesce(r.period.start, r.created))",
            "terms": "[]::VARCHAR[]",
            "doses": "list_transform(coalesce(r.activity, []), lambda a: "
            + _dose(
                "a.detail.code", "a.detail", "a.detail.scheduledTiming", "a.detail.quantity",
                "a.detail.scheduledPeriod.start", 'a.detail.scheduledPeriod."end"',
            )
            + ")",
        },
        references=_WHO,
        edition="CASE WHEN r.plannedActivityReference IS NOT NULL THEN 'R5' WHEN r.context IS NOT NULL THEN 'STU3' END",
    ),
    "Appointment": Shape(
        {"status": _TEXT, "start": _TEXT, "participant": [{"actor": _REFERENCE}]},
        {
            "status": _STATUS,
            "patient": _ACTOR.replace("@", "Patient"),
            "encounter": "NULL::VARCHAR",
            "day": "fhir_day(r.start)",
            "therapist": _ACTOR.replace("@", "Practitioner"),
        },
        references=(("patient", "Patient"),),
        moment="r.start",
    ),
    "AdverseEvent": Shape(
        {
            "actuality": _TEXT, "subject": _REFERENCE, "encounter": _REFERENCE, "date": _TEXT, "detected": _TEXT,
            "occurrenceDateTime": "JSON", "status": _TEXT,
        },
        {
            "status": "CASE WHEN r.status = 'entered-in-error' THEN r.status "
            "WHEN r.actuality IN ('actual', 'potential') THEN r.actuality ELSE 'unstated' END",
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": "fhir_ref(r.encounter, 'Encounter')",
            "day": "fhir_day(coalesce(r.date, r.detected))",
        },
        references=_WHO,
        edition="CASE WHEN r.occurrenceDateTime IS NOT NULL THEN 'R5' WHEN r.actuality IS NOT NULL THEN 'R4' END",
    ),
}  # fmt: skip

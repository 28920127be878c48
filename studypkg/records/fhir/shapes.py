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

from studypkg.records.fhir.datatypes import (
    CONCEPT,
    DOSE,
    ENCOUNTER,
    INTENT,
    NAMED,
    PATIENT,
    PERIOD,
    REFERENCE,
    REPEAT,
    STATUS,
    TERMS,
    TEXT,
    VALUE,
    dose,
    measured,
)


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
        every = {
            "resourceType": TEXT,
            "id": TEXT,
            "meta": {"lastUpdated": TEXT, "versionId": TEXT, "profile": [TEXT]},
        }
        return json.dumps({**every, **self.fields})


_CODINGS = {"codings": "fhir_codings(r.code.coding)"}
_WHO = (("patient", "Patient"), ("encounter", "Encounter"))
_ACTOR = (
    "fhir_ref(list_filter(r.participant, lambda p: starts_with(p.actor.reference, '@/') OR "
    "contains(p.actor.reference, '/@/'))[1].actor, '@')"
)

SHAPES: Mapping[str, Shape] = {
    "Patient": Shape(
        {"gender": TEXT, "identifier": [{"system": TEXT, "value": TEXT}]},
        {
            "sex": "CASE WHEN r.gender IN ('male', 'female', 'other', 'unknown') THEN r.gender ELSE '' END",
            "aliases": "list_filter(list_transform(r.identifier, lambda i: fhir_seal(i.system, i.value)), "
            "lambda x: x IS NOT NULL)",
            "is_number": "coalesce(list_contains(list_transform(r.identifier, lambda i: i.value), r.id), "
            "false)",
        },
    ),
    "EpisodeOfCare": Shape(
        {
            "status": TEXT, "patient": REFERENCE, "subject": REFERENCE, "period": PERIOD,
            "diagnosis": [{"condition": "JSON", "rank": TEXT}], "condition": [REFERENCE],
            "careManager": REFERENCE, "managingOrganization": REFERENCE,
        },
        {
            "status": STATUS,
            "patient": PATIENT,
            "starts": "fhir_day(r.period.start)",
            "ends": 'fhir_day(r.period."end")',
            "conditions": "list_concat(list_transform(r.diagnosis, lambda d: fhir_ref("
            "json_transform(d.condition, '{\"reference\":\"VARCHAR\",\"identifier\":\"JSON\"}'), "
            "'Condition')), "
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
            "clinicalStatus": "JSON", "verificationStatus": "JSON", "code": CONCEPT, "subject": REFERENCE,
            "patient": REFERENCE, "encounter": REFERENCE, "context": REFERENCE, "bodySite": "JSON",
            "onsetDateTime": TEXT, "abatementDateTime": TEXT, "recordedDate": TEXT, "assertedDate": TEXT,
            "dateRecorded": TEXT, "participant": "JSON",
        },
        {
            "status": "CASE WHEN regexp_matches(r.verificationStatus::VARCHAR, 'entered-in-error') "
            "THEN 'entered-in-error' WHEN regexp_matches(r.verificationStatus::VARCHAR, 'refuted') "
            "THEN 'refuted' ELSE 'stated' END",
            "patient": PATIENT,
            "encounter": ENCOUNTER,
            "terms": TERMS,
            "onset": "fhir_day(r.onsetDateTime)",
            "recorded": "fhir_day(coalesce(r.recordedDate, r.assertedDate, r.dateRecorded))",
            "abated": "fhir_day(r.abatementDateTime)",
            "site_side": "fhir_known(fhir_tokens(fhir_codings(json_extract(r.bodySite, '$[0].coding'))), "
            "MAP {'snomed|7771000': 'left', 'snomed|24028007': 'right', 'snomed|51440002': 'both'})[1]",
        },
        _CODINGS,
        _WHO,
        "CASE WHEN r.participant IS NOT NULL THEN 'R5' WHEN r.patient IS NOT NULL OR r.dateRecorded IS "
        "NOT NULL "
        "THEN 'DSTU2' WHEN r.context IS NOT NULL OR r.assertedDate IS NOT NULL THEN 'STU3' "
        "WHEN json_type(r.clinicalStatus) = 'OBJECT' THEN 'R4' END",
        moment="coalesce(r.recordedDate, r.assertedDate, r.dateRecorded)",
    ),
    "Encounter": Shape(
        {
            "status": TEXT, "class": "JSON", "subject": REFERENCE, "patient": REFERENCE, "period": PERIOD,
            "episodeOfCare": [REFERENCE], "serviceProvider": REFERENCE, "appointment": "JSON",
            "participant": [{"individual": REFERENCE}], "actualPeriod": "JSON",
            "diagnosis": [{"condition": REFERENCE}], "reasonReference": [REFERENCE],
        },
        {
            "status": STATUS,
            "patient": PATIENT,
            "day": "fhir_day(r.period.start)",
            "episodes": "list_distinct(list_filter(list_transform(r.episodeOfCare, "
            "lambda e: fhir_ref(e, 'EpisodeOfCare')), lambda x: x IS NOT NULL))",
            "clinic": "fhir_ref(r.serviceProvider, 'Organization')",
            "therapist": "list_filter(list_transform(r.participant, "
            "lambda p: fhir_ref(p.individual, 'Practitioner')), lambda x: x IS NOT NULL)[1]",
            "conditions": "list_filter(list_concat(list_transform(r.diagnosis, lambda d: "
            "fhir_ref(d.condition, 'Condition')), list_transform(r.reasonReference, "
            "lambda d: fhir_ref(d, 'Condition'))), lambda x: x IS NOT NULL)",
            "appointments": "regexp_extract_all(r.appointment::VARCHAR, "
            "'Appointment/([A-Za-z0-9.-]{1,64})', 1)",
        },
        references=(("patient", "Patient"),),
        edition="CASE WHEN r.actualPeriod IS NOT NULL OR json_type(r.class) = 'ARRAY' THEN 'R5' "
        "WHEN r.patient IS NOT NULL OR json_type(r.class) = 'VARCHAR' THEN 'DSTU2' END",
        moment="r.period.start",
    ),
    "Observation": Shape(
        {
            "status": TEXT, "category": "JSON", "code": CONCEPT, "subject": REFERENCE,
            "encounter": REFERENCE, "context": REFERENCE,
            "effectiveDateTime": TEXT, "effectiveInstant": TEXT,
            "effectivePeriod": PERIOD, "issued": TEXT, "triggeredBy": "JSON", **VALUE,
            "component": [{"code": CONCEPT, **VALUE}],
        },
        {
            "status": STATUS,
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": ENCOUNTER,
            "day": "coalesce(fhir_day(coalesce(r.effectiveDateTime, r.effectiveInstant)), "
            'fhir_period(r.effectivePeriod.start, r.effectivePeriod."end"))',
            "issued": "fhir_day(r.issued)",
            "scores": f"list_filter(list_prepend({measured('r')}, list_transform(coalesce(r.component, []), "
            f"lambda p: {measured('p')})), lambda s: len(s.terms) > 0)",
        },
        references=_WHO,
        edition="CASE WHEN r.triggeredBy IS NOT NULL THEN 'R5' WHEN json_type(r.category) = 'OBJECT' THEN "
                "'DSTU2' "
        "WHEN r.context IS NOT NULL THEN 'STU3' "
        "WHEN json_type(r.category) = 'ARRAY' AND r.encounter IS NOT NULL THEN 'R4' END",
        moment="coalesce(r.effectiveDateTime, r.effectiveInstant, r.effectivePeriod.start, r.issued)",
    ),
    "QuestionnaireResponse": Shape(
        {
            "status": TEXT, "questionnaire": "JSON", "subject": REFERENCE, "encounter": REFERENCE,
            "context": REFERENCE, "authored": TEXT, "group": "JSON",
        },
        {
            "status": STATUS,
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": ENCOUNTER,
            "day": "fhir_day(r.authored)",
            "old": "r.\"group\" IS NOT NULL",
            "scores": "fhir_answers(text, coalesce(r.questionnaire->>'$.reference', "
            "r.questionnaire->>'$'), @codes)",
        },
        references=_WHO,
        edition="CASE WHEN r.\"group\" IS NOT NULL THEN 'DSTU2' WHEN r.context IS NOT NULL OR "
        "json_type(r.questionnaire) = 'OBJECT' THEN 'STU3' WHEN json_type(r.questionnaire) = 'VARCHAR' "
        "THEN 'R4' END",
        moment="r.authored",
    ),
    "Procedure": Shape(
        {
            "status": TEXT, "code": CONCEPT, "subject": REFERENCE, "encounter": REFERENCE,
            "context": REFERENCE, "performedDateTime": TEXT, "performedPeriod": PERIOD,
            "notPerformed": TEXT, "notDone": TEXT,
            "occurrenceDateTime": "JSON", "occurrencePeriod": "JSON",
            "performer": [{"actor": REFERENCE}],
        },
        {
            "status": f"CASE WHEN lower(coalesce(r.notPerformed, r.notDone)) = 'true' THEN 'not-done' "
                      f"ELSE {STATUS} END",
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": ENCOUNTER,
            "day": 'coalesce(fhir_day(r.performedDateTime), fhir_period(r.performedPeriod.start, '
                   'r.performedPeriod."end"))',
            "therapist": "list_filter(list_transform(r.performer, lambda p: fhir_ref(p.actor, "
            "'Practitioner')), "
            "lambda x: x IS NOT NULL)[1]",
            "terms": f"list_sort(list_distinct({NAMED}))",
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
            "status": TEXT, "intent": TEXT, "code": {"concept": "JSON", **CONCEPT}, "subject": REFERENCE,
            "encounter": REFERENCE, "context": REFERENCE, "occurrencePeriod": PERIOD,
            "occurrenceTiming": {"repeat": REPEAT}, "scheduledTiming": {"repeat": REPEAT},
            "scheduledPeriod": PERIOD, "authoredOn": TEXT, "orderedOn": TEXT, "quantityQuantity": DOSE,
        },
        {
            "status": STATUS,
            "intent": INTENT,
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": ENCOUNTER,
            "day": "fhir_day(coalesce(r.authoredOn, r.orderedOn))",
            "terms": f"list_sort(list_distinct({NAMED}))",
            "doses": "["
            + dose(
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
            "status": TEXT, "intent": TEXT, "subject": REFERENCE, "encounter": REFERENCE,
            "context": REFERENCE, "period": PERIOD, "created": TEXT, "plannedActivityReference": "JSON",
            "activity": [{"detail": {
                "status": TEXT, "code": CONCEPT, "scheduledTiming": {"repeat": REPEAT},
                "scheduledPeriod": PERIOD, "quantity": DOSE,
            }}],
        },
        {
            "status": STATUS,
            "intent": INTENT,
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": ENCOUNTER,
            "day": "fhir_day(coalesce(r.period.start, r.created))",
            "terms": "[]::VARCHAR[]",
            "doses": "list_transform(coalesce(r.activity, []), lambda a: "
            + dose(
                "a.detail.code", "a.detail", "a.detail.scheduledTiming", "a.detail.quantity",
                "a.detail.scheduledPeriod.start", 'a.detail.scheduledPeriod."end"',
            )
            + ")",
        },
        references=_WHO,
        edition="CASE WHEN r.plannedActivityReference IS NOT NULL THEN 'R5' WHEN r.context IS NOT NULL "
                "THEN 'STU3' END",
    ),
    "Appointment": Shape(
        {"status": TEXT, "start": TEXT, "participant": [{"actor": REFERENCE}]},
        {
            "status": STATUS,
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
            "actuality": TEXT, "subject": REFERENCE, "encounter": REFERENCE, "date": TEXT,
            "detected": TEXT, "occurrenceDateTime": "JSON", "status": TEXT,
        },
        {
            "status": "CASE WHEN r.status = 'entered-in-error' THEN r.status "
            "WHEN r.actuality IN ('actual', 'potential') THEN r.actuality ELSE 'unstated' END",
            "patient": "fhir_ref(r.subject, 'Patient')",
            "encounter": "fhir_ref(r.encounter, 'Encounter')",
            "day": "fhir_day(coalesce(r.date, r.detected))",
        },
        references=_WHO,
        edition="CASE WHEN r.occurrenceDateTime IS NOT NULL THEN 'R5' WHEN r.actuality IS NOT NULL THEN "
                "'R4' END",
    ),
}  # fmt: skip

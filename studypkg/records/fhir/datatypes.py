"""Parts that several resources have in common: references, codes, values, doses, and their SQL."""

from __future__ import annotations

TEXT = "VARCHAR"
REFERENCE = {"reference": TEXT, "identifier": "JSON"}
PERIOD = {"start": TEXT, "end": TEXT}
CONCEPT = {"coding": "JSON", "text": TEXT}
QUANTITY = {"value": TEXT, "comparator": TEXT, "unit": TEXT, "code": TEXT}
VALUE = {
    "valueQuantity": QUANTITY, "valueInteger": TEXT, "valueString": TEXT,
    "valueCodeableConcept": {"coding": "JSON"}, "dataAbsentReason": "JSON",
}  # fmt: skip
REPEAT = {
    "boundsPeriod": PERIOD, "frequency": TEXT, "frequencyMax": TEXT, "period": TEXT, "periodMax": TEXT,
    "periodUnit": TEXT, "periodUnits": TEXT,
}  # fmt: skip
#: A dose, of a request or of an activity of a plan.
DOSE = {"value": TEXT, "unit": TEXT, "code": TEXT}

PATIENT = "coalesce(fhir_ref(r.subject, 'Patient'), fhir_ref(r.patient, 'Patient'))"
ENCOUNTER = "coalesce(fhir_ref(r.encounter, 'Encounter'), fhir_ref(r.context, 'Encounter'))"
#: Words that FHIR has for a status and an intent, in any edition. No other word is ever repeated.
_STATUSES = (
    "active", "aborted", "accepted", "amended", "appended", "arrived", "booked", "cancelled", "checked-in",
    "completed", "corrected", "draft", "ended", "entered-in-error", "final", "finished", "fulfilled",
    "in-progress", "noshow", "not-done", "not-started", "on-hold", "onhold", "onleave", "pending", "planned",
    "preliminary", "preparation", "proposed", "received", "registered", "rejected", "requested", "revoked",
    "scheduled", "stopped", "suspended", "triaged", "unknown", "waitlist",
)  # fmt: skip
_INTENTS = (
    "directive", "filler-order", "instance-order", "option", "order", "original-order", "plan", "proposal",
    "reflex-order",
)  # fmt: skip


def _word(text: str, words: tuple[str, ...]) -> str:
    """Write the SQL of a word of a list; any other is `unknown`."""
    return f"CASE WHEN {text} IN {words!r} THEN {text} WHEN {text} IS NOT NULL THEN 'unknown' END"


STATUS = _word("r.status", _STATUSES)
INTENT = _word("r.intent", _INTENTS)
TERMS = "fhir_known(fhir_tokens(codings), @codes)"
NAMED = (
    "list_concat(fhir_known(fhir_tokens(codings), @codes), "
    "fhir_known(fhir_words(codings, r.code.text), @words))"
)


def measured(part: str) -> str:
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


def dose(code: str, r: str, timing: str, quantity: str, start: str, end: str) -> str:
    """Write the SQL of one prescribed exercise."""
    repeat = f"{timing}.repeat"
    return f"""struct_pack(
        terms := list_sort(list_distinct(list_concat(
            fhir_known(fhir_tokens(fhir_codings({code}.coding)), @codes),
            fhir_known(fhir_words(fhir_codings({code}.coding), {code}.text), @words)))),
        status := {_word(f"{r}.status", _STATUSES)},
        valid_from := fhir_day(coalesce({start}, {repeat}.boundsPeriod.start)),
        valid_to := fhir_day(coalesce({end}, {repeat}.boundsPeriod."end")),
        frequency := CASE WHEN {repeat}.frequencyMax IS NULL AND {repeat}.periodMax IS NULL
            THEN fhir_number({repeat}.frequency) END,
        period := fhir_number({repeat}.period),
        period_unit := CASE WHEN coalesce({repeat}.periodUnit, {repeat}.periodUnits) IN ('d', 'wk')
            THEN coalesce({repeat}.periodUnit, {repeat}.periodUnits) END,
        amount := fhir_number({quantity}.value),
        unit := CASE WHEN regexp_full_match(coalesce({quantity}.code, {quantity}.unit),
        '[A-Za-z{{}}]{{1,20}}')
            THEN lower(coalesce({quantity}.code, {quantity}.unit)) END)"""

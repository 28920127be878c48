"""The answers of a questionnaire that are scores, wherever in its groups they stand, in SQL."""

from __future__ import annotations

import json

import duckdb

from studypkg.records.quoting import literal

_ITEM = {
    "linkId": "VARCHAR",
    "answer": [
        {
            "valueInteger": "VARCHAR",
            "valueDecimal": "VARCHAR",
            "valueString": "VARCHAR",
            "valueCoding": {"code": "VARCHAR"},
            "valueQuantity": {
                "value": "VARCHAR",
                "comparator": "VARCHAR",
                "unit": "VARCHAR",
                "code": "VARCHAR",
            },
        }
    ],
}


def make_answer_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macros `fhir_number(text)` and `fhir_answers(json, questionnaire, known)`.

    Notes
    -----
    An item is known by ``questionnaire#linkId``, by ``linkId``, or by a LOINC code that its linkId is
    (``72514-3`` or ``/72514-3``), in this order. An answer to an item that is not known is never
    looked at. A coded answer counts only if its code is a number: the study has declared that it is a
    score.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP MACRO fhir_number(t) AS CASE WHEN t IS NULL THEN NULL "
        "WHEN regexp_full_match(t, '-?[0-9]{1,30}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,3})?') THEN t ELSE "
        "'no number' END"
    )
    connection.execute(
        """CREATE OR REPLACE TEMP MACRO fhir_asked(form, link, m) AS coalesce(
        m['|' || upper(regexp_extract(form, '([^/|]+)([|][^|]*)?$', 1) || '#' || link)],
        m['|' || upper(link)], m['loinc|' || ltrim(link, '/')])"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP MACRO fhir_answers(doc, form, m) AS list_transform(list_filter(
        list_transform(list_transform(json_extract(doc, '$..item[*]'),
            lambda d: json_transform(d, {literal(json.dumps(_ITEM))})),
            lambda i: struct_pack(term := fhir_asked(form, i.linkId, m), n := len(i.answer), a :=
            i.answer[1])),
        lambda i: i.term IS NOT NULL AND i.n > 0),
        lambda i: struct_pack(
            terms := [i.term],
            value := CASE WHEN i.a.valueString IS NOT NULL THEN CASE WHEN regexp_full_match(
                trim(i.a.valueString), '[0-9][0-9 .,/–-]{{0,11}}') THEN trim(i.a.valueString) ELSE 'text' END
                ELSE fhir_number(coalesce(i.a.valueInteger, i.a.valueDecimal, i.a.valueQuantity.value,
                i.a.valueCoding.code)) END,
            unit := CASE WHEN i.a.valueQuantity IS NULL THEN ''
                WHEN coalesce(i.a.valueQuantity.code, i.a.valueQuantity.unit) IS NULL THEN 'none'
                WHEN regexp_full_match(coalesce(i.a.valueQuantity.code, i.a.valueQuantity.unit),
                '[A-Za-z0-9%{{}}/. _-]{{1,20}}') THEN coalesce(i.a.valueQuantity.code, i.a.valueQuantity.unit)
                ELSE 'another unit' END,
            kind := CASE WHEN i.n > 1 THEN 'several' WHEN i.a.valueQuantity.comparator IS NOT NULL THEN
            'bound'
                WHEN i.a.valueString IS NOT NULL THEN 'string' WHEN i.a.valueInteger IS NOT NULL THEN
                'integer'
                WHEN i.a.valueCoding.code IS NOT NULL THEN 'coding'
                WHEN coalesce(i.a.valueDecimal, i.a.valueQuantity.value) IS NOT NULL THEN 'quantity'
                ELSE 'none' END))"""
    )

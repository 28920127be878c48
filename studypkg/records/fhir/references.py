"""Which resource a reference means: one id form for every way in which FHIR writes it, in SQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import duckdb

from studypkg.records.quoting import ident, literal

_ID = r"[A-Za-z0-9.-]{1,64}"


def make_reference_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macros `fhir_ref(reference, type)`, `fhir_id`, `fhir_url`, `fhir_seal(system, value)`.

    Notes
    -----
    ``Patient/7``, ``https://server/fhir/Patient/7/_history/2`` and a ``urn:uuid:`` mean the id that
    ends them. A reference by identifier, or a conditional one (``Patient?identifier=…``), becomes the
    hash of the identifier under a key of this reading, so that it finds its resource and no identifier
    stands in any table. A contained resource has no id that means anything outside: `#contained`.
    """
    salt = literal(secrets.token_hex(16))
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO fhir_seal(s, v) AS CASE WHEN v IS NOT NULL THEN "
        f"'sealed:' || sha256({salt} || '|' || coalesce(s, '') || '|' || v) END"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO fhir_id(t) AS CASE WHEN regexp_full_match(t, '{_ID}') THEN t END"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO fhir_url(t) AS CASE "
        f"WHEN regexp_full_match(t, 'urn:(uuid|oid):{_ID}') THEN regexp_extract(t, "
        f"'^urn:(?:uuid|oid):(.*)$', 1) "
        f"WHEN t IS NOT NULL THEN regexp_extract(t, '/({_ID})$', 1) END"
    )
    connection.execute(
        """CREATE OR REPLACE TEMP MACRO fhir_ref(r, kind) AS CASE
        WHEN starts_with(r.reference, kind || '/') THEN fhir_id(split_part(r.reference, '/', 2))
        WHEN r.reference IS NULL THEN fhir_seal(r.identifier->>'$.system', r.identifier->>'$.value')
        WHEN starts_with(r.reference, '#') THEN '#contained'
        WHEN starts_with(r.reference, 'urn:') THEN fhir_url(r.reference)
        WHEN starts_with(r.reference, kind || '?identifier=') THEN fhir_seal(
            regexp_extract(r.reference, '=([^|]*)[|]', 1), regexp_extract(r.reference, '[=|]([^|=]+)$', 1))
        ELSE fhir_id(split_part(split_part(r.reference, '/' || kind || '/', 2), '/', 1)) END"""
    )


def resolve(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[tuple[str, str]], links: str
) -> None:
    """Give every reference of a table the id of its resource, where it was written in another way.

    Parameters
    ----------
    connection
        Where the tables are.
    relation
        The table.
    columns
        Column and type of the resource that it refers to.
    links
        Table (type, alias, id) of what else resources are called in this delivery.
    """
    row = connection.execute(f"SELECT count(*) FROM {ident(links)}").fetchone()
    if not row or not row[0]:
        return
    for column, kind in columns:
        connection.execute(
            f"UPDATE {ident(relation)} t SET {ident(column)} = l.id FROM {ident(links)} l "
            f"WHERE l.type = {literal(kind)} AND t.{ident(column)} = l.alias"
        )

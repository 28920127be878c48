"""Logical ids as pseudonyms: only where they could not be a record number."""

from __future__ import annotations

from studypkg.errors import IdentifierFoundError
from studypkg.records.fhir.reading import Reading

#: Shapes of ids that machines make up: a UUID, a long hash, or at least 20 signs with digits and letters.
_UUID = "[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}"
_HASH = "[0-9a-f]{24,64}"
_LONG = "[A-Za-z0-9.-]{20,64}"


def opaque(column: str) -> str:
    """Write SQL that is true of an id that cannot be anybody's number."""
    return (
        f"(regexp_full_match({column}, '{_UUID}') OR regexp_full_match({column}, '{_HASH}') OR "
        f"(regexp_full_match({column}, '{_LONG}') AND regexp_matches({column}, '[0-9]') "
        f"AND len(regexp_extract_all({column}, '[A-Za-z]')) >= 6))"
    )


def check_ids(reading: Reading, name: str) -> None:
    """Refuse logical ids that look like record numbers, unless the study says that they are pseudonyms.

    Parameters
    ----------
    reading
        The resources of the episodes have been read.
    name
        What messages call the delivery.

    Raises
    ------
    IdentifierFoundError
        With counts and kinds, and never an id.
    """
    if reading.options.ids == "pseudonyms":
        return
    patients = reading.table("Patient")
    numbers = reading.number(f"SELECT count(*) FROM {patients} WHERE is_number")
    people = reading.number(f"SELECT count(*) FROM {patients}")
    if numbers:
        raise _found(name, f"{numbers} of {people} Patient ids stand among the patient's own identifiers")
    kinds = [("Patient", "Patient", "id")]
    kinds += {
        "episode_of_care": [
            ("EpisodeOfCare", "EpisodeOfCare", "id"),
            ("EpisodeOfCare", "Patient", "patient"),
        ],
        "condition": [("Condition", "Condition", "id"), ("Condition", "Patient", "patient")],
        "patient": [],
    }[reading.options.episode]
    for kind, whose, column in kinds:
        known = f"{column} IS NOT NULL AND {column} <> '#contained' AND NOT starts_with({column}, 'sealed:')"
        plain = reading.number(
            f"SELECT count(DISTINCT {column}) FROM {reading.table(kind)} WHERE {known} AND NOT "
            f"{opaque(column)}"
        )
        if plain:
            raise _found(name, f"{plain} ids of {whose} resources are short or plain numbers")


def _found(name: str, what: str) -> IdentifierFoundError:
    return IdentifierFoundError(
        f"{name}: {what}, so they may be medical record numbers. Nothing was read from the delivery. "
        f"Replace them: "
        f"`study pseudonymise --help`. If the server already gives pseudonyms, declare "
        f'ids = "pseudonyms" under [sources.fhir].'
    )

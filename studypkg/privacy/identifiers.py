"""Does a column look like it names a person? By its header, and by the shape of its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from studypkg.errors import IdentifierFoundError

#: Words of a header that stand for a direct identifier, by kind. A header is split into its words first.
HEADER_WORDS: dict[str, tuple[str, ...]] = {
    "name": (
        "firstname", "lastname", "surname", "fullname", "forename", "givenname", "familyname", "maidenname",
        "patientname", "middlename", "nachname", "vorname", "apellido", "nombre", "nom", "prenom", "cognome",
        "first name", "last name", "full name", "given name", "family name", "patient name", "middle name",
        "name first", "name last", "name", "contact", "nickname", "initials",
    ),
    "e-mail": ("email", "e mail", "mail", "correo"),
    "telephone": ("phone", "telephone", "mobile", "cellphone", "tel", "fax", "telefon", "telefono", "handy"),
    "address": (
        "address", "street", "city", "town", "adresse", "direccion", "county", "house number", "strasse",
    ),
    "postcode": ("zip", "zipcode", "postcode", "postal", "plz"),
    "social security or national number": ("ssn", "social security", "nhs number", "national id", "passport"),
    "record number": ("mrn", "medical record", "record number", "chart number", "hospital number", "fin"),
    "plan or account number": ("insurance", "policy number", "member id", "beneficiary", "account", "iban"),
    "licence, vehicle or device number": (
        "licence", "license", "driver", "plate", "vin", "serial number", "device id", "imei",
    ),
    "web or network address": ("url", "website", "ip", "ip address"),
    "birth date": ("dob", "birth", "birthdate", "birthday", "date of birth", "geburtsdatum", "naissance"),
    "photo or biometric": ("photo", "picture", "image", "fingerprint", "voiceprint", "biometric"),
    "free text": (
        "note", "notes", "comment", "comments", "remark", "remarks", "free text", "freetext", "narrative",
        "bemerkung", "observaciones", "description",
    ),
}  # fmt: skip

#: Shapes of a whole value, or of a part of one, that stand for a direct identifier (RE2 syntax).
VALUE_SHAPES: dict[str, str] = {
    "e-mail": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}",
    "telephone": (
        r"(^|[^0-9A-Za-z.])(\(\d{3}\) ?\d{3}[- .]\d{4}|\+?1?[-. ]?\d{3}[-.]\d{3}[-.]\d{4}"
        r"|\+\d{1,3}[ -]?\(?\d{1,4}\)?([ -]?\d{2,4}){2,4}|0\d{2,4}[ /-]\d{3,}([ -]\d{2,})*)($|[^0-9A-Za-z.])"
    ),
    "social security or national number": r"(^|[^0-9-])\d{3}-\d{2}-\d{4}($|[^0-9-])",
    "web or network address": r"(?i)https?://|www\.|(^|[^0-9.])(\d{1,3}\.){3}\d{1,3}($|[^0-9.])",
    "record number": r"(?i)\b(mrn|med(ical)? rec(ord)?)\W{0,3}\d{4,}",
    "address": (
        r"(?i)\b\d{1,5} [a-z][a-z ]{1,30} (st|street|ave|avenue|road|rd|lane|ln|drive|blvd|court|way)\b"
    ),
    "name": (
        r"^(Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Sr|Sra|Mme)\.? \p{Lu}\p{L}+"
        r"|^\p{Lu}[\p{L}'-]+, \p{Lu}\p{L}+"
    ),
}

#: A column is free text if so large a share of its filled cells has so many words.
FREE_TEXT_WORDS = 5
FREE_TEXT_SHARE = 0.2
#: Two or three capitalised words in most cells, and hardly any cell twice: names of persons.
PERSON_SHAPE = r"^\p{Lu}[\p{L}'-]+( \p{Lu}\.?)?( \p{Lu}[\p{L}'-]+){1,2}$"
PERSON_SHARE = 0.6
PERSON_DISTINCT = 20
#: A date this many years before the newest date of the file is a birth, not an event of care.
BIRTH_YEARS = 15


@dataclass(frozen=True)
class Finding:
    """A column that looks like an identifier; it holds no value of it.

    Parameters
    ----------
    column
        Its header.
    kind
        What it looks like.
    count
        Cells that look so; 0 where the header alone tells.
    how
        ``header`` or ``values``.
    """

    column: str
    kind: str
    count: int
    how: str


def screen_columns(names: Sequence[str]) -> tuple[Finding, ...]:
    """Look at the headers.

    Parameters
    ----------
    names
        Headers as they stand in the file.

    Examples
    --------
    >>> screen_columns(["episode_id", "Patient Name", "exercise"])
    (Finding(column='Patient Name', kind='name', count=0, how='header'),)
    """
    found = []
    for name in names:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
        words = re.sub(r"[^a-z0-9]+", " ", spaced.casefold()).strip()
        parts = set(words.split())
        matches: list[tuple[bool, str]] = []
        for kind, terms in HEADER_WORDS.items():
            exact = any(words == t or (" " in t and t in words) for t in terms)
            if exact or _person_word(kind, parts, terms):
                matches.append((not exact, kind))
        if matches:  # the whole header says more than one of its words
            found.append(Finding(name, min(matches, key=lambda m: m[0])[1], 0, "header"))
    return tuple(found)


def _person_word(kind: str, parts: set[str], terms: Sequence[str]) -> bool:
    """Say whether a word of a header is enough; a bare "name" is of a thing unless a person stands by it."""
    single = {t for t in terms if " " not in t} & parts
    if kind == "name" and single <= {"name", "nom", "contact", "initials"}:
        return bool(single) and bool(
            parts & {"patient", "client", "person", "contact", "therapist", "mother"}
        )
    return bool(single)


def screen_values(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> tuple[Finding, ...]:
    """Look at every value of every column, as text; each different value is looked at once.

    Parameters
    ----------
    connection
        The connection that holds the relation.
    relation
        A relation whose columns are all text.
    columns
        Columns to look at.

    Returns
    -------
    tuple of Finding
        At most one per column, with the number of cells.
    """
    seen = {column: _look(connection, relation, column) for column in columns}
    newest = max((row[-2] for row in seen.values() if row[-2] is not None), default=None)
    return tuple(f for column, row in seen.items() if (f := _judge(column, row, newest)) is not None)


def _look(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> tuple[int | None, ...]:
    """Count, in one column, the cells of each shape and what tells names, texts and births apart."""
    words = "length(v) - length(replace(v, ' ', '')) + 1"
    day = "coalesce(try_cast(v AS DATE), try_strptime(v, '%m/%d/%Y')::DATE)"
    marks = [f"regexp_matches(v, {_text(shape)})" for shape in VALUE_SHAPES.values()]
    marks += [f"{words} >= {FREE_TEXT_WORDS}", f"regexp_matches(v, {_text(PERSON_SHAPE)})", "true"]
    sums = [f"coalesce(sum(n) FILTER (WHERE {mark}), 0)::BIGINT" for mark in marks]
    sums += ["count(*)", f"max(year({day}))", f"coalesce(sum(n) FILTER (WHERE {day} IS NOT NULL), 0)::BIGINT"]
    row = connection.execute(
        f"SELECT {', '.join(sums)} FROM (SELECT trim({_ident(column)}) AS v, count(*) AS n "
        f"FROM {_ident(relation)} WHERE trim({_ident(column)}) <> '' GROUP BY 1)"
    ).fetchone()
    return tuple(row) if row is not None else ()


def _judge(column: str, row: Sequence[int | None], newest: int | None) -> Finding | None:
    shapes = dict(zip(VALUE_SHAPES, row, strict=False))
    for kind, count in shapes.items():
        if count:
            return Finding(column, kind, count, "values")
    wordy, persons, filled, distinct, latest, days = (int(v) if v is not None else 0 for v in row[-6:])
    if filled and wordy > FREE_TEXT_SHARE * filled:
        return Finding(column, "free text", wordy, "values")
    if filled and persons > PERSON_SHARE * filled and distinct >= min(PERSON_DISTINCT, filled):
        return Finding(column, "name", persons, "values")
    if newest and days > 0.5 * filled and latest < newest - BIRTH_YEARS:
        return Finding(column, "birth date", days, "values")
    return None


def check_identifiers(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    *,
    file: str,
    dropped: Sequence[str] = (),
    allowed: Sequence[str] = (),
) -> None:
    """Stop a file in which a person could be recognised.

    Parameters
    ----------
    connection, relation, columns
        The file as read, all text.
    file
        Its name, for the message.
    dropped
        Columns that the study does not read.
    allowed
        Columns that the study says are not what they look like.

    Raises
    ------
    IdentifierFoundError
        With column names, kinds and counts, and never a value.
    """
    looked = [c for c in columns if c not in dropped and c not in allowed]
    by_header = {f.column: f for f in screen_columns(looked)}
    by_value = {f.column: f for f in screen_values(connection, relation, looked)}
    found = [*by_header.values(), *(f for c, f in by_value.items() if c not in by_header)]
    if found:
        raise IdentifierFoundError(identifier_message(file, found))


def identifier_message(file: str, findings: Sequence[Finding]) -> str:
    """Say which columns look like what, and what to do."""
    told = [
        f'"{f.column}" ({f.kind}, by its header)' if f.how == "header"
        else f'"{f.column}" ({f.kind}, {f.count} cells)'
        for f in findings
    ]  # fmt: skip
    names = ", ".join(f'"{f.column}"' for f in findings)
    return (
        f"{file}: {len(findings)} columns look like direct identifiers: {'; '.join(told)}. Nothing was read "
        f"from the file. Leave them out of the export, or add drop = [{names}] to the file's [[sources]] "
        "block. If a column is not what it looks like, name it in [privacy] allow_columns."
    )


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

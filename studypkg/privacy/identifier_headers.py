"""What a column's header says that it holds: words of several languages, camelCase and abbreviations."""

# ruff: noqa: E501 (lists of words)
from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


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


#: Words of a header that stand for a direct identifier, by kind. A header is split into its words first;
#: a phrase is found anywhere in it, a single word where it is a word of the header.
HEADER_WORDS: dict[str, tuple[str, ...]] = {
    "name": (
        "firstname", "lastname", "surname", "fullname", "forename", "givenname", "familyname", "maidenname",
        "patientname", "middlename", "nachname", "vorname", "familienname", "geburtsname", "apellido",
        "apellidos", "nombre", "nombres", "nom", "prenom", "cognome", "voornaam", "achternaam", "naam",
        "sobrenome", "apelido", "fname", "lname", "mname", "fornavn", "etternavn", "efternamn", "fornamn",
        "imie", "nazwisko", "имя", "фамилия", "отчество", "姓名", "名字", "first name", "last name", "full name",
        "given name", "family name", "patient name", "pt name", "middle name", "name first", "name last", "name",
        "next of kin", "emergency contact", "guarantor", "contact", "nickname", "initials", "alias name",
    ),
    "e-mail": ("email", "e mail", "mail", "correo", "courriel", "emailadresse", "мейл", "почта", "邮箱"),
    "telephone": (
        "phone", "telephone", "mobile", "cellphone", "cell phone", "tel", "fax", "telefon", "telefono", "handy",
        "telefax", "telefoon", "gsm", "movil", "celular", "portable", "telefone", "телефон", "电话", "手机",
        "phonenumber", "mobilenumber", "handynummer", "telefonnummer",
    ),
    "address": (
        "address", "addr", "street", "city", "town", "adresse", "direccion", "domicilio", "county",
        "house number", "strasse", "straat", "rue", "calle", "indirizzo", "adres", "wohnort", "ciudad", "ville",
        "municipality", "geocode", "latitude", "longitude", "адрес", "地址", "endereco", "comune", "gemeinde",
    ),
    "postcode": (
        "zip", "zipcode", "postcode", "postal", "plz", "postleitzahl", "postnummer", "codigo postal",
        "code postal", "cap residenza", "cep", "eircode", "pincode", "zip4", "zip5",
    ),
    "social security or national number": (
        "ssn", "social security", "socialsecuritynumber", "nhs number", "nhs no", "nhsno", "nhsnumber",
        "national id", "national insurance", "nino", "passport", "passnummer", "dni", "nie", "nif", "codice fiscale",
        "codicefiscale", "nir", "insee", "steuer id", "steuerid", "steuernummer", "bsn", "cpf", "curp", "pesel",
        "personnummer", "cpr nummer", "ahv", "ahvnr", "aadhaar", "aadhar", "sozialversicherungsnummer", "rijksregister",
        "tax id", "身份证",
    ),
    "record number": (
        "mrn", "medical record", "medicalrecordnumber", "record number", "chart number", "chart no",
        "hospital number", "hospital no", "patientennummer", "patientnumber", "historia clinica", "nhc", "uhid",
        "krankenblattnummer", "ipp patient",
    ),
    "plan or account number": (
        "insurance", "policy number", "policy no", "policynumber", "member id", "memberid", "member number",
        "subscriber", "beneficiary", "medicare", "medicaid", "account", "iban", "kontonummer", "versichertennummer",
        "krankenkassennummer", "credit card", "card number", "bank",
    ),
    "licence, vehicle or device number": (
        "licence", "license", "driver", "number plate", "license plate", "licence plate", "kennzeichen", "matricula",
        "vin", "serial number", "serial no", "serialnumber", "seriennummer", "device id", "deviceid", "imei", "udi",
        "mac address", "certificate number", "vehicle",
    ),
    "web or network address": (
        "url", "website", "homepage", "ip", "ip address", "ipaddress", "ipaddr", "facebook", "instagram", "twitter",
        "whatsapp",
    ),
    "birth date": (
        "dob", "birth", "birthdate", "birthday", "dateofbirth", "date of birth", "geburtsdatum", "geburtstag",
        "naissance", "nacimiento", "nascita", "nascimento", "geboortedatum", "fodselsdato", "birthdt", "brthdtc",
        "brthdat", "date of death", "dateofdeath", "deathdate", "sterbedatum", "дата рождения", "出生日期",
    ),
    "photo or biometric": (
        "photo", "photograph", "picture", "image", "fingerprint", "voiceprint", "biometric", "retina", "iris scan",
        "foto", "selfie", "genome", "dna",
    ),
    "free text": (
        "note", "notes", "comment", "comments", "remark", "remarks", "free text", "freetext", "narrative",
        "bemerkung", "bemerkungen", "observaciones", "comentarios", "commentaire", "commentaires", "anmerkung",
        "opmerking", "anamnese", "soap", "description", "verbatim",
    ),
}  # fmt: skip

#: Words that mean an identifier only where they are the whole header.
_ALONE = {
    "fin": "record number", "plate": "licence, vehicle or device number", "handy": "telephone",
    "cell": "telephone", "cap": "postcode", "rue": "address", "ville": "address", "portable": "telephone",
    "alias": "name", "kin": "name",
}  # fmt: skip
#: Words that are of a thing unless a person stands beside them.
_OF_A_THING = {"name", "nom", "nombre", "nombres", "naam", "contact", "initials", "imie"}
_PERSONS = {
    "patient", "pt", "client", "person", "contact", "therapist", "mother", "father", "spouse", "kin",
    "paciente", "participant", "subject", "physician", "doctor", "guardian", "employee", "member",
}  # fmt: skip
#: Beside these, a word speaks of a process or a count and not of a person: "image quality", "phone visits".
_ABOUT = {
    "count", "n", "num", "visits", "sessions", "quality", "minutes", "score", "flag", "consent", "reminder",
    "version", "body", "weight", "order", "type", "contacted", "status", "yes", "no",
}  # fmt: skip
_STRONG = {"name", "e-mail", "birth date", "social security or national number"}


def words_of(header: str) -> str:
    """Split a header into its words, in small letters and without accents.

    Examples
    --------
    >>> words_of("PatientLastName"), words_of("Prénom_du-patient"), words_of("MRNumber2")
    ('patient last name', 'prenom du patient', 'mr number 2')
    """
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)", " ", header)
    return _bare(spaced)


def _bare(text: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", letters.casefold()).strip()


_TERMS = {kind: frozenset(map(_bare, terms)) for kind, terms in HEADER_WORDS.items()}


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
    found = ((name, _kind_of(words_of(name))) for name in names)
    return tuple(Finding(name, kind, 0, "header") for name, kind in found if kind is not None)


def _kind_of(words: str) -> str | None:
    parts = set(words.split())
    joined = words.replace(" ", "")
    matches: list[tuple[int, str]] = []
    for kind, terms in _TERMS.items():
        if words in terms or joined in terms:
            matches.append((0, kind))
        elif any(" " in term and f" {term} " in f" {words} " for term in terms):
            matches.append((1, kind))
        elif single := {term for term in terms if " " not in term} & (parts - _ALONE.keys()):
            if kind == "name" and single <= _OF_A_THING and not parts & (_PERSONS - single):
                continue
            if kind not in _STRONG and parts & _ABOUT:
                continue
            matches.append((2, kind))
    if not matches:
        return _ALONE.get(words)
    return min(matches, key=lambda match: match[0])[1]

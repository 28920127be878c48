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
        "last nm", "first nm", "pt nm", "pat name", "patname", "patient nm", "nom de famille", "nome completo", "nome paziente", "nome do paciente", "jmeno", "prijmeni", "soyadi", "soyadı", "adi soyadi", "adı soyadı", "imie i nazwisko", "nev", "vezeteknev", "keresztnev", "nume", "prenume", "sukunimi", "etunimi", "fodelsenamn", "ho ten", "ho va ten", "nama lengkap", "nama pasien", "επωνυμο", "ονομα", "ονοματεπωνυμο", "прізвище", "імя", "фио", "שם", "שם משפחה", "שם פרטי", "الاسم", "اسم المريض", "نام", "نام خانوادگی", "नाम", "氏名", "名前", "患者氏名", "姓", "名", "患者姓名", "이름", "성명", "환자명", "ชื่อ", "นามสกุล", "ชื่อ นามสกุล",
        "firstname", "lastname", "surname", "fullname", "forename", "givenname", "familyname", "maidenname",
        "patientname", "middlename", "nachname", "vorname", "familienname", "geburtsname", "apellido",
        "apellidos", "nombre", "nombres", "nom", "prenom", "cognome", "voornaam", "achternaam", "naam",
        "sobrenome", "apelido", "fname", "lname", "mname", "fornavn", "etternavn", "efternamn", "fornamn",
        "imie", "nazwisko", "имя", "фамилия", "отчество", "姓名", "名字", "first name", "last name", "full name",
        "given name", "family name", "patient name", "pt name", "middle name", "name first", "name last", "name",
        "next of kin", "emergency contact", "guarantor", "contact", "nickname", "initials", "alias name",
    ),
    "e-mail": (
        "电子邮件", "電子郵件", "メール", "メールアドレス", "이메일", "e posta", "eposta", "sahkoposti", "epost", "электронная почта", "אימייל", "البريد الإلكتروني","email", "e mail", "mail", "correo", "courriel", "emailadresse", "мейл", "почта", "邮箱"),
    "telephone": (
        "mobile no", "mobile number", "phone no", "phone nr", "telefoonnummer", "mobielnummer", "numer telefonu", "telefonszam", "telefonnummer", "puhelin", "puhelinnumero", "telefonni cislo", "cep telefonu", "so dien thoai", "nomor telepon", "mobil", "mobilnummer", "телефонный номер", "τηλεφωνο", "κινητο", "טלפון", "الهاتف", "رقم الهاتف", "تلفن", "फोन", "電話番号", "電話", "携帯電話", "手机号", "联系电话", "전화번호", "휴대폰", "연락처", "โทรศัพท์",
        "phone", "telephone", "mobile", "cellphone", "cell phone", "tel", "fax", "telefon", "telefono", "handy",
        "telefax", "telefoon", "gsm", "movil", "celular", "portable", "telefone", "телефон", "电话", "手机",
        "phonenumber", "mobilenumber", "handynummer", "telefonnummer",
    ),
    "address": (
        "住所", "住址", "居住地", "주소", "lat", "lon", "lng", "gps", "adresa", "cim", "osoite", "lakcim", "dia chi", "alamat", "adress", "gatuadress", "diευθυνση", "διευθυνση", "כתובת", "العنوان", "पता", "ที่อยู่", "miasto", "mesto", "stadt", "ort", "cidade", "citta", "woonplaats", "città", "şehir", "город", "улица", "城市",
        "address", "addr", "street", "city", "town", "adresse", "direccion", "domicilio", "county",
        "house number", "strasse", "straat", "rue", "calle", "indirizzo", "adres", "wohnort", "ciudad", "ville",
        "municipality", "geocode", "latitude", "longitude", "адрес", "地址", "endereco", "comune", "gemeinde",
    ),
    "postcode": (
        "郵便番号", "邮编", "邮政编码", "우편번호", "kod pocztowy", "psc", "iranyitoszam", "postinumero", "postkod", "posta kodu", "почтовый индекс", "индекс", "codice postale", "codigo postal", "cod postal", "zip code", "postal code",
        "zip", "zipcode", "postcode", "postal", "plz", "postleitzahl", "postnummer", "codigo postal",
        "code postal", "cap residenza", "cep", "eircode", "pincode", "zip4", "zip5",
    ),
    "social security or national number": (
        "身份证号", "身份证号码", "マイナンバー", "주민등록번호", "securite sociale", "no securite sociale", "rodne cislo", "cnp", "egn", "oib", "tc kimlik", "tckn", "hetu", "henkilotunnus", "fodselsnummer", "cpr", "снилс", "инн", "паспорт", "תעודת זהות", "رقم الهوية", "medicare number", "curp", "rfc", "sin number", "tfn", "nationality id", "identity number", "id card",
        "ssn", "social security", "socialsecuritynumber", "nhs number", "nhs no", "nhsno", "nhsnumber",
        "national id", "national insurance", "nino", "passport", "passnummer", "dni", "nie", "nif", "codice fiscale",
        "codicefiscale", "nir", "insee", "steuer id", "steuerid", "steuernummer", "bsn", "cpf", "curp", "pesel",
        "personnummer", "cpr nummer", "ahv", "ahvnr", "aadhaar", "aadhar", "sozialversicherungsnummer", "rijksregister",
        "tax id", "身份证",
    ),
    "record number": (
        "med rec", "med rec no", "medrec", "n dossier", "no dossier", "numero de dossier", "dossiernummer", "patientnummer", "fallnummer", "カルテ番号", "患者番号", "病历号", "病案号", "등록번호", "cartella clinica", "prontuario", "номер карты", "hn", "chi number", "emr id", "ehr id",
        "mrn", "medical record", "medicalrecordnumber", "record number", "chart number", "chart no",
        "hospital number", "hospital no", "patientennummer", "patientnumber", "historia clinica", "nhc", "uhid",
        "krankenblattnummer", "ipp patient",
    ),
    "plan or account number": (
        "subscriber no", "subscriber id", "health plan", "group number", "payer id", "claim number", "保险号", "保険証番号", "carte vitale", "krankenkasse",
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
        "geb datum", "gebdatum", "data urodzenia", "fodelsedatum", "fodselsdag", "syntymaaika", "datum narozeni", "szuletesi datum", "szuletesi ido", "data nasterii", "dogum tarihi", "doğum tarihi", "ngay sinh", "tanggal lahir", "дата народження", "ημερομηνια γεννησης", "תאריך לידה", "تاريخ الميلاد", "تاریخ تولد", "जन्म तिथि", "生年月日", "誕生日", "생년월일", "วันเกิด", "birth dt", "bday", "d o b",
        "dob", "birth", "birthdate", "birthday", "dateofbirth", "date of birth", "geburtsdatum", "geburtstag",
        "naissance", "nacimiento", "nascita", "nascimento", "geboortedatum", "fodselsdato", "birthdt", "brthdtc",
        "brthdat", "date of death", "dateofdeath", "deathdate", "sterbedatum", "дата рождения", "出生日期",
    ),
    "photo or biometric": (
        "photo", "photograph", "picture", "image", "fingerprint", "voiceprint", "biometric", "retina", "iris scan",
        "foto", "selfie", "genome", "dna",
    ),
    "free text": (
        "備考", "备注", "비고", "примечание", "примечания", "комментарий", "uwagi", "poznamky", "poznamka", "notater", "anteckningar", "huomautukset", "megjegyzes", "notlar", "osservazioni", "note cliniche", "observacoes", "opmerkingen", "remarques", "notizen",
        "note", "notes", "comment", "comments", "remark", "remarks", "free text", "freetext", "narrative",
        "bemerkung", "bemerkungen", "observaciones", "comentarios", "commentaire", "commentaires", "anmerkung",
        "opmerking", "anamnese", "soap", "description", "verbatim",
    ),
}  # fmt: skip

#: Words that mean an identifier only where they are the whole header.
_ALONE = {
    "fin": "record number", "plate": "licence, vehicle or device number", "handy": "telephone",
    "cell": "telephone", "cap": "postcode", "rue": "address", "ville": "address", "portable": "telephone",
    "alias": "name", "kin": "name", "lat": "address", "lon": "address", "lng": "address", "nume": "name",
    "nev": "name", "cim": "address", "ort": "address", "hn": "record number", "sin number": "social security or national number",
    "rfc": "social security or national number", "mobil": "telephone", "姓": "name", "名": "name",
}  # fmt: skip
#: Words that are of a thing unless a person stands beside them.
_OF_A_THING = {"name", "nom", "nombre", "nombres", "naam", "contact", "initials", "imie"}
_PERSONS = {
    "patient", "pt", "client", "person", "contact", "therapist", "mother", "father", "spouse", "kin",
    "paciente", "participant", "subject", "physician", "doctor", "guardian", "employee", "member",
}  # fmt: skip
#: Beside these, a word speaks of a process or a count and not of a person: "image quality", "phone visits".
_ABOUT = {
    "count", "num", "visits", "sessions", "quality", "minutes", "score", "flag", "consent", "reminder",
    "version", "body", "weight", "order", "type", "contacted", "status", "yes",
    "class", "category", "rate", "visit", "value", "performed", "completed", "pain", "size", "holiday", "walk", "gait",
    "session", "test", "scale", "level", "band", "group", "days", "weeks", "hours", "grade", "duration", "stage", "time",
}  # fmt: skip
#: The first three figures of a ZIP code, which the rule allows; the policies see to the small areas.
_COARSE = {"zip 3", "zip code 3", "zip 3 code"}
#: A header that ends so asks for yes or no.
_STATES = (["confirmed"], ["consented"], ["consent"], ["yn"], ["status"], ["flag"], ["complete"], ["known"])
#: They speak of a birth, and not of its day.
_NO_DAY = {
    "given birth",
    "gave birth",
    "birth weight",
    "birth order",
    "birth control",
    "birth sex",
    "sex at birth",
}
_STRONG = {"name", "birth date"}


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
    if words in _COARSE or words.split()[-1:] in _STATES or words in _NO_DAY:
        return None
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

"""A corpus of columns in which identifiers are planted, and of columns in which there are none.

Names, addresses, e-mail addresses, number plates and most national numbers are drawn by Faker from lists of
its own, which the screen does not know; telephone numbers, dates and record numbers from the templates here.
Everything follows from the seed.
"""

# ruff: noqa: E501 (lists of words and templates)
from __future__ import annotations

import base64
import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faker import Faker

Draw = Callable[[random.Random], str]

#: Languages whose names are planted; those after the bar are written in other scripts than the Latin.
LATIN = (
    "en_US", "en_IN", "en_KE", "de_DE", "fr_FR", "es_MX", "it_IT", "nl_NL", "pl_PL", "pt_BR", "sv_SE", "tr_TR",
    "vi_VN", "hu_HU", "cs_CZ", "fi_FI", "id_ID", "yo_NG",
)  # fmt: skip
OTHER_SCRIPTS = (
    "ru_RU", "el_GR", "ar_SA", "he_IL", "fa_IR", "hi_IN", "zh_CN", "ja_JP", "ko_KR", "th_TH", "ka_GE", "hy_AM",
)  # fmt: skip

#: Faker writes these names whole, the family's first.
_FAMILY_FIRST = ("zh_CN", "ja_JP", "ko_KR")

#: Telephone numbers as they are written at home and from abroad; `#` is a figure, `[..]` one of them.
PHONES: dict[str, tuple[str, ...]] = {
    "US": ("(919) [2-9]##-####", "919-[2-9]##-####", "212.[2-9]##.####", "+1 415 [2-9]## ####"),
    "CA": ("(416) [2-9]##-####", "+1-604-[2-9]##-####"),
    "GB": ("020 7[29]## ####", "07[4-9]## ######", "+44 161 [2-9]## ####", "(0117) 9## ####"),
    "IE": ("01 [2-9]## ####", "087 [1-9]## ####", "+353 1 [2-9]## ####"),
    "DE": ("030 [2-8]#######", "0221/[2-9]#####", "0171 [2-9]######", "+49 89 [2-8]######"),
    "AT": ("01 [2-8]######", "0664 [1-9]######", "+43 1 [2-8]######"),
    "CH": ("044 [2-8]## ## ##", "079 [2-8]## ## ##", "+41 44 [2-8]## ## ##"),
    "FR": ("06 [1-9]# ## ## ##", "01.4#.##.##.##", "+33 6 [1-9]# ## ## ##"),
    "ES": ("6[1-9]# ### ###", "91[2-8] ## ## ##", "+34 6[1-9]# ### ###"),
    "IT": ("06 [2-9]### ####", "34[0-9] ### ####", "+39 34[0-9] ### ####"),
    "NL": ("020 [2-7]## ####", "06-[1-5]#######", "+31 20 [2-7]## ####"),
    "PL": ("50[1-9] ### ###", "+48 60[1-9] ### ###"),
    "SE": ("08-[1-7]## ### ##", "070-[1-9]## ## ##", "+46 70 [1-9]## ## ##"),
    "BR": ("(11) 9[6-9]###-####", "(21) 2[2-9]##-####", "+55 11 9[6-9]###-####"),
    "MX": ("55 [1-8]### ####", "+52 55 [1-8]### ####"),
    "IN": ("98### #####", "+91 98### #####", "022 [2-7]### ####"),
    "AU": ("(02) 9[2-9]## ####", "0412 ### ###", "+61 4[1-3]# ### ###"),
    "JP": ("03-[3-6]###-####", "090-[1-9]###-####", "+81 90 [1-9]### ####"),
    "CN": ("138 #### ####", "010-6[2-8]## ####", "+86 139 #### ####"),
    "RU": ("8 (916) ###-##-##", "+7 916 ###-##-##"),
    "TR": ("0532 ### ## ##", "+90 532 ### ## ##"),
    "ZA": ("021 4## ####", "082 ### ####", "+27 82 ### ####"),
}

#: Days of birth, as people write them.
DATES = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%d %B %Y",
    "%B %d, %Y", "%d.%m.%y", "%Y年%m月%d日",
)  # fmt: skip

#: Headers as they stand in exports of clinics, by kind; the screen's list was not made from them.
HEADERS: dict[str, tuple[str, ...]] = {
    "name": (
        "PT_LAST_NM", "PatientFirstName", "Patient's Full Name", "pat_name", "Surname", "Last Name (legal)", "Familienname",
        "Vorname des Patienten", "Nom de famille", "Prénom", "Apellido paterno", "Nombre del paciente", "Cognome e nome",
        "Achternaam", "Nome completo", "Efternamn", "Jméno", "Imię i nazwisko", "Soyadı", "Фамилия", "姓名", "氏名", "이름",
        "الاسم", "Mother's maiden name", "EmergencyContactName", "GuarantorName",
    ),
    "telephone": (
        "HomePhone", "cell_phone", "Mobile No.", "TELEPHONE_NUMBER", "Handynummer", "Telefonnummer", "N° de téléphone",
        "Teléfono móvil", "Telefono cellulare", "Telefoonnummer", "Celular", "Numer telefonu", "Телефон", "电话", "電話番号",
        "전화번호", "phone2", "Fax #",
    ),
    "e-mail": ("Email Address", "EMAIL_1", "E-Mail-Adresse", "Correo electrónico", "Adresse e-mail", "电子邮件", "メール"),
    "address": (
        "StreetAddress1", "ADDR_LINE_1", "Home Address", "City", "pt_county", "Straße", "Wohnort", "Adresse postale", "Dirección",
        "Indirizzo", "Adres", "Endereço", "Адрес", "地址", "住所", "주소", "lat", "GPS latitude",
    ),
    "postcode": ("ZipCode", "ZIP", "Postal Code", "Postleitzahl", "PLZ", "Code postal", "Código postal", "CAP", "CEP", "郵便番号"),
    "date of birth": (
        "DOB", "BirthDate", "PT_BIRTH_DT", "Date of Birth", "Geburtsdatum", "geb_datum", "Date de naissance", "Fecha de nacimiento",
        "Data di nascita", "Geboortedatum", "Data urodzenia", "Födelsedatum", "Дата рождения", "出生日期", "生年月日", "생년월일",
        "Doğum tarihi",
    ),
    "number of a person": (
        "SSN", "Social Security #", "pat_ssn_last4", "NHS Number", "NHSNo", "National ID", "Passport No", "DNI/NIE", "Codice Fiscale",
        "BSN", "CPF", "PESEL", "Personnummer", "AHV-Nr", "Aadhaar No", "身份证号", "Sozialversicherungsnummer", "N° sécurité sociale",
    ),
    "record, plan, account, thing": (
        "MRN", "MRN#", "Med Rec No", "Medical Record Number", "Chart Number", "Patientennummer", "N° dossier", "NHC",
        "Insurance ID", "Policy Number", "MemberID", "Subscriber No", "Medicare Number", "Account #", "IBAN", "Kontonummer",
        "Driver License", "VIN", "License Plate", "Kennzeichen", "Device Serial Number", "UDI", "IMEI",
    ),
    "web, network, picture, text": (
        "URL", "Website", "IP Address", "client_ip", "Photo", "FacePhotoPath", "Fingerprint", "Notes", "Therapist Comments",
        "Bemerkungen", "Observaciones", "Commentaires", "備考", "free_text", "SOAP note",
    ),
}  # fmt: skip

#: A cell that speaks of a person, as staff type it; {n} a name, {f} a first name, {d} a day.
SENTENCES = (
    "Pt {n} called, wants to move the visit on {d}", "Saw {f} today, knee much better than last week",
    "discussed with her husband {f} at the front desk", "works at the school on Main Street, two small children",
    "moved here from Lisbon after the accident last spring", "{f} sagt, der Rücken ist seit Montag viel besser",
    "La paciente {n} refiere dolor desde el accidente", "Patient hat am {d} angerufen und abgesagt",
    "elle habite chez sa fille depuis le mois dernier", "referred by Dr {n} after the fall at home",
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """One way to write one kind of identifier.

    Parameters
    ----------
    kind
        Kind, in the words of the documentation.
    name
        What sets it apart within its kind.
    draw
        Makes one from a source of chance.
    sharp
        Whether one cell alone can be told from a code, a number or a word.
    """

    kind: str
    name: str
    draw: Draw
    sharp: bool


def forms(seed: int) -> list[Form]:
    """List every way to write an identifier."""
    fakers = {one: Faker(one) for one in (*LATIN, *OTHER_SCRIPTS, "en_GB")}
    for one in fakers.values():
        one.seed_instance(seed)
    return [
        *_names(fakers), *_contacts(fakers), *_numbers(fakers), *_places(fakers), *_days(), *_others(fakers),
    ]  # fmt: skip


def _by(faker: Faker, method: str, **options: object) -> Draw:
    call = getattr(faker, method)
    return lambda random_: " ".join(str(call(**options)).split())


def _names(fakers: dict[str, Faker]) -> Iterator[Form]:
    for locale in (*LATIN, *OTHER_SCRIPTS):
        faker = fakers[locale]

        def full(random_: random.Random, faker: Faker = faker) -> str:
            return f"{faker.first_name()} {faker.last_name()}"

        if locale in _FAMILY_FIRST:
            full = _by(faker, "name")

        script = "Latin" if locale in LATIN else "other scripts"
        yield Form("name", f"{script}: first and last", full, sharp=False)
        if locale in LATIN:
            yield Form(
                "name", "Last, First", lambda r, f=faker: f"{f.last_name()}, {f.first_name()}", sharp=True
            )
            yield Form("name", "CAPITALS", lambda r, d=full: d(r).upper(), sharp=False)
            yield Form("name", "small letters", lambda r, d=full: d(r).lower(), sharp=False)
            yield Form("name", "last name alone", lambda r, f=faker: f.last_name(), sharp=False)
    titles = {"en_US": ("Mr.", "Mrs.", "Dr.", "Ms"), "de_DE": ("Frau", "Herr"), "fr_FR": ("Mme", "M."),
              "es_MX": ("Sra.", "Sr."), "it_IT": ("Sig.ra", "Dott."), "nl_NL": ("Mevr.", "Dhr.")}  # fmt: skip
    for locale, words in titles.items():
        faker = fakers[locale]
        yield Form(
            "name", "with a title", lambda r, f=faker, w=words: f"{r.choice(w)} {f.last_name()}", sharp=True
        )


def _contacts(fakers: dict[str, Faker]) -> Iterator[Form]:
    for patterns in PHONES.values():
        for pattern in patterns:
            way = "from abroad" if pattern.startswith("+") else "at home"
            yield Form("telephone", way, lambda r, p=pattern: figures(p, r), sharp=True)
        bare = patterns[0].translate({ord(c): None for c in " ()-./"})
        yield Form("telephone", "figures only", lambda r, p=bare: figures(p, r), sharp=False)
    english = fakers["en_US"]
    for locale in ("en_US", "de_DE", "pt_BR", "ru_RU"):
        yield Form("e-mail", "plain", _by(fakers[locale], "email"), sharp=True)
    yield Form(
        "e-mail", "spelled out",
        lambda r: english.email().replace("@", r.choice((" at ", " [at] ", "(at)"))).replace(".", " dot "),
        sharp=True,
    )  # fmt: skip
    yield Form("web address", "with http", _by(english, "url"), sharp=True)
    yield Form(
        "web address", "with www", lambda r: f"www.{english.domain_name()}/{english.user_name()}", sharp=True
    )
    yield Form("network address", "IPv4", _by(english, "ipv4"), sharp=True)
    yield Form("network address", "IPv6", _by(english, "ipv6"), sharp=True)


def _numbers(fakers: dict[str, Faker]) -> Iterator[Form]:
    def spaced(draw: Draw, *widths: int) -> Draw:
        def made(random_: random.Random) -> str:
            text, out = draw(random_), []
            for width in widths:
                out.append(text[:width])
                text = text[width:]
            return " ".join((*out, text)).strip()

        return made

    national = "social security or national number"
    yield Form(national, "US, dashes", _by(fakers["en_US"], "ssn"), sharp=True)
    yield Form(
        national, "GB, insurance",
        lambda r: r.choice(("AB", "JN", "SK", "WP")) + figures(r.choice((" ## ## ## ", "######")), r) + r.choice("ABCD"),
        sharp=True,
    )  # fmt: skip
    nhs = lambda r: weighted(r, 9, range(10, 1, -1), 11)  # noqa: E731
    yield Form(national, "GB, NHS spaced", spaced(nhs, 3, 3), sharp=True)
    yield Form(national, "GB, NHS", nhs, sharp=False)
    for locale, place, sharp in (
        ("fr_FR", "FR", True), ("it_IT", "IT", True), ("pt_BR", "BR", True), ("pl_PL", "PL", True),
        ("sv_SE", "SE", True), ("zh_CN", "CN", True), ("nl_NL", "NL", False), ("fi_FI", "FI", True),
        ("tr_TR", "TR", True),
    ):  # fmt: skip
        yield Form(national, place, _by(fakers[locale], "ssn"), sharp=sharp)
    yield Form(national, "KR", lambda r: f"{birth(r):%y%m%d}-{figures('[1-4]######', r)}", sharp=True)
    yield Form(national, "ES", lambda r: _dni(r), sharp=True)
    account = "plan or account number"
    for locale in ("de_DE", "fr_FR", "nl_NL", "pl_PL"):
        yield Form(account, "IBAN", _by(fakers[locale], "iban"), sharp=True)
    yield Form(account, "IBAN, spaced", spaced(_by(fakers["de_DE"], "iban"), 4, 4, 4, 4, 4), sharp=True)
    card = _by(fakers["en_US"], "credit_card_number", card_type="visa16")
    yield Form(account, "card, spaced", spaced(card, 4, 4, 4), sharp=True)
    yield Form(account, "card", card, sharp=True)
    yield Form(account, "labelled", lambda r: figures(r.choice(("Member ID ", "Acct #", "Policy no. ")) + "########", r),
               sharp=True)  # fmt: skip
    record = "record number"
    yield Form(record, "labelled", lambda r: figures(r.choice(("MRN ", "MRN: ", "Med rec no ", "Chart #", "Pat.-Nr. "))
               + "#######", r), sharp=True)  # fmt: skip
    yield Form(record, "long number", lambda r: figures("[1-9]#######", r), sharp=False)
    thing = "licence, vehicle or device number"
    yield Form(thing, "VIN", _by(fakers["en_US"], "vin"), sharp=True)
    yield Form(thing, "MAC", _by(fakers["en_US"], "mac_address"), sharp=True)
    yield Form(thing, "labelled", lambda r: figures(r.choice(("S/N ", "Serial no. ", "License #", "DL ")) + "#######", r),
               sharp=True)  # fmt: skip
    yield Form(thing, "IMEI", lambda r: luhn(r, 14), sharp=True)
    yield Form(thing, "UDI", lambda r: figures("(01)0####" + "#########(21)A####", r), sharp=True)
    for locale in ("en_GB", "de_DE", "nl_NL", "it_IT"):
        yield Form(thing, "number plate", _by(fakers[locale], "license_plate"), sharp=False)


def _places(fakers: dict[str, Faker]) -> Iterator[Form]:
    for locale in ("en_US", "en_GB", "de_DE", "fr_FR", "es_MX", "it_IT", "nl_NL", "pl_PL", "sv_SE", "pt_BR"):
        sharp = locale in ("en_US", "en_GB", "de_DE", "fr_FR")
        yield Form("address", f"street, {locale[-2:]}", _by(fakers[locale], "street_address"), sharp=sharp)
        yield Form("address", "city", _by(fakers[locale], "city"), sharp=False)
    for locale in ("ru_RU", "ja_JP", "zh_CN"):
        yield Form("address", "other scripts", _by(fakers[locale], "address"), sharp=False)
    yield Form("postcode", "GB", _by(fakers["en_GB"], "postcode"), sharp=True)
    yield Form("postcode", "ZIP+4", lambda r: figures("#####-####", r), sharp=False)
    yield Form("postcode", "NL", lambda r: figures("[1-9]### ", r) + "".join(r.choices("ABCDEFGHJKLMNPRSTVWXZ", k=2)),
               sharp=False)  # fmt: skip


def _days() -> Iterator[Form]:
    for pattern in DATES:
        yield Form("date of birth", pattern, lambda r, p=pattern: birth(r).strftime(p), sharp=False)
    yield Form("date of birth", "labelled", lambda r: f"DOB {birth(r):%m/%d/%Y}", sharp=True)
    yield Form("age over 89", "in words", lambda r: f"{r.randrange(90, 104)}{r.choice((' yo', ' years', ' y/o', '-year-old'))}",
               sharp=True)  # fmt: skip


def _others(fakers: dict[str, Faker]) -> Iterator[Form]:
    english, german = fakers["en_US"], fakers["de_DE"]

    def sentence(random_: random.Random) -> str:
        faker = random_.choice((english, german, fakers["es_MX"]))
        return random_.choice(SENTENCES).format(
            n=faker.name(), f=faker.first_name(), d=birth(random_).strftime("%d.%m.")
        )

    def picture(random_: random.Random) -> str:
        return base64.b64encode(b"\xff\xd8\xff\xe0\x00\x10JFIF" + random_.randbytes(300)).decode()

    yield Form("free text", "a sentence", sentence, sharp=True)
    photo = "photo or biometric"
    yield Form(photo, "path", lambda r: f"/scans/{english.user_name()}{r.choice(('.jpg', '.png', '.dcm', '.wav'))}",
               sharp=True)  # fmt: skip
    yield Form(photo, "data URI", lambda r: f"data:image/jpeg;base64,{picture(r)}", sharp=True)
    yield Form(photo, "base64", picture, sharp=True)
    yield Form(photo, "template", lambda r: base64.b64encode(r.randbytes(192)).decode(), sharp=True)


def figures(pattern: str, random_: random.Random) -> str:
    """Fill a template: `#` is a figure, `[2-9]` one of a range, the rest stands for itself."""
    out, place = [], 0
    while place < len(pattern):
        if pattern[place] == "[":
            end = pattern.index("]", place)
            inside = pattern[place + 1 : end]
            if "-" in inside:
                low, high = inside.split("-")
                out.append(str(random_.randrange(int(low), int(high) + 1)))
            else:
                out.append(random_.choice(inside))
            place = end
        else:
            out.append(str(random_.randrange(10)) if pattern[place] == "#" else pattern[place])
        place += 1
    return "".join(out)


def birth(random_: random.Random) -> dt.date:
    """Draw a day of birth of an adult."""
    return dt.date(1930, 1, 1) + dt.timedelta(days=random_.randrange(27_000))


def luhn(random_: random.Random, length: int) -> str:
    """Draw a number of so many figures and put Luhn's check digit behind it."""
    body = figures("[1-9]" + "#" * (length - 1), random_)
    doubled = (int(c) * 2 if n % 2 == 0 else int(c) for n, c in enumerate(reversed(body)))
    return body + str(-sum(d - 9 * (d > 9) for d in doubled) % 10)


def weighted(random_: random.Random, length: int, weights: range, modulus: int) -> str:
    """Draw a number with a check digit by weights, as that of the NHS."""
    while True:
        body = figures("[1-9]" + "#" * (length - 1), random_)
        check = -sum(int(c) * w for c, w in zip(body, weights, strict=True)) % modulus
        if check < 10:
            return body + str(check)


def _dni(random_: random.Random) -> str:
    number = random_.randrange(10_000_000, 80_000_000)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"

"""How a direct identifier is written: shapes of values, with the check digits and the chance of each.

The kinds are those of 45 CFR 164.514(b)(2)(i). Patterns are in RE2 syntax, so that DuckDB can run them.
"""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studypkg.privacy import check_digits as digits

#: Cells that nothing below can match: short codes, numbers, days, hashes. Most cells of a study are such.
PLAIN = (
    r"[a-z_]{0,24}[-_.]?[0-9]{0,8}|[A-Z_]{1,8}[-_]?[0-9]{0,8}|[-+]?[0-9]{1,8}([.,][0-9]{1,12})?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{5,15}Z?)?|[0-9a-f]{16,64}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)

_STREET = (
    r"st|street|ave?|avenue|road|rd|lane|ln|drive|dr|blvd|boulevard|court|ct|way|place|pl|terrace|crescent"
    r"|close|highway|hwy|parkway|pkwy|square|sq|circle|cir"
)
_EDGE, _END = r"(^|[^0-9A-Za-z.,/-])", r"($|[^0-9A-Za-z.,/-]|[.,]( |$))"
_TITLE = (
    r"Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Sra?|Srta|Don|Doña|Mme|Mlle|M|Sig|Sig\.ra|Dott|Dhr|Mevr|Smt|Shri"
)

#: One cell is enough: (kind, pattern searched in the cell).
TELLING: tuple[tuple[str, str], ...] = (
    ("e-mail", r"[\p{L}0-9._%+-]+@[\p{L}0-9-]+(\.[\p{L}0-9-]+)*\.\p{L}{2,}"),
    (
        "e-mail",
        r"(?i)[a-z0-9._%+-]+ ?[\[({<]? ?(\bat\b|@) ?[\])}>]? ?[a-z0-9-]+ ?[\[({<]? ?\bdot\b ?[\])}>]? ?"
        r"[a-z]{2,}|[a-z0-9._%+-]+ ?[\[({<](at|@)[\])}>] ?[a-z0-9-]+\.[a-z]{2,}|[a-z0-9._%+-]+ @ [a-z0-9-]+\.[a-z]{2,}",
    ),
    ("web or network address", r"(?i)\b(https?|ftp|sftp)://|\bwww\.[a-z0-9-]+\.|\b[a-z0-9-]+\.(com|org|net|info)/"),
    ("telephone", _EDGE + r"(\+?1[-. ]?)?(\(\d{3}\) ?|\d{3}[-.])\d{3}[-. ]\d{4}( ?(x|ext\.?|#) ?\d{1,6})?" + _END),
    ("telephone", _EDGE + r"(\+[1-9]\d{0,2}[ .-]?|00[1-9]\d{0,2}[ .-])(\(0\) ?)?\(?\d{1,5}\)?([ ./-]?\d{2,5}){2,5}" + _END),
    ("telephone", _EDGE + r"\+[1-9]\d{8,14}" + _END),
    ("telephone", _EDGE + r"\(0\d{1,4}\) ?\d{2,4}([ -]?\d{2,4}){1,3}" + _END),  # UK, DE, AU with brackets
    ("telephone", _EDGE + r"0\d{2,4} ?[/-] ?\d{3,}([ -]\d{2,})*" + _END),  # DE, AT, NL
    ("telephone", _EDGE + r"0\d{2,4} \d{3,4} \d{3,4}" + _END),  # UK, AU, IE
    ("telephone", _EDGE + r"0\d{3,4} \d{5,8}" + _END),  # DE, UK
    ("telephone", _EDGE + r"0\d([ .-]\d{2}){4}" + _END),  # FR
    ("telephone", _EDGE + r"[6789]\d{2}( \d{3} \d{3}|( \d{2}){3})" + _END),  # ES
    ("telephone", _EDGE + r"[6-9]\d{4}[ -]\d{5}" + _END),  # IN
    ("telephone", r"(?i)\b(tel|phone|ph|mobile|mob|cell|fax|telefon|móvil|portable|handy)\b[ .:#-]{1,3}\(?\+?[0-9][0-9 ()./-]{5,}"),
    ("social security or national number", r"(^|[^0-9-])\d{3}-\d{2}-\d{4}($|[^0-9-])"),
    ("social security or national number", r"(?i)\b(ssn|social security|nhs( no)?|nino|dni|nie|passport)\b\W{0,4}(no\.?|number|#)?\W{0,2}[A-Z]{0,2}\d[0-9 -]{5,}"),
    ("social security or national number", r"(^|[^A-Z0-9])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]($|[^A-Z0-9])"),
    (
        "record number",
        r"(?i)\b(mrn|m\.?r\.? ?(no|#)|med(ical)?\.? rec(ord)?( no)?|hosp(ital)?\.? (no|number)|chart (no|#)|chart|pat(ient)?\.?-?"
        r" ?(nr|no|id)|nhc|ipp|uhid|case no)\b\W{0,4}[A-Z]{0,3}-?\d{4,}",
    ),
    ("plan or account number", r"(?i)\b(policy|member|subscriber|account|acct|medicaid|medicare|insurance|konto|versichert\w*)\b\W{0,3}(id|no|nr|number|#)?\W{0,3}[A-Z]{0,4}\d{5,}"),
    ("licence, vehicle or device number", r"(?i)\b(licen[cs]e|driver'?s? lic\w*|dl|reg(istration)?|serial|s/n|sn|imei|udi)\b\W{0,3}(id|no|nr|number|#)?\W{0,3}[A-Z]{0,4}-?\d{5,}"),
    ("licence, vehicle or device number", r"\(01\)\d{14}(\(|$)|(^|[^0-9A-Fa-f:-])([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}($|[^0-9A-Fa-f:-])"),
    ("address", rf"(?i)(^|[^0-9.])\d{{1,5}}[a-z]? ([nsew]\.? )?\p{{L}}[\p{{L}}0-9' .-]{{0,30}} ({_STREET})\b"),
    ("address", r"(?i)\b\p{L}+ ?(straße|strasse|str\.|gasse|allee|weg|platz|straat|laan|gracht|plein|vej|gatan|vägen) ?\d{1,4}\b"),
    ("address", r"(?i)(^|\b\d{1,4},? ?(bis )?)(rue|avenue|boulevard|impasse|allée|chemin|quai) (d[eu] |des |d'|de la )?\p{L}+|\b(calle|avda\.?|plaza|paseo|carrer|via|viale|piazza|corso|rua|travessa|ul\.|ulica|ул\.) [\p{L}' .]{2,30},? ?(n[.º°]+ ?)?\d{1,4}\b"),
    ("address", r"(?i)\bp\.? ?o\.? ?box \d+|\bpostfach \d+|\bapartado( postal)? \d+|\b(apt|suite|unit)\.? #?\d+"),
    ("postcode", r"(^|[ ,])([A-PR-UWYZ][A-HK-Y]?\d[A-HJKPSTUW\d]? \d[ABD-HJLNP-UW-Z]{2}|[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d)($|[ ,])"),
    ("birth date", r"(?i)\b(dob|d\.o\.b\.?|born( on)?|birth(day|date)?|date of birth|geb(oren)?\.?( am)?|née? le|nacid[oa]( el)?|nat[oa] il|г\.?р\.?)\W{0,4}\d{1,4}[ ./-]"),
    ("photo or biometric", r"(?i)data:(image|audio|video)/|^(/9j/4AAQ|iVBORw0KGgo|R0lGOD|UklGR)|\.(jpe?g|png|gif|heic|tiff?|bmp|dcm|wav|mp3|m4a|mp4|mov|avi)$"),
    ("name", rf"(^|[ ,;(])({_TITLE})\.? \p{{Lu}}[\p{{L}}'’-]+"),
    ("name", r"^\p{Lu}[\p{L}'’-]+( \p{Lu}[\p{L}'’-]+)?, \p{Lu}[\p{L}'’-]+( \p{Lu}\.?)*$"),
    ("name", r"(?i:\b(wife|husband|spouse|son|daughter|mother|father|brother|sister|partner|caregiver|esposa|marido|hij[oa]|ehefrau|ehemann|tochter|sohn|épouse|mari|fille|fils)) \p{Lu}\p{Ll}{2,}"),
)  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """A shape whose cells carry a check digit.

    Parameters
    ----------
    kind
        Kind of identifier.
    pattern
        Shape of the whole cell.
    holds
        Whether the check digit fits.
    chance
        Share of cells of this shape that pass though they are something else. Cells count as identifiers
        only if chance to the power of the number of passing cells is below `CHANCE`.
    """

    kind: str
    pattern: str
    holds: Callable[[str], bool]
    chance: float


#: So unlikely must it be that all passing cells pass by luck.
CHANCE = 1e-4
#: So large a share of the cells of a shape must pass its check.
PASSING = 0.8
_NATIONAL = "social security or national number"

CHECKED: tuple[Checked, ...] = (
    Checked(_NATIONAL, r"\d{3}[ ]\d{2}[ ]\d{4}", digits.ssn, 0.01),
    Checked(_NATIONAL, r"\d{3}[ -]\d{3}[ -]\d{4}", digits.nhs, 0.005),
    Checked(_NATIONAL, r"\d{10}", digits.nhs, 0.091),
    Checked(_NATIONAL, r"\d{8}-?[A-HJ-NP-TV-Za-z]|[XYZxyz]-?\d{7}-?[A-Za-z]", digits.dni, 0.044),
    Checked(
        _NATIONAL, r"[A-Za-z]{6}\d{2}[A-EHLMPRSTa-ehlmprst]\d{2}[A-Za-z]\d{3}[A-Za-z]",
        digits.codice_fiscale, 1e-5,
    ),
    Checked(_NATIONAL, r"[123478] ?\d{2} ?\d{2} ?(\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", digits.insee, 0.0103),
    Checked(_NATIONAL, r"\d{2} ?\d{3} ?\d{3} ?\d{3}", digits.steuer_id, 0.05),
    Checked(_NATIONAL, r"\d{9}", digits.bsn, 0.091),
    Checked(_NATIONAL, r"\d{3} \d{3} \d{3}", digits.luhn, 0.05),
    Checked(_NATIONAL, r"\d{9}", digits.luhn, 0.1),
    Checked(_NATIONAL, r"\d{3}\.\d{3}\.\d{3}-\d{2}", digits.cpf, 1e-5),
    Checked(_NATIONAL, r"\d{11}", digits.cpf, 0.01),
    Checked(_NATIONAL, r"\d{11}", digits.pesel, 0.02),
    Checked(_NATIONAL, r"(\d{2})?\d{6}[-+]\d{4}", digits.luhn, 0.02),
    Checked(_NATIONAL, r"756\.?\d{4}\.?\d{4}\.?\d{2}", digits.ahv, 1e-4),
    Checked(_NATIONAL, r"[2-9]\d{3} ?\d{4} ?\d{4}", digits.aadhaar, 0.08),
    Checked("plan or account number", r"[A-Z]{2}\d{2}( ?[A-Z0-9]{2,4}){3,8}", digits.iban, 1e-4),
    Checked("plan or account number", r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}", digits.luhn, 1e-3),
    Checked("plan or account number", r"\d{16}", digits.luhn, 0.1),
    Checked(
        "plan or account number",
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
        r"[AC-HJKMNP-RT-Y]{2}\d{2}", bool, 1e-3,
    ),
    Checked("licence, vehicle or device number", r"[A-HJ-NPR-Z0-9]{17}", digits.vin, 0.01),
    Checked("licence, vehicle or device number", r"\d{15}", digits.imei, 0.1),
    Checked("web or network address", r"\d{1,3}(\.\d{1,3}){3}", digits.network_address, 1e-5),
    Checked(
        "web or network address", r"[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){3,7}(%\w+)?", digits.network_address,
        1e-5,
    ),
)  # fmt: skip

#: The whole column must be so: (kind, pattern of the whole cell). Single cells would say nothing.
COLUMN: tuple[tuple[str, str], ...] = (
    ("telephone", r"1?[2-9]\d{2}[2-9]\d{6}"),
    ("telephone", r"0[1-9]\d{8,9}|00?[1-9]\d{10,12}"),
    ("licence, vehicle or device number", r"[A-Z]{2}\d{2} [A-Z]{3}|[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2} \d{1,4}|\d{4} [B-DF-HJ-NP-TV-Z]{3}|[A-Z]{2}-\d{3}-[A-Z]{2}"),
    ("postcode", r"\d{5}-\d{4}|\d{4} ?[A-Z]{2}"),
)  # fmt: skip
#: So large a share of a column, and so many different values, make it a column of that shape.
COLUMN_SHARE = 0.9
COLUMN_DISTINCT = 20

#: Days in words, which no parser of the study reads as a day.
DATE_WORDS = (
    r"(?i)^(\d{1,2}(st|nd|rd|th|\.|º)?( de)? (jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|ene|abr|ago|dic"
    r"|janv|févr|avr|juin|juil|août|déc|gen|mag|giu|lug|set|ott)[\p{L}.]*,?( de)? (\d{4})|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"[a-z.]* \d{1,2}(st|nd|rd|th)?,? (\d{4})|(\d{4})年\d{1,2}月\d{1,2}日)$"
)
#: Ways of writing a day by figures that are tried on columns of days.
DATE_FORMATS = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%d %b %Y",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M",
)  # fmt: skip

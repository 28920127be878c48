"""How a direct identifier is written: the shapes of values.

The kinds are those of 45 CFR 164.514(b)(2)(i). Patterns are in RE2 syntax, so that DuckDB can run them.
"""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

#: Cells that nothing below can match: short codes, numbers, days, moments, hashes. Most cells are such.
PLAIN = (
    r"[a-z_]{0,24}[-_.]?[0-9]{0,8}|[A-Z_]{1,8}[-_]?[0-9]{0,8}|[-+]?[0-9]{1,8}([.,][0-9]{1,18})?([eE][-+]?[0-9]{1,3})?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{5,15}(Z|[-+][0-9]{2}:?[0-9]{2})?)?|[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
    r"|[0-9a-f]{16}[0-9a-f]*|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
)

_STREET = (
    r"st|street|ave?|avenue|road|rd|lane|ln|drive|dr|blvd|boulevard|court|ct|way|place|pl|terrace|crescent"
    r"|close|highway|hwy|parkway|pkwy|square|sq|circle|cir"
)
#: Streets of the United States (Postal Service, Publication 28, C1), save those that are words of training.
_STREET_CAPITAL = (
    r"Alley|Arcade|Bayou|Bluffs?|Branch|Brooks?|Burgs?|Bypass|Camp|Canyon|Cape|Causeway|Centers?|Cliffs?|Club|Common"
    r"|Corners?|Course|Courts|Coves?|Creek|Crest|Crossing|Crossroad|Dale|Dam|Divide|Drives|Estates?|Expressway|Falls?"
    r"|Ferry|Fields?|Ford|Forest|Forges?|Forks?|Fort|Freeway|Gardens?|Gateway|Glens?|Greens?|Groves?|Harbors?|Haven"
    r"|Heights|Hills?|Hollow|Inlet|Islands?|Isle|Junctions?|Knolls?|Lakes?|Landing|Lights?|Loaf|Lodge|Loop|Mall|Manors?|Meadows?|Mews"
    r"|Mills?|Motorway|Mount|Mountains?|Orchard|Oval|Overpass|Parks?|Parkways|Passage|Path|Pike|Pines?|Plains?|Plaza"
    r"|Points?|Ports?|Prairie|Ramp|Ranch|Rapids?|Ridges?|Rivers?|Roads|Route|Rue|Shoals?|Shores?|Skyway|Springs?|Spurs?"
    r"|Squares|Station|Stravenue|Streams?|Streets|Summit|Throughway|Trace|Track|Trafficway|Trails?|Tunnel|Turnpike"
    r"|Underpass|Unions?|Valleys?|Via|Viaduct|Views?|Villages?|Ville|Vista|Walks|Ways|Wells?"
)
_EDGE, _END = r"(^|[^0-9A-Za-z.,/-])", r"($|[^0-9A-Za-z.,/-]|[.,]( |$))"
_TITLE = (
    r"Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Sra?|Srta|Don|Doña|Mme|Mlle|M|Sig|Sig\.ra|Dott|Dhr|Mevr|Smt|Shri"
)

_REST = r"[^\s0-9!-&(-,./:-@\[-_{-~]"
_PARTICLE = r"(van|von|der|den|de|del|della|di|da|dos|du|la|le|el|al|bin|ibn|zu|ten|ter|'t|y|st\.?)"

#: One cell is enough: (kind, pattern searched in the cell).
TELLING: tuple[tuple[str, str], ...] = (
    ("e-mail", r"[^\s@,;:<>()\[\]]+@[^\s@,;:<>()\[\]]+\.[^\s@,;:<>()\[\]0-9.]{2,}"),
    (
        "e-mail",
        r"(?i)[a-z0-9._%+-]+ ?[\[({<]? ?(\bat\b|@) ?[\])}>]? ?[a-z0-9-]+ ?[\[({<]? ?\bdot\b ?[\])}>]? ?"
        r"[a-z]{2,}|[a-z0-9._%+-]+ ?[\[({<](at|@)[\])}>] ?[a-z0-9-]+\.[a-z]{2,}|[a-z0-9._%+-]+ @ [a-z0-9-]+\.[a-z]{2,}",
    ),
    ("web or network address", r"(?i)\b(https?|ftp|sftp)://|\bwww\.[a-z0-9-]+\.|\b[a-z0-9-]+\.(com|org|net|info)/"),
    ("licence, vehicle or device number", r"\(01\)\d{14}(\(|$)|(^|[^0-9A-Fa-f:-])([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}($|[^0-9A-Fa-f:-])"),
    ("telephone", _EDGE + r"(\+?1[-. ]?)?(\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-. ]\d{4}( ?(x|ext\.?|#) ?\d{1,6})?" + _END),
    ("telephone", _EDGE + r"\(?\+[1-9]\d{0,2}\)?[ .-]?(\(0\) ?)?\(?\d{1,5}\)?([ ./-]?\d{2,5}){2,5}" + _END),
    ("telephone", _EDGE + r"\+[1-9]\d{8,14}" + _END),
    ("telephone", _EDGE + r"\(0\d{1,4}\) ?\d{2,4}([ -]?\d{2,4}){1,3}" + _END),  # UK, DE, AU with brackets
    ("telephone", _EDGE + r"0\d{2,4} \d{3,4} \d{3,4}" + _END),  # UK, AU, IE
    ("telephone", _EDGE + r"0\d{3,4} \d{6,8}" + _END),  # DE, UK
    ("telephone", _EDGE + r"0\d([ .-]\d{2}){4}" + _END),  # FR
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
    ("address", rf"(?i)(^|[^0-9.])\d{{1,5}}[a-z]? ([nsew]\.? )?[^0-9,;]{{1,30}} ({_STREET})\b"),
    ("address", rf"(^|[^0-9.])\d{{1,5}} (\p{{Lu}}[\p{{L}}'.]* ){{1,3}}({_STREET_CAPITAL})($|[ ,]( ?(Suite|Apt|Unit|#).*)?)"),
    ("address", r"\b[A-Z]{2},? \d{5}(-\d{4})?($|,)|\b\d{5}-\d{4}$|^\d{5} \p{Lu}\p{Ll}+$"),
    ("address", r"(?i)[^0-9 ,;]{3,}[ -]?(straße|strasse|str\.|gasse|allee|weg|platz|ring|damm|ufer|steig|chaussee|markt|straat|laan|gracht|plein|kade|singel|vej|veien|gatan|vägen|katu|tie) \d{1,4}[a-z]?([/-]\d+)?$"),
    ("address", r"(?i)(^|\b\d{1,4},? ?(bis )?)(rue|avenue|boulevard|impasse|allée|chemin|quai) (d[eu] |des |d'|de la )?\p{L}+|\b(calle|avda\.?|plaza|paseo|carrer|via|viale|piazza|corso|rua|travessa|ul\.|ulica|aleja|al\.|plac|pl\.|os\.|ул\.|улица|пр\.|наб\.|пер\.) [^0-9,;]{2,30},? ?(n[.º°]+ ?)?\d{1,4}\b"),
    ("address", r"(?i)\bp\.? ?o\.? ?box \d+|\bpostfach \d+|\bapartado( postal)? \d+|\b(apt|suite|unit)\.? #?\d+|^(flat|studio) \d{1,3}[a-z]? [a-z]"),
    ("postcode", r"(^|[ ,])([A-PR-UWYZ][A-HK-Y]?\d[A-HJ-NP-Z\d]? \d[ABD-HJLNP-UW-Z]{2}|[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d)($|[ ,])"),
    ("birth date", r"(?i)\b(dob|d\.o\.b\.?|born( on)?|birth(day|date)?|date of birth|geb(oren)?\.?( am)?|née? le|nacid[oa]( el)?|nat[oa] il|г\.?р\.?)\W{0,4}\d{1,4}[ ./-]"),
    ("age over 89", r"(?i)(^|[ ,;:(])(9\d|1[0-2]\d)[ -]?(yo|y/o|y\.o\.|yrs?|years?([ -]old)?|jahre( alt)?|años|ans|anni|jaar|anos|лет|岁|歳)($|[^\p{L}])"),
    ("photo or biometric", r"(?i)data:(image|audio|video)/|^(/9j/4AAQ|iVBORw0KGgo|R0lGOD|UklGR)|\.(jpe?g|png|gif|heic|tiff?|bmp|dcm|wav|mp3|m4a|mp4|mov|avi)$"),
    ("name", rf"(^|[ ,;(])({_TITLE})\.? ({_PARTICLE} ?){{0,2}}\p{{Lu}}[\p{{L}}'’-]+"),
    ("name", rf"^({_PARTICLE} ){{0,2}}\p{{Lu}}{_REST}+( ({_PARTICLE} )?\p{{Lu}}{_REST}+){{0,2}}, \p{{Lu}}{_REST}+( \p{{Lu}}({_REST}|\.)*)*$"),
    ("name", r"(?i:\b(wife|husband|spouse|son|daughter|mother|father|brother|sister|partner|caregiver|esposa|marido|hij[oa]|ehefrau|ehemann|tochter|sohn|épouse|mari|fille|fils)) \p{Lu}\p{Ll}{2,}"),
)  # fmt: skip


#: The whole column must be so: (kind, pattern of the whole cell). Single cells would say nothing.
COLUMN: tuple[tuple[str, str], ...] = (
    ("licence, vehicle or device number", r"[A-Z]{2}\d{2} [A-Z]{3}|[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2} \d{1,4}|\d{4} [B-DF-HJ-NP-TV-Z]{3}|[A-Z]{2}-\d{3}-[A-Z]{2}"),
    ("postcode", r"\d{5}-\d{4}|\d{4} ?[A-Z]{2}"),
)  # fmt: skip
#: So large a share of a column, and so many different values, make it a column of that shape.
COLUMN_SHARE = 0.9
COLUMN_DISTINCT = 20

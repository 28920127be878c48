"""Codes of outside systems as words of the study: by the vocabulary, or as the study declares them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import duckdb

from studypkg.errors import ConfigError
from studypkg.records.quoting import literal
from studypkg.terms import CERTAINTIES, Coded, Term, normalise
from studypkg.vocabulary import Vocabulary

#: Code systems under each of the addresses by which they are named.
SYSTEMS: Mapping[str, str] = {
    "http://loinc.org": "loinc",
    "urn:oid:2.16.840.1.113883.6.1": "loinc",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10cm",
    "urn:oid:2.16.840.1.113883.6.90": "icd10cm",
    "http://snomed.info/sct": "snomed",
    "http://snomed.info": "snomed",
    "urn:oid:2.16.840.1.113883.6.96": "snomed",
    "http://www.ama-assn.org/go/cpt": "cpt",
    "urn:oid:2.16.840.1.113883.6.12": "cpt",
    "http://terminology.hl7.org/CodeSystem/HCPCS": "hcpcs",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "hcpcs",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "hcpcs",
    "urn:oid:2.16.840.1.113883.6.285": "hcpcs",
}
#: Systems made for bills. Their codes do not say which modality was given, whatever is declared.
BILLING = ("cpt", "hcpcs")
_SHORT = frozenset(SYSTEMS.values())
#: Endings of an ICD-10-CM code of injury: first, later encounter, late effect. The diagnosis is the same.
_ENCOUNTERS = "ADS"


def make_coding_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macros that read codings: `fhir_codings`, `fhir_tokens`, `fhir_billing`, `fhir_words`.

    Notes
    -----
    A coding is ``system|CODE``, and once more ``|CODE`` for declarations that name no system. Words
    are looked at only to be compared with the vocabulary; a text that is none of its words is not kept.
    """
    systems = " ".join(f"WHEN {literal(url)} THEN {literal(name)}" for url, name in SYSTEMS.items())
    shape = '{"system":"VARCHAR","code":"VARCHAR","display":"VARCHAR"}'
    billing = ", ".join(map(literal, BILLING))
    squeeze = r"[\s\p{Pd}\p{Pc}\p{Cf}]+"
    for macro in (
        f"fhir_system(s) AS CASE s {systems} ELSE coalesce(s, '') END",
        # One coding where the standard wants a list is not rare.
        f"fhir_codings(c) AS CASE json_type(c) WHEN 'ARRAY' THEN json_transform(c, '[{shape}]') "
        f"WHEN 'OBJECT' THEN [json_transform(c, '{shape}')] ELSE [] END",
        "fhir_code(s, c) AS CASE WHEN s = 'icd10cm' THEN replace(upper(c), '.', '') ELSE upper(c) END",
        "fhir_tokens(l) AS list_concat("
        "list_transform(l, lambda x: fhir_system(x.system) || '|' || "
        "fhir_code(fhir_system(x.system), trim(x.code))), "
        f"list_transform(list_filter(l, lambda x: fhir_system(x.system) NOT IN ({billing})), "
        "lambda x: '|' || upper(trim(x.code))))",
        f"fhir_billing(l) AS len(list_filter(l, lambda x: fhir_system(x.system) IN ({billing}))) > 0",
        f"fhir_squeezed(t) AS regexp_replace(lower(nfc_normalize(t)), '{squeeze}', '', 'g')",
        "fhir_words(l, text) AS list_append(list_transform(list_filter(l, lambda x: "
        f"fhir_system(x.system) NOT IN ({billing})), lambda x: fhir_squeezed(x.display)), "
        f"fhir_squeezed(text))",
        "fhir_known(l, m) AS list_sort(list_distinct(list_filter(list_transform(l, lambda x: m[x]), "
        "lambda x: x IS NOT NULL)))",
    ):
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")


def map_sql(words: Mapping[str, str]) -> str:
    """Write a SQL map of words; an empty one has its types all the same."""
    if not words:
        return "MAP {'': NULL::VARCHAR}"
    return f"MAP {{{', '.join(f'{literal(word)}: {literal(term)}' for word, term in words.items())}}}"


def needles(tokens: Iterable[str]) -> tuple[str, ...]:
    r"""Give texts of which one stands in every resource with one of these codes, or nothing.

    Notes
    -----
    A code of digits is written in one way only, unless JSON spells its signs out as ``\u0037``: then it is
    looked at too. A code with letters may stand in either case, and nothing is given.

    Examples
    --------
    >>> needles(["loinc|72514-3", "loinc|38214-3"])
    ('38214-3', '72514-3', '\\u')
    >>> needles(["loinc|72514-3", "|PEG"])
    ()
    """
    codes = sorted({token.rpartition("|")[2] for token in tokens})
    return (*codes, "\\u") if all(re.fullmatch(r"[0-9-]+", code) for code in codes) else ()


def vocabulary_tokens(terms: Iterable[Term], *, sided: bool = False) -> dict[str, str]:
    """Map the codes of vocabulary terms to their ids.

    Parameters
    ----------
    terms
        Of one section.
    sided
        Whether the side that a code names stays with it, as ``id/left``.

    Returns
    -------
    dict of str to str
        From ``system|CODE``. A code of two terms means the one that is more certain; if they are
        equally so, it means neither. Billing codes, second choices and unverified codes mean nothing.

    Examples
    --------
    >>> from studypkg.vocabulary import load_vocabulary
    >>> vocabulary_tokens(load_vocabulary().conditions.values(), sided=True)["icd10cm|M7632"]
    'itb_syndrome/left'
    """
    found: dict[str, dict[str, int]] = {}
    for term in terms:
        for code in term.codes if isinstance(term, Coded) else ():
            if code.system in BILLING or code.alternative or code.certainty == "unverified":
                continue
            if code.until is not None:
                continue  # whether it was in force is a question of the day, which is asked elsewhere
            meaning = f"{term.id}/{code.side or ''}" if sided else term.id
            for token in _spellings(code.system, code.code):
                found.setdefault(token, {})[meaning] = CERTAINTIES.index(code.certainty)
    known = {}
    for token, meanings in found.items():
        surest = [one for one, grade in meanings.items() if grade == max(meanings.values())]
        if len(surest) == 1:
            known[token] = surest[0]
    return known


def _spellings(system: str, code: str) -> list[str]:
    plain = code.upper()
    if system == "icd10cm":
        plain = plain.replace(".", "")
        if len(plain) == 7 and plain[-1] in _ENCOUNTERS:
            return [f"{system}|{plain[:-1]}{letter}" for letter in _ENCOUNTERS]
    return [f"{system}|{plain}"]


def declared_tokens(declared: Mapping[str, str], place: str) -> dict[str, str]:
    """Map the codes that a study declares, ``CODE`` or ``system|CODE``, to its words.

    Raises
    ------
    ConfigError
        If a code belongs to a system made for bills.

    Examples
    --------
    >>> declared_tokens({"http://loinc.org|38221-8": "faces", "PEG": "peg"}, "codes")
    {'loinc|38221-8': 'faces', '|PEG': 'peg'}
    """
    found = {}
    for key, word in declared.items():
        system, bar, code = key.rpartition("|")
        short = SYSTEMS.get(system, system)
        if short in BILLING or (not bar and re.fullmatch(r"9\d{4}|[GHLS]\d{4}", code)):
            raise ConfigError(
                f'{place}: "{key}" is a billing code, and a billing code says nothing of the modality. '
                f"Declare the code under which the record names what was done."
            )
        plain = code.upper().replace(".", "") if short == "icd10cm" else code.upper()
        found[f"{short}|{plain}"] = word
    return found


def vocabulary_words(vocabulary: Vocabulary, section: str) -> dict[str, str]:
    """Map every word of a section, without case, blanks and dashes, to its id.

    Examples
    --------
    >>> from studypkg.vocabulary import load_vocabulary
    >>> vocabulary_words(load_vocabulary(), "modalities")["dryneedling"]
    'dry_needling'
    """
    return {normalise(word): term for word, term in vocabulary.resolution(section).items()}

"""Numbers with a check digit that stand for one person, account or thing.

The checks are those of python-stdnum, which holds the rules of two hundred registers; only the vehicle number,
which it lacks, is checked here. Every check takes the text of one cell and never raises.
"""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

#: So unlikely must it be that all passing cells pass by luck.
CHANCE = 1e-4
#: So large a share of the cells of a shape must pass its check.
PASSING = 0.8
#: Among cells of another shape, one cell is enough whose check passes by luck no more often than this.
ODD_CHANCE = 0.12

NATIONAL = "social security or national number"
ACCOUNT = "plan or account number"
THING = "licence, vehicle or device number"
NETWORK = "web or network address"
BIOMETRIC = "photo or biometric"

_DAY = r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_VIN_VALUES = {**{str(n): n for n in range(10)}, **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
               **dict(zip("JKLMN", range(1, 6), strict=True)), "P": 7, "R": 9,
               **dict(zip("STUVWXYZ", range(2, 10), strict=True))}  # fmt: skip
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True)
class Checked:
    """A shape whose cells carry a check digit.

    Parameters
    ----------
    kind
        Kind of identifier.
    pattern
        Shape of the whole cell, in RE2 syntax.
    check
        Module of `stdnum`, or a function of this module.
    chance
        Share of cells of this shape that pass though they are something else. Cells count as identifiers
        only if chance to the power of the number of passing cells is below `CHANCE`, or if no other cell
        of the column is like them and chance is at most `ODD_CHANCE`.
    """

    kind: str
    pattern: str
    check: str | Callable[[str], bool]
    chance: float

    def holds(self, text: str) -> bool:
        r"""Say whether the check digit fits.

        Examples
        --------
        >>> number = Checked("national number", r"\d{10}", "gb.nhs", 0.091)
        >>> number.holds("943 476 5919"), number.holds("943 476 5918")
        (True, False)
        """
        if callable(self.check):
            return self.check(text)
        # One figure ten times fits many a rule and stands for nobody.
        if len(set(re.sub(r"\W", "", text))) < 3:
            return False
        register = importlib.import_module(f".{self.check}", "stdnum")
        return bool(register.is_valid(re.sub(r"[ -]", "", text) if self.check == "luhn" else text))


def vin(text: str) -> bool:
    """ISO 3779 with the North American check digit at the ninth place (49 CFR 565.15).

    Examples
    --------
    >>> vin("1M8GDM9AXKP042788"), vin("1M8GDM9A1KP042788")
    (True, False)
    """
    d = text.strip().upper()
    if not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", d) or d.isdecimal() or len(set(d)) == 1:
        return False
    rest = sum(_VIN_VALUES[c] * w for c, w in zip(d, _VIN_WEIGHTS, strict=True)) % 11
    return d[8] == ("X" if rest == 10 else str(rest))


def network_address(text: str) -> bool:
    """Tell an IPv4 or IPv6 address from other texts with dots or colons.

    Examples
    --------
    >>> network_address("2001:db8::1"), network_address("12:30:45"), network_address("999.1.1.1")
    (True, False, False)
    """
    try:
        ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return False
    return True


def template(text: str) -> bool:
    """Tell bytes written in base64, such as a picture or a fingerprint, from a word or a hash.

    Examples
    --------
    >>> template("TUVH" * 8 + "a9+/" * 16), template("3f2b" * 32), template("A" * 100)
    (True, False, False)
    """
    mixed = all(re.search(one, text) for one in ("[A-Z]", "[a-z]", "[0-9]"))
    return mixed and re.fullmatch("[0-9A-Fa-f]*", text) is None


CHECKED: tuple[Checked, ...] = (
    Checked(NATIONAL, r"\d{3} \d{2} \d{4}", "us.ssn", 0.01),
    Checked(NATIONAL, r"\d{3}[ -]\d{3}[ -]\d{4}", "gb.nhs", 0.005),
    Checked(NATIONAL, r"\d{10}", "gb.nhs", 0.091),
    Checked(NATIONAL, r"\d{8}-?[A-HJ-NP-TV-Za-hj-np-tv-z]", "es.dni", 0.044),
    Checked(NATIONAL, r"[XYZxyz]-?\d{7}-?[A-Za-z]", "es.nie", 0.044),
    Checked(
        NATIONAL, r"[A-Za-z]{6}\d{2}[A-EHLMPRSTa-ehlmprst]\d{2}[A-Za-z]\d{3}[A-Za-z]", "it.codicefiscale", 1e-5
    ),
    Checked(NATIONAL, r"[1-478] ?\d{2} ?\d{2} ?(\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", "fr.nir", 0.0103),
    Checked(NATIONAL, r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", 0.05),
    Checked(NATIONAL, r"\d{9}", "nl.bsn", 0.091),
    Checked(NATIONAL, r"\d{3}[ -]\d{3}[ -]\d{3}", "ca.sin", 0.05),
    Checked(NATIONAL, r"\d{9}", "ca.sin", 0.1),
    Checked(NATIONAL, r"\d{3} \d{3} \d{3}", "au.tfn", 0.1),
    Checked(NATIONAL, r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf", 1e-5),
    Checked(NATIONAL, r"\d{11}", "br.cpf", 0.01),
    Checked(NATIONAL, r"\d{11}", "pl.pesel", 0.02),
    Checked(NATIONAL, r"\d{11}", "tr.tckimlik", 0.01),
    Checked(NATIONAL, r"\d{6} ?\d{5}", "no.fodselsnummer", 0.005),
    Checked(NATIONAL, r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}\.?\d{2}", "be.nn", 0.01),
    Checked(NATIONAL, r"\d{11}", "gr.amka", 0.03),
    Checked(NATIONAL, r"\d{11}", "hr.oib", 0.1),
    Checked(NATIONAL, r"\d{11}", "ee.ik", 0.03),
    Checked(NATIONAL, r"(\d{2})?\d{6}[-+]\d{4}", "se.personnummer", 0.03),
    Checked(NATIONAL, r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", "fi.hetu", 0.01),
    Checked(NATIONAL, r"\d{6}-\d{4}", "dk.cpr", 0.3),
    Checked(NATIONAL, r"\d{6}/\d{3,4}", "cz.rc", 0.03),
    Checked(NATIONAL, r"[1-9]\d{12}", "ro.cnp", 0.01),
    Checked(NATIONAL, r"\d{10}", "bg.egn", 0.01),
    Checked(NATIONAL, r"\d{13}", "za.idnr", 0.01),
    # Since October 2020 Korea gives numbers without a check digit, and China's places are renamed: by the day of birth.
    Checked(NATIONAL, rf"\d{{2}}{_DAY}-[1-8]\d{{6}}", bool, 0.03),
    Checked(NATIONAL, rf"[1-9]\d{{5}}(19|20)\d{{2}}{_DAY}\d{{3}}[0-9Xx]", "iso7064.mod_11_2", 1e-4),
    Checked(NATIONAL, r"[A-Z]{4}\d{6}[A-Z]{6}[0-9A-Z]\d", "mx.curp", 1e-5),
    Checked(NATIONAL, r"\d{7}[A-W][A-IW]?", "ie.pps", 0.044),
    Checked(NATIONAL, r"756\.?\d{4}\.?\d{4}\.?\d{2}", "ch.ssn", 1e-4),
    Checked(NATIONAL, r"[2-9]\d{3} ?\d{4} ?\d{4}", "in_.aadhaar", 0.08),
    Checked("postcode", r"[1-9]\d{3} [A-Z]{2}", bool, 0.1),
    Checked(ACCOUNT, r"[A-Z]{2}\d{2}( ?[A-Z0-9]{2,4}){3,8}", "iban", 1e-4),
    Checked(ACCOUNT, r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}", "luhn", 1e-3),
    Checked(ACCOUNT, r"3[47]\d{13}|[3-6]\d{15}", "luhn", 0.1),
    Checked(
        ACCOUNT,  # Medicare beneficiary identifier, which has a shape and no check digit
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
        r"[AC-HJKMNP-RT-Y]{2}\d{2}", bool, 1e-3,
    ),
    Checked(THING, r"[A-HJ-NPR-Z0-9]{17}", vin, 0.091),
    Checked(THING, r"\d{15}", "imei", 0.1),
    Checked(NETWORK, r"\d{1,3}(\.\d{1,3}){3}", network_address, 1e-5),
    Checked(NETWORK, r"[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){3,7}(%\w+)?", network_address, 1e-5),
    Checked(BIOMETRIC, r"[A-Za-z0-9+/_-]{90,}={0,2}", template, 1e-5),
)  # fmt: skip

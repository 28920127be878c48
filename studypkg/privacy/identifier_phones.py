"""Is it a telephone number? By the number plans of google's libphonenumber, as phonenumbers holds them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

#: A cell that could be one: seven to fifteen figures in groups. RE2 syntax.
GROUPED = r"(\+|00)?[ ]?[(]?[0-9][0-9 ()./-]{6,20}[0-9)]( ?(x|ext\.?|#) ?[0-9]{1,6})?"
#: A cell of figures only.
BARE = r"\+?[0-9]{9,13}"
#: Number plans of these countries are tried on numbers as they are dialled at home.
REGIONS = (
    "US", "GB", "IE", "DE", "AT", "CH", "FR", "ES", "IT", "NL", "BE", "PL", "SE", "BR", "MX", "IN", "AU",
    "NZ", "JP", "CN", "KR", "RU", "TR", "ZA", "NG", "EG", "PT", "GR", "CZ", "HU", "RO", "IL", "AR",
)  # fmt: skip
#: Seconds and thousandths since 1970 are moments, and no numbers of anybody.
MOMENT = r"1[0-9]{9}|1[0-9]{12}"
#: Of a column of figures only, so many must be numbers of one country.
BARE_SHARE = 0.95
#: Days, spans of days, and pairs of billing codes are written in groups, too.
_NO_PHONE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(\D.*)?|(\d{8})[ -]\d+|9[789]\d{3}[ -]9[789]\d{3}")
#: A number as it is dialled at home begins so, or has three groups at least.
_HOME = re.compile(r"[0(]|8 ?\(|\d+[ .-]\d+[ .-]\d+|[6-9]\d{4}[ -]\d{5}$|\d{2,3}[ -]\d{3,}[ -]\d{2,}")


def is_telephone(text: str) -> bool:
    """Say whether a text in groups of figures is a telephone number of any country, grouped as it is there.

    Examples
    --------
    >>> is_telephone("020 7946 0958"), is_telephone("+81 90 1234 5678"), is_telephone("8 (916) 123-45-67")
    (True, True, True)
    >>> is_telephone("2026-01-31"), is_telephone("97110 97140"), is_telephone("120/80")
    (False, False, False)
    """
    abroad = text.lstrip("( ").startswith(("+", "00"))
    if not abroad and (_NO_PHONE.fullmatch(text) or not _HOME.match(text)):
        return False
    return any(_matches(text, region) for region in ((None,) if text.startswith("+") else REGIONS))


def telephone_column(texts: Iterable[str]) -> bool:
    """Say whether figures without groups are telephone numbers: nearly all of one country, and no series.

    Examples
    --------
    >>> telephone_column(f"2125{n:06}" for n in range(234567, 934567, 17001))
    True
    >>> telephone_column(f"{n:010}" for n in range(1_600_000_000, 1_600_001_000, 20))
    False
    """
    phones = _library()
    numbers = sorted(set(texts))
    if len(numbers) < 20 or _in_series(numbers) or all(re.fullmatch(MOMENT, one) for one in numbers):
        return False
    for region in REGIONS:
        good = 0
        for seen, text in enumerate(numbers, 1):
            good += _valid(phones, text, region)
            if seen == 20 and good < 16:
                break
        if good >= BARE_SHARE * len(numbers):
            return True
    return False


def _in_series(numbers: list[str]) -> bool:
    """Numbers that were given out one after the other fill their range; telephone numbers do not."""
    values = [int(text.lstrip("+")) for text in numbers]
    return max(values) - min(values) < 100 * len(values)


def _valid(phones: Any, text: str, region: str) -> bool:
    try:
        number = phones.parse(text, region)
    except phones.NumberParseException:
        return False
    return bool(phones.is_valid_number_for_region(number, region))


def _matches(text: str, region: str | None) -> bool:
    phones = _library()
    found = phones.PhoneNumberMatcher(text, region, leniency=phones.Leniency.STRICT_GROUPING)
    return any(match.start <= 1 and match.end >= len(text) - 1 for match in found)


@cache
def _library() -> Any:
    # Its number plans take a moment to load, and only a cell that could be a telephone number needs them.
    return importlib.import_module("phonenumbers")

"""ZIP codes as areas of more than 20 000 people: the first three digits, or 000 where too few live there."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Literal

#: Stands for every area that is too small, and for what is no ZIP code.
TOO_SMALL = "000"
Census = Literal["2000", "2010", "all"]


@cache
def small_areas(census: Census) -> frozenset[str]:
    """List the three-digit areas of 20 000 people or fewer, by a dated census or by any of them.

    Examples
    --------
    >>> len(small_areas("2000")), len(small_areas("2010")), "821" in small_areas("all")
    (17, 18, True)
    """
    text = files("studypkg.privacy").joinpath("zip3.csv").read_text(encoding="utf-8")
    lines = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(line["zip3"] for line in lines if census in (line["census"], "all"))


def zip3_sql(text: str, census: Census) -> str:
    """Write the SQL of the area of a ZIP code, such as 02139, 02139-4307 or 021394307.

    Parameters
    ----------
    text
        SQL of the code.
    census
        Which list says where too few people live.

    Notes
    -----
    Four digits are no ZIP code: a spreadsheet may have eaten a leading zero, and nothing is guessed.
    """
    small = ", ".join(f"'{area}'" for area in sorted(small_areas(census)))
    whole = rf"regexp_full_match(trim({text}), '\d{{5}}(-?\d{{4}})?')"
    area = f"left(trim({text}), 3)"
    return (
        f"CASE WHEN {text} IS NULL THEN NULL WHEN {whole} AND {area} NOT IN ({small}) THEN {area} "
        f"ELSE '{TOO_SMALL}' END"
    )

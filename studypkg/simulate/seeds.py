"""One random stream and one set of pseudonyms per clinic and month, whatever is drawn elsewhere."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import numpy as np

from studypkg.errors import ConfigError

Stream = Literal["clinic", "people", "course", "faults"]
_STREAMS: tuple[Stream, ...] = ("clinic", "people", "course", "faults")
#: Hexadecimal digits become consonants: no digits, so no pseudonym can look like a record number or a
#: telephone number, and no vowels, so none can look like a name.
_CONSONANTS = str.maketrans("0123456789abcdef", "BCDFGHJKLMNPQRST")


def stream(seed: int, kind: Stream, clinic: int, month: int = 0) -> np.random.Generator:
    """Open the random stream of one purpose in one clinic and one month.

    Parameters
    ----------
    seed
        Seed of the network.
    kind
        What the numbers are for. Planted faults have their own stream, so that they leave the clean
        rows untouched.
    clinic
        Number of the clinic, from 1.
    month
        Months since the year 0; see `month_number`.
    """
    key = (_STREAMS.index(kind), clinic, month)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def pseudonyms(prefix: str, seed: int, clinic: int, month: int, count: int) -> np.ndarray:
    """Make `count` opaque names that are the same in every run with this seed.

    Returns
    -------
    numpy.ndarray
        Objects, shape (count,): the prefix and twelve consonants.
    """
    stem = blake2b(f"{prefix}|{seed}|{clinic}|{month}".encode(), digest_size=6)
    names = np.empty(count, dtype=object)
    for index in range(count):
        one = stem.copy()
        one.update(index.to_bytes(4, "big"))
        names[index] = prefix + one.hexdigest().translate(_CONSONANTS)
    return names


def month_number(month: str) -> int:
    """Count the months from the year 0 to a month such as ``2025-10``.

    Raises
    ------
    ConfigError
        If the text is not a year and a month.

    Examples
    --------
    >>> month_number("2025-10") - month_number("2024-12")
    10
    """
    year, _, number = month.partition("-")
    if not (len(year) == 4 and len(number) == 2 and month.replace("-", "", 1).isdecimal()) or not (
        1 <= int(number) <= 12
    ):
        raise ConfigError(f'"{month}" is not a month. Write year and month, such as 2025-10.')
    return int(year) * 12 + int(number) - 1


def month_text(number: int) -> str:
    """Write a month number as year and month.

    Examples
    --------
    >>> month_text(month_number("2025-10") + 3)
    '2026-01'
    """
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def first_day(number: int) -> int:
    """Give the first day of a month, in days since 1970-01-01."""
    return int(np.datetime64(month_text(number), "D").astype(np.int64))

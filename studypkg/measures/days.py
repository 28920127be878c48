"""Calendar days as whole numbers, so that windows are counted without a loop over patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Stand-ins for "no first day" and "no last day"; both lie beyond any care record.
LONG_AGO = -200_000
FAR_AHEAD = 200_000
DAYS_PER_WEEK = 7
_STEP = 1 << 20


def day_numbers(dates: pd.Series[Any], *, missing: int) -> Ints:
    """Count the days since 1970-01-01; the time of day is dropped.

    Parameters
    ----------
    dates
        Timestamps or days; empty values become `missing`.
    missing
        The day that an empty value stands for, such as `FAR_AHEAD` for an end that has not come.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    stamps = pd.to_datetime(dates)
    empty = stamps.isna().to_numpy()
    days = stamps.to_numpy(dtype="datetime64[D]").astype(np.int64)
    return np.where(empty, missing, days).astype(np.int64)


def day_number(stamp: pd.Timestamp) -> int:
    """Count the days from 1970-01-01 to a timestamp."""
    return int(np.datetime64(stamp, "D").astype(np.int64))


def as_dates(days: Ints) -> NDArray[np.datetime64]:
    """Turn day numbers back into days; the stand-ins become empty."""
    dates = days.astype("datetime64[D]").astype("datetime64[us]")
    return np.where((days <= LONG_AGO) | (days >= FAR_AHEAD), np.datetime64("NaT", "us"), dates)


def codes_of(known: pd.Series[Any], *others: pd.Series[Any]) -> tuple[Ints, ...]:
    """Give the same words the same number in several columns.

    Returns
    -------
    tuple of ndarray of int64
        One array per column. Empty values get −1.
    """
    columns = (known, *others)
    codes, _ = pd.factorize(pd.concat([c.astype("str") for c in columns], ignore_index=True))
    cuts = np.cumsum([len(column) for column in columns])[:-1]
    return tuple(part.astype(np.int64) for part in np.split(np.asarray(codes), cuts))


def keyed(codes: Ints, days: Ints) -> Ints:
    """Join a code and a day into one number that sorts by code, then day."""
    return codes * _STEP + (days + _STEP // 2)


def ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Spell out half-open ranges as pairs.

    Parameters
    ----------
    low, high
        Row *i* stands for the positions `low[i]`, …, `high[i] − 1`; none if `high ≤ low`.

    Returns
    -------
    tuple of ndarray
        The row of each pair, and its position.

    Examples
    --------
    >>> rows, positions = ranges(np.array([0, 5]), np.array([2, 6]))
    >>> rows.tolist(), positions.tolist()
    ([0, 0, 1], [0, 1, 5])
    """
    width = np.maximum(high - low, 0)
    rows = np.repeat(np.arange(len(low), dtype=np.int64), width)
    first = np.repeat(np.cumsum(width) - width, width)
    positions = np.arange(len(rows), dtype=np.int64) - first + np.repeat(low, width)
    return rows, positions.astype(np.int64)

"""Two numbers with intervals, compared by the interval of their difference and never by eye."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from studypkg.privacy.suppression import Statistic

Verdict = Literal["higher", "lower", "unclear", "absent"]


@dataclass(frozen=True)
class Difference:
    """First number minus second number.

    Parameters
    ----------
    verdict
        ``higher`` or ``lower`` if the interval leaves out zero, ``unclear`` if it holds zero,
        ``absent`` if one of the two numbers is not shown.
    value, low, high
        The difference and its interval; None if absent.
    """

    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None


def is_shown(statistic: Statistic | None) -> bool:
    """Say whether there is a number to show."""
    return statistic is not None and statistic.status == "shown" and statistic.value is not None


def has_interval(statistic: Statistic | None) -> bool:
    """Say whether there is a number with both limits."""
    return (
        statistic is not None
        and is_shown(statistic)
        and statistic.low is not None
        and statistic.high is not None
    )


def difference(first: Statistic | None, second: Statistic | None) -> Difference:
    """Compare two means or two shares of different patients.

    Parameters
    ----------
    first, second
        Released numbers of two groups that share no patient, each with its interval.

    Returns
    -------
    Difference
        With the verdict that follows from the interval.

    Notes
    -----
    The limits are recovered from the two intervals (Newcombe 1998, method 10, for shares; Zou and
    Donner 2008 for means): ``d − √((a − a_low)² + (b_high − b)²)`` and
    ``d + √((a_high − a)² + (b − b_low)²)`` with ``d = a − b``. Nothing but released numbers is used.
    """
    if first is None or second is None or not (has_interval(first) and has_interval(second)):
        return Difference("absent")
    a, b = float(first.value), float(second.value)
    d = a - b
    low = d - math.hypot(a - float(first.low), float(second.high) - b)
    high = d + math.hypot(float(first.high) - a, b - float(second.low))
    verdict: Verdict = "higher" if low > 0 else "lower" if high < 0 else "unclear"
    return Difference(verdict, d, low, high)

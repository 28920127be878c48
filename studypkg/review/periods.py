"""The stretches of time that a page speaks of: a month, the months before it, and both together."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from studypkg.errors import ConfigError


@dataclass(frozen=True)
class Periods:
    """The periods of one page.

    Parameters
    ----------
    month
        The month of the page, ``"2026-09"``.
    months
        Every month of the trend, oldest first; the last one is `month`.
    """

    month: str
    months: tuple[str, ...]

    @property
    def before(self) -> tuple[str, ...]:
        """The months of the trend before the month of the page."""
        return self.months[:-1]

    @property
    def past(self) -> str:
        """Name of the stretch before the month of the page."""
        return f"{self.months[0]}..{self.months[-2]}"

    @property
    def window(self) -> str:
        """Name of the whole stretch, the month of the page included."""
        return f"{self.months[0]}..{self.months[-1]}"


def periods(month: str, trend_months: int, *, earliest: str | None = None) -> Periods:
    """List the months that a page looks back over.

    Parameters
    ----------
    month
        Month of the page, ``YYYY-MM``.
    trend_months
        How many months the trend has at most, the month of the page included.
    earliest
        The first month that has any episode end; the trend does not start before it.

    Returns
    -------
    Periods
        With at least two months, so that "before" is never empty.

    Raises
    ------
    ConfigError
        If `month` is not a month.

    Examples
    --------
    >>> periods("2026-02", 3).months
    ('2025-12', '2026-01', '2026-02')
    """
    try:
        last = pd.Period(month, freq="M")
    except ValueError:
        raise ConfigError(f'"{month}" is not a month. Write it as YYYY-MM, such as 2026-09.') from None
    if str(last) != month:
        raise ConfigError(f'"{month}" is not a month. Write it as YYYY-MM, such as 2026-09.')
    names = [str(last - back) for back in range(trend_months - 1, -1, -1)]
    if earliest is not None:
        names = [name for name in names if name >= earliest or name in names[-2:]]
    return Periods(month, tuple(names))

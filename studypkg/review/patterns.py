"""Which clinics keep their records unlike the others, beyond what chance does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from studypkg.privacy.suppression import Released, Statistic

#: Fewer clinics than this are no pattern to be out of.
FEWEST = 5
#: Standard deviations from the others at which a clinic is named.
FAR = 3.0
#: Share of the most extreme clinics, at each end, that may not widen the limits they are judged by.
_WINSOR = 0.1


@dataclass(frozen=True)
class Outlier:
    """A clinic whose share is unlike the others'.

    Parameters
    ----------
    measure, clinic
        Which habit of which clinic.
    share, others
        Its share, and that of all clinics shown, together.
    distance
        How many standard deviations lie between, the usual scatter among clinics counted in.
    """

    measure: str
    clinic: str
    share: float
    others: float
    distance: float


def out_of_pattern(released: Released, measures: Iterable[str], period: str) -> tuple[Outlier, ...]:
    """Find the clinics outside the control limits of a funnel, from released numbers alone.

    Parameters
    ----------
    released
        Shares by clinic: scope ``clinic``, group the clinic's id.
    measures
        The measures to look at.
    period
        Their period.

    Returns
    -------
    tuple of Outlier
        The farthest first. Empty where fewer than `FEWEST` clinics are shown.

    Notes
    -----
    z = (p − p₀) / √(p₀(1 − p₀)/n) with p₀ the share of all clinics together; clinics differ by more than
    binomial chance, so z is divided by √φ with φ the mean of z² after the most extreme tenth at each end
    is drawn in, and never less than 1 (Spiegelhalter 2005, Statistics in Medicine 24, 1185–1202,
    doi:10.1002/sim.1970). With six measures and thirty clinics in control, chance names one clinic in
    every second report.
    """
    found: list[Outlier] = []
    for measure in measures:
        shown = [s for s in released.statistics if _is_of(s, measure, period)]
        if len(shown) < FEWEST:
            continue
        n = np.array([s.n for s in shown], dtype=float)
        k = np.array([s.k for s in shown], dtype=float)
        centre = float(k.sum() / n.sum())
        if not 0.0 < centre < 1.0:
            continue
        z = (k / n - centre) / np.sqrt(centre * (1.0 - centre) / n)
        low, high = np.quantile(z, [_WINSOR, 1.0 - _WINSOR])
        spread = max(1.0, float(np.mean(np.clip(z, low, high) ** 2)))
        for s, own, distance in zip(shown, k / n, z / sqrt(spread), strict=True):
            if abs(distance) > FAR:
                found.append(Outlier(measure, s.group, float(own), centre, float(distance)))
    return tuple(sorted(found, key=lambda o: -abs(o.distance)))


def _is_of(statistic: Statistic, measure: str, period: str) -> bool:
    return (
        statistic.measure == measure
        and statistic.scope == "clinic"
        and statistic.period == period
        and statistic.status == "shown"
        and statistic.k is not None
        and bool(statistic.n)
    )


def standardised_difference(first: Statistic | None, second: Statistic | None) -> float | None:
    """Say how far two groups lie apart in standard deviations, from their released numbers.

    Parameters
    ----------
    first, second
        Means with their t intervals, or shares.

    Returns
    -------
    float or None
        (m₁ − m₂) / √((s₁² + s₂²)/2); for shares s² = p(1 − p). None where one is not shown or nothing
        varies. Above 0.1 is usually called an imbalance (Austin 2009, Statistics in Medicine 28,
        3083–3107, doi:10.1002/sim.3697).
    """
    if first is None or second is None or first.value is None or second.value is None:
        return None
    variances = [_variance(first), _variance(second)]
    if any(v is None for v in variances):
        return None
    pooled = sqrt(sum(v for v in variances if v is not None) / 2.0)
    return (first.value - second.value) / pooled if pooled > 0 else None


def _variance(s: Statistic) -> float | None:
    if s.value is None or not s.n or s.n < 2:
        return None
    if s.kind == "share":
        return s.value * (1.0 - s.value)
    if s.low is None or s.high is None:
        return None
    # The interval is mean ± t · sd / √n.
    return ((s.high - s.low) / 2.0 / _t(s.n - 1)) ** 2 * s.n


def _t(df: int) -> float:
    return float(stats.t.ppf(0.975, df))

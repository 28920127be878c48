"""One number with its interval, ready for the release gate: a count, a share, a mean, a median."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from studypkg.measures import wilson_interval
from studypkg.privacy.suppression import Statistic


@dataclass(frozen=True)
class Place:
    """Where a number belongs: whose it is and of which period.

    Parameters
    ----------
    scope
        ``"clinic"``, ``"network"`` or ``"own_past"``, the word that pages use.
    unit
        The clinic, or ``"network"``; part of the cell's name, so that one patient group has one cell
        however many statistics describe it.
    period
        A month, or a stretch of months.
    """

    scope: str
    unit: str
    period: str

    def cell(self, what: str) -> str:
        """Name of the count cell of a group of patients at this place."""
        return f"{self.unit}/{self.period}/{what}"


def count(place: Place, measure: str, n: int, *, group: str = "all", cell: str | None = None) -> Statistic:
    """Make a count."""
    name = place.cell(cell or f"{measure}:{group}")
    return Statistic(measure, place.scope, group, place.period, "count", int(n), value=float(n), n_cell=name)


def share(
    place: Place,
    measure: str,
    k: int,
    n: int,
    *,
    cell: str,
    k_cell: str | None = None,
    group: str = "all",
    level: float = 0.95,
) -> Statistic:
    """Make a share with its Wilson interval; without patients it is not computable.

    Parameters
    ----------
    place, measure, group
        Where the share belongs.
    k, n
        Patients with the property, and all patients asked.
    cell, k_cell
        Names of the groups of patients that are the denominator and the numerator.
    level
        Coverage of the interval.
    """
    n_name, k_name = place.cell(cell), place.cell(k_cell or f"{cell}&{measure}:{group}")
    if n == 0:
        reason = "no patients to count"
        return Statistic(
            measure,
            place.scope,
            group,
            place.period,
            "share",
            0,
            status="not_computable",
            reason=reason,
            n_cell=n_name,
            k_cell=k_name,
        )
    low, high = wilson_interval(int(k), int(n), level=level)
    return Statistic(
        measure,
        place.scope,
        group,
        place.period,
        "share",
        int(n),
        int(k),
        k / n,
        float(low),
        float(high),
        n_cell=n_name,
        k_cell=k_name,
    )


def mean(
    place: Place, measure: str, values: pd.Series, *, cell: str, group: str = "all", level: float = 0.95
) -> Statistic:
    """Make a mean with its t interval.

    Parameters
    ----------
    values
        One value per patient; missing ones do not count.

    Notes
    -----
    The interval is ``mean ± t(n−1) · sd / √n``. Without values the mean is not computable.
    """
    known = values.dropna().to_numpy(float)
    n = len(known)
    name = place.cell(cell)
    if n == 0:
        return Statistic(
            measure, place.scope, group, place.period, "mean", 0,
            status="not_computable", reason="no patients to average", n_cell=name,
        )  # fmt: skip
    if n == 1:  # one patient has no interval; the gate withholds the value in any case
        value = float(known[0])
        return Statistic(measure, place.scope, group, place.period, "mean", 1, value=value, n_cell=name)
    sizes = np.sort(np.abs(known))
    centre = float(known.mean())
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * float(known.std(ddof=1)) / math.sqrt(n)
    return Statistic(
        measure, place.scope, group, place.period, "mean", n,
        value=centre, low=centre - half, high=centre + half, n_cell=name,
        weights=(float(sizes.sum()), float(sizes[-1]), float(sizes[-2])),
    )  # fmt: skip


def median(place: Place, measure: str, values: pd.Series, *, cell: str, group: str = "all") -> Statistic:
    """Make a median with its quartiles as `low` and `high`."""
    known = values.dropna().to_numpy(float)
    n = len(known)
    name = place.cell(cell)
    if n == 0:
        return Statistic(
            measure, place.scope, group, place.period, "median", 0,
            status="not_computable", reason="no value that can be computed", n_cell=name,
        )  # fmt: skip
    low, centre, high = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    return Statistic(
        measure, place.scope, group, place.period, "median", n, value=centre, low=low, high=high, n_cell=name
    )

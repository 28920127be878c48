"""What the other clinics of the network did: pooled from sums, never from a clinic too small to show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd
from scipy import stats

from studypkg.measures import wilson_interval
from studypkg.privacy.suppression import Statistic
from studypkg.review.summaries import Place

MEANS = ("baseline", "improvement")
SHARES = ("responder", "acceptable", "worsened")
FEWEST_OTHER_CLINICS = 2


@dataclass(frozen=True)
class Tallies:
    """Sums by clinic and period, from which any pool of clinics follows by addition.

    Parameters
    ----------
    frame
        Indexed by measure, period and clinic; columns `n`, `total` (sum, or number with the property)
        and `squares` (sum of squares; 0 for a share).
    min_cell
        A clinic with fewer patients than this is in no pool, so that a pool minus the other clinics can
        never give it back. A clinic is never left out for its results: that would bend the pool.
    """

    frame: pd.DataFrame
    min_cell: int

    def clinics(self, measure: str, period: str) -> tuple[str, ...]:
        """List the clinics that are in the pool of a measure and period."""
        try:
            sums = cast("pd.DataFrame", self.frame.loc[(measure, period)])
        except KeyError:
            return ()
        return tuple(str(clinic) for clinic in sums.index[sums["n"] >= self.min_cell])

    def small_without(self, measure: str, period: str) -> tuple[str, ...]:
        """List the clinics without which the pool holds a small group."""
        try:
            sums = cast("pd.DataFrame", self.frame.loc[(measure, period)])
        except KeyError:
            return ()
        large = sums[sums["n"] >= self.min_cell]
        n = large["n"].sum() - large["n"]
        groups = [n]
        if measure not in MEANS:
            k = large["total"].sum() - large["total"]
            groups += [k, n - k]
        small = pd.concat([(g > 0) & (g < self.min_cell) for g in groups], axis=1).any(axis=1)
        return tuple(str(clinic) for clinic in large.index[small])

    def pooled(self, measure: str, period: str, *, without: str | None = None) -> tuple[pd.Series, int]:
        """Add the clinics that may be shown; return the sums and how many clinics they come from."""
        try:
            clinics = cast("pd.DataFrame", self.frame.loc[(measure, period)])
        except KeyError:
            return pd.Series({"n": 0.0, "total": 0.0, "squares": 0.0}), 0
        large = clinics[clinics["n"] >= self.min_cell]
        if without is not None:
            large = large[large.index != without]
        return large.sum(), len(large)


def tallies(outcomes: pd.DataFrame, periods: Mapping[str, tuple[str, ...]], *, min_cell: int) -> Tallies:
    """Sum the results of every clinic in every period in one pass over the episodes.

    Parameters
    ----------
    outcomes
        One row per episode that ended, as `measures.episode_outcomes` gives them.
    periods
        Name of each period and the months in it.
    min_cell
        The smallest number of patients that may be shown.
    """
    ended = outcomes[outcomes["month"].notna()]
    paired = ended[ended["status"] == "paired"]
    parts = [_sums(ended, "capture", (ended["status"] == "paired").astype(float))]
    for measure in (*MEANS, *SHARES):
        values = paired[measure].astype("Float64").astype(float)
        parts.append(_sums(paired, measure, values))
    by_month = pd.concat(parts, ignore_index=True)
    frames = []
    for period, months in periods.items():
        chosen = by_month[by_month["month"].isin(months)]
        sums = chosen.groupby(["measure", "clinic_id"], observed=True)[["n", "total", "squares"]].sum()
        frames.append(sums.assign(period=period).set_index("period", append=True))
    frame = pd.concat(frames).reorder_levels(["measure", "period", "clinic_id"]).sort_index()
    return Tallies(frame, min_cell)


def comparison(pool: Tallies, measure: str, period: str, *, without: str | None) -> Statistic:
    """Make the comparator of a measure: the other clinics, or all of them.

    Parameters
    ----------
    pool
        Sums of every clinic.
    measure, period
        What is compared, and when.
    without
        The clinic that is compared, or none for the network's own page.

    Returns
    -------
    Statistic
        Mean with t interval, or share with Wilson interval; not computable where fewer than two
        other clinics may be shown, because one alone would be recognised.
    """
    sums, clinics = pool.pooled(measure, period, without=without)
    kind: Literal["mean", "share"] = "mean" if measure in MEANS else "share"
    place = Place("network", f"others of {without}" if without else "network", period)
    n_cell, k_cell = place.cell(f"{measure}-n"), place.cell(f"{measure}-k") if kind == "share" else ""
    if clinics < (FEWEST_OTHER_CLINICS if without else 1):
        return Statistic(
            measure, "network", "all", period, kind, None, status="not_computable",
            reason="too few other clinics are large enough", n_cell=n_cell, k_cell=k_cell,
        )  # fmt: skip
    n = round(float(sums["n"]))
    if kind == "share":
        k = round(float(sums["total"]))
        low, high = wilson_interval(k, n)
        return Statistic(
            measure, "network", "all", period, kind, n, k, k / n, float(low), float(high),
            n_cell=n_cell, k_cell=k_cell,
        )  # fmt: skip
    centre = float(sums["total"]) / n
    variance = max(0.0, (float(sums["squares"]) - n * centre**2) / (n - 1))
    half = float(stats.t.ppf(0.975, n - 1)) * math.sqrt(variance / n)
    return Statistic(
        measure, "network", "all", period, kind, n,
        value=centre, low=centre - half, high=centre + half, n_cell=n_cell,
    )  # fmt: skip


def _sums(episodes: pd.DataFrame, measure: str, values: pd.Series) -> pd.DataFrame:
    known = values.notna()
    table = pd.DataFrame(
        {
            "clinic_id": episodes.loc[known, "clinic_id"],
            "month": episodes.loc[known, "month"],
            "n": 1.0,
            "total": values[known],
            "squares": np.square(values[known]) if measure in MEANS else 0.0,
        }
    )
    sums = table.groupby(["clinic_id", "month"], observed=True)[["n", "total", "squares"]].sum()
    return sums.reset_index().assign(measure=measure)

"""How much a between-person slope shrinks because a person's mean rests on few occasions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Attenuation:
    """The factor λ by which a between-person coefficient is expected to be too small.

    Parameters
    ----------
    status
        ``ok``; ``no_between_variance`` if persons differ no more than chance explains;
        ``not_computable:too_few`` with fewer than two persons or no person with two occasions.
    factor
        Mean λ over the persons; None without status ``ok``.
    lowest, highest
        λ of the persons with fewest and most occasions.
    var_between, var_within
        Variance between persons and within them; None if not computable.
    persons, occasions
        What the variances rest on.
    """

    status: str
    factor: float | None
    lowest: float | None
    highest: float | None
    var_between: float | None
    var_within: float | None
    persons: int
    occasions: int


def attenuation(rows: pd.DataFrame, *, column: str = "adherence", group: str = "patient") -> Attenuation:
    """Estimate λ from analysis rows by the moments of a one-way analysis of variance.

    Parameters
    ----------
    rows
        One row per score, as `analysis_rows` gives them; rows without an adherence play no part.
    column, group
        The exposure, and the column that says whose it is.

    Notes
    -----
    λ_i = σ²_B/(σ²_B + σ²_W/n_i), with σ²_W = MS_within, σ²_B = (MS_between − MS_within)/n₀ and
    n₀ = (N − Σn_i²/N)/(k − 1). If MS_between ≤ MS_within the estimate of σ²_B is not positive and no λ is
    given.
    """
    known = rows.loc[rows[column].notna(), [group, column]]
    groups = known.groupby(group)[column]
    n = groups.size().to_numpy(dtype=float)
    persons, occasions = len(n), len(known)
    if persons < 2 or occasions <= persons:
        return Attenuation("not_computable:too_few", None, None, None, None, None, persons, occasions)
    means = groups.mean().to_numpy(dtype=float)
    values = known[column].to_numpy(dtype=float)
    between = float((n * (means - values.mean()) ** 2).sum()) / (persons - 1)
    residual = values - groups.transform("mean").to_numpy(dtype=float)
    within = float((residual**2).sum()) / (occasions - persons)
    typical = (occasions - float((n**2).sum()) / occasions) / (persons - 1)
    var_between = (between - within) / typical
    if var_between <= 0:
        return Attenuation("no_between_variance", None, None, None, var_between, within, persons, occasions)
    factors = var_between / (var_between + within / n)
    return Attenuation(
        "ok",
        float(np.mean(factors)),
        float(factors.min()),
        float(factors.max()),
        var_between,
        within,
        persons,
        occasions,
    )

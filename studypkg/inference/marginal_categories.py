"""Probabilities of the categories of an ordinal response at the cells of a reference grid."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.inference.contrasts import contrast
from studypkg.inference.marginal_rows import Columns
from studypkg.inference.marginal_scale import inverse_slope, link_of
from studypkg.models.links import LINKS

Floats = NDArray[np.float64]
_THRESHOLD = re.compile(r"^(.+)\|(.+)$")


def category_table(
    columns: Columns, full: Floats, reasons: NDArray[np.object_], *, ddf: str | None, level: float
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Estimate the probability of every category at every cell.

    Parameters
    ----------
    columns
        The columns of the fit, whose thresholds are named ``lower|upper``.
    full
        One row per cell as a linear function of all columns, m × c.
    reasons
        Why a cell (m) has no estimate; empty text where it has.
    ddf, level
        As in `contrast`.

    Returns
    -------
    tuple
        A table with ``category``, ``estimate``, ``se``, ``df``, ``ci_low`` and ``ci_high``, cell by cell, and
        the cell (m × categories) of every row.

    Notes
    -----
    P(Y = k) = F(θ_k − η) − F(θ_(k−1) − η). Standard errors by the delta method on all coefficients; intervals
    are symmetric on the logit of the probability, so that they stay between 0 and 1.
    """
    fit = columns.fit
    link = link_of(fit)
    names = [str(n) for n in fit.params.index]
    places = [at for at, name in enumerate(names) if name not in columns.names]
    found = [_THRESHOLD.match(names[at]) for at in places]
    if not places or not all(found):
        raise ModelError("The thresholds of this fit are not named lower|upper, so it has no categories.")
    categories = [m.group(1) for m in found if m] + [m.group(2) for m in found[-1:] if m]
    params = fit.params.to_numpy(dtype=float)
    thresholds = params[places]
    location = columns.of_coefficients(np.nan_to_num(full))
    location[:, places] = 0.0
    k, m = len(categories), len(full)
    at = thresholds - (location @ params)[:, None]
    zero, one = np.zeros((m, 1)), np.ones((m, 1))
    below = np.hstack([zero, link.to_mean(at), one])
    density = np.hstack([zero, inverse_slope(link, at), zero])
    estimate = np.diff(below, axis=1)
    # The derivative of F(θ_j − η): its density times (unit vector of the threshold less weights of η).
    unit = np.zeros((k + 1, len(params)))
    unit[np.arange(1, k), places] = 1.0
    each = density[:, :, None] * (unit[None] - location[:, None, :])
    gradient = np.diff(each, axis=1).reshape(m * k, len(params))
    table = pd.DataFrame(
        np.nan, index=pd.RangeIndex(m * k), columns=["estimate", "se", "df", "ci_low", "ci_high"]
    )
    good = np.repeat(reasons == "", k)
    if good.any():
        tested = contrast(fit, gradient[good], ddf=ddf, level=level)
        p = estimate.ravel()[good]
        # A probability that arithmetic cannot tell from 0 or 1 has no interval.
        sure = (p <= 0.0) | (p >= 1.0)
        p = np.where(sure, np.nan, p)
        half = (tested["ci_high"] - tested["ci_low"]).to_numpy(dtype=float) / 2.0 / (p * (1.0 - p))
        table.loc[good, "estimate"] = p
        table.loc[good, "se"] = tested["se"].to_numpy(dtype=float)
        table.loc[good, "df"] = tested["df"].to_numpy(dtype=float)
        logit = LINKS["logit"]
        table.loc[good, "ci_low"] = logit.to_mean(logit.to_link(p) - half)
        table.loc[good, "ci_high"] = logit.to_mean(logit.to_link(p) + half)
    table.insert(0, "category", categories * m)
    return table, np.repeat(np.arange(m), k)

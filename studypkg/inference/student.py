"""Student's t distribution, with the normal one where the degrees of freedom are infinite."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from studypkg.models.links import Floats


def lower_tail(statistic: Floats, df: Floats) -> Floats:
    """Return the probability of a smaller t."""
    finite = np.where(np.isfinite(df), df, 1.0)
    return np.asarray(np.where(np.isfinite(df), special.stdtr(finite, statistic), special.ndtr(statistic)))


def two_sided(statistic: Floats, df: Floats) -> Floats:
    """Return two-sided p-values of t statistics."""
    return np.asarray(2.0 * lower_tail(-np.abs(statistic), df))


def t_quantile(level: ArrayLike, df: Floats) -> Floats:
    """Return the |t| that is exceeded with probability 1 − level on both sides together."""
    # From the lower tail: there a level next to one keeps its digits.
    tail = 0.5 * (1.0 - np.asarray(level, dtype=float))
    finite = np.where(np.isfinite(df), df, 1.0)
    return np.asarray(-np.where(np.isfinite(df), special.stdtrit(finite, tail), special.ndtri(tail)))

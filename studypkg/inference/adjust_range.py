"""The studentised range: how far apart the largest and the smallest of several means lie by chance.

Worked out here by quadrature of the upper tail itself, so that small probabilities keep their digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
# The range of k normal variables is above this with a probability that arithmetic cannot hold.
_WIDEST = 76.0
# Where the density is below exp(-this) of its peak it adds nothing.
_NOTHING = 45.0
_LOG_STEP, _Z_STEP = 0.08, 0.25
_Z_EDGE = 9.0


def range_tail(q: float, means: int, df: float) -> float:
    """Return the probability that the studentised range of ``means`` means is above ``q``.

    Parameters
    ----------
    q
        The largest difference over its standard error per mean: √2 |t| of a comparison.
    means
        How many means are compared, at least two.
    df
        Degrees of freedom of the standard error; may be infinite.

    Notes
    -----
    With w = q s, P = E[W̄(w)] over s² ~ χ²(df)/df, and
    W̄(w) = k ∫ φ(z) [Φ(z)^(k-1) − (Φ(z) − Φ(z−w))^(k-1)] dz: Copenhaver and Holland (1988), Journal of
    Statistical Computation and Simulation 30, 1–15, doi 10.1080/00949658808811082. Both
    integrands are smooth and fall off fast, so that sums of equal steps, over z and over log s, converge
    beyond any power of the step.

    Examples
    --------
    >>> round(range_tail(3.877, 3, 10.0), 4)
    0.05
    """
    if q <= 0.0:
        return 1.0
    if np.isinf(df):
        return float(_normal_tail(np.array([q]), means)[0])
    share = _NOTHING / df
    low = share + 0.5 if share > 0.5 else 1.5 * np.sqrt(share)
    high = min(np.sqrt(share), 0.5 * np.log(4.0 * share + 5.0))
    steps = int(np.ceil((low + high) / min(_LOG_STEP, 0.4 / np.sqrt(df))))
    u = np.linspace(-low, high, steps + 1)
    density = np.exp(df * (u - 0.5 * np.expm1(2.0 * u)))
    return float(min(density @ _normal_tail(q * np.exp(u), means) / density.sum(), 1.0))


def range_quantile(level: float, means: int, df: float) -> float:
    """Return the ``q`` that the studentised range exceeds with probability 1 − level."""
    return _quantile(float(level), int(means), float(df))


@lru_cache(maxsize=512)
def _quantile(level: float, means: int, df: float) -> float:
    return solve_falling(lambda q: range_tail(q, means, df), 1.0 - level, 3.0)


def solve_falling(
    tail: Callable[[float], float], alpha: float, start: float, *, digits: float = 1e-12
) -> float:
    """Find where a falling tail probability is ``alpha``: bracketed, then by false position on log-log."""
    low, high = start, start
    while tail(low) < alpha:
        low /= 2.0
    while tail(high) > alpha:
        high *= 2.0
    low_fault, high_fault = np.log(tail(low) / alpha), np.log(tail(high) / alpha)
    side = 0
    for _ in range(200):
        if high / low - 1.0 < digits or low_fault == 0.0 or high_fault == 0.0:
            break
        share = low_fault / (low_fault - high_fault)
        middle = low * (high / low) ** share
        fault = float(np.log(tail(middle) / alpha))
        if abs(fault) < digits:
            return float(middle)
        # Illinois: an end that stays is weighted down, so that both ends close in.
        if fault > 0.0:
            low, low_fault = middle, fault
            high_fault = high_fault / 2.0 if side == 1 else high_fault
            side = 1
        else:
            high, high_fault = middle, fault
            low_fault = low_fault / 2.0 if side == -1 else low_fault
            side = -1
    return float(low if abs(low_fault) < abs(high_fault) else high)


def _normal_tail(w: Floats, means: int) -> Floats:
    """Probability that the range of ``means`` independent standard normal variables is above each w."""
    w = np.minimum(w, _WIDEST)
    z = np.arange(-_Z_EDGE, _Z_EDGE + 0.5 * float(w.max()), _Z_STEP)
    below = special.ndtr(z)
    weight = means * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * below ** (means - 1) * _Z_STEP
    inside = np.minimum(special.ndtr(z - w[:, None]) / below, 1.0)
    with np.errstate(divide="ignore"):
        missing = -np.expm1((means - 1) * np.log1p(-inside))
    return np.asarray(np.minimum(missing @ weight, 1.0))

"""Change of a score from one time to another, positive when the patient is better."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from studypkg.measures.days import Floats

#: Two-sided 95 % point of the normal distribution, as used for MDC95 and the reliable change index.
Z_95 = 1.96


@dataclass(frozen=True)
class ReliableChange:
    """The reliable change index of each patient, and whether the change exceeds measurement error.

    Parameters
    ----------
    index
        RCI, shape (n,); missing where the improvement is.
    better, worse
        RCI above 1.96, or below −1.96; both false where the improvement is missing.
    """

    index: Floats
    better: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    worse: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def improvement(baseline: ArrayLike, final: ArrayLike, sign: int) -> Floats:
    """Subtract, so that positive is better on every instrument.

    Parameters
    ----------
    baseline, final
        Scores, shape (n,).
    sign
        −1 if a lower score is better, +1 if a higher one is.

    Notes
    -----
    s·(y_end − y_base).
    """
    if sign not in (-1, 1):
        raise ValueError(f"sign is {sign}; it is −1 when lower is better and +1 when higher is better")
    return sign * (np.asarray(final, dtype=np.float64) - np.asarray(baseline, dtype=np.float64))


def improvement_percent(baseline: ArrayLike, final: ArrayLike, sign: int) -> Floats:
    """Express the improvement as a percentage of the baseline.

    Returns
    -------
    ndarray, shape (n,)
        Missing where the baseline is 0: there is nothing to take a share of, and 0 would be wrong.

    Notes
    -----
    100·improvement/|y_base|.
    """
    start = np.abs(np.asarray(baseline, dtype=np.float64))
    share = np.full(start.shape, np.nan)
    np.divide(improvement(baseline, final, sign), start, out=share, where=start > 0)
    return 100 * share


def standard_error_of_measurement(sd: float, icc: float) -> float:
    """Spread of repeated scores of an unchanged patient: SD·√(1 − ICC)."""
    if not sd > 0:
        raise ValueError("the standard deviation of the scores must be above 0")
    if not 0 <= icc < 1:
        raise ValueError("the test-retest ICC must be at least 0 and below 1")
    return sd * sqrt(1 - icc)


def mdc95(sd: float, icc: float) -> float:
    """Smallest change of one patient that exceeds measurement error with 95 % confidence.

    Parameters
    ----------
    sd
        Standard deviation of the scores, in points of the instrument.
    icc
        Test-retest intraclass correlation.

    Notes
    -----
    1.96·√2·SEM, with SEM = SD·√(1 − ICC).

    Examples
    --------
    >>> round(mdc95(sd=2.0, icc=0.9), 3)
    1.753
    """
    return Z_95 * sqrt(2) * standard_error_of_measurement(sd, icc)


def reliable_change(improvement: ArrayLike, sd: float, icc: float) -> ReliableChange:
    """Judge each improvement against measurement error (Jacobson and Truax 1991).

    Parameters
    ----------
    improvement
        Sign-corrected change in points, shape (n,).
    sd, icc
        As for `mdc95`.

    Notes
    -----
    RCI = improvement/(√2·SEM); reliable if |RCI| > 1.96, which is the same as |improvement| > MDC95.

    References
    ----------
    doi:10.1037/0022-006X.59.1.12
    """
    index = np.atleast_1d(np.asarray(improvement, dtype=np.float64)) / (
        sqrt(2) * standard_error_of_measurement(sd, icc)
    )
    return ReliableChange(index=index, better=index > Z_95, worse=index < -Z_95)

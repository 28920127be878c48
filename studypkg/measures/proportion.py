"""Shares of a count, with an interval that also holds at 0 % and 100 %."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


def wilson_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for k of n.

    Parameters
    ----------
    k, n
        Count, and the number it is taken from.
    level
        Confidence level.

    Returns
    -------
    tuple of float
        Low and high limit, both within 0 to 1.

    Raises
    ------
    ValueError
        If `n` is 0 (there is no share) or `k` is not within 0 to `n`.

    Notes
    -----
    (p + z²/2n ± z√(p(1 − p)/n + z²/4n²)) / (1 + z²/n).

    References
    ----------
    Wilson 1927, doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [round(limit, 3) for limit in wilson_interval(14, 22)]
    [0.43, 0.803]
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError("a share needs at least one case, and a count between 0 and the number of cases")
    if not 0 < level < 1:
        raise ValueError("the level must lie between 0 and 1")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = k / n
    middle = p + z * z / (2 * n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if k == 0 else (middle - half) / scale
    high = 1.0 if k == n else (middle + half) / scale
    return low, high


@dataclass(frozen=True)
class CountedAdherence:
    """Adherence from one count done and one count due per person, each summary under its own name.

    Parameters
    ----------
    status
        ``ok``, or ``not_computable:no_counts`` when no person has both counts and a due count above 0.
    persons
        Persons in the summaries.
    not_counted
        Persons left out, because a count is missing or nothing was due.
    above_due
        Persons who did more than was due; they enter as if they had done all of it.
    done, due
        Sums over the persons; `done` is capped at what was due, person by person.
    pooled
        Σ done / Σ due: persons with more sessions weigh more.
    mean, median, lowest, highest
        Of the persons' own shares: every person weighs the same.
    """

    status: str
    persons: int
    not_counted: int
    above_due: int
    done: float
    due: float
    pooled: float | None
    mean: float | None
    median: float | None
    lowest: float | None
    highest: float | None


def counted_adherence(done: ArrayLike, due: ArrayLike) -> CountedAdherence:
    """Summarise sessions done and due per person.

    Parameters
    ----------
    done, due
        One count per person, shape (n,); missing counts leave the person out, they are not 0.

    Returns
    -------
    CountedAdherence
        Pooled share and persons' shares differ; a page must say which one it shows.

    Examples
    --------
    >>> two = counted_adherence([9, 1], [10, 2])
    >>> round(two.pooled, 3), two.mean
    (0.833, 0.7)
    """
    made = np.asarray(done, dtype=np.float64).ravel()
    wanted = np.asarray(due, dtype=np.float64).ravel()
    if made.shape != wanted.shape:
        raise ValueError("done and due must have one count per person each")
    known = np.isfinite(made) & np.isfinite(wanted) & (wanted > 0) & (made >= 0)
    left_out = int((~known).sum())
    made, wanted = made[known], wanted[known]
    if not len(made):
        return CountedAdherence(
            "not_computable:no_counts", 0, left_out, 0, 0.0, 0.0, None, None, None, None, None
        )
    capped = np.minimum(made, wanted)
    shares = capped / wanted
    return CountedAdherence(
        status="ok",
        persons=len(made),
        not_counted=left_out,
        above_due=int((made > wanted).sum()),
        done=float(capped.sum()),
        due=float(wanted.sum()),
        pooled=float(capped.sum() / wanted.sum()),
        mean=float(shares.mean()),
        median=float(np.median(shares)),
        lowest=float(shares.min()),
        highest=float(shares.max()),
    )

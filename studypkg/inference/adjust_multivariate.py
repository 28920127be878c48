"""The largest of several correlated t statistics: the exact joint distribution of a family of contrasts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from studypkg.inference.adjust_range import solve_falling

Floats = NDArray[np.float64]
# A direction with less than this share of a unit variance repeats earlier ones.
_REPEATED = 1e-9
_NODES = 5
_FEW, _SOME, _MANY = 2**13, 2**14, 2**15
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)


@dataclass(frozen=True, eq=False)
class LargestT:
    """The distribution of the largest |t| of contrasts with a given correlation (m × m, any rank).

    Notes
    -----
    Contrasts are turned into independent normal variables by Cholesky with pivots; a contrast that depends on
    earlier ones narrows the interval of the last variable it reads. Variables are drawn one after the other
    within their intervals, and the probability is the mean of the products of the interval's probabilities:
    Genz and Bretz (2009), Computation of Multivariate Normal and t Probabilities,
    doi 10.1007/978-3-642-01689-9; singular correlations as in Genz and Kwong (2000),
    doi 10.1080/00949650008812053. The points are a fixed lattice (square roots of primes), so the same
    question has the same answer every time.
    """

    rows: tuple[Floats, ...]
    points: Floats
    _scales: dict[float, Floats] = field(default_factory=dict, init=False, repr=False)

    def tail(self, t: float, df: float) -> float:
        """Return the probability that at least one |t| is above ``t``, all with ``df`` degrees of freedom."""
        if t <= 0.0:
            return 1.0
        scale = float(t) * self._scale(df)
        missing = np.zeros_like(scale)
        drawn: list[Floats] = []
        for at, rows in enumerate(self.rows):
            low, high = np.full_like(scale, -np.inf), np.full_like(scale, np.inf)
            for row in rows:
                shift = sum((c * z for c, z in zip(row[:-1], drawn, strict=True)), np.zeros_like(scale))
                np.maximum(low, (-scale - shift) / row[-1], out=low)
                np.minimum(high, (scale - shift) / row[-1], out=high)
            outside = np.clip(special.ndtr(low) + special.ndtr(-high), 0.0, 1.0)
            # 1 - (1 - a)(1 - b) without loss of digits when both are small.
            missing += outside * (1.0 - missing)
            if at + 1 < len(self.rows):
                start = special.ndtr(low)
                place = start + self.points[at] * np.maximum(special.ndtr(high) - start, 0.0)
                drawn.append(special.ndtri(np.clip(place, 1e-300, 1.0 - 1e-16)))
        return float(missing.mean())

    def _scale(self, df: float) -> Floats:
        """Return the standard error of every point over its expectation, kept for the next question."""
        if df not in self._scales:
            chi = 2.0 * special.gammaincinv(0.5 * df, self.points[-1]) / df if np.isfinite(df) else 1.0
            self._scales[df] = np.sqrt(chi * np.ones(self.points.shape[1]))
        return self._scales[df]

    def quantile(self, level: float, df: float) -> float:
        """Return the value that the largest |t| exceeds with probability 1 − level."""
        return solve_falling(lambda t: self.tail(t, df), 1.0 - level, 2.0, digits=1e-8)

    def quantiles(self, level: float, df: Floats) -> Floats:
        """Return the quantile of each of several numbers of degrees of freedom.

        Notes
        -----
        Its logarithm is a smooth function of 1/df. Where there are more than a few numbers it is the
        polynomial through `_NODES` of them at Chebyshev's places, closer than the lattice's own error.
        """
        inverse = 1.0 / df
        different = np.unique(inverse)
        if len(different) <= _NODES:
            solved = {
                x: self.quantile(level, float(1.0 / x) if x > 0.0 else np.inf) for x in different.tolist()
            }
            return np.array([solved[x] for x in inverse.tolist()])
        middle, half = 0.5 * (different[-1] + different[0]), 0.5 * (different[-1] - different[0])
        places = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
        logs = np.log([self.quantile(level, float(1.0 / (middle + half * p))) for p in places])
        coefficients = np.polynomial.chebyshev.chebfit(places, logs, _NODES - 1)
        return np.asarray(np.exp(np.polynomial.chebyshev.chebval((inverse - middle) / half, coefficients)))


def largest_t(correlation: Floats) -> LargestT:
    """Prepare the distribution of the largest |t| for a correlation matrix, m × m."""
    factor, order = _pivoted_cholesky(np.asarray(correlation, dtype=float))
    rank = factor.shape[1]
    rows: list[list[Floats]] = [[] for _ in range(rank)]
    for at in order:
        row = factor[at]
        last = int(np.flatnonzero(np.abs(row) > _REPEATED)[-1])
        # A negative last weight turns the interval round: two-sided intervals do not mind.
        rows[last].append(row[: last + 1] * np.sign(row[last]))
    n = _MANY if len(factor) <= 15 else _SOME if len(factor) <= 60 else _FEW
    return LargestT(tuple(np.array(r) for r in rows), _lattice(rank, n))


def _pivoted_cholesky(correlation: Floats) -> tuple[Floats, list[int]]:
    """Factorise as L L' (m × rank), the contrast with the most variance left first."""
    left = correlation.copy()
    m = len(left)
    columns: list[Floats] = []
    order: list[int] = []
    while len(order) < m:
        variance = np.diag(left).copy()
        variance[order] = -np.inf
        pivot = int(np.argmax(variance))
        if variance[pivot] <= _REPEATED:
            break
        column = left[:, pivot] / np.sqrt(variance[pivot])
        # What an earlier pivot has explained is zero, not rounding.
        column[order] = 0.0
        columns.append(column)
        left = left - np.outer(column, column)
        order.append(pivot)
    factor = np.column_stack(columns)
    return factor, order + [at for at in range(m) if at not in order]


def _lattice(rank: int, n: int) -> Floats:
    """Return rank points of a lattice folded at its middle: the last line belongs to the chi variable."""
    roots = np.sqrt(np.array(_primes(rank), dtype=float))
    places = np.outer(roots, np.arange(1, n + 1)) % 1.0
    return np.asarray(np.clip(np.abs(2.0 * places - 1.0), 1e-15, 1.0 - 1e-15))


def _primes(count: int) -> list[int]:
    found = list(_PRIMES[:count])
    candidate = found[-1] + 2
    while len(found) < count:
        if all(candidate % p for p in found if p * p <= candidate):
            found.append(candidate)
        candidate += 2
    return found

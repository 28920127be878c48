"""Shapes of covariance matrices on a scale without limits, with their first and second derivatives.

The parametrisation is that of R's mmrm, so that parameters and their covariances can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.models.design import Floats

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Shape:
    """P at one point φ, with derivatives.

    Notes
    -----
    ``value`` is t × t and ``first`` q × t × t. The second derivatives are sparse: at each of ``places``
    (4 × entries: k, m, row, column) ∂²P[row, column] / ∂φ_k ∂φ_m has the next of ``second``.
    """

    value: Floats
    first: Floats
    places: Places
    second: Floats


def unlimited(rho: Floats) -> Floats:
    """Map a correlation in (−1, 1) to the real line: ρ/√(1 − ρ²)."""
    return np.asarray(rho / np.sqrt(1.0 - rho**2))


def limited(phi: Floats) -> tuple[Floats, Floats, Floats]:
    """Map the real line to (−1, 1): φ/√(1 + φ²), with its first and second derivatives."""
    inside = 1.0 + phi**2
    return phi / np.sqrt(inside), inside**-1.5, -3.0 * phi * inside**-2.5


def unstructured(phi: Floats, t: int) -> Shape:
    """Return L L' for a unit lower triangle L, filled row by row."""
    row, column = np.tril_indices(t, -1)
    lower = np.eye(t)
    lower[row, column] = phi
    q = len(phi)
    first = np.zeros((q, t, t))
    first[np.arange(q), row] += lower[:, column].T
    first += np.swapaxes(first, 1, 2)
    one, two = np.nonzero(column[:, None] == column[None, :])
    pairs = (one, two, row[one], row[two]), (one, two, row[two], row[one])
    return Shape(lower @ lower.T, first, np.concatenate(pairs, axis=1), np.ones(2 * len(one)))


def _lags(t: int) -> Places:
    return np.abs(np.subtract.outer(np.arange(t), np.arange(t)))


def autoregressive(phi: Floats, t: int) -> Shape:
    """Return ρ^|i − j|."""
    (rho,), (slope,), (bend,) = limited(phi)
    lag = _lags(t)
    value = rho**lag
    by_rho = lag * rho ** np.maximum(lag - 1, 0)
    twice = lag * (lag - 1) * rho ** np.maximum(lag - 2, 0)
    a, b = (part.ravel() for part in np.indices((t, t)))
    zero = np.zeros_like(a)
    second = (twice * slope**2 + by_rho * bend).ravel()
    return Shape(value, (by_rho * slope)[None], np.array([zero, zero, a, b]), second)


def toeplitz(phi: Floats, t: int) -> Shape:
    """Return a correlation for every distance."""
    rho, slope, bend = limited(phi)
    lag = _lags(t)
    value = np.concatenate([[1.0], rho])[lag]
    first = np.zeros((t - 1, t, t))
    a, b = np.nonzero(lag)
    k = lag[a, b] - 1
    first[k, a, b] = slope[k]
    return Shape(value, first, np.array([k, k, a, b]), bend[k])


def compound(phi: Floats, t: int) -> Shape:
    """Return one correlation above −1/(t − 1), by its logit on that range."""
    lowest = 1.0 / (t - 1.0)
    share = 1.0 / (1.0 + np.exp(-phi[0]))
    rho = share * (1.0 + lowest) - lowest
    slope = share * (1.0 - share) * (1.0 + lowest)
    off = 1.0 - np.eye(t)
    a, b = np.nonzero(off)
    zero = np.zeros_like(a)
    second = np.full(len(a), slope * (1.0 - 2.0 * share))
    return Shape(np.eye(t) + rho * off, (slope * off)[None], np.array([zero, zero, a, b]), second)


def antedependence(phi: Floats, t: int) -> Shape:
    """Return products of the correlations of neighbours on the way."""
    rho, slope, bend = limited(phi)
    value = np.eye(t)
    for j in range(1, t):
        value[:j, j] = value[:j, j - 1] * rho[j - 1]
    upper = value.copy()
    value = value + np.triu(value, 1).T
    first = np.zeros((t - 1, t, t))
    entries: list[tuple[Floats, int, int]] = []
    for k in range(t - 1):
        without = np.outer(upper[: k + 1, k], upper[k + 1, k + 1 :])
        first[k, : k + 1, k + 1 :] = slope[k] * without
        entries.append((bend[k] * without, k, k))
        for later in range(k + 1, t - 1):
            between = upper[k + 1, later] * slope[k] * slope[later]
            block = between * np.outer(upper[: k + 1, k], upper[later + 1, later + 1 :])
            entries.append((block, k, later))
    first += np.swapaxes(first, 1, 2)
    places, second = [], []
    for block, k, later in entries:
        a, b = (part.ravel() for part in np.indices(block.shape))
        b = b + later + 1
        for one, other in {(k, later), (later, k)}:
            for row, column in ((a, b), (b, a)):
                places.append(np.array([np.full_like(a, one), np.full_like(a, other), row, column]))
                second.append(block.ravel())
    return Shape(value, first, np.concatenate(places, axis=1), np.concatenate(second))


def lag_means(correlation: Floats) -> Floats:
    """Take the mean correlation at every distance."""
    t = len(correlation)
    return np.array([np.mean(np.diag(correlation, lag)) for lag in range(1, t)])


def start_toeplitz(correlation: Floats) -> Floats:
    """Find φ near a correlation matrix, drawn towards independence until positive definite."""
    means = lag_means(correlation)
    while np.linalg.eigvalsh(np.concatenate([[1.0], means])[_lags(len(correlation))])[0] < 0.05:
        means = 0.8 * means
    return unlimited(means)


def start_compound(correlation: Floats) -> Floats:
    """Find φ near a correlation matrix."""
    t = len(correlation)
    lowest = 1.0 / (t - 1.0)
    mean = (correlation.sum() - t) / (t * (t - 1.0))
    share = np.clip((mean + lowest) / (1.0 + lowest), 0.02, 0.98)
    return np.array([np.log(share / (1.0 - share))])


def clipped(rho: Floats) -> Floats:
    """Map correlations to the real line, kept off ±1."""
    return unlimited(np.clip(rho, -0.95, 0.95))

"""Covariance structures of repeated visits: Σ = D P D with its first and second derivatives.

D holds standard deviations on the log scale, P the shape on a scale without limits, in the parametrisation
of R's mmrm, because Kenward and Roger's second-derivative term depends on the parametrisation. One table
names the structures; parsing, help and error text read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ConfigError, nearest
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


@dataclass(frozen=True)
class Structure:
    """One row of the table of structures.

    Notes
    -----
    ``shape(φ)`` with ``t`` visits gives P; ``start`` finds φ near a correlation matrix (positive definite);
    ``natural`` lists correlations worth printing. ``by_visit`` says that every visit has its own standard
    deviation, ``factor`` that these scale the Cholesky factor's rows and not the correlations (un).
    """

    name: str
    title: str
    by_visit: bool
    count: Callable[[int], int]
    shape: Callable[[Floats, int], Shape]
    start: Callable[[Floats], Floats]
    natural: Callable[[Floats, int], Mapping[str, float]]
    factor: bool = False

    def n_parameters(self, t: int) -> int:
        """How many covariance parameters t visits need."""
        return (t if self.by_visit else 1) + self.count(t)

    def at(self, theta: Floats, t: int) -> Covariance:
        """Evaluate the structure: log standard deviations first, then φ."""
        s = t if self.by_visit else 1
        shape = self.shape(theta[s:], t)
        sd = np.exp(np.broadcast_to(theta[:s], (t,)))
        scale = np.outer(sd, sd)
        return Covariance(shape, scale, shape.value * scale, s)

    def start_from(self, covariance: Floats) -> Floats:
        """Find θ near a covariance matrix; the matrix must be positive definite."""
        sd = np.sqrt(np.diag(covariance))
        if self.factor:
            lower = np.linalg.cholesky(covariance)
            pivots = np.diag(lower)
            return np.concatenate([np.log(pivots), (lower / pivots[:, None])[np.tril_indices(len(sd), -1)]])
        logs = np.log(sd) if self.by_visit else np.array([0.5 * np.log(np.mean(sd**2))])
        return np.concatenate([logs, self.start(covariance / np.outer(sd, sd))])


@dataclass(frozen=True)
class Covariance:
    """Σ (t × t) at one point θ of k parameters; the first ``n_sd`` of them are log standard deviations."""

    shape: Shape
    scale: Floats
    value: Floats
    n_sd: int

    @property
    def k(self) -> int:
        """How many parameters there are."""
        return self.n_sd + len(self.shape.first)

    def first(self) -> Floats:
        """∂Σ/∂θ, k × t × t."""
        return np.concatenate([self._by_sd(self.value[None])[:, 0], self.scale * self.shape.first])

    def curvature(self, weight: Floats) -> Floats:
        """Σ_ab weight_ab ∂²Σ_ab/∂θ∂θ', k × k, for a symmetric weight (t × t)."""
        q, n = len(self.shape.first), self.n_sd
        out = np.zeros((n + q, n + q))
        shares = (weight * self.value).sum(axis=1)
        out[:n, :n] = 2.0 * (weight * self.value + np.diag(shares)) if n > 1 else 4.0 * shares.sum()
        mixed = 2.0 * (weight * self.scale * self.shape.first).sum(axis=2).T
        out[:n, n:] = mixed if n > 1 else mixed.sum(axis=0)
        out[n:, :n] = out[:n, n:].T
        if q:
            k, other, a, b = self.shape.places
            values = self.shape.second * (weight * self.scale)[a, b]
            out[n:, n:] = np.bincount(k * q + other, values, minlength=q * q).reshape(q, q)
        return out

    def second_mean(self, weight: Floats) -> Floats:
        """Σ_kl weight_kl ∂²Σ/∂θ_k∂θ_l, t × t, for a symmetric weight (k × k)."""
        q, n, t = len(self.shape.first), self.n_sd, len(self.value)
        total = np.zeros((t, t))
        if q:
            k, other, a, b = self.shape.places
            values = self.shape.second * weight[n:, n:][k, other]
            total = self.scale * np.bincount(a * t + b, values, minlength=t * t).reshape(t, t)
        twice = self._by_sd(self._by_sd(self.value[None])[:, 0])
        total = total + np.einsum("ij,ijab->ab", weight[:n, :n], twice)
        if q:
            mixed = self._by_sd(self.scale * self.shape.first)
            total = total + 2.0 * np.einsum("ik,ikab->ab", weight[:n, n:], mixed)
        return np.asarray(total)

    def _by_sd(self, matrices: Floats) -> Floats:
        """Derive matrices (… × t × t) that carry the factor D·D by every log standard deviation."""
        if self.n_sd == 1:
            return 2.0 * matrices[None]
        at = np.eye(self.n_sd)
        where = at[:, :, None] + at[:, None, :]
        return np.asarray(where[:, None] * matrices[None])


def unlimited(rho: Floats) -> Floats:
    """Map a correlation in (−1, 1) to the real line: ρ/√(1 − ρ²)."""
    return np.asarray(rho / np.sqrt(1.0 - rho**2))


def limited(phi: Floats) -> tuple[Floats, Floats, Floats]:
    """Map the real line to (−1, 1): φ/√(1 + φ²), with its first and second derivatives."""
    inside = 1.0 + phi**2
    return phi / np.sqrt(inside), inside**-1.5, -3.0 * phi * inside**-2.5


def _unstructured(phi: Floats, t: int) -> Shape:
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


def _autoregressive(phi: Floats, t: int) -> Shape:
    (rho,), (slope,), (bend,) = limited(phi)
    lag = _lags(t)
    value = rho**lag
    by_rho = lag * rho ** np.maximum(lag - 1, 0)
    twice = lag * (lag - 1) * rho ** np.maximum(lag - 2, 0)
    a, b = (part.ravel() for part in np.indices((t, t)))
    zero = np.zeros_like(a)
    second = (twice * slope**2 + by_rho * bend).ravel()
    return Shape(value, (by_rho * slope)[None], np.array([zero, zero, a, b]), second)


def _toeplitz(phi: Floats, t: int) -> Shape:
    rho, slope, bend = limited(phi)
    lag = _lags(t)
    value = np.concatenate([[1.0], rho])[lag]
    first = np.zeros((t - 1, t, t))
    a, b = np.nonzero(lag)
    k = lag[a, b] - 1
    first[k, a, b] = slope[k]
    return Shape(value, first, np.array([k, k, a, b]), bend[k])


def _compound(phi: Floats, t: int) -> Shape:
    lowest = 1.0 / (t - 1.0)
    share = 1.0 / (1.0 + np.exp(-phi[0]))
    rho = share * (1.0 + lowest) - lowest
    slope = share * (1.0 - share) * (1.0 + lowest)
    off = 1.0 - np.eye(t)
    a, b = np.nonzero(off)
    zero = np.zeros_like(a)
    second = np.full(len(a), slope * (1.0 - 2.0 * share))
    return Shape(np.eye(t) + rho * off, (slope * off)[None], np.array([zero, zero, a, b]), second)


def _antedependence(phi: Floats, t: int) -> Shape:
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


def _lag_means(correlation: Floats) -> Floats:
    t = len(correlation)
    return np.array([np.mean(np.diag(correlation, lag)) for lag in range(1, t)])


def _start_toeplitz(correlation: Floats) -> Floats:
    means = _lag_means(correlation)
    while np.linalg.eigvalsh(np.concatenate([[1.0], means])[_lags(len(correlation))])[0] < 0.05:
        means = 0.8 * means
    return unlimited(means)


def _start_compound(correlation: Floats) -> Floats:
    t = len(correlation)
    lowest = 1.0 / (t - 1.0)
    mean = (correlation.sum() - t) / (t * (t - 1.0))
    share = np.clip((mean + lowest) / (1.0 + lowest), 0.02, 0.98)
    return np.array([np.log(share / (1.0 - share))])


def _clipped(rho: Floats) -> Floats:
    return unlimited(np.clip(rho, -0.95, 0.95))


def _one(rho: float) -> Mapping[str, float]:
    return {"rho": float(rho)}


def _several(phi: Floats, t: int) -> Mapping[str, float]:
    return {f"rho_{k + 1}": float(rho) for k, rho in enumerate(limited(phi)[0])}


def _pair(name: str, title: str, count: Callable[[int], int], shape: Callable[[Floats, int], Shape],
          start: Callable[[Floats], Floats], natural: Callable[[Floats, int], Mapping[str, float]],
          ) -> tuple[Structure, Structure]:  # fmt: skip
    return (
        Structure(name, title, False, count, shape, start, natural),
        Structure(f"{name}h", f"{title}, a variance per visit", True, count, shape, start, natural),
    )


STRUCTURES: Mapping[str, Structure] = MappingProxyType(
    {
        s.name: s
        for s in (
            Structure(
                "un", "unstructured", True, lambda t: t * (t - 1) // 2, _unstructured,
                lambda correlation: np.zeros(0), lambda phi, t: {}, factor=True,
            ),
            *_pair("ar1", "first-order autoregressive", lambda t: 1, _autoregressive,
                   lambda c: _clipped(_lag_means(c)[:1]), lambda phi, t: _one(limited(phi)[0][0])),
            *_pair("cs", "compound symmetry", lambda t: 1, _compound, _start_compound,
                   lambda phi, t: _one(_compound(phi, t).value[0, 1])),
            *_pair("toep", "Toeplitz", lambda t: t - 1, _toeplitz, _start_toeplitz, _several),
            *_pair("ad", "first-order ante-dependence", lambda t: t - 1, _antedependence,
                   lambda c: _clipped(np.diag(c, 1)), _several),
        )
    }
)  # fmt: skip
SPATIAL = "sp_exp"
COVARIANCES: tuple[str, ...] = (*STRUCTURES, SPATIAL)


def covariance_name(name: str) -> str:
    """Return the name of a structure as the table has it.

    Raises
    ------
    ConfigError
        If there is no such structure.
    """
    wanted = str(name).strip().casefold()
    wanted = {"us": "un", "unstructured": "un"}.get(wanted, wanted)
    if wanted not in COVARIANCES:
        raise ConfigError(
            f'There is no covariance structure "{name}".{nearest(wanted, COVARIANCES)} '
            f"Available: {', '.join(COVARIANCES)}."
        )
    return wanted

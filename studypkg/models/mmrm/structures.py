"""Covariance structures of repeated visits: Σ = D P D with its first and second derivatives.

D holds standard deviations on the log scale, P the shape. One table names the structures; parsing, help and
error text read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from studypkg.errors import ConfigError, nearest
from studypkg.models.design import Floats
from studypkg.models.mmrm.shapes import (
    Shape,
    antedependence,
    autoregressive,
    clipped,
    compound,
    lag_means,
    limited,
    start_compound,
    start_toeplitz,
    toeplitz,
    unstructured,
)


@dataclass(frozen=True)
class Structure:
    """One row of the table of structures.

    Notes
    -----
    ``shape(φ)`` with ``t`` visits gives P; ``start`` finds φ near a correlation matrix (positive definite);
    ``natural`` lists correlations worth printing. ``by_visit`` says that every visit has its own standard
    deviation, ``factor`` that these scale the Cholesky factor's rows and not the correlations (un),
    ``in_order`` that the order of the visits matters.
    """

    name: str
    title: str
    by_visit: bool
    count: Callable[[int], int]
    shape: Callable[[Floats, int], Shape]
    start: Callable[[Floats], Floats]
    natural: Callable[[Floats, int], Mapping[str, float]]
    factor: bool = False
    in_order: bool = False

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


def _one(rho: float) -> Mapping[str, float]:
    return {"rho": float(rho)}


def _several(phi: Floats, t: int) -> Mapping[str, float]:
    return {f"rho_{k + 1}": float(rho) for k, rho in enumerate(limited(phi)[0])}


def _pair(name: str, title: str, count: Callable[[int], int], shape: Callable[[Floats, int], Shape],
          start: Callable[[Floats], Floats], natural: Callable[[Floats, int], Mapping[str, float]],
          *, in_order: bool = True) -> tuple[Structure, Structure]:  # fmt: skip
    """Return a structure with one variance and its like with a variance per visit."""
    rest = (count, shape, start, natural)
    return (
        Structure(name, title, False, *rest, in_order=in_order),
        Structure(f"{name}h", f"{title}, a variance per visit", True, *rest, in_order=in_order),
    )


STRUCTURES: Mapping[str, Structure] = MappingProxyType(
    {
        s.name: s
        for s in (
            Structure(
                "un", "unstructured", True, lambda t: t * (t - 1) // 2, unstructured,
                lambda correlation: np.zeros(0), lambda phi, t: {}, factor=True,
            ),
            *_pair("ar1", "first-order autoregressive", lambda t: 1, autoregressive,
                   lambda c: clipped(lag_means(c)[:1]), lambda phi, t: _one(limited(phi)[0][0])),
            *_pair("cs", "compound symmetry", lambda t: 1, compound, start_compound,
                   lambda phi, t: _one(compound(phi, t).value[0, 1]), in_order=False),
            *_pair("toep", "Toeplitz", lambda t: t - 1, toeplitz, start_toeplitz, _several),
            *_pair("ad", "first-order ante-dependence", lambda t: t - 1, antedependence,
                   lambda c: clipped(np.diag(c, 1)), _several),
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

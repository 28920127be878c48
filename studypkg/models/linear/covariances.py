"""Covariance parameters in two forms: φ, the elements of Σ, and θ, those of its Cholesky factor T.

The likelihood is differentiated in φ, in which the covariance of the response is linear, and searched in θ,
in which every point is a covariance matrix: Σ = T T'.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.taylor import Floats, Places

_NO_PIVOT = 1e-7


def unpack(theta: Floats, sums: CrossProducts) -> list[Floats]:
    """Write θ as one lower-triangular T per grouping factor."""
    matrices = [np.zeros((f.size, f.size)) for f in sums.factors]
    for value, (at, row, column) in zip(theta, sums.layout.order, strict=True):
        matrices[at][row, column] = value
    return matrices


def pack(matrices: list[Floats], sums: CrossProducts) -> Floats:
    """List the free elements of lower triangles, of T or of Σ, in the order of the plan."""
    return np.array([matrices[at][row, column] for at, row, column in sums.layout.order])


@lru_cache(maxsize=64)
def _structure(
    order: tuple[tuple[int, int, int], ...],
) -> tuple[Places, Places, Places, Places, Floats, Places]:
    """List where Σ = T T' puts the elements of T.

    Returns
    -------
    tuple
        ``row``, ``column`` and ``source``: ∂φ_row/∂θ_column is the sum of θ_source. ``reached`` and ``times``
        (k × k): ∂²φ/∂θ∂θ' has one entry at most, in ``reached``, ``times`` as large. ``diagonal`` is the
        diagonal element of each element's column.
    """
    place = {key: at for at, key in enumerate(order)}
    k = len(order)
    found: list[tuple[int, int, int]] = []
    reached, weight = np.zeros((k, k), dtype=np.intp), np.zeros((k, k))
    for row, (f, i, j) in enumerate(order):
        for column, (g, a, b) in enumerate(order):
            if f == g:
                for here, other in ((i, j), (j, i)):
                    if here == a and (f, other, b) in place:
                        found.append((row, column, place[f, other, b]))
                if j == b:
                    reached[row, column] = place[f, max(i, a), min(i, a)]
                    weight[row, column] = 2.0 if i == a else 1.0
    entries = np.array(found, dtype=np.intp).reshape(-1, 3).T
    diagonal = np.array([place[f, j, j] for f, _, j in order], dtype=np.intp)
    return entries[0], entries[1], entries[2], reached, weight, diagonal


def elements(theta: Floats, sums: CrossProducts) -> Floats:
    """Turn θ into φ, which is quadratic in it."""
    return np.asarray(0.5 * slopes(theta, sums) @ theta)


def slopes(theta: Floats, sums: CrossProducts) -> Floats:
    """Return ∂φ/∂θ, k × k: ∂Σ_ij/∂T_ab = δ_ia T_jb + δ_ja T_ib."""
    row, column, source, *_ = _structure(tuple(sums.layout.order))
    k = len(theta)
    summed = np.bincount(row * k + column, theta[source], minlength=k * k)
    return np.asarray(summed, dtype=float).reshape(k, k)


def bend(gradient: Floats, sums: CrossProducts) -> Floats:
    """Return Σ_φ (∂·/∂φ) ∂²φ/∂θ∂θ', k × k: the part of a Hessian in θ that comes from Σ = T T'."""
    *_, reached, weight, _ = _structure(tuple(sums.layout.order))
    return np.asarray(gradient[reached] * weight)


def upright(theta: Floats, sums: CrossProducts) -> Floats:
    """Turn columns of T so that no diagonal element is negative; T T' stays the same."""
    *_, diagonal = _structure(tuple(sums.layout.order))
    return np.asarray(np.where(theta[diagonal] < 0.0, -theta, theta))


def semidefinite_cholesky(covariance: Floats) -> Floats:
    """Factorise a covariance matrix as T T'; a column whose pivot is zero is zero throughout."""
    q = len(covariance)
    factor = np.zeros((q, q))
    for j in range(q):
        left = covariance[j, j] - factor[j, :j] @ factor[j, :j]
        if left > _NO_PIVOT**2 * max(1.0, float(covariance[j, j])):
            factor[j, j] = np.sqrt(left)
            factor[j + 1 :, j] = (covariance[j + 1 :, j] - factor[j + 1 :, :j] @ factor[j, :j]) / factor[j, j]
    return factor


def standing(theta: Floats, sums: CrossProducts) -> tuple[Floats, NDArray[np.bool_]]:
    """Write every T in its one form, the Cholesky factor of T T', and say which elements are free.

    In a column whose pivot is zero nothing is free: turning it into later columns changes nothing.
    """
    triangles = [semidefinite_cholesky(t @ t.T) for t in unpack(theta, sums)]
    free = np.array([triangles[at][column, column] > 0.0 for at, _, column in sums.layout.order])
    return pack(triangles, sums), free

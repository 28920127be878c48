"""Covariance parameters in two forms: φ, the elements of Σ, and θ, those of its Cholesky factor T.

The likelihood is differentiated in φ, in which the covariance of the response is linear, and searched in θ,
in which every point is a covariance matrix: Σ = T T'.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.taylor import Floats

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


def elements(theta: Floats, sums: CrossProducts) -> Floats:
    """Turn θ into φ."""
    return pack([t @ t.T for t in unpack(theta, sums)], sums)


def slopes(theta: Floats, sums: CrossProducts) -> Floats:
    """Return ∂φ/∂θ, k × k: ∂Σ_ij/∂T_ab = δ_ia T_jb + δ_ja T_ib."""
    triangles = unpack(theta, sums)
    order = sums.layout.order
    jacobian = np.zeros((len(order), len(order)))
    for row, (f, i, j) in enumerate(order):
        for column, (g, a, b) in enumerate(order):
            if f == g:
                jacobian[row, column] = (i == a) * triangles[f][j, b] + (j == a) * triangles[f][i, b]
    return jacobian


def bend(gradient: Floats, sums: CrossProducts) -> Floats:
    """Return Σ_φ (∂·/∂φ) ∂²φ/∂θ∂θ', k × k: the part of a Hessian in θ that comes from Σ = T T'."""
    order = sums.layout.order
    found = np.zeros((len(order), len(order)))
    place = {key: at for at, key in enumerate(order)}
    for row, (f, a, b) in enumerate(order):
        for column, (g, c, d) in enumerate(order):
            if f == g and b == d:
                at = place[f, max(a, c), min(a, c)]
                found[row, column] = gradient[at] * (2.0 if a == c else 1.0)
    return found


def upright(theta: Floats, sums: CrossProducts) -> Floats:
    """Turn columns of T so that no diagonal element is negative; T T' stays the same."""
    triangles = unpack(theta, sums)
    return pack([t * np.where(np.diag(t) < 0.0, -1.0, 1.0) for t in triangles], sums)


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

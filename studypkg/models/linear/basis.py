"""An orthonormal basis of the fixed columns, without ever holding it: X = Q · triangle.

Sums of products of Q and of the least-squares residual lose no digits to offsets, units or columns that
almost repeat each other, so everything after the one pass works with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from studypkg.models.design import Design, Floats

# Below this smallest pivot of the scaled products their Cholesky factor has lost too many digits.
_SAFE_PIVOT = 1e-4
ROWS = 16384


@dataclass(frozen=True)
class Basis:
    """``triangle`` (p × p, upper), its inverse, and the least-squares estimates of the first try."""

    triangle: Floats
    inverse: Floats
    least_squares: Floats


def basis_of(design: Design) -> Basis:
    """Find the triangle of X (weighted by the roots of the weights) and the least-squares estimates.

    Notes
    -----
    Cholesky of the products of columns of length one; where a pivot is small, Householder QR of the rows. A
    remainder of either, of the size of the condition times the precision, is removed from the sums later by
    a second factorisation ("CholeskyQR2": Yamamoto and others 2015, ETNA 44, 306–326).
    """

    def triangle(length: Floats) -> Floats:
        root = 1.0 if design.weights is None else np.sqrt(design.weights)[:, None]
        return np.asarray(np.linalg.qr(design.fixed * root / length, mode="r"), dtype=float)

    return basis_from(*_products(design), triangle)


def basis_from(gram: Floats, right: Floats, by_rows: Callable[[Floats], Floats]) -> Basis:
    """Make the basis from X'X and X'y; ``by_rows`` factorises the rows of X, divided by given lengths."""
    p = len(gram)
    if not p:
        none = np.zeros((0, 0))
        return Basis(none, none, np.zeros(0))
    length = np.sqrt(np.diag(gram))
    try:
        triangle = np.linalg.cholesky(gram / np.outer(length, length)).T
    except np.linalg.LinAlgError:
        triangle = np.zeros((p, p))
    if float(np.diag(triangle).min()) < _SAFE_PIVOT:
        triangle = by_rows(length)
        triangle = triangle * np.where(np.diag(triangle) < 0.0, -1.0, 1.0)[:, None]
    triangle = triangle * length
    inverse = inverse_of_triangle(triangle)
    return Basis(triangle, inverse, inverse @ (inverse.T @ right))


def inverse_of_triangle(triangle: Floats) -> Floats:
    """Invert an upper triangular matrix without zeros on its diagonal."""
    if not len(triangle):
        return np.zeros((0, 0))
    inverse, singular = lapack.dtrtri(triangle, lower=0)
    if singular:
        raise np.linalg.LinAlgError
    return np.asarray(inverse)


def _products(design: Design) -> tuple[Floats, Floats]:
    fixed, y = design.fixed, design.y
    if design.weights is None:
        return fixed.T @ fixed, fixed.T @ y
    p = fixed.shape[1]
    gram, right = np.zeros((p, p)), np.zeros(p)
    for start in range(0, len(y), ROWS):
        part = fixed[start : start + ROWS]
        weighted = part * design.weights[start : start + ROWS, None]
        gram += part.T @ weighted
        right += weighted.T @ y[start : start + ROWS]
    return gram, right

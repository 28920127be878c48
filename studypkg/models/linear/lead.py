"""Taking out the leading factor, level by level: the only part whose cost grows with the patients.

Its sums do not depend on any parameter yet, so the formulas of `eliminate` simplify, and what they leave is
added up at once: to the other factors' columns where levels meet them, and to the fixed columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from scipy import sparse

from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.remainder import System
from studypkg.models.linear.taylor import Floats, Jet

# Levels that are worked on together: small enough to stay near the processor.
_LEVELS = 4096

# U_l' W U_r: which columns of U, and which element of W stands between them (None: nothing).
Product = tuple[int, tuple[int, int] | None, int]


def eliminate_lead(sums: CrossProducts, sigma: Floats, order: int) -> System:
    """Eliminate the leading factor.

    Parameters
    ----------
    sums
        The sums of products.
    sigma
        Its relative covariance, q × q.
    order
        How many derivatives with respect to the free elements of ``sigma`` to carry.

    Notes
    -----
    For a level with C = Z'Z, D = Z'[others], H' = (I + CΣ)⁻¹, U = H'D and W = H'C: D'KD = (ΣD)'U, its
    derivatives are U'E_eU and −U'(E_eWE_g + E_gWE_e)U, those of log|I + CΣ| are tr(E_eW) and −tr(E_eWE_gW).
    """
    units = [_ones(i, j) for i, j in sums.factors[0].parameters] if order else []
    needed = _needed(units, order)
    turn, log_det = inverse_of_sum(sums.gram, sigma)
    w = np.einsum("acm,cbm->abm", turn, sums.gram) if order else turn
    u = np.empty_like(sums.cross)
    fixed, fixed_products = _fixed(sums, sigma, turn, w, u, needed)
    inner, cross = _rest(sums, sigma, turn, w, u, units, order)
    return System(
        inner,
        cross,
        Jet(sums.fixed - fixed, *(-a for a in _assemble(units, order, fixed_products.__getitem__))),
        _log_det(log_det, w, units, order),
    )


def _rest(
    sums: CrossProducts,
    sigma: Floats,
    turn: Floats,
    w: Floats,
    u: Floats,
    units: Sequence[list[tuple[int, int]]],
    order: int,
) -> tuple[Jet, Jet]:
    """Take the leading factor out of the others' pairs and of their products with the fixed columns."""
    meet, f = sums.meetings, u.shape[-1]
    if not len(meet.level):
        k = len(units)
        k2 = k * (k + 1) // 2 if order > 1 else 0
        nothing, blank = np.zeros((k, 1)), np.zeros((k, 1, f))
        return (
            Jet(sums.rest_inner, nothing, np.zeros((k2, 1))),
            Jet(sums.rest_cross, blank, np.zeros((k2, 1, f))),
        )
    own = np.einsum("abe,be->ae", turn[:, :, meet.level], meet.values)
    scaled = sigma @ meet.values
    left, right, level = own[:, meet.left], own[:, meet.right], meet.level[meet.left]
    shape = (len(meet.starts) - 1, u.shape[1])

    @cache
    def weight(place: tuple[int, int]) -> Floats:
        return np.asarray(w[place][level])

    @cache
    def product_of_pairs(a: int, b: int) -> Floats:
        return np.asarray(left[a] * right[b])

    def columns(values: Floats, by: Floats) -> Floats:
        return np.asarray(sparse.csr_array((values, meet.level, meet.starts), shape=shape) @ by)

    def cross_product(product: Product) -> Floats:
        a, place, b = product
        return columns(own[a] if place is None else own[a] * w[place][meet.level], u[b])

    def pair_product(product: Product) -> Floats:
        a, place, b = product
        data = product_of_pairs(a, b) if place is None else product_of_pairs(a, b) * weight(place)
        return np.asarray(np.add.reduceat(data, meet.pair_starts), dtype=float)

    q = len(sigma)
    taken = sum(scaled[a][meet.left] * right[a] for a in range(q))
    inner = Jet(np.add.reduceat(taken, meet.pair_starts), *_assemble(units, order, pair_product))
    cross_value = np.asarray(sum(columns(scaled[a], u[a]) for a in range(q)))
    cross = Jet(cross_value, *_assemble(units, order, cross_product))
    wide_inner, wide_cross = (
        inner.map(_onto(sums.spread_pairs, -1)),
        cross.map(_onto(sums.spread_columns, -2)),
    )
    return _subtracted(sums.rest_inner, wide_inner, 0), _subtracted(sums.rest_cross, wide_cross, 1)


def _subtracted(raw: Floats, taken: Jet, trailing: int) -> Jet:
    return Jet(
        raw - _ended(taken.value, trailing), -_ended(taken.first, trailing), -_ended(taken.second, trailing)
    )


def inverse_of_sum(gram: Floats, sigma: Floats) -> tuple[Floats, float]:
    """Return (I + CΣ)⁻¹ of every level (q × q × m) and the sum of the log-determinants."""
    q = len(gram)
    if q == 1:
        grown = 1.0 + gram * sigma[0, 0]
        return 1.0 / grown, float(np.log(grown).sum())
    system = np.einsum("acm,cb->abm", gram, sigma)
    system[np.arange(q), np.arange(q)] += 1.0
    if q == 2:
        det = system[0, 0] * system[1, 1] - system[0, 1] * system[1, 0]
        turned = np.empty_like(system)
        turned[0, 0], turned[1, 1] = system[1, 1] / det, system[0, 0] / det
        turned[0, 1], turned[1, 0] = -system[0, 1] / det, -system[1, 0] / det
        return turned, float(np.log(det).sum())
    stacked = np.ascontiguousarray(system.transpose(2, 0, 1))
    _, log_det = np.linalg.slogdet(stacked)
    return np.ascontiguousarray(np.linalg.inv(stacked).transpose(1, 2, 0)), float(log_det.sum())


def _ones(i: int, j: int) -> list[tuple[int, int]]:
    """Where ∂Σ/∂φ is one."""
    return [(i, j)] if i == j else [(i, j), (j, i)]


def _needed(units: Sequence[list[tuple[int, int]]], order: int) -> set[Product]:
    """List the products of columns of U that the derivatives are made of, left index not above the right."""
    found: set[Product] = set()

    def note(product: Product) -> Floats:
        a, place, b = product
        found.add(product if a <= b else (b, place, a))
        return np.zeros(())

    _assemble(units, order, note)
    return found


def _assemble(
    units: Sequence[list[tuple[int, int]]], order: int, product: Callable[[Product], Floats]
) -> tuple[Floats, Floats]:
    """Put the derivatives of D'KD together from products of the columns of U."""
    known: dict[Product, Floats] = {}

    def get(a: int, place: tuple[int, int] | None, b: int) -> Floats:
        key = (a, None if place is None else (min(place), max(place)), b)
        if key not in known:
            known[key] = product(key)
        return known[key]

    first = [np.asarray(sum(get(a, None, b) for a, b in unit)) for unit in units]
    second = []
    if order > 1:
        for e, later in enumerate(units):
            for earlier in units[: e + 1]:
                parts = [get(a, (b, c), d) + get(d, (b, c), a) for a, b in earlier for c, d in later]
                second.append(-np.asarray(sum(parts)))
    shape = product((0, None, 0)).shape if not first else first[0].shape
    return _stack(first, shape), _stack(second, shape)


def _stack(arrays: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.stack(arrays) if arrays else np.zeros((0, *shape))


class _Products(dict[Product, Floats]):
    """Products f × f, of which those with left and right exchanged are the transposes."""

    def __missing__(self, key: Product) -> Floats:
        a, place, b = key
        return self[(b, place, a)].T if a > b else np.zeros(())


def _fixed(
    sums: CrossProducts, sigma: Floats, turn: Floats, w: Floats, u: Floats, needed: set[Product]
) -> tuple[Floats, _Products]:
    """Fill U and add its products up over the levels, a stretch of levels at a time."""
    q, m, f = sums.cross.shape
    value = np.zeros((f, f))
    found = _Products({key: np.zeros((f, f)) for key in needed})
    for start in range(0, m, _LEVELS):
        part = slice(start, min(start + _LEVELS, m))
        d, own, weight = sums.cross[:, part], u[:, part], w[:, :, part, None]
        for a in range(q):
            np.multiply(d[0], turn[a, 0, part, None], out=own[a])
            for b in range(1, q):
                own[a] += d[b] * turn[a, b, part, None]
        for a in range(q):
            value += (
                np.einsum("b,bmf->mf", sigma[a], d).T @ own[a] if q > 1 else sigma[0, 0] * (d[0].T @ own[0])
            )
        weighted: dict[tuple[tuple[int, int], int], Floats] = {}
        for a, place, b in needed:
            right = own[b]
            if place is not None:
                if (place, b) not in weighted:
                    weighted[place, b] = own[b] * weight[place]
                right = weighted[place, b]
            found[a, place, b] += own[a].T @ right
    return 0.5 * (value + value.T), found


def _log_det(value: float, w: Floats, units: Sequence[list[tuple[int, int]]], order: int) -> Jet:
    first = np.array([sum(float(w[a, b].sum()) for a, b in unit) for unit in units])
    second = []
    if order > 1:
        for e, later in enumerate(units):
            for earlier in units[: e + 1]:
                second.append(-sum(float(w[b, c] @ w[d, a]) for a, b in earlier for c, d in later))
    return Jet(np.asarray(value), first, np.array(second))


def _onto(matrix: sparse.csr_array | None, axis: int) -> Callable[[Floats], Floats]:
    """Return the change that adds base columns, or their pairs, up to all of them."""
    if matrix is None:
        return lambda a: a

    def change(a: Floats) -> Floats:
        if not a.size:
            shape = list(a.shape)
            shape[axis] = matrix.shape[0]
            return np.zeros(shape)
        if axis == -1:
            return np.asarray((matrix @ a.reshape(-1, a.shape[-1]).T).T).reshape(*a.shape[:-1], -1)
        moved = np.moveaxis(a, -2, 0)
        spread = matrix @ moved.reshape(len(moved), -1)
        return np.moveaxis(spread.reshape(-1, *moved.shape[1:]), 0, -2)

    return change


def _ended(a: Floats, trailing: int) -> Floats:
    """Append the column of zeros that short blocks lead to."""
    width = [(0, 0)] * a.ndim
    width[a.ndim - 1 - trailing] = (0, 1)
    return np.pad(a, width)

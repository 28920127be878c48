"""Taking the levels of one factor out of the problem, with exact first and second derivatives.

With C = Z'V⁻¹Z of the factor's own columns, D = Z'V⁻¹[others] and the relative covariance Σ of its effects,
the levels leave D'KD behind to be subtracted from the others, where K = (Σ⁻¹ + C)⁻¹ = (I + ΣC)⁻¹Σ exists
for a singular Σ too, and add log|I + ΣC| to log|V|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from studypkg.models.linear.taylor import Floats, Jet, flipped, pairs, times, trace_of_product

Places = NDArray[np.intp]
# Blocks from this size on are factorised one by one.
_LARGE = 32


@dataclass(frozen=True)
class Covariance:
    """Σ of a batch of blocks as a linear function of its parameters.

    Notes
    -----
    ``value`` is b × q × q. ∂Σ/∂φ_f has at most one entry, a one, in every row: ``source`` (k × b × q) says in
    which column, ``present`` (k × b × q) whether there is one.
    """

    value: Floats
    source: Places
    present: Floats

    def along(self, f: int, right: Floats) -> Floats:
        """Multiply ∂Σ/∂φ_f with a batch of matrices (… × b × q × c)."""
        if right.shape[-2] == 1:
            return np.asarray(right * self.present[f][..., None])
        source = self.source[f][..., None]
        source = source.reshape((1,) * (right.ndim - source.ndim) + source.shape)
        rows = np.take_along_axis(right, np.broadcast_to(source, (*right.shape[:-1], 1)), axis=-2)
        return np.asarray(rows * self.present[f][..., None])

    def between(self, f: int, a: Floats) -> Floats:
        """Compute A' (∂Σ/∂φ_f) A for square A, using only the rows that ∂Σ/∂φ_f selects."""
        if len(a) > 1:
            return times(flipped(a), self.along(f, a))
        rows = np.flatnonzero(self.present[f][0])
        return np.asarray(a[0, rows].T @ a[0, self.source[f][0, rows]])[None]

    def twice(self, f: int, g: int, w: Floats) -> float:
        """Compute tr(∂Σ/∂φ_f W ∂Σ/∂φ_g W) for symmetric W, from the elements both derivatives select."""
        if len(w) > 1:
            return float(trace_of_product(self.along(f, w), self.along(g, w)).sum())
        rows, columns = (np.flatnonzero(self.present[h][0]) for h in (f, g))
        there = w[0][np.ix_(self.source[f][0, rows], columns)]
        back = w[0][np.ix_(rows, self.source[g][0, columns])]
        return float(np.vdot(there, back))


@dataclass(frozen=True)
class Loss:
    """D'KD in pieces: ``rest`` (b × r × r) and ``cross`` (b × r × f) by block, ``fixed`` (f × f) summed."""

    rest: Jet
    cross: Jet
    fixed: Jet


@dataclass(frozen=True)
class Taken:
    """What eliminating the blocks leaves: log|I + ΣC| summed over them, the value of K, and D'KD."""

    log_det: Jet
    inner: Floats
    loss: Loss


class _Pieces:
    """The derivatives of D'KD of one order, filled row by row with A'B + B'A."""

    def __init__(self, rows: int, shape: tuple[int, ...], r: int) -> None:
        b, _, c = shape
        self.r = r
        self.rest, self.cross = np.zeros((rows, b, r, r)), np.zeros((rows, b, r, c - r))
        self.fixed = np.zeros((rows, c - r, c - r))

    def add(self, rows: slice, left: Floats, right: Floats, factor: float = 1.0) -> None:
        """Add factor · (A'B + B'A) to some rows; a missing leading axis is the same for all of them."""
        r = self.r
        if r:
            part = times(flipped(left[..., :r]), right[..., :r])
            self.rest[rows] += factor * (part + flipped(part))
            self.cross[rows] += factor * times(flipped(left[..., :r]), right[..., r:])
            self.cross[rows] += factor * times(flipped(right[..., :r]), left[..., r:])
        flat = flipped(_stacked(left[..., r:])) @ _stacked(right[..., r:])
        self.fixed[rows] += factor * (flat + flipped(flat))


def _stacked(a: Floats) -> Floats:
    """Put the rows of all blocks under each other."""
    return a.reshape(*a.shape[:-3], a.shape[-3] * a.shape[-2], a.shape[-1])


def eliminate(own: Jet, cross: Jet, covariance: Covariance, *, rest: int, order: int) -> Taken:
    """Eliminate a batch of b blocks of q columns each.

    Parameters
    ----------
    own
        C, b × q × q, depending on the parameters of the factors that were eliminated before.
    cross
        D, b × q × c; its first ``rest`` columns belong to other random effects, the others are fixed
        columns and the response.
    covariance
        Σ of the blocks with its own k parameters, which are appended to those of ``own``.
    rest
        How many columns of D are kept by block.
    order
        How many derivatives to carry: 0, 1 or 2.

    Returns
    -------
    Taken
        Jets over the earlier parameters followed by the own ones.

    Notes
    -----
    With Y = K D, U = (I + CΣ)⁻¹D, W = C (I + ΣC)⁻¹ and R_e = D_e − C_e Y for an earlier parameter e, the
    derivatives of S = D'KD are D_e'Y + Y'D_e − Y'C_eY (earlier) and U'E_fU (own, E_f = ∂Σ/∂φ_f); the second
    ones are D_eg'Y + Y'D_eg − Y'C_egY + R_e'KR_g + R_g'KR_e (both earlier), R_e'H E_f U + its transpose with
    H = (I + ΣC)⁻¹ (mixed), and −U'(E_fWE_g + E_gWE_f)U (both own). Those of log|I + ΣC| are tr(KC_e) and
    tr(E_fW), then tr(KC_eg) − tr(KC_eKC_g), tr(E_fH'C_eH) and −tr(E_fWE_gW).
    """
    c, d, sigma = own.value, cross.value, covariance.value
    inner, log_det = _inner(c, sigma)
    y = times(inner, d)
    before, mine = len(own.first) if order else 0, len(covariance.source) if order else 0
    k = before + mine
    k2 = k * (k + 1) // 2 if order > 1 else 0
    value, first, second = _Pieces(1, d.shape, rest), _Pieces(k, d.shape, rest), _Pieces(k2, d.shape, rest)
    log_first, log_second = np.zeros(k), np.zeros(k2)
    value.add(slice(None), d, y, 0.5)
    if order:
        ck = times(c, inner)
        u = d - times(ck, d)
        along = [covariance.along(f, u) for f in range(mine)]
        if before:
            curved = times(own.first, y)
            first.add(slice(before), y, cross.first - 0.5 * curved)
            # Both matrices are symmetric, so the trace of the product is the sum of their products.
            log_first[:before] = np.einsum("bij,kbij->k", inner, own.first)
        for f in range(mine):
            first.add(slice(before + f, before + f + 1), u, along[f], 0.5)
            log_first[before + f] = _trace_within(covariance, f, c, ck)
    if order > 1:
        w = c - times(ck, c)
        if before:
            left, right = pairs(before)
            residue = cross.first - curved
            kr, kc = times(inner, residue), times(inner, own.first)
            second.add(slice(len(left)), y, cross.second - 0.5 * times(own.second, y))
            second.add(slice(len(left)), residue[left], kr[right])
            log_second[: len(left)] = np.einsum("bij,kbij->k", inner, own.second)
            turned_kc = np.ascontiguousarray(flipped(kc))
            log_second[: len(left)] -= [
                np.vdot(kc[e], turned_kc[g]) for e, g in zip(left, right, strict=True)
            ]
            turn = np.asarray(np.eye(c.shape[-1]) - ck, dtype=float)
            turned = times(turn, residue)
        for f in range(mine):
            start = (before + f) * (before + f + 1) // 2
            if before:
                second.add(slice(start, start + before), turned, along[f])
                selected = covariance.between(f, turn)
                log_second[start : start + before] = np.einsum("bij,kbij->k", selected, own.first)
            wau = times(w, along[f])
            for g in range(f + 1):
                at = start + before + g
                second.add(slice(at, at + 1), along[g], wau, -1.0)
                log_second[at] = -covariance.twice(f, g, w)
    loss = Loss(
        Jet(value.rest[0], first.rest, second.rest),
        Jet(value.cross[0], first.cross, second.cross),
        Jet(value.fixed[0], first.fixed, second.fixed),
    )
    return Taken(Jet(np.asarray(log_det), log_first, log_second), inner, loss)


def _trace_within(covariance: Covariance, f: int, c: Floats, ck: Floats) -> float:
    """Return tr(E_f W) with W = C − CKC, from the elements of W that E_f selects."""
    source = covariance.source[f][..., None]
    width = (*source.shape[:-1], c.shape[-1])
    rows = np.take_along_axis(ck, np.broadcast_to(source, width), axis=-2)
    direct = np.take_along_axis(c, source, axis=-1)[..., 0]
    return float(((direct - (rows * c).sum(axis=-1)) * covariance.present[f]).sum())


def _inner(c: Floats, sigma: Floats) -> tuple[Floats, float]:
    """Return K = (I + ΣC)⁻¹Σ and the sum of log|I + ΣC| over the batch."""
    b, q = c.shape[0], c.shape[-1]
    if q == 1:
        grown = 1.0 + sigma * c
        return np.asarray(sigma / grown), float(np.log(grown).sum())
    root = np.sqrt(np.einsum("...ii->...i", sigma))
    if q < _LARGE or np.count_nonzero(sigma) > np.count_nonzero(root):
        system = np.eye(q) + sigma @ c
        _, logs = np.linalg.slogdet(system)
        inner = np.asarray(np.linalg.solve(system, np.broadcast_to(sigma, system.shape)), dtype=float)
        return 0.5 * (inner + flipped(inner)), float(logs.sum())
    # Σ is diagonal: K = Σ^½ (I + Σ^½ C Σ^½)⁻¹ Σ^½ by Cholesky, half the work of the general way.
    inner, log_det = np.empty_like(c), 0.0
    for at in range(b):
        system = c[at] * np.outer(root[at], root[at])
        system[np.diag_indices(q)] += 1.0
        triangle, _ = linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        log_det += 2.0 * float(np.log(np.diag(triangle)).sum())
        half, _ = linalg.lapack.dpotri(triangle, lower=True, overwrite_c=True)
        lower = np.tril(half, -1)
        inner[at] = (lower + lower.T + np.diag(np.diag(half))) * np.outer(root[at], root[at])
    return inner, log_det

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

from studypkg.models.linear.taylor import Floats, Jet, flipped, pairs, times

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

    def along(self, right: Floats) -> Floats:
        """Multiply every ∂Σ/∂φ_f with a batch of matrices (b × q × c): k × b × q × c."""
        if right.shape[-2] == 1:
            return np.asarray(right * self.present[..., None])
        block = np.arange(right.shape[0])[:, None]
        return np.asarray(right[block, self.source] * self.present[..., None])


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


def _products(left: Floats, right: Floats, r: int) -> tuple[Floats, Floats, Floats]:
    """Return A'B + B'A of stacks (t × b × q × c), the fixed columns' part summed over the blocks.

    Returns
    -------
    tuple
        Among the first r columns (t × b × r × r), between these and the others (t × b × r × f), and among
        the others (t × f × f).
    """
    t, b, _, c = left.shape
    flat = _stacked(left[..., r:]).swapaxes(-1, -2) @ _stacked(right[..., r:])
    fixed = flat + flipped(flat)
    if not r:
        return np.zeros((t, b, 0, 0)), np.zeros((t, b, 0, c)), fixed
    turned = flipped(left[..., :r])
    whole = times(turned, right)
    rest = whole[..., :r]
    cross = whole[..., r:] + times(flipped(right[..., :r]), left[..., r:])
    return rest + flipped(rest), cross, fixed


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
    left, right = [d[None]], [0.5 * y[None]]
    log_first, log_second = np.zeros(0), np.zeros(0)
    second = tuple(np.zeros((0, *shape)) for shape in _shapes(d, rest))
    if order:
        ck = times(c, inner)
        u = d - times(ck, d)
        along = covariance.along(u)
        curved = times(own.first, y)
        left += [np.broadcast_to(y, (before, *y.shape)), np.broadcast_to(u, (mine, *u.shape))]
        right += [cross.first - 0.5 * curved, 0.5 * along]
        w = c - times(ck, c)
        along_w = covariance.along(w)
        log_first = np.concatenate(
            [own.first.reshape(before, inner.size) @ inner.ravel(), np.einsum("kbii->k", along_w)]
        )
    if order > 1:
        second, log_second = _second(
            own, cross, covariance, (inner, ck, y, u, w, along, along_w, curved), rest
        )
    made = _products(np.concatenate(left), np.concatenate(right), rest)
    jets = [Jet(one[0], one[1:], two) for one, two in zip(made, second, strict=True)]
    return Taken(Jet(np.asarray(log_det), log_first, log_second), inner, Loss(*jets))


def _shapes(d: Floats, r: int) -> tuple[tuple[int, ...], ...]:
    b, _, c = d.shape
    return (b, r, r), (b, r, c - r), (c - r, c - r)


def _second(
    own: Jet, cross: Jet, covariance: Covariance, known: tuple[Floats, ...], rest: int
) -> tuple[tuple[Floats, ...], Floats]:
    """Second derivatives of D'KD, in the pieces of `_products`, and of log|I + ΣC|."""
    inner, ck, y, u, w, along, along_w, curved = known
    before, mine = len(own.first), len(along)
    left, right, logs = [], [], []
    earlier = before * (before + 1) // 2
    if before:
        e, g = pairs(before)
        residue = cross.first - curved
        left.append(residue[e])
        right.append(times(inner, residue)[g])
        kc = times(inner, own.first).reshape(before, -1)
        turned_kc = flipped(kc.reshape(before, *inner.shape)).reshape(before, -1)
        logs.append(own.second.reshape(earlier, inner.size) @ inner.ravel() - (kc @ turned_kc.T)[e, g])
        turn = np.eye(w.shape[-1]) - ck
        turned = times(turn, residue)
        selected = times(flipped(turn), covariance.along(turn))
        mixed = selected.reshape(mine, -1) @ own.first.reshape(before, -1).T
    steep = times(w, along)
    flat_w = along_w.reshape(mine, -1)
    traces = flat_w @ flipped(along_w).reshape(mine, -1).T
    for f in range(mine):
        if before:
            left.append(turned)
            right.append(np.broadcast_to(along[f], turned.shape))
            logs.append(mixed[f])
        left.append(along[: f + 1])
        right.append(np.broadcast_to(-steep[f], (f + 1, *u.shape)))
        logs.append(-traces[f, : f + 1])
    found = _products(np.concatenate(left), np.concatenate(right), rest)
    if before:
        plain = _products(
            np.broadcast_to(y, (earlier, *y.shape)), cross.second - 0.5 * times(own.second, y), rest
        )
        for all_pairs, more in zip(found, plain, strict=True):
            all_pairs[:earlier] += more
    return found, np.concatenate(logs)


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

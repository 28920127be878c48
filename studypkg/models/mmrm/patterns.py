"""Scheduled visits: subjects with the same visits share one covariance matrix, so they are summed up once.

All that a likelihood needs of the subjects with one pattern of visits is the cross-product matrix of their
rows, visit by visit. It is kept as its triangular factor: a few rows stand for thousands of subjects, and no
digit is lost. After this pass an evaluation costs patterns, not rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from studypkg.models.design import Floats
from studypkg.models.mmrm.schedule import Schedule
from studypkg.models.mmrm.structures import Covariance, Structure

Places = NDArray[np.intp]
# Directions of a pattern's cross-products below this share of the largest are rounding.
_NOTHING = 1e-15
# Compressing fewer subjects than this does not pay.
_FEW = 6
# Rows that are factorised at a time.
_SLICE = 1024
# Arrays of derivatives are cut to this many numbers.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Bin:
    """Patterns with the same number of visits.

    Notes
    -----
    ``visits`` (g × s) and ``counts`` (g) describe g patterns; ``rows`` (g × s × r × f) holds the r rows per
    visit that stand for the subjects of a pattern, filled up with zeros.
    """

    visits: Places
    counts: Floats
    rows: Floats


class Scheduled:
    """The subjects of one group, seen at scheduled visits.

    Parameters
    ----------
    rows
        The fixed columns (an orthonormal basis) and the response, n × f, in the order of the schedule.
    schedule
        Who was seen when.
    group
        The group whose subjects these are.
    structure
        The covariance structure.
    """

    def __init__(self, rows: Floats, schedule: Schedule, group: int, structure: Structure) -> None:
        self.structure, self.t = structure, len(schedule.visits)
        self.k = structure.n_parameters(self.t)
        self.bins = tuple(cut for one in _bins(rows, schedule, group, self.t) for cut in _cut(one, self.k))

    def at(self, theta: Floats) -> ScheduledState:
        """Evaluate at θ; raises LinAlgError where Σ is not positive definite."""
        return ScheduledState(self, self.structure.at(theta, self.t))


class ScheduledState:
    """The sums at one point θ: log|Σ| over the subjects, Z'Σ⁻¹Z, and their derivatives on demand."""

    def __init__(self, data: Scheduled, covariance: Covariance) -> None:
        self.data, self.covariance = data, covariance
        self.log_det, self.gram = 0.0, np.zeros((0, 0))
        self.inverse: list[Floats] = []
        self.whitened: list[Floats] = []
        np.linalg.cholesky(covariance.value)
        for one in data.bins:
            g, s, r, f = one.rows.shape
            block = covariance.value[one.visits[:, :, None], one.visits[:, None, :]]
            lower = np.linalg.cholesky(block)
            inverse = np.linalg.inv(block)
            solved = (inverse @ one.rows.reshape(g, s, r * f)).reshape(g, s, r, f)
            self.inverse.append(np.asarray(0.5 * (inverse + np.swapaxes(inverse, 1, 2))))
            self.whitened.append(solved)
            logs = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
            self.log_det += 2.0 * float(one.counts @ logs)
            part = one.rows.reshape(-1, f).T @ solved.reshape(-1, f)
            self.gram = part if not self.gram.size else self.gram + part
        self.gram = 0.5 * (self.gram + self.gram.T)

    def gradient(self, root: Floats) -> Floats:
        """∂(log|Σ| + ⟨C, Z'Σ⁻¹Z⟩)/∂θ for C = root root' (root f × c)."""
        return np.asarray(np.einsum("ab,kab->k", self._slope(root)[0], self.covariance.first()))

    def gram_first(self) -> Floats:
        """∂(Z'Σ⁻¹Z)/∂θ, k × f × f."""
        first = self.covariance.first()
        f = self.gram.shape[0]
        total = np.zeros((len(first), f, f))
        for one, solved in zip(self.data.bins, self.whitened, strict=True):
            g, s, r, _ = one.rows.shape
            change = _blocks(first, one.visits)
            moved = (change.reshape(g, -1, s) @ solved.reshape(g, s, r * f)).reshape(g, -1, s * r, f)
            flat = np.ascontiguousarray(np.swapaxes(moved, 0, 1)).reshape(len(first), -1, f)
            total -= solved.reshape(-1, f).T @ flat
        return total

    def curvature(self, root: Floats) -> Floats:
        """∂²(log|Σ| + ⟨C, Z'Σ⁻¹Z⟩)/∂θ∂θ' for C = root root', k × k."""
        slope, inner = self._slope(root)
        first = self.covariance.first()
        total = self.covariance.curvature(slope)
        for one, inverse, middle in zip(self.data.bins, self.inverse, inner, strict=True):
            g, s = one.visits.shape
            change = _blocks(first, one.visits).reshape(g, -1, s)
            weight = 2.0 * middle - one.counts[:, None, None] * inverse
            left = (change @ inverse).reshape(g, -1, s, s)
            right = np.swapaxes((change @ weight).reshape(g, -1, s, s), 2, 3)
            total = total + _flat(left) @ _flat(right).T
        return 0.5 * (total + total.T)

    def second_moments(self, weight: Floats) -> tuple[Floats, Floats]:
        """Σ_hj weight_hj Q_hj and Σ_hj weight_hj R_hj of Kenward and Roger, f × f each.

        Q_hj = Z' (∂Σ⁻¹/∂θ_h) Σ (∂Σ⁻¹/∂θ_j) Z and R_hj = Z' Σ⁻¹ (∂²Σ/∂θ_h∂θ_j) Σ⁻¹ Z.
        """
        first, bend = self.covariance.first(), self.covariance.second_mean(weight)
        f = self.gram.shape[0]
        q_sum, r_sum = np.zeros((f, f)), np.zeros((f, f))
        for one, inverse, solved in zip(self.data.bins, self.inverse, self.whitened, strict=True):
            g, s, r, _ = one.rows.shape
            flat = solved.reshape(g, s, r * f)
            change = _blocks(first, one.visits)
            weighted = np.tensordot(weight, change, axes=(1, 1)).swapaxes(0, 1)
            after = (weighted.reshape(g, -1, s) @ inverse).reshape(g, -1, s, s)
            middle = np.einsum("gkab,gkbc->gac", after, change, optimize=True)
            bent = bend[one.visits[:, :, None], one.visits[:, None, :]]
            q_sum += solved.reshape(-1, f).T @ (middle @ flat).reshape(-1, f)
            r_sum += solved.reshape(-1, f).T @ (bent @ flat).reshape(-1, f)
        return 0.5 * (q_sum + q_sum.T), 0.5 * (r_sum + r_sum.T)

    def _slope(self, root: Floats) -> tuple[Floats, list[Floats]]:
        """∂(log|Σ| + ⟨C, Z'Σ⁻¹Z⟩)/∂Σ (t × t), and Σ⁻¹ Z C Z' Σ⁻¹ by pattern."""
        t = self.data.t
        total, inner = np.zeros(t * t), []
        for one, inverse, solved in zip(self.data.bins, self.inverse, self.whitened, strict=True):
            g, s = one.visits.shape
            side = (solved @ root).reshape(g, s, -1)
            middle = side @ np.swapaxes(side, 1, 2)
            inner.append(middle)
            places = one.visits[:, :, None] * t + one.visits[:, None, :]
            values = one.counts[:, None, None] * inverse - middle
            total += np.bincount(places.ravel(), values.ravel(), minlength=t * t)
        return total.reshape(t, t), inner


def _blocks(first: Floats, visits: Places) -> Floats:
    """Take ∂Σ of every pattern out of ∂Σ: g × k × s × s."""
    chosen = first[:, visits[:, :, None], visits[:, None, :]]
    return np.ascontiguousarray(np.swapaxes(chosen, 0, 1))


def _flat(blocks: Floats) -> Floats:
    """Put everything of one parameter into one row: k × (g s s)."""
    return np.swapaxes(blocks, 0, 1).reshape(blocks.shape[1], -1)


def _bins(rows: Floats, schedule: Schedule, group: int, t: int) -> list[Bin]:
    f = rows.shape[1]
    by_shape: dict[tuple[int, int], list[tuple[Places, int, Floats]]] = {}
    for size, places in schedule.same_size():
        mine = places[schedule.group[places[:, 0]] == group]
        if not len(mine):
            continue
        seen = np.zeros((len(mine), t), dtype=bool)
        seen[np.arange(len(mine))[:, None], schedule.visit[mine]] = True
        packed = np.ascontiguousarray(np.packbits(seen, axis=1))
        _, pattern = np.unique(packed.view(np.dtype((np.void, packed.shape[1]))).ravel(), return_inverse=True)
        order = np.argsort(pattern, kind="stable")
        for members in np.split(mine[order], np.flatnonzero(np.diff(pattern[order])) + 1):
            block = compress(rows[members].reshape(len(members), size * f)).reshape(-1, size, f)
            width = 1 << max(len(block) - 1, 0).bit_length()
            entry = schedule.visit[members[0]].astype(np.intp), len(members), block
            by_shape.setdefault((size, width), []).append(entry)
    bins = []
    for (size, width), entries in by_shape.items():
        filled = np.zeros((len(entries), size, width, f))
        for at, (_, _, block) in enumerate(entries):
            filled[at, :, : len(block)] = np.swapaxes(block, 0, 1)
        counts = np.array([count for _, count, _ in entries], dtype=float)
        bins.append(Bin(np.array([visits for visits, _, _ in entries]), counts, filled))
    return bins


def compress(stack: Floats) -> Floats:
    """Replace rows by as few as have the same cross-products: the triangular factor without empty rows."""
    if len(stack) < _FEW:
        return stack
    # Slices that stay in the processor's cache are factorised first, then their factors together.
    step = max(_SLICE, 4 * stack.shape[1])
    if len(stack) > step:
        parts = [np.linalg.qr(stack[at : at + step], mode="r") for at in range(0, len(stack), step)]
        stack = np.concatenate(parts)
    if len(stack) > stack.shape[1]:
        stack = np.asarray(np.linalg.qr(stack, mode="r"))
    triangle, place = linalg.qr(stack, mode="r", pivoting=True, check_finite=False)
    size = np.abs(np.diag(triangle))
    rank = max(int((size > _NOTHING * size[0]).sum()), 1)
    back = np.empty_like(place)
    back[place] = np.arange(len(place))
    return np.asarray(triangle[:rank][:, back])


def _cut(one: Bin, k: int) -> Sequence[Bin]:
    """Cut a bin so that no array of derivatives grows beyond a few megabytes."""
    g, s, r, f = one.rows.shape
    step = max(1, _AT_ONCE // (k * s * max(r * f, s)))
    return [
        Bin(one.visits[at : at + step], one.counts[at : at + step], one.rows[at : at + step])
        for at in range(0, g, step)
    ]

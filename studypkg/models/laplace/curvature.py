"""The matrix H = Λ'Z'WZΛ + I of the random effects: factorised, solved with, and inverted where it matters.

The leading factor makes a block-diagonal part and is eliminated level by level; what is left over the columns
of the other factors is one dense matrix S, the Schur complement. Of H⁻¹ only the blocks of levels that share
rows are needed for the gradient of log|H|; they are all that is ever computed.

Ordinal models use this module too: `eliminate`, `Curvature` and `small_inverses` keep their signatures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from studypkg.models.laplace.levels import Levels, Places
from studypkg.models.links import Floats


def small_inverses(matrices: Floats) -> tuple[Floats, float]:
    """Invert many small positive definite matrices (m × q × q) and sum their log-determinants.

    Raises
    ------
    numpy.linalg.LinAlgError
        If one is not positive definite.
    """
    q = matrices.shape[1]
    if q == 1:
        if not bool((matrices > 0.0).all()):
            raise np.linalg.LinAlgError
        return 1.0 / matrices, float(np.log(matrices).sum())
    if q == 2:
        a, b, d = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 1]
        determinant = a * d - b * b
        if not bool((a > 0.0).all() and (determinant > 0.0).all()):
            raise np.linalg.LinAlgError
        inverse = np.empty_like(matrices)
        inverse[:, 0, 0], inverse[:, 1, 1] = d / determinant, a / determinant
        inverse[:, 0, 1] = inverse[:, 1, 0] = -b / determinant
        return inverse, float(np.log(determinant).sum())
    lower = np.linalg.cholesky(matrices)
    return np.asarray(np.linalg.inv(matrices), dtype=float), 2.0 * float(
        np.log(np.einsum("mii->mi", lower)).sum()
    )


@dataclass(eq=False)
class Curvature:
    """H at one set of row weights and covariance factors, eliminated.

    Notes
    -----
    ``blocks`` are the weighted products of columns per meeting, ``triangles`` the factors T of the relative
    covariances. ``lead_inverse`` (m × q × q) inverts the leading blocks, ``entries`` (q × E) are the blocks
    between the leading levels and the rest, and ``reduced`` the same from the left by ``lead_inverse``.
    """

    levels: Levels
    triangles: list[Floats]
    blocks: dict[tuple[int, int], Floats]
    lead_inverse: Floats
    entries: Floats
    reduced: Floats
    schur_root: Floats
    logdet: float

    @cached_property
    def schur_inverse(self) -> Floats:
        """The inverse of the Schur complement, r × r: the rest's part of H⁻¹."""
        if len(self.levels.parts) == 1 and len(self.levels.parts[0]) == 1:
            # dpotri would take half the time, but waits for threads however small the matrix is.
            whole = linalg.cho_solve((self.schur_root, True), np.eye(self.levels.rest), check_finite=False)
            return np.asarray(whole)
        found = np.zeros_like(self.schur_root)
        for places in self.levels.parts:
            block = (places[:, :, None], places[:, None, :])
            half = np.linalg.inv(self.schur_root[block])
            found[block] = half.transpose(0, 2, 1) @ half
        return found

    def solve(self, right: list[Floats]) -> list[Floats]:
        """Solve H x = right; both are one (levels × q) array per factor."""
        levels = self.levels
        first = np.einsum("mab,mb->ma", self.lead_inverse, right[0])
        r = levels.rest
        if not r:
            return [first]
        place, column = levels.entry_level, levels.entry_column
        flat = np.concatenate([v.ravel() for v in right[1:]])
        flat = flat - np.bincount(column, np.einsum("ae,ea->e", self.entries, first[place]), minlength=r)
        rest = linalg.cho_solve((self.schur_root, True), flat, check_finite=False)
        for a in range(levels.sizes[0]):
            first[:, a] -= np.bincount(place, self.reduced[a] * rest[column], minlength=levels.counts[0])
        pieces, at = [first], 0
        for count, q in zip(levels.counts[1:], levels.sizes[1:], strict=True):
            pieces.append(rest[at : at + count * q].reshape(count, q))
            at += count * q
        return pieces

    @cached_property
    def inverse_blocks(self) -> dict[tuple[int, int], Floats]:
        """The blocks of H⁻¹ that belong to levels that share rows, by pair of factors as in ``blocks``."""
        levels = self.levels
        q = levels.sizes[0]
        found = {(0, 0): self.lead_inverse}
        if not levels.rest:
            return found
        met = self._entries_of_inverse()
        lead = self.lead_inverse.copy()
        for a in range(q):
            for b in range(q):
                added = self.reduced[a] * met[b]
                lead[:, a, b] -= np.bincount(levels.entry_level, added, minlength=levels.counts[0])
        found[0, 0] = lead
        at = 0
        for f in range(1, len(levels.counts)):
            many = len(levels.meetings[0, f].left) * levels.sizes[f]
            found[0, f] = np.ascontiguousarray(
                met[:, at : at + many].reshape(q, -1, levels.sizes[f]).transpose(1, 0, 2)
            )
            at += many
            for g in range(f, len(levels.counts)):
                meeting = levels.meetings[f, g]
                rows = _places(levels, f, meeting.left)
                columns = _places(levels, g, meeting.right)
                found[f, g] = self.schur_inverse[rows[:, :, None], columns[:, None, :]]
        return found

    def _entries_of_inverse(self) -> Floats:
        """Return H⁻¹ at the entries, q × E: minus the reduced entries times the inverse of S."""
        levels, inverse = self.levels, self.schur_inverse
        if levels.left is None or levels.right is None:
            whole = -_dense(self.reduced, levels) @ inverse
            shaped = whole.reshape(levels.counts[0], levels.sizes[0], levels.rest)
            return np.ascontiguousarray(shaped[levels.entry_level, :, levels.entry_column].T)
        between = inverse[levels.entry_column[levels.left], levels.entry_column[levels.right]]
        many = len(levels.entry_level)
        return np.stack(
            [-np.bincount(levels.left, row[levels.right] * between, minlength=many) for row in self.reduced]
        )

    def row_quadratics(self, inverse: dict[tuple[int, int], Floats] | None = None) -> Floats:
        """Return z'Λ H⁻¹ Λ'z of every row (n), or with other blocks in the place of H⁻¹."""
        blocks = self.inverse_blocks if inverse is None else inverse
        levels, t = self.levels, self.triangles
        total = np.zeros(len(levels.codes[0]))
        for (f, g), block in blocks.items():
            scaled = t[f] @ block @ t[g].T
            of_row = levels.meetings[f, g].of_row
            for a, one in enumerate(levels.columns[f]):
                for b, other in enumerate(levels.columns[g]):
                    if f == g and b < a:
                        continue
                    twice = 2.0 if f != g or a != b else 1.0
                    total += (twice * scaled[:, a, b])[of_row] * (one * other)
        return total

    def traces(self, inverse: dict[tuple[int, int], Floats] | None = None) -> list[Floats]:
        """Return, per factor, the q × q matrix whose element (a, b) is tr(∂Λ/∂T_ab · H⁻¹Λ'Z'WZ)."""
        blocks = self.inverse_blocks if inverse is None else inverse
        t = self.triangles
        found = [np.zeros((q, q)) for q in self.levels.sizes]
        for (f, g), block in blocks.items():
            sums = self.blocks[f, g]
            found[f] += np.einsum("mbc,mac->ab", block @ t[g].T, sums)
            if f != g:
                found[g] += np.einsum("mcb,mca->ab", t[f] @ block, sums)
        return found

    def spreads(self) -> list[Floats]:
        """Return the conditional variances ΛH⁻¹Λ' of the effects, per factor levels × q."""
        return [
            np.maximum(np.einsum("ab,mbc,ac->ma", t, self.inverse_blocks[f, f], t), 0.0)
            for f, t in enumerate(self.triangles)
        ]


def eliminate(levels: Levels, weights: Floats, triangles: list[Floats]) -> Curvature:
    """Build H from row weights and eliminate the leading factor.

    Raises
    ------
    numpy.linalg.LinAlgError
        If H is not positive definite in floating point.
    """
    blocks = levels.products(weights)
    first = triangles[0]
    inverse, logdet = small_inverses(np.eye(levels.sizes[0]) + first.T @ blocks[0, 0] @ first)
    r, q = levels.rest, levels.sizes[0]
    if not r:
        none = np.zeros((q, 0))
        return Curvature(levels, triangles, blocks, inverse, none, none, np.zeros((0, 0)), logdet)
    entries = np.concatenate(
        [
            (first.T @ blocks[0, f] @ triangles[f]).transpose(1, 0, 2).reshape(q, -1)
            for f in range(1, len(triangles))
        ],
        axis=1,
    )
    reduced = np.einsum("eab,be->ae", inverse[levels.entry_level], entries)
    schur = np.eye(r)
    for f in range(1, len(triangles)):
        for g in range(f, len(triangles)):
            meeting = levels.meetings[f, g]
            block = triangles[f].T @ blocks[f, g] @ triangles[g]
            rows, columns = _places(levels, f, meeting.left), _places(levels, g, meeting.right)
            schur[rows[:, :, None], columns[:, None, :]] += block
            if f != g:
                schur[columns[:, :, None], rows[:, None, :]] += block.transpose(0, 2, 1)
    if levels.left is None or levels.right is None:
        schur -= _dense(entries, levels).T @ _dense(reduced, levels)
    else:
        keys = levels.entry_column[levels.left] * r + levels.entry_column[levels.right]
        taken = np.einsum("ap,ap->p", entries[:, levels.left], reduced[:, levels.right])
        schur -= np.bincount(keys, taken, minlength=r * r).reshape(r, r)
    root = _schur_root(schur, levels)
    logdet += 2.0 * float(np.log(np.diag(root)).sum())
    return Curvature(levels, triangles, blocks, inverse, entries, reduced, root, logdet)


def _schur_root(schur: Floats, levels: Levels) -> Floats:
    """Factorise the Schur complement part by part."""
    if len(levels.parts) == 1 and len(levels.parts[0]) == 1:
        return np.asarray(np.linalg.cholesky(schur), dtype=float)
    root = np.zeros_like(schur)
    for places in levels.parts:
        block = (places[:, :, None], places[:, None, :])
        root[block] = np.linalg.cholesky(schur[block])
    return root


def _places(levels: Levels, factor: int, of: Places) -> Places:
    q = levels.sizes[factor]
    return levels.starts[factor - 1] + of[:, None] * q + np.arange(q)


def _dense(entries: Floats, levels: Levels) -> Floats:
    """Write entries (q × E) as one matrix with a row per leading level and column."""
    q, m = levels.sizes[0], levels.counts[0]
    whole = np.zeros((m, q, levels.rest))
    whole[levels.entry_level, :, levels.entry_column] = entries.T
    return whole.reshape(m * q, levels.rest)

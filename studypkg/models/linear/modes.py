"""The random effects themselves: conditional modes and conditional variances, by level.

Given the covariance parameters they follow from the sums of products, working the elimination backwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.linear.covariances import unpack
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point
from studypkg.models.linear.lead import inverse_of_sum
from studypkg.models.linear.remainder import Solved
from studypkg.models.linear.taylor import Floats, Places, flipped


@dataclass(frozen=True)
class Modes:
    """Conditional modes of one grouping factor.

    Notes
    -----
    ``values`` (levels × q) and ``variances`` (levels × q × q) on the data's scale. The variances hold the
    fixed effects and the covariance parameters at their estimates.
    """

    values: Floats
    variances: Floats

    @property
    def sds(self) -> Floats:
        """Conditional standard deviations, levels × q."""
        diagonal: Floats = np.maximum(np.einsum("...ii->...i", self.variances), 0.0)
        return np.sqrt(diagonal)


def conditional_modes(point: Point, sums: CrossProducts) -> tuple[Modes, ...]:
    """Compute b̃ = ΣZ'V⁻¹(y − Xβ̂) and Var(b | y) = σ² (Z'Z + Σ⁻¹)⁻¹, block by block.

    Parameters
    ----------
    point
        The optimum.
    sums
        The sums of products.

    Returns
    -------
    tuple of Modes
        One per grouping factor, in the order of ``sums.factors``.

    Notes
    -----
    A block with (I + ΣC)⁻¹Σ = K and products D with the columns eliminated after it has b = K (d − D b_after)
    and Var(b) = K + K D Var(b_after) D'K. Only variances of columns that meet are ever needed.
    """
    e = np.append(-point.basis_beta, 1.0)
    total, n_pairs = sums.layout.n_columns, len(sums.layout.rows)
    rest, covariance = np.zeros(total + 1), np.zeros(n_pairs + 1)
    for solved in reversed(point.moments.path):
        _back(solved, e, rest, covariance)
        rest[-1] = covariance[-1] = 0.0
    lead = _lead(point, sums, e, rest, covariance)
    found = [lead]
    for k, start in enumerate(sums.layout.starts[:-1], start=1):
        factor = sums.factors[k]
        q = factor.size
        columns = start + np.arange(factor.n_levels * q).reshape(-1, q)
        places = _diagonal_places(sums, columns)
        found.append((rest[columns], covariance[places]))
    return tuple(
        Modes(values / f.scales, point.sigma2 * variances / np.outer(f.scales, f.scales))
        for (values, variances), f in zip(found, sums.factors, strict=True)
    )


def _back(solved: Solved, e: Floats, rest: Floats, covariance: Floats) -> None:
    stage = solved.stage
    right = solved.cross @ e - (solved.met @ rest[stage.meets][..., None])[..., 0]
    rest[stage.columns] = (solved.inner @ right[..., None])[..., 0]
    reach = solved.inner @ solved.met
    among = covariance[stage.after]
    covariance[stage.met] = -reach @ among
    covariance[stage.own] = solved.inner + reach @ among @ flipped(reach)


def _lead(
    point: Point, sums: CrossProducts, e: Floats, rest: Floats, covariance: Floats
) -> tuple[Floats, Floats]:
    meet = sums.meetings
    at = sums.factors
    triangle = unpack(point.theta, sums)[0]
    sigma = triangle @ triangle.T
    turn, _ = inverse_of_sum(sums.gram, sigma)
    q, m = len(sigma), at[0].n_levels
    right = sums.cross @ e
    effect, spread = rest[:-1], covariance[:-1]
    if sums.spread_columns is not None:
        effect = sums.spread_columns.T @ effect
    if sums.spread_pairs is not None:
        # A pair off the diagonal stands for two elements of the symmetric matrix.
        count = np.where(sums.layout.rows == sums.layout.cols, 1.0, 2.0)
        own_count = np.where(meet.rows == meet.cols, 1.0, 2.0)
        spread = sums.spread_pairs.T @ (count * spread) / own_count
    for a in range(q):
        right[a] -= np.bincount(meet.level, meet.values[a] * effect[meet.column], minlength=m)
    values = sigma @ np.einsum("abm,bm->am", turn, right)
    variances = np.einsum("ac,cbm->mab", sigma, turn)
    reach = sigma @ np.einsum("abe,be->ae", turn[:, :, meet.level], meet.values)
    weight = spread[meet.pair] * np.where(meet.left == meet.right, 1.0, 2.0)
    level = meet.level[meet.left]
    for a in range(q):
        for b in range(a + 1):
            both = 0.5 * (
                reach[a][meet.left] * reach[b][meet.right] + reach[b][meet.left] * reach[a][meet.right]
            )
            added = np.bincount(level, weight * both, minlength=m)
            variances[:, a, b] += added
            if a != b:
                variances[:, b, a] += added
    return values.T, variances


def _diagonal_places(sums: CrossProducts, columns: Places) -> Places:
    """Find the pairs within each level; a pair that meets nowhere leads to the zero at the end."""
    layout = sums.layout
    total = np.int64(max(layout.n_columns, 1))
    known = layout.rows * total + layout.cols
    low = np.minimum(columns[:, :, None], columns[:, None, :])
    wanted = low * total + np.maximum(columns[:, :, None], columns[:, None, :])
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, place, len(known))

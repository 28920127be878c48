"""One pass over the rows: the sums of products a mixed model is made of, gathered by group.

After this pass nothing touches a row again. The grouping factor with the most levels (patients) leads:
its part of Z'WZ is a small block per level. The other random columns stay sparse, the fixed columns dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from studypkg.models.design import Codes, Design, Floats, GroupTerm


@dataclass(frozen=True)
class Factor:
    """All random terms of one grouping factor, side by side.

    Notes
    -----
    ``columns`` is n × q, scaled to root mean square one (``scales``); ``pattern`` marks the lower
    triangle of its q × q relative covariance factor that is free: terms are uncorrelated with each other.
    ``members`` says, per term of the formula, which of the q columns it owns.
    """

    group: str
    codes: Codes
    n_levels: int
    columns: Floats
    scales: Floats
    pattern: NDArray[np.bool_]
    members: dict[int, tuple[int, ...]]

    @property
    def size(self) -> int:
        """How many columns vary by level."""
        return int(self.columns.shape[1])


@dataclass(frozen=True)
class CrossProducts:
    """Sums of products of the leading factor (1), the other factors (2) and the fixed columns with y (f).

    Notes
    -----
    ``blocks`` is m × q × q, the leading diagonal of Z'WZ. ``lead_rest`` is (m q) × r and sparse,
    ``rest_rest`` r × r. The fixed columns are an orthonormal basis of X (``triangle`` leads back to
    X = Q · triangle) and y is its least-squares residual, so that no digits are lost by cancellation.
    """

    factors: tuple[Factor, ...]
    blocks: Floats
    lead_rest: sparse.csr_array
    rest_rest: sparse.csr_array
    lead_fixed: Floats
    rest_fixed: Floats
    fixed_fixed: Floats
    triangle: Floats
    least_squares: Floats
    n: int
    log_weights: float

    @property
    def p(self) -> int:
        """How many fixed columns there are."""
        return len(self.triangle)


def gather_factors(design: Design) -> tuple[Factor, ...]:
    """Put terms that share a grouping factor together and the factor with the most levels first."""
    by_group: dict[str, list[int]] = {}
    for at, term in enumerate(design.terms):
        by_group.setdefault(term.group, []).append(at)
    factors = []
    for group, members in by_group.items():
        columns = np.hstack([design.terms[at].columns for at in members])
        scales = np.sqrt(np.mean(columns**2, axis=0))
        pattern = np.zeros((columns.shape[1],) * 2, dtype=bool)
        owned: dict[int, tuple[int, ...]] = {}
        start = 0
        for at in members:
            stop = start + design.terms[at].columns.shape[1]
            pattern[start:stop, start:stop] = np.tri(stop - start, dtype=bool)
            owned[at] = tuple(range(start, stop))
            start = stop
        first = design.terms[members[0]]
        factors.append(
            Factor(group, first.codes, len(first.levels), columns / scales, scales, pattern, owned)
        )
    return tuple(sorted(factors, key=lambda f: -f.n_levels * f.size))


def gather(design: Design, factors: Sequence[Factor] | None = None) -> CrossProducts:
    """Make the one pass over the rows.

    Parameters
    ----------
    design
        The matrices of the model; every random column must vary from zero.
    factors
        The grouping factors, leading one first; gathered from the design when not given.
    """
    parts = tuple(factors) if factors is not None else gather_factors(design)
    n, root = len(design.y), None if design.weights is None else np.sqrt(design.weights)
    fixed = design.fixed if root is None else design.fixed * root[:, None]
    y = design.y if root is None else design.y * root
    if fixed.shape[1]:
        basis, triangle = np.linalg.qr(fixed)
        projected = basis.T @ y
        least_squares = np.linalg.solve(triangle, projected)
        residual = y - basis @ projected
        residual -= basis @ (basis.T @ residual)
    else:
        basis, triangle, least_squares, residual = fixed, np.zeros((0, 0)), np.zeros(0), y
    dense = np.column_stack([basis, residual])
    incidence = [_incidence(f, root) for f in parts]
    lead = parts[0]
    rest = sparse.hstack(incidence[1:], format="csr") if len(parts) > 1 else sparse.csr_array((n, 0))
    z1 = incidence[0]
    return CrossProducts(
        parts,
        _diagonal_blocks(lead, root),
        sparse.csr_array(z1.T @ rest),
        sparse.csr_array(rest.T @ rest),
        np.asarray(z1.T @ dense),
        np.asarray(rest.T @ dense),
        dense.T @ dense,
        triangle,
        least_squares,
        n,
        0.0 if design.weights is None else float(np.log(design.weights).sum()),
    )


def gram_beyond(term: GroupTerm, basis: Floats) -> Floats:
    """Sum Z_g'(I − QQ')Z_g over the levels: what the columns of a term hold beyond the fixed columns Q."""
    m, q = len(term.levels), term.columns.shape[1]
    gram = term.columns.T @ term.columns
    for direction in basis.T:
        shares = np.column_stack(
            [np.bincount(term.codes, term.columns[:, j] * direction, minlength=m) for j in range(q)]
        )
        gram = gram - shares.T @ shares
    return gram


def _incidence(factor: Factor, root: Floats | None) -> sparse.csr_array:
    """Build Z of one factor: row i holds its q values in the columns of its level."""
    n, q = factor.columns.shape
    values = factor.columns if root is None else factor.columns * root[:, None]
    places = (factor.codes[:, None] * q + np.arange(q)).ravel()
    return sparse.csr_array(
        (values.ravel(), places, np.arange(0, n * q + 1, q)), shape=(n, factor.n_levels * q)
    )


def _diagonal_blocks(factor: Factor, root: Floats | None) -> Floats:
    values = factor.columns if root is None else factor.columns * root[:, None]
    blocks = np.empty((factor.n_levels, factor.size, factor.size))
    for i in range(factor.size):
        for j in range(i + 1):
            sums = np.bincount(factor.codes, values[:, i] * values[:, j], minlength=factor.n_levels)
            blocks[:, i, j] = blocks[:, j, i] = sums
    return blocks

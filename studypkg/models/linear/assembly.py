"""From sums by group to the sums of a model: what belongs to whom, in which order, on which basis.

No row is looked at here, so it does not matter whether the sums came from one table or from many parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from studypkg.models.design import Floats
from studypkg.models.linear.basis import Basis, inverse_of_triangle
from studypkg.models.linear.grouping import Factor
from studypkg.models.linear.layout import Layout, plan
from studypkg.models.linear.meetings import Meetings, connect, spread, spread_pairs

Places = NDArray[np.intp]
Images = dict[int, tuple[int, Places, list[int]]]


@dataclass(frozen=True)
class CrossProducts:
    """All sums of products of a model.

    Notes
    -----
    Over the m levels of the leading factor with q columns: ``gram`` (q × q × m) and ``cross`` (q × m × f)
    with the f = p + 1 columns [Q | r], Q an orthonormal basis of X (X = Q · ``triangle``) and r the
    least-squares residual of y (y = X · ``least_squares`` + r). ``meetings`` connects the levels with the
    columns of the other factors. Some of these are sums of others (a clinic's intercept is the sum of its
    therapists'):
    ``spread_columns`` and ``spread_pairs`` lead from the ``meetings`` to all of them. ``rest_inner`` and
    ``rest_cross`` hold the raw sums of the other factors' pairs and columns in the order of ``layout``,
    each with a zero at the end; ``fixed`` is f × f.
    """

    factors: tuple[Factor, ...]
    layout: Layout
    gram: Floats
    cross: Floats
    meetings: Meetings
    spread_columns: sparse.csr_array | None
    spread_pairs: sparse.csr_array | None
    rest_inner: Floats
    rest_cross: Floats
    fixed: Floats
    triangle: Floats
    least_squares: Floats
    n: int
    log_weights: float

    @property
    def p(self) -> int:
        """How many fixed columns there are."""
        return len(self.triangle)

    @cached_property
    def back(self) -> Floats:
        """The inverse of ``triangle``: from coefficients of the basis to those of the columns."""
        return inverse_of_triangle(self.triangle)

    @cached_property
    def log_triangle(self) -> float:
        """log|X'X|."""
        return 2.0 * float(np.log(np.abs(np.diag(self.triangle))).sum())


def within(
    gram: Floats, cross: Floats, parent: Places, places: list[int], outer: Factor
) -> tuple[Meetings, Floats, Floats]:
    """Add up the sums of a leading factor that lies within the only other one and has its columns.

    Parameters
    ----------
    gram, cross
        The sums of the leading factor; see `CrossProducts`.
    parent
        The level of the outer factor that every leading level lies in.
    places
        For each column of the outer factor the equal column of the leading one.
    outer
        The other factor.
    """
    q, m, f = cross.shape
    size, width = outer.size, outer.n_levels * outer.size
    level = np.tile(np.arange(m), size)
    column = (parent[None, :] * size + np.arange(size)[:, None]).ravel()
    values = gram[:, places, :].reshape(q, -1)
    raw_cross = np.zeros((width, f))
    sums = sparse.csr_array((np.ones(m), (parent, np.arange(m))), shape=(outer.n_levels, m))
    for part, at in enumerate(places):
        raw_cross[part::size] = sums @ cross[at]
    meetings = connect(level, column, values, width)
    raw_inner = np.zeros(len(meetings.rows))
    which = np.asarray(places)[meetings.column % size]
    np.add.at(
        raw_inner,
        meetings.pair,
        gram[which[meetings.left], which[meetings.right], meetings.level[meetings.left]],
    )
    return meetings, raw_inner, raw_cross


def assemble(
    factors: tuple[Factor, ...],
    bases: list[int],
    images: Images,
    lead: tuple[Floats, Floats, Floats],
    rest: tuple[Meetings, Floats, Floats],
    basis: Basis,
    n: int,
    log_weights: float,
) -> CrossProducts:
    """Put the sums of the rows together: from the base columns to all, planned and orthonormal.

    Parameters
    ----------
    factors
        The grouping factors; their rows are not looked at.
    bases, images
        Which factors the sums were made for, and whose sums the others are: child, parents, equal columns.
    lead
        ``gram``, ``cross`` and ``fixed``; see `CrossProducts`.
    rest
        Where the levels meet, and the raw sums of the base columns' pairs and of their products with [Q | r].
    basis
        The basis the sums were made with.
    n, log_weights
        The number of rows and the sum of the logarithms of their weights.
    """
    gram, cross, fixed = lead
    meetings, raw_inner, raw_cross = rest
    f = cross.shape[-1]
    starts = np.cumsum([0] + [k.n_levels * k.size for k in factors[1:]])
    offsets = np.cumsum([0] + [factors[k].n_levels * factors[k].size for k in bases])
    wide = pairs_matrix = None
    rows, cols = meetings.rows, meetings.cols
    if len(bases) < len(factors) - 1:
        wide = _spread_of(factors, bases, images, starts, offsets)
        pairs_matrix, rows, cols = spread_pairs(meetings, wide)
        raw_inner, raw_cross = pairs_matrix @ raw_inner, wide @ raw_cross
    layout = plan(factors, rows, cols)
    total = layout.n_columns
    inner = np.zeros(len(layout.rows) + 1)
    place = np.searchsorted(
        layout.rows * np.int64(max(total, 1)) + layout.cols, rows * np.int64(max(total, 1)) + cols
    )
    inner[place] = raw_inner
    if len(layout.rows) != len(rows) or pairs_matrix is not None:
        # Pairs that only meet once others are eliminated come in between.
        matrix = pairs_matrix if pairs_matrix is not None else sparse.eye_array(len(rows), format="csr")
        step = sparse.csr_array(
            (np.ones(len(rows)), (place, np.arange(len(rows)))), shape=(len(layout.rows), len(rows))
        )
        pairs_matrix = sparse.csr_array(step @ matrix)
    sums = CrossProducts(
        factors, layout, gram, cross, meetings, wide, pairs_matrix, inner,
        np.vstack([raw_cross, np.zeros((1, f))]), fixed, basis.triangle, basis.least_squares, n, log_weights,
    )  # fmt: skip
    return _orthonormal(sums)


def _orthonormal(sums: CrossProducts) -> CrossProducts:
    """Remove what the first factorisation left: afterwards the basis is orthonormal to the last digit."""
    p = sums.p
    if not p:
        return sums
    second: Floats = np.asarray(np.linalg.cholesky(sums.fixed[:p, :p]).T, dtype=float)
    turn = np.eye(p + 1)
    turn[:p, :p] = inverse_of_triangle(second)
    shift = turn[:p, :p] @ (turn[:p, :p].T @ sums.fixed[:p, p])
    turn[:p, p] = -shift
    triangle = second @ sums.triangle
    return replace(
        sums,
        cross=sums.cross @ turn,
        rest_cross=sums.rest_cross @ turn,
        fixed=turn.T @ sums.fixed @ turn,
        triangle=triangle,
        least_squares=sums.least_squares + linalg.solve_triangular(sums.triangle, shift, check_finite=False),
    )


def _spread_of(
    factors: tuple[Factor, ...], bases: list[int], images: Images,
    starts: Places, offsets: Places,
) -> sparse.csr_array:  # fmt: skip
    found = []
    for at, k in enumerate(bases):
        size = factors[k].n_levels * factors[k].size
        found.append((starts[k - 1] + np.arange(size), offsets[at] + np.arange(size)))
    for k, (b, parent, same) in images.items():
        inner, q = np.arange(factors[b].n_levels), factors[b].size
        for part, at in enumerate(same):
            full = starts[k - 1] + parent * factors[k].size + part
            found.append((full, offsets[bases.index(b)] + inner * q + at))
    return spread(found, int(offsets[-1]), int(starts[-1]))

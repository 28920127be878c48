"""From the sums of all partitions to the sums of the model: what belongs to whom, planned and orthonormal.

The steps are those that `studypkg.models.linear.crossproducts.gather` takes behind its rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from studypkg.models.design import Floats
from studypkg.models.linear.basis import _SAFE_PIVOT, Basis
from studypkg.models.linear.crossproducts import CrossProducts, _orthonormal, _spread_of
from studypkg.models.linear.grouping import Factor
from studypkg.models.linear.layout import plan
from studypkg.models.linear.meetings import Meetings, connect, spread_pairs

Places = NDArray[np.intp]
Images = dict[int, tuple[int, Places, list[int]]]


def basis_from(gram: Floats, right: Floats, by_rows: Callable[[Floats], Floats]) -> Basis:
    """Make the basis that `studypkg.models.linear.basis.basis_of` makes, from X'X and X'y.

    Parameters
    ----------
    gram, right
        The products, weighted.
    by_rows
        Factorises the rows of X, divided by given lengths; called where the products have lost digits.
    """
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
    inverse = linalg.solve_triangular(triangle, np.eye(p))
    return Basis(triangle, inverse, inverse @ (inverse.T @ right))


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

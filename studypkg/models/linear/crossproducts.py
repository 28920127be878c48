"""One pass over the rows: the sums of products a linear mixed model is made of, gathered by group.

After this pass nothing touches a row again: the cost of an evaluation grows with the levels, not the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from studypkg.models.design import Design, Floats
from studypkg.models.linear.basis import ROWS, Basis, basis_of
from studypkg.models.linear.grouping import Factor, in_order
from studypkg.models.linear.layout import Layout, plan
from studypkg.models.linear.meetings import (
    Meetings,
    connect,
    entries_of_rows,
    parents,
    same_columns,
    spread,
    spread_pairs,
)

Places = NDArray[np.intp]


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
        return linalg.solve_triangular(self.triangle, np.eye(self.p)) if self.p else np.zeros((0, 0))

    @cached_property
    def log_triangle(self) -> float:
        """log|X'X|."""
        return 2.0 * float(np.log(np.abs(np.diag(self.triangle))).sum())


def gather(design: Design, factors: tuple[Factor, ...]) -> CrossProducts:
    """Make the one pass over the rows.

    Parameters
    ----------
    design
        The matrices of the model.
    factors
        The grouping factors, leading one first (`grouping.gather_factors`).
    """
    basis = basis_of(design)
    lead, n = factors[0], len(design.y)
    root = None if design.weights is None else np.sqrt(design.weights)
    gram, cross, fixed = _by_level(lead, design, basis, root)
    bases, images = _bases(factors)
    starts = np.cumsum([0] + [f.n_levels * f.size for f in factors[1:]])
    offsets = np.cumsum([0] + [factors[k].n_levels * factors[k].size for k in bases])
    width, f = int(offsets[-1]), cross.shape[-1]
    inside = _inside(lead, factors, bases)
    if inside is not None:
        # The leading factor lies within the only other one and has its columns: everything is there already.
        parent, places = inside
        size = factors[bases[0]].size
        level = np.tile(np.arange(lead.n_levels), size)
        column = (parent[None, :] * size + np.arange(size)[:, None]).ravel()
        values = gram[:, places, :].reshape(lead.size, -1)
        raw_cross = np.zeros((width, f))
        for part, at in enumerate(places):
            sums = sparse.csr_array((np.ones(lead.n_levels), (parent, np.arange(lead.n_levels))))
            raw_cross[part::size] = sums @ cross[at]
        meetings = connect(level, column, values, width)
        raw_inner = np.zeros(len(meetings.rows))
        lead_place = np.asarray(places)
        which = lead_place[meetings.column % size]
        np.add.at(
            raw_inner,
            meetings.pair,
            gram[which[meetings.left], which[meetings.right], meetings.level[meetings.left]],
        )
    elif width:
        rest = [factors[k] for k in bases]
        meetings = connect(*entries_of_rows(lead, rest, offsets.tolist(), root), width)
        raw_inner, raw_cross = _raw(rest, offsets, design, basis, root, meetings)
    else:
        nothing = np.zeros(0, dtype=np.intp)
        meetings = connect(nothing, nothing, np.zeros((lead.size, 0)), 0)
        raw_inner, raw_cross = np.zeros(0), np.zeros((0, f))
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
    log_weights = 0.0 if design.weights is None else float(np.log(design.weights).sum())
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
    second = np.linalg.cholesky(sums.fixed[:p, :p]).T
    turn = np.eye(p + 1)
    turn[:p, :p] = linalg.solve_triangular(second, np.eye(p))
    shift = turn[:p, :p] @ (turn[:p, :p].T @ sums.fixed[:p, p])
    turn[:p, p] = -shift
    triangle = second @ sums.triangle
    return replace(
        sums,
        cross=sums.cross @ turn,
        rest_cross=sums.rest_cross @ turn,
        fixed=turn.T @ sums.fixed @ turn,
        triangle=triangle,
        least_squares=sums.least_squares + linalg.solve_triangular(sums.triangle, shift),
    )


def _panels(
    design: Design, basis: Basis, root: Floats | None, order: Places | None, cuts: Places
) -> Iterator[tuple[slice, Floats]]:
    """Yield [Q | r] for stretches of rows, in an order."""
    p = design.fixed.shape[1]
    for start, stop in pairwise(cuts.tolist()):
        rows = slice(start, stop)
        pick = rows if order is None else order[rows]
        part = design.fixed[pick]
        panel = np.empty((len(part), p + 1))
        np.matmul(part, basis.inverse, out=panel[:, :p])
        panel[:, p] = design.y[pick] - part @ basis.least_squares
        if root is not None:
            panel *= root[pick, None]
        yield rows, panel


def _by_level(
    lead: Factor, design: Design, basis: Basis, root: Floats | None
) -> tuple[Floats, Floats, Floats]:
    """Sum the products of the leading factor's columns with themselves and with [Q | r], level by level."""
    n, q, m = len(design.y), lead.size, lead.n_levels
    order = None
    if not bool((np.diff(lead.codes) >= 0).all()):
        order = in_order(lead.codes, m)
    counts = np.bincount(lead.codes, minlength=m)
    ends = np.cumsum(counts)
    starts = ends - counts
    # Stretches of whole levels, each small enough to stay near the processor.
    cut_levels = np.unique(np.concatenate([[0], np.searchsorted(ends, np.arange(ROWS, n, ROWS)) + 1, [m]]))
    cut_levels = cut_levels[cut_levels <= m]
    cuts = np.concatenate([[0], ends[cut_levels[1:] - 1]])
    p = design.fixed.shape[1]
    gram, cross = np.empty((q, q, m)), np.empty((q, m, p + 1))
    fixed = np.zeros((p + 1, p + 1))
    plain = [bool((lead.columns[:, a] == 1.0).all()) and root is None for a in range(q)]
    for at, (rows, panel) in enumerate(_panels(design, basis, root, order, cuts)):
        fixed += panel.T @ panel
        levels = slice(int(cut_levels[at]), int(cut_levels[at + 1]))
        first = starts[levels] - rows.start
        z = lead.columns[rows if order is None else order[rows]]
        if root is not None:
            z = z * root[rows if order is None else order[rows], None]
        for a in range(q):
            cross[a, levels] = np.add.reduceat(panel if plain[a] else panel * z[:, a : a + 1], first, axis=0)
            for b in range(a + 1):
                gram[a, b, levels] = gram[b, a, levels] = np.add.reduceat(z[:, a] * z[:, b], first)
    return gram, cross, fixed


def _bases(factors: tuple[Factor, ...]) -> tuple[list[int], dict[int, tuple[int, Places, list[int]]]]:
    """Find the factors whose columns are sums of another's: nested in it, with equal columns."""
    bases: list[int] = []
    images: dict[int, tuple[int, Places, list[int]]] = {}
    for k in range(1, len(factors)):
        for b in bases:
            parent = parents(factors[b].codes, factors[b].n_levels, factors[k].codes)
            same = None if parent is None else same_columns(factors[b], factors[k])
            if parent is not None and same is not None:
                images[k] = (b, parent, same)
                break
        else:
            bases.append(k)
    return bases, images


def _inside(lead: Factor, factors: tuple[Factor, ...], bases: list[int]) -> tuple[Places, list[int]] | None:
    """Say whether the leading factor is nested in the only base factor and has its columns."""
    if len(bases) != 1:
        return None
    parent = parents(lead.codes, lead.n_levels, factors[bases[0]].codes)
    same = None if parent is None else same_columns(lead, factors[bases[0]])
    return None if parent is None or same is None else (parent, same)


def _raw(
    rest: list[Factor], offsets: Places, design: Design, basis: Basis, root: Floats | None, meetings: Meetings
) -> tuple[Floats, Floats]:
    """Sum the products of the base columns with each other and with [Q | r] over the rows."""
    n, width = len(design.y), int(offsets[-1])
    values = np.concatenate([f.columns for f in rest], axis=1)
    if root is not None:
        values = values * root[:, None]
    places = np.concatenate(
        [o + f.codes[:, None] * f.size + np.arange(f.size) for f, o in zip(rest, offsets[:-1], strict=True)],
        axis=1,
    )
    w = values.shape[1]
    incidence = sparse.csr_array(
        (values.ravel(), places.ravel(), np.arange(0, n * w + 1, w)), shape=(n, width)
    )
    inner = sparse.coo_array(sparse.triu(incidence.T @ incidence))
    key = meetings.rows * np.int64(width) + meetings.cols
    raw = np.zeros(len(key))
    raw[np.searchsorted(key, inner.row.astype(np.int64) * width + inner.col)] = inner.data
    cross = np.zeros((width, design.fixed.shape[1] + 1))
    cuts = np.append(np.arange(0, n, ROWS), n)
    for rows, panel in _panels(design, basis, root, None, cuts):
        cross += incidence[rows].T @ panel
    return raw, cross


def _spread_of(
    factors: tuple[Factor, ...], bases: list[int], images: dict[int, tuple[int, Places, list[int]]],
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

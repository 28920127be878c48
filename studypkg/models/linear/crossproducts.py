"""One pass over the rows: the sums of products a linear mixed model is made of, gathered by group.

After this pass nothing touches a row again: the cost of an evaluation grows with the levels, not the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from studypkg.models.design import Design, Floats
from studypkg.models.linear.assembly import CrossProducts, Images, assemble, within
from studypkg.models.linear.basis import ROWS, Basis, basis_of
from studypkg.models.linear.grouping import Factor, in_order
from studypkg.models.linear.meetings import (
    Meetings,
    connect,
    entries_of_rows,
    parents,
    same_columns,
)

__all__ = ["CrossProducts", "by_level", "gather", "panels", "raw_products"]

Places = NDArray[np.intp]


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
    gram, cross, fixed = by_level(lead, design, basis, root)
    bases, images = _bases(factors)
    offsets = np.cumsum([0] + [factors[k].n_levels * factors[k].size for k in bases])
    width, f = int(offsets[-1]), cross.shape[-1]
    inside = _inside(lead, factors, bases)
    if inside is not None:
        meetings, raw_inner, raw_cross = within(gram, cross, *inside, factors[bases[0]])
    elif width:
        rest = [factors[k] for k in bases]
        meetings = connect(*entries_of_rows(lead, rest, offsets.tolist(), root), width)
        raw_inner, raw_cross = raw_products(rest, offsets, design, basis, root, meetings)
    else:
        nothing = np.zeros(0, dtype=np.intp)
        meetings = connect(nothing, nothing, np.zeros((lead.size, 0)), 0)
        raw_inner, raw_cross = np.zeros(0), np.zeros((0, f))
    log_weights = 0.0 if design.weights is None else float(np.log(design.weights).sum())
    return assemble(
        factors, bases, images, (gram, cross, fixed), (meetings, raw_inner, raw_cross), basis, n, log_weights
    )


def panels(
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


def by_level(
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
    for at, (rows, panel) in enumerate(panels(design, basis, root, order, cuts)):
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


def _bases(factors: tuple[Factor, ...]) -> tuple[list[int], Images]:
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


def raw_products(
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
    for rows, panel in panels(design, basis, root, None, cuts):
        cross += incidence[rows].T @ panel
    return raw, cross

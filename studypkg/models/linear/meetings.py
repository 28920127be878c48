"""Where the levels of the leading factor meet the columns of others, and which of these are sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from studypkg.models.design import Codes, Floats
from studypkg.models.linear.grouping import Factor, in_order

Places = NDArray[np.intp]
# Tables of pairs up to this size are looked up directly, larger ones sorted.
_TABLE = 20_000_000


@dataclass(frozen=True)
class Meetings:
    """Entries of Z₁'Z₂, with Z₂ the base columns of the other factors.

    Notes
    -----
    Entry e says that level ``level[e]`` of the leading factor meets column ``column[e]``: ``values`` (q × E)
    is Z₁'z over the rows they share. Entries are sorted by column and ``starts`` (columns + 1) says where
    each begins. ``left`` and ``right`` are the pairs of entries of one level, the column of the left one not
    behind that of the right one; ``pair`` is their place in the list of pairs (``rows``, ``cols``) and
    ascends, ``pair_starts`` says where each begins.
    """

    level: Places
    column: Places
    values: Floats
    starts: Places
    left: Places
    right: Places
    pair: Places
    pair_starts: Places
    rows: Places
    cols: Places


def connect(level: Places, column: Places, values: Floats, n_columns: int) -> Meetings:
    """Sort entries by column and list the pairs of entries of each level."""
    n_levels = int(level.max(initial=0)) + 1
    order = in_order(level, n_levels)
    order = order[in_order(column[order], n_columns)]
    level, column, values = level[order], column[order], np.ascontiguousarray(values[:, order])
    starts = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=n_columns))])
    by_level = in_order(level, n_levels)
    counts = np.bincount(level)
    first = np.cumsum(counts) - counts
    within = np.arange(len(level)) - np.repeat(first, counts)
    right = np.repeat(np.arange(len(level)), within + 1)
    ahead = np.arange(len(right)) - np.repeat(np.cumsum(within + 1) - (within + 1), within + 1)
    left = np.repeat(np.repeat(first, counts), within + 1) + ahead
    # Within a level entries are in the order of their columns, so left is never behind right.
    left, right = by_level[left], by_level[right]
    key = column[left] * np.int64(n_columns) + column[right]
    if n_columns * n_columns <= _TABLE:
        seen = np.zeros(n_columns * n_columns, dtype=bool)
        seen[key] = True
        known = np.flatnonzero(seen)
        place = np.empty(len(seen), dtype=np.int64)
        place[known] = np.arange(len(known))
        pair = place[key]
    else:
        known, pair = np.unique(key, return_inverse=True)
    by_pair = in_order(pair, len(known))
    left, right, pair = left[by_pair], right[by_pair], pair[by_pair]
    pair_starts = np.searchsorted(pair, np.arange(len(known)))
    rows, cols = known // n_columns, known % n_columns
    return Meetings(level, column, values, starts, left, right, pair, pair_starts, rows, cols)


def entries_of_rows(
    lead: Factor, rest: Sequence[Factor], offsets: Sequence[int], root: Floats | None
) -> tuple[Places, Places, Floats]:
    """Add up Z₁'z over the rows for every level and column that share rows."""
    width = int(offsets[-1])
    keys, products = [], []
    for factor, offset in zip(rest, offsets[:-1], strict=True):
        for part in range(factor.size):
            keys.append(lead.codes * np.int64(width) + (offset + factor.codes * factor.size + part))
            z = factor.columns[:, part] if root is None else factor.columns[:, part] * root**2
            products.append(z[None, :] * lead.columns.T)
    known, place = np.unique(np.concatenate(keys), return_inverse=True)
    stacked = np.concatenate(products, axis=1)
    values: Floats = np.stack([np.bincount(place, row, minlength=len(known)) for row in stacked])
    return known // width, known % width, values


def parents(child: Codes, n_child: int, parent: Codes) -> Places | None:
    """Return the one level of a factor that each level of another lies in, or None if they cross."""
    found = np.zeros(n_child, dtype=np.intp)
    found[child] = parent
    return found if bool((found[child] == parent).all()) else None


def same_columns(inner: Factor, outer: Factor) -> list[int] | None:
    """Find for each column of the outer factor the equal column of the inner one."""
    places = []
    for j in range(outer.size):
        scale = outer.scales[j]
        equal = [
            i
            for i in range(inner.size)
            if inner.scales[i] == scale and np.array_equal(inner.columns[:, i], outer.columns[:, j])
        ]
        if not equal:
            return None
        places.append(equal[0])
    return places


def spread(images: Sequence[tuple[Places, Places]], n_base: int, n_full: int) -> sparse.csr_array:
    """Build the 0/1 matrix (full × base) that adds base columns up to all columns."""
    full = np.concatenate([f for f, _ in images])
    base = np.concatenate([b for _, b in images])
    return sparse.csr_array((np.ones(len(full)), (full, base)), shape=(n_full, n_base))


def spread_pairs(meetings: Meetings, columns: sparse.csr_array) -> tuple[sparse.csr_array, Places, Places]:
    """Build the matrix (pairs of all columns × base pairs) that belongs to `spread`, and list the former.

    Notes
    -----
    With C the symmetric system of base columns and S the 0/1 matrix, that of all columns is S C S'. A base
    pair i < j reaches {a, b} once for a from the image of i and b from that of j, and twice where a = b.
    """
    images = sparse.csc_array(columns)
    counts = np.diff(images.indptr)
    i, j = meetings.rows, meetings.cols
    n_i, n_j = counts[i], counts[j]
    width = n_i * n_j
    source = np.repeat(np.arange(len(i)), width)
    at = np.arange(len(source)) - np.repeat(np.cumsum(width) - width, width)
    a = images.indices[images.indptr[i[source]] + at // n_j[source]].astype(np.int64)
    b = images.indices[images.indptr[j[source]] + at % n_j[source]].astype(np.int64)
    own = i[source] == j[source]
    keep = ~own | (a <= b)
    source, a, b, own = source[keep], a[keep], b[keep], own[keep]
    weight = np.where(~own & (a == b), 2.0, 1.0)
    total = columns.shape[0]
    key = np.minimum(a, b) * total + np.maximum(a, b)
    known, place = np.unique(key, return_inverse=True)
    matrix = sparse.csr_array((weight, (place, source)), shape=(len(known), len(i)))
    return matrix, known // total, known % total

"""Which factor is eliminated when, and which sums of products meet: worked out once for a model.

The factor with the most levels leads (patients). What is left of the others is a symmetric system in their
columns. As long as the levels of the next factor do not meet each other there, as when patients are nested
in therapists and therapists in clinics, that factor is eliminated level by level too. Factors that cross are
eliminated together, by connected components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from studypkg.models.linear.grouping import Factor
from studypkg.models.linear.taylor import Floats

Places = NDArray[np.intp]
# A level that meets more later columns than this is better eliminated together with them.
_MEETS_AT_MOST = 8
# Columns of blocks that are eliminated in one go.
_COLUMNS = 2048


@dataclass(frozen=True)
class Stage:
    """One elimination within the system that the leading factor leaves.

    Notes
    -----
    Over b blocks of q columns, ``columns`` (b × q) are places in the system and ``own`` (b × q × q) places in
    its list of pairs; ``meets`` (b × r) are the later columns that a block meets, ``met`` (b × q × r) their
    pairs and ``after`` (b × r × r) the pairs among them. Where a block is shorter than others, the places
    lead to a column, or pair, of zeros at the end. ``source`` and ``present`` (k × b × q) say where the
    entries of Σ stand, as in `eliminate.Covariance`.
    """

    columns: Places
    own: Places
    meets: Places
    met: Places
    after: Places
    source: Places
    present: Floats


@dataclass(frozen=True)
class Layout:
    """The plan of the elimination.

    Notes
    -----
    ``order`` lists all covariance parameters as (factor, row, column) in the order in which the elimination
    meets them. ``steps`` are the eliminations behind the leading factor: the stages of one step share their
    parameters, which are ``counts[step]`` many. The columns of factor k begin at ``starts[k - 1]``; ``rows``
    and ``cols`` are the pairs of columns, rows ≤ cols.
    """

    order: tuple[tuple[int, int, int], ...]
    starts: tuple[int, ...]
    rows: Places
    cols: Places
    steps: tuple[tuple[Stage, ...], ...]
    counts: tuple[int, ...]

    @property
    def n_columns(self) -> int:
        """How many columns the system has."""
        return self.starts[-1]


def plan(factors: Sequence[Factor], rows: Places, cols: Places) -> Layout:
    """Plan the elimination of the factors behind the leading one.

    Parameters
    ----------
    factors
        All factors, leading one first.
    rows, cols
        The pairs of columns that meet in some row of the data or in some level of the leading factor,
        rows ≤ cols, in the numbering factor by factor, level by level.
    """
    starts = np.cumsum([0] + [f.n_levels * f.size for f in factors[1:]])
    total = int(starts[-1])
    levels = [np.repeat(np.arange(f.n_levels), f.size) for f in factors[1:]]
    level = np.concatenate(levels) if levels else np.zeros(0, dtype=np.intp)
    known = left = np.unique(rows.astype(np.int64) * total + cols) if total else np.zeros(0, dtype=np.int64)
    steps: list[tuple[tuple[int, ...], list[tuple[Places, Places]]]] = []
    for now in range(1, len(factors)):
        lo, hi = int(starts[now - 1]), int(starts[now])
        r, c = left // total, left % total
        meets = _meeting(r, c, lo, hi, level, factors[now].n_levels, total)
        if meets is None:
            none = [(part, np.zeros((len(part), 0), dtype=np.intp)) for part in _components(r, c, lo, total)]
            steps.append((tuple(range(now, len(factors))), none))
            break
        steps.append(((now,), [(np.arange(lo, hi).reshape(-1, factors[now].size), meets)]))
        left = left[r >= hi]
        if meets.shape[1]:
            low, high = (
                np.minimum(meets[:, :, None], meets[:, None, :]),
                np.maximum(meets[:, :, None], meets[:, None, :]),
            )
            real = high < total
            left = np.union1d(left, low[real].astype(np.int64) * total + high[real])
            known = np.union1d(known, left)
    order = [(0, i, j) for i, j in factors[0].parameters]
    counts = []
    stages = []
    owner = np.repeat(np.arange(1, len(factors)), np.diff(starts))
    part = np.concatenate([np.tile(np.arange(f.size), f.n_levels) for f in factors[1:]] or [level])
    for members, blocks in steps:
        parameters = [(k, i, j) for k in members for i, j in factors[k].parameters]
        order += parameters
        counts.append(len(parameters))
        stages.append(
            tuple(
                _stage(columns[cut], meets[cut], parameters, known, total, owner, part)
                for columns, meets in blocks
                for cut in _cuts(columns)
            )
        )
    return Layout(
        tuple(order), tuple(int(s) for s in starts), known // max(total, 1), known % max(total, 1),
        tuple(stages), tuple(counts),
    )  # fmt: skip


def _cuts(columns: Places) -> list[slice]:
    """Cut a batch of blocks (b × q) into stretches that stay near the processor."""
    step = max(1, _COLUMNS // columns.shape[1])
    return [slice(start, start + step) for start in range(0, len(columns), step)]


def _meeting(
    r: Places, c: Places, lo: int, hi: int, level: Places, n_levels: int, total: int
) -> Places | None:
    """List the later columns every level meets, or None where levels meet each other or meet too many."""
    first = (r >= lo) & (r < hi)
    r, c = r[first], c[first]
    inside = c < hi
    if not (level[r[inside]] == level[c[inside]]).all():
        return None
    met = np.unique(level[r[~inside]].astype(np.int64) * total + c[~inside])
    whose, column = met // total, met % total
    counts = np.bincount(whose, minlength=n_levels)
    width = int(counts.max(initial=0))
    if width > _MEETS_AT_MOST:
        return None
    meets = np.full((n_levels, width), total, dtype=np.intp)
    meets[whose, np.arange(len(whose)) - np.repeat(np.cumsum(counts) - counts, counts)] = column
    return meets


def _components(r: Places, c: Places, lo: int, total: int) -> list[Places]:
    """Group the columns from ``lo`` on by connection; components of similar size share one padded array."""
    n = total - lo
    links = sparse.coo_array((np.ones(len(r)), (r - lo, c - lo)), shape=(n, n))
    _, label = csgraph.connected_components(links, directed=False)
    by_label = np.argsort(label, kind="stable")
    sizes = np.bincount(label)
    ends = np.cumsum(sizes)
    bucket = np.ceil(2.0 * np.log2(sizes)).astype(int)
    found = []
    for width in np.unique(bucket):
        chosen = np.flatnonzero(bucket == width)
        block = np.full((len(chosen), int(sizes[chosen].max())), total, dtype=np.intp)
        for row, at in enumerate(chosen):
            block[row, : sizes[at]] = lo + np.sort(by_label[ends[at] - sizes[at] : ends[at]])
        found.append(block)
    return found


def _stage(
    columns: Places,
    meets: Places,
    parameters: list[tuple[int, int, int]],
    known: Places,
    total: int,
    owner: Places,
    part: Places,
) -> Stage:
    b, q = columns.shape
    # Every column's place within its block: Σ connects columns of the same level, part i with part j.
    place = np.zeros(total + 1, dtype=np.intp)
    place[columns] = np.arange(q)
    real = columns < total
    safe = np.where(real, columns, 0)
    source, present = np.zeros((len(parameters), b, q), dtype=np.intp), np.zeros((len(parameters), b, q))
    for at, (k, i, j) in enumerate(parameters):
        for own, other in {(i, j), (j, i)}:
            here = real & (owner[safe] == k) & (part[safe] == own)
            source[at][here] = place[columns[here] + (other - own)]
            present[at][here] = 1.0
    return Stage(
        columns,
        _find(columns[:, :, None], columns[:, None, :], known, total),
        meets,
        _find(columns[:, :, None], meets[:, None, :], known, total),
        _find(meets[:, :, None], meets[:, None, :], known, total),
        source,
        present,
    )


def _find(a: Places, b: Places, known: Places, total: int) -> Places:
    """Find the place of every pair in the list; pairs that are not there lead to its end."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    wanted = low.astype(np.int64) * total + high
    at = np.searchsorted(known, wanted)
    at = np.minimum(at, len(known) - 1)
    return np.where((high < total) & (known[at] == wanted), at, len(known)).astype(np.intp)

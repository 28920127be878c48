"""Sums over levels: how weighted rows become the blocks that grouping factors share.

The factor with the most levels leads. The others are the rest: their columns, level by level, are the r
columns of one matrix. An entry is a level of the leading factor that meets a level of another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.models.design import Codes
from studypkg.models.linear.grouping import Factor
from studypkg.models.links import Floats

Places = NDArray[np.intp]
# More columns than this of all factors but the leading one make one matrix too large to invert at every step.
MOST_REST = 4000
# Beyond this many pairs of entries the entries are kept as one dense matrix, up to so many elements.
_MOST_PAIRS, _MOST_DENSE = 4_000_000, 60_000_000
# A product of whole matrices does so many multiplications in the time in which sums over pairs do one.
_DENSE_GAIN = 30


@dataclass(frozen=True, eq=False)
class Meeting:
    """Levels of two factors that share rows: ``left`` and ``right`` levels, and the meeting of every row."""

    left: Places
    right: Places
    of_row: Places


@dataclass(frozen=True, eq=False)
class Levels:
    """The grouping factors of a model, leading one first, over n rows.

    Notes
    -----
    ``sizes`` are columns per level, ``counts`` levels, ``codes`` (n each) the level of every row and
    ``columns`` (q × n each) its columns. ``meetings`` holds the pairs of factors (f, g), f ≤ g; a factor
    meets itself once per level. ``starts`` are the first places of the factors behind the leading one among
    the r columns of the rest. Entries are listed by factor, level met and column: ``entry_level``,
    ``entry_column``; ``left``, ``right`` are all ordered pairs of entries of one level, None when the
    entries are kept dense. ``parts`` are the columns of the rest that belong together, one (parts × columns)
    array per size of part: columns of different parts meet no common level, as therapists do when patients
    are nested in them.
    """

    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    codes: tuple[Codes, ...]
    columns: tuple[Floats, ...]
    meetings: dict[tuple[int, int], Meeting]
    starts: tuple[int, ...]
    entry_level: Places
    entry_column: Places
    left: Places | None
    right: Places | None
    parts: tuple[Places, ...] = ()

    @property
    def rest(self) -> int:
        """How many columns the factors behind the leading one have."""
        return sum(c * q for c, q in zip(self.counts[1:], self.sizes[1:], strict=True))

    def products(self, weights: Floats) -> dict[tuple[int, int], Floats]:
        """Sum the weighted products of columns over the rows of every meeting: (meetings × q × q)."""
        found = {}
        for (f, g), meeting in self.meetings.items():
            many = len(meeting.left)
            sums = np.empty((many, self.sizes[f], self.sizes[g]))
            for a, one in enumerate(self.columns[f]):
                half = weights * one
                for b, other in enumerate(self.columns[g]):
                    if f == g and b < a:
                        sums[:, a, b] = sums[:, b, a]
                        continue
                    sums[:, a, b] = np.bincount(meeting.of_row, half * other, minlength=many)
            found[f, g] = sums
        return found

    def totals(self, values: Floats) -> list[Floats]:
        """Sum values times columns over the rows of every level: one (levels × q) array per factor."""
        return [
            np.stack([np.bincount(codes, values * z, minlength=count) for z in columns], axis=1)
            for codes, columns, count in zip(self.codes, self.columns, self.counts, strict=True)
        ]

    def spread(self, effects: list[Floats]) -> Floats:
        """Give every row the sum of its columns times the effects (levels × q) of its levels."""
        total = np.zeros(len(self.codes[0]))
        for codes, columns, effect in zip(self.codes, self.columns, effects, strict=True):
            for j, z in enumerate(columns):
                total += z * effect[codes, j]
        return total


def arrange(factors: tuple[Factor, ...], order: Places) -> Levels:
    """Work out once which levels meet, for rows in the given order.

    Raises
    ------
    ModelError
        If the factors behind the leading one have too many levels.
    """
    counts = tuple(f.n_levels for f in factors)
    sizes = tuple(f.size for f in factors)
    rest = sum(c * q for c, q in zip(counts[1:], sizes[1:], strict=True))
    if rest > MOST_REST:
        names = ", ".join(f"{f.group} ({f.n_levels})" for f in factors[1:])
        raise ModelError(
            f"Besides {factors[0].group} the random terms have {rest} effects: {names}. No more than "
            f"{MOST_REST} are possible here: use coarser groups, or give the finest one only."
        )
    codes = tuple(f.codes[order] for f in factors)
    columns = tuple(np.ascontiguousarray(f.columns[order].T) for f in factors)
    meetings = {}
    for f in range(len(factors)):
        for g in range(f, len(factors)):
            if f == g:
                every = np.arange(counts[f])
                meetings[f, g] = Meeting(every, every, codes[f])
                continue
            keys, of_row = np.unique(codes[f] * np.int64(counts[g]) + codes[g], return_inverse=True)
            meetings[f, g] = Meeting(keys // counts[g], keys % counts[g], of_row)
    starts, at = [], 0
    for count, size in zip(counts[1:], sizes[1:], strict=True):
        starts.append(at)
        at += count * size
    level, column = _entries(meetings, sizes, starts)
    left, right = _pairs(level, counts[0] * sizes[0], rest)
    parts = _parts(level, column, counts[0], rest)
    return Levels(counts, sizes, codes, columns, meetings, tuple(starts), level, column, left, right, parts)


def _parts(level: Places, column: Places, lead: int, rest: int) -> tuple[Places, ...]:
    """Sort the columns of the rest into parts that share no level of the leading factor."""
    if not rest:
        return ()
    # Every column takes the smallest number among those it shares a level with, until nothing changes.
    labels, before = np.arange(rest), np.full(rest, -1)
    while not np.array_equal(labels, before):
        before = labels.copy()
        lowest = np.full(lead, rest)
        np.minimum.at(lowest, level, labels[column])
        np.minimum.at(labels, column, lowest[level])
        labels = np.minimum(labels, labels[labels])
    _, part, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(part, kind="stable")
    first = np.cumsum(sizes) - sizes
    return tuple(
        order[first[sizes == size][:, None] + np.arange(size)].astype(np.intp) for size in np.unique(sizes)
    )


def _entries(
    meetings: dict[tuple[int, int], Meeting], sizes: tuple[int, ...], starts: list[int]
) -> tuple[Places, Places]:
    levels, columns = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)]
    for f, start in enumerate(starts, start=1):
        meeting, q = meetings[0, f], sizes[f]
        levels.append(np.repeat(meeting.left, q))
        columns.append((start + meeting.right[:, None] * q + np.arange(q)).ravel())
    return np.concatenate(levels), np.concatenate(columns)


def _pairs(level: Places, height: int, rest: int) -> tuple[Places | None, Places | None]:
    """List all ordered pairs of entries that belong to one level, or None where a dense matrix is better."""
    counts = np.bincount(level)
    many = int((counts.astype(np.int64) ** 2).sum())
    dense_size = height * rest
    if dense_size <= _MOST_DENSE and dense_size * rest <= _DENSE_GAIN * many:
        return None, None
    if many > _MOST_PAIRS:
        if dense_size > _MOST_DENSE:
            raise ModelError(
                f"The grouping factors cross so much ({many} meetings of levels) that the model does not "
                "fit into memory: use coarser groups, or fewer crossed factors."
            )
        return None, None
    by_level = np.argsort(level, kind="stable")
    first = np.cumsum(counts) - counts
    here = counts[level[by_level]]
    left = np.repeat(np.arange(len(level)), here)
    ahead = np.arange(many) - np.repeat(np.cumsum(here) - here, here)
    right = np.repeat(first[level[by_level]], here) + ahead
    return by_level[left], by_level[right]

"""Grouping factors as the engine sees them: all random terms of one factor side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from studypkg.models.design import Codes, Design, Floats

# Below this a counting sort costs more to set up than it saves.
_FEW = 4096


@dataclass(frozen=True)
class Factor:
    """All random terms of one grouping factor, side by side.

    Notes
    -----
    ``columns`` is n × q, scaled to root mean square one (``scales``); ``pattern`` marks the lower triangle of
    its q × q relative covariance that is free: terms are uncorrelated with each other. ``members`` says, per
    term of the formula, which of the q columns it owns.
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
        return len(self.scales)

    @property
    def parameters(self) -> list[tuple[int, int]]:
        """The free elements (row, column) of the covariance, column by column."""
        q = self.size
        return [(i, j) for j in range(q) for i in range(j, q) if self.pattern[i, j]]


def in_order(codes: NDArray[Any], size: int) -> NDArray[np.intp]:
    """Return the places of codes below ``size`` in ascending order, equal ones in the order they come."""
    n = len(codes)
    if n < _FEW:
        return np.argsort(codes, kind="stable")
    rows = sparse.csr_array((np.ones(n, dtype=np.int8), codes, np.arange(n + 1)), shape=(n, size))
    # Turning rows into columns is a counting sort.
    return np.asarray(rows.tocsc().indices, dtype=np.intp)


def gather_factors(design: Design) -> tuple[Factor, ...]:
    """Put terms that share a grouping factor together and the factor with the most levels first."""
    by_group: dict[str, list[int]] = {}
    for at, term in enumerate(design.terms):
        by_group.setdefault(term.group, []).append(at)
    factors = []
    for group, members in by_group.items():
        blocks = [design.terms[at].columns for at in members]
        columns = blocks[0] if len(blocks) == 1 else np.hstack(blocks)
        scales = np.sqrt(np.einsum("ij,ij->j", columns, columns) / len(columns))
        pattern = np.zeros((columns.shape[1],) * 2, dtype=bool)
        owned: dict[int, tuple[int, ...]] = {}
        start = 0
        for at in members:
            stop = start + design.terms[at].columns.shape[1]
            pattern[start:stop, start:stop] = np.tri(stop - start, dtype=bool)
            owned[at] = tuple(range(start, stop))
            start = stop
        first = design.terms[members[0]]
        scaled = columns if bool((scales == 1.0).all()) else columns / scales
        factors.append(Factor(group, first.codes, first.n_levels, scaled, scales, pattern, owned))
    return tuple(sorted(factors, key=lambda f: -f.n_levels))

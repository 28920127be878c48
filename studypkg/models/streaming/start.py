"""A start for the search on many rows: the optimum of some levels of the first partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.linear.crossproducts import CrossProducts, gather
from studypkg.models.linear.grouping import Factor
from studypkg.models.linear.search import rough_search
from studypkg.models.streaming.partition import read_partition
from studypkg.models.streaming.sums import Task, factors_of, small_design

# Fewer rows or levels than this are searched at once.
_ROWS, _LEVELS = 80_000, 6_000
# How many levels of the leading factor are taken.
_AIM = 4_000
# Blocks of crossed levels wider than this cost as much in a sample as in all rows.
_WIDEST = 100


def start_of(
    task: Task, sums: CrossProducts, files: Sequence[tuple[str, ...]], *, reml: bool
) -> Floats | None:
    """Search some levels of the first partition and return their θ, or None where that does not pay.

    Notes
    -----
    A hash deals the levels, so those of one partition are as good as drawn. They decide only where the search
    on all sums begins.
    """
    widest = max((stage.columns.shape[1] for step in sums.layout.steps for stage in step), default=1)
    if sums.n < _ROWS or sums.factors[0].n_levels < _LEVELS or widest > _WIDEST:
        return None
    part = read_partition(task.recipe, files[0])
    lead, rest, _ = factors_of(part, task.recipe, task.structure, range(1, len(sums.factors)))
    rows = np.flatnonzero(lead.codes % max(1, lead.n_levels // _AIM) == 0)
    design = small_design(part, task.recipe, task.keep)
    small = replace(
        design,
        y=design.y[rows],
        fixed=np.asfortranarray(design.fixed[rows]),
        weights=None if design.weights is None else design.weights[rows],
    )
    factors = [_thinned(f, rows) for f in (lead, *rest)]
    if min(f.n_levels for f in factors) < 2:
        return None
    try:
        found = gather(small, tuple(factors))
        theta = rough_search(found, reml=reml)
    except np.linalg.LinAlgError:
        return None
    if found.layout.order != sums.layout.order:
        return None
    diagonal = np.array([row == column for _, row, column in sums.layout.order])
    # A variance of zero in the sample would be a saddle to begin at.
    return np.where(diagonal & (np.abs(theta) < 0.05), 0.05, theta)


def _thinned(factor: Factor, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Factor:
    seen, codes = np.unique(factor.codes[rows], return_inverse=True)
    return replace(factor, codes=codes, n_levels=len(seen), columns=np.asfortranarray(factor.columns[rows]))

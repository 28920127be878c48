"""A start for the search on many rows: the optimum of a sample of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from studypkg.models.design import Codes, Design, Floats
from studypkg.models.linear.crossproducts import CrossProducts, gather
from studypkg.models.linear.grouping import Factor
from studypkg.models.linear.meetings import parents
from studypkg.models.linear.search import rough_search

# Fewer rows than this are searched at once.
_ROWS, _LEVELS = 80_000, 6_000
# How many levels of the leading factor a sample aims at, and how many groups it takes at least.
_AIM, _FEWEST = 2_000, 8
# One group in so many at least: the more levels, the nearer the start must be.
_SHARE = 25
# Blocks of crossed levels wider than this cost as much in a sample as in all rows.
_WIDEST = 100


def sample_start(design: Design, sums: CrossProducts, *, reml: bool) -> Floats | None:
    """Search a sample of whole groups and return its θ, or None where that does not pay or does not work.

    Notes
    -----
    The levels of the outermost factor that has enough of them are sampled, so that everything nested in it
    stays whole. The sample decides only where the search on all rows begins, never where it ends.
    """
    factors = sums.factors
    lead = factors[0]
    widest = max((stage.columns.shape[1] for step in sums.layout.steps for stage in step), default=1)
    if len(design.y) < _ROWS or lead.n_levels < _LEVELS or widest > _WIDEST:
        return None
    every = max(2, min(lead.n_levels // _AIM, _SHARE))
    outer = lead
    for factor in factors[1:]:
        wide = factor.n_levels >= _FEWEST * every
        if wide and parents(lead.codes, lead.n_levels, factor.codes) is not None:
            outer = factor
    # Evenly spread rather than drawn: the same rows give the same way.
    rows = np.flatnonzero(outer.codes % every == every // 2)
    parts = tuple(_part(f, rows) for f in factors)
    if min(f.n_levels for f in parts) < 2 or len(rows) < 10 * design.fixed.shape[1]:
        return None
    small = replace(
        design,
        y=design.y[rows],
        fixed=np.asfortranarray(design.fixed[rows]),
        weights=None if design.weights is None else design.weights[rows],
    )
    try:
        theta = rough_search(gather(small, parts), reml=reml)
    except np.linalg.LinAlgError:
        # A rare category is missing among the sampled rows, say: then there is no shortcut.
        return None
    # A variance of zero in the sample would be a saddle to begin at.
    diagonal = np.array([row == column for _, row, column in sums.layout.order])
    return np.where(diagonal & (np.abs(theta) < 0.05), 0.05, theta)


def _part(factor: Factor, rows: Codes) -> Factor:
    codes = factor.codes[rows]
    seen = np.zeros(factor.n_levels, dtype=bool)
    seen[codes] = True
    number = np.cumsum(seen) - 1
    return replace(
        factor, codes=number[codes], n_levels=int(seen.sum()), columns=np.asfortranarray(factor.columns[rows])
    )

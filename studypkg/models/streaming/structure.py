"""The grouping factors of all partitions together: their order, their scales, and which lies in which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.levels import Codes
from studypkg.models.linear.assembly import Images, Places
from studypkg.models.linear.grouping import Factor
from studypkg.models.streaming.columns import Columns
from studypkg.models.streaming.recipe import Recipe


@dataclass(frozen=True)
class Structure:
    """The factors without rows, leading one first, and how their sums hang together.

    Notes
    -----
    ``order`` are the places of the factors among the recipe's groups. ``bases``, ``images`` and ``inside``
    are those of `studypkg.models.linear.crossproducts.gather`; ``inside`` holds the equal columns only.
    ``levels`` numbers the levels of every factor but the leading one.
    """

    factors: tuple[Factor, ...]
    order: tuple[int, ...]
    bases: list[int]
    images: Images
    inside: list[int] | None
    levels: tuple[dict[Any, int], ...]

    def with_rows(self, at: int, codes: Codes, columns: Floats, n_levels: int) -> Factor:
        """Return a factor with the rows of a partition."""
        factor = self.factors[at]
        scaled = columns if bool((factor.scales == 1.0).all()) else columns / factor.scales
        return replace(factor, codes=codes, columns=scaled, n_levels=n_levels)


def structure_of(recipe: Recipe, columns: Columns) -> Structure:
    """Order the factors and find those whose sums are sums of others."""
    counts = [sum(columns.n_lead) if known is None else len(known) for known in columns.levels]
    rest = sorted((g for g in range(len(counts)) if g != recipe.lead), key=lambda g: -counts[g])
    order = (recipe.lead, *rest)
    members = _members(recipe)
    factors = tuple(_factor(recipe, columns, g, counts[g], members[g]) for g in order)
    bases: list[int] = []
    images: Images = {}
    for k in range(1, len(order)):
        for b in bases:
            inside = columns.parents[order[b], order[k]]
            same = _same(columns.equal[order[b], order[k]], factors[b].scales, factors[k].scales)
            if inside is not None and same is not None:
                images[k] = (b, _numbered(inside, columns, order[b], order[k]), same)
                break
        else:
            bases.append(k)
    only = None
    if len(bases) == 1 and columns.parents[order[0], order[bases[0]]] is not None:
        only = _same(columns.equal[order[0], order[bases[0]]], factors[0].scales, factors[bases[0]].scales)
    return Structure(
        factors, order, bases, images, only, tuple(columns.levels[g] or {} for g in order[1:])
    )  # fmt: skip


def _members(recipe: Recipe) -> list[list[int]]:
    """List the random terms of every distinct grouping factor."""
    groups = list(dict.fromkeys(t.group for t in recipe.parsed.random))
    return [[at for at, t in enumerate(recipe.parsed.random) if t.group == g] for g in groups]


def _factor(recipe: Recipe, columns: Columns, group: int, n_levels: int, members: Sequence[int]) -> Factor:
    squares = np.concatenate([columns.squares[at] for at in members])
    q = len(squares)
    pattern = np.zeros((q, q), dtype=bool)
    owned: dict[int, tuple[int, ...]] = {}
    start = 0
    for at in members:
        stop = start + len(columns.squares[at])
        pattern[start:stop, start:stop] = np.tri(stop - start, dtype=bool)
        owned[at] = tuple(range(start, stop))
        start = stop
    label = recipe.parsed.random[members[0]].group_label
    return Factor(
        label, np.zeros(0, dtype=np.int64), n_levels, np.zeros((0, q)), np.sqrt(squares / columns.n), pattern,
        owned,
    )  # fmt: skip


def _same(equal: list[set[int]], inner: Floats, outer: Floats) -> list[int] | None:
    found = []
    for j, columns in enumerate(equal):
        known = [i for i in sorted(columns) if inner[i] == outer[j]]
        if not known:
            return None
        found.append(known[0])
    return found


def _numbered(inside: dict[Any, Any], columns: Columns, child: int, parent: int) -> Places:
    children, parents = columns.levels[child] or {}, columns.levels[parent] or {}
    found = np.zeros(len(children), dtype=np.intp)
    for value, at in children.items():
        found[at] = parents[inside[value]]
    return found

"""The first pass: what must be known of all columns before sums by level can be made to the last digit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.streaming.partition import Partition, read_partition
from studypkg.models.streaming.recipe import Recipe

# child and parent among the grouping factors, by place.
Pair = tuple[int, int]


@dataclass
class Columns:
    """Sums over rows, and which levels there are.

    Notes
    -----
    ``products`` is X'X, ``weighted`` X'WX and ``right`` X'Wy, with all p columns; ``squares`` are the sums of
    squares of the columns of every random term. ``levels`` (by grouping factor, None for the leading one)
    lists levels in a fixed order, ``parents`` says for a child factor the one level of the parent each level
    lies in, or None where they cross (for the leading factor only whether they do), and ``equal`` which
    columns of the child equal those of the parent.
    """

    n: int
    n_lead: list[int]
    products: Floats
    weighted: Floats
    right: Floats
    squares: list[Floats]
    low: float
    high: float
    sum_y: float
    sum_weights: float
    levels: list[dict[Any, int] | None]
    parents: dict[Pair, dict[Any, Any] | None]
    equal: dict[Pair, list[set[int]]]
    bad: dict[str, int]


def first_pass(recipe: Recipe, files: tuple[str, ...]) -> Columns:
    """Make the sums of one partition."""
    part = read_partition(recipe, files)
    x, y, w = part.fixed, part.y, part.weights
    products = x.T @ x
    weighted = products if w is None else x.T @ (x * w[:, None])
    blocks = columns_by_group(recipe, part.random)
    parents: dict[Pair, dict[Any, Any] | None] = {}
    equal: dict[Pair, list[set[int]]] = {}
    for child in range(len(recipe.groups)):
        for parent in range(len(recipe.groups)):
            if parent in (child, recipe.lead):
                continue
            parents[child, parent] = _parents(part, child, parent, keep=child != recipe.lead)
            equal[child, parent] = _equal(blocks[child], blocks[parent])
    return Columns(
        len(y),
        [len(part.levels[recipe.lead])],
        products,
        weighted,
        x.T @ (y if w is None else y * w),
        [np.einsum("ij,ij->j", z, z) for z in part.random],
        float(y.min()),
        float(y.max()),
        float(y.sum() if w is None else w @ y),
        float(len(y) if w is None else w.sum()),
        [
            None if g == recipe.lead else {v: at for at, v in enumerate(levels.tolist())}
            for g, levels in enumerate(part.levels)
        ],
        parents,
        equal,
        part.bad,
    )


def columns_by_group(recipe: Recipe, random: tuple[Floats, ...]) -> list[Floats]:
    """Put the columns of terms that share a grouping factor side by side, in the formula's order."""
    group_of = dict.fromkeys(t.group for t in recipe.parsed.random)
    found = []
    for group in group_of:
        blocks = [z for t, z in zip(recipe.parsed.random, random, strict=True) if t.group == group]
        found.append(blocks[0] if len(blocks) == 1 else np.hstack(blocks))
    return found


def _parents(part: Partition, child: int, parent: int, *, keep: bool) -> dict[Any, Any] | None:
    inner, outer = part.codes[child], part.codes[parent]
    found = np.zeros(len(part.levels[child]), dtype=np.intp)
    found[inner] = outer
    if not bool((found[inner] == outer).all()):
        return None
    if not keep:
        return {}
    return dict(zip(part.levels[child].tolist(), part.levels[parent][found].tolist(), strict=True))


def _equal(inner: Floats, outer: Floats) -> list[set[int]]:
    return [
        {i for i in range(inner.shape[1]) if np.array_equal(inner[:, i], outer[:, j])}
        for j in range(outer.shape[1])
    ]


def merged(parts: Iterable[Columns]) -> Columns:
    """Add up what the partitions say, in their order."""
    total: Columns | None = None
    for part in parts:
        if total is None:
            total = part
            continue
        total.n += part.n
        total.n_lead += part.n_lead
        total.products = total.products + part.products
        total.weighted = total.weighted + part.weighted
        total.right = total.right + part.right
        total.squares = [a + b for a, b in zip(total.squares, part.squares, strict=True)]
        total.low, total.high = min(total.low, part.low), max(total.high, part.high)
        total.sum_y += part.sum_y
        total.sum_weights += part.sum_weights
        for known, more in zip(total.levels, part.levels, strict=True):
            if known is not None and more is not None:
                for value in more:
                    known.setdefault(value, len(known))
        for pair in total.parents:
            total.parents[pair] = _joined(total.parents[pair], part.parents[pair])
            total.equal[pair] = [a & b for a, b in zip(total.equal[pair], part.equal[pair], strict=True)]
        for name, count in part.bad.items():
            total.bad[name] = total.bad.get(name, 0) + count
    if total is None:
        raise ValueError("There is no partition.")
    return total


def _joined(known: dict[Any, Any] | None, more: dict[Any, Any] | None) -> dict[Any, Any] | None:
    """Join two partitions' parents; None as soon as one level lies in two."""
    if known is None or more is None:
        return None
    for child, parent in more.items():
        if known.setdefault(child, parent) != parent:
            return None
    return known


def triangles(recipe: Recipe, files: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Factorise the rows of one partition: R of X and R of the weighted X."""
    part = read_partition(recipe, files)
    plain = np.asarray(np.linalg.qr(part.fixed, mode="r"), dtype=float)
    if part.weights is None:
        return plain, plain
    return plain, np.asarray(np.linalg.qr(part.fixed * np.sqrt(part.weights)[:, None], mode="r"), dtype=float)


def stacked(parts: Iterable[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Factorise the partitions' triangles again, one below the other.

    Notes
    -----
    Demmel, Grigori, Hoemmen and Langou (2012), SIAM Journal on Scientific Computing 34(1), A206–A239,
    doi 10.1137/080731992.
    """
    both: tuple[Floats, Floats] | None = None
    for part in parts:
        both = part if both is None else (_below(both[0], part[0]), _below(both[1], part[1]))
    if both is None:
        raise ValueError("There is no partition.")
    return both


def _below(upper: Floats, lower: Floats) -> Floats:
    return np.asarray(np.linalg.qr(np.vstack([upper, lower]), mode="r"), dtype=float)

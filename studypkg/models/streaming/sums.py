"""The second pass: sums of products by level, made of one partition and added up over all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.models.design import Design, Floats
from studypkg.models.linear.assembly import CrossProducts, assemble, within
from studypkg.models.linear.basis import Basis
from studypkg.models.linear.crossproducts import by_level, raw_products
from studypkg.models.linear.grouping import Factor
from studypkg.models.linear.meetings import Meetings, connect, entries_of_rows
from studypkg.models.streaming.columns import columns_by_group
from studypkg.models.streaming.partition import Partition, read_partition
from studypkg.models.streaming.recipe import Recipe
from studypkg.models.streaming.structure import Structure

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Task:
    """What a worker needs for the second pass; ``centre`` is the response's weighted mean."""

    recipe: Recipe
    structure: Structure
    basis: Basis
    keep: tuple[int, ...]
    centre: float


@dataclass(frozen=True)
class Sums:
    """The sums of one partition.

    Notes
    -----
    ``gram`` and ``cross`` belong to its own levels of the leading factor, named in ``levels``. The rest
    belongs to columns of the base factors: ``parent`` where the leading factor lies inside; otherwise the
    entries (``level``, ``column``, ``values``) and the products of pairs (``low``, ``high``, ``pairs``) and
    with [Q | r] (``columns``, ``products``).
    """

    levels: NDArray[np.object_]
    gram: Floats
    cross: Floats
    fixed: Floats
    squares: float
    log_weights: float
    parent: Places | None
    level: Places
    column: Places
    values: Floats
    low: Places
    high: Places
    pairs: Floats
    columns: Places
    products: Floats


def second_pass(task: Task, files: tuple[str, ...]) -> Sums:
    """Make the sums of one partition."""
    recipe, structure = task.recipe, task.structure
    part = read_partition(recipe, files)
    lead, rest, numbers = factors_of(part, recipe, structure, structure.bases)
    design = small_design(part, recipe, task.keep)
    root = None if part.weights is None else np.sqrt(part.weights)
    gram, cross, fixed = by_level(lead, design, task.basis, root)
    weights = np.ones(len(part.y)) if part.weights is None else part.weights
    parent = None
    none = np.zeros(0, dtype=np.intp)
    level = column = low = high = columns = none
    values, pairs, products = np.zeros((lead.size, 0)), np.zeros(0), np.zeros((0, cross.shape[-1]))
    if structure.inside is not None:
        parent = np.zeros(lead.n_levels, dtype=np.intp)
        parent[lead.codes] = numbers[0][rest[0].codes]
    elif rest:
        offsets = np.cumsum([0] + [f.n_levels * f.size for f in rest])
        level, column, values = entries_of_rows(lead, rest, offsets.tolist(), root)
        meetings = connect(level, column, values, int(offsets[-1]))
        pairs, products = raw_products(rest, offsets, design, task.basis, root, meetings)
        columns = _everywhere(structure, rest, numbers)
        ends = columns[meetings.rows], columns[meetings.cols]
        low, high = np.minimum(*ends), np.maximum(*ends)
        column = columns[column]
    return Sums(
        part.levels[recipe.lead], gram, cross, fixed, float(weights @ (part.y - task.centre) ** 2),
        0.0 if part.weights is None else float(np.log(part.weights).sum()), parent, level, column, values,
        low, high, pairs, columns, products,
    )  # fmt: skip


def factors_of(
    part: Partition, recipe: Recipe, structure: Structure, chosen: Sequence[int]
) -> tuple[Factor, list[Factor], list[Places]]:
    """Return the leading factor and chosen others with this partition's rows and codes.

    Returns
    -------
    tuple
        The leading factor, the others, and the numbers their levels have among all partitions.
    """
    blocks = columns_by_group(recipe, part.random)
    lead = structure.with_rows(0, part.codes[recipe.lead], blocks[recipe.lead], len(part.levels[recipe.lead]))
    rest, numbers = [], []
    for k in chosen:
        group = structure.order[k]
        known = structure.levels[k - 1]
        rest.append(structure.with_rows(k, part.codes[group], blocks[group], len(part.levels[group])))
        numbers.append(np.array([known[v] for v in part.levels[group].tolist()], dtype=np.intp))
    return lead, rest, numbers


def small_design(part: Partition, recipe: Recipe, keep: tuple[int, ...]) -> Design:
    """Return the partition as a design without labels."""
    whole = len(keep) == part.fixed.shape[1]
    fixed = part.fixed if whole else np.asfortranarray(part.fixed[:, list(keep)])
    n = len(part.y)
    return Design(
        recipe.parsed.response, part.y, fixed, (), (), (), part.weights, n, {}, np.ones(n, dtype=bool),
        recipe.small.frame.index, recipe.fixed, (), recipe.small,
    )  # fmt: skip


def _everywhere(structure: Structure, rest: list[Factor], numbers: list[Places]) -> Places:
    """Translate this partition's base columns to those of all partitions."""
    found, offset = [], 0
    for k, factor, number in zip(structure.bases, rest, numbers, strict=True):
        found.append((offset + number[:, None] * factor.size + np.arange(factor.size)).ravel())
        offset += structure.factors[k].n_levels * factor.size
    return np.concatenate(found)


@dataclass(frozen=True)
class Gathered:
    """The sums of all partitions, the leading factor's levels in their order, and the response's spread."""

    sums: CrossProducts
    levels: NDArray[np.object_]
    squares: float


def gathered(parts: Iterable[Sums], task: Task, n: int) -> Gathered:
    """Put the sums of the partitions together, in their order."""
    structure = task.structure
    lead = structure.factors[0]
    p, q = len(task.basis.triangle), lead.size
    gram, cross = np.empty((q, q, lead.n_levels)), np.empty((q, lead.n_levels, p + 1))
    fixed, squares, log_weights = np.zeros((p + 1, p + 1)), 0.0, 0.0
    width = sum(structure.factors[k].n_levels * structure.factors[k].size for k in structure.bases)
    products = np.zeros((width, p + 1))
    labels, parents, entries, pairs = [], [], [], []
    start = 0
    for part in parts:
        stop = start + len(part.levels)
        gram[:, :, start:stop], cross[:, start:stop] = part.gram, part.cross
        fixed += part.fixed
        squares += part.squares
        log_weights += part.log_weights
        labels.append(part.levels)
        if part.parent is not None:
            parents.append(part.parent)
        else:
            entries.append((part.level + start, part.column, part.values))
            pairs.append((part.low * np.int64(max(width, 1)) + part.high, part.pairs))
            products[part.columns] += part.products
        start = stop
    if structure.inside is not None:
        rest = within(
            gram, cross, np.concatenate(parents), structure.inside, structure.factors[structure.bases[0]]
        )
    else:
        rest = _met(entries, pairs, products)
    sums = assemble(
        structure.factors, structure.bases, structure.images, (gram, cross, fixed), rest, task.basis, n,
        log_weights,
    )  # fmt: skip
    return Gathered(sums, np.concatenate(labels), squares)


def _met(
    entries: list[tuple[Places, Places, Floats]], pairs: list[tuple[Places, Floats]], products: Floats
) -> tuple[Meetings, Floats, Floats]:
    """Connect the entries of all partitions and add up the products of their pairs."""
    level, column = (np.concatenate([e[at] for e in entries]) for at in (0, 1))
    width = len(products)
    meetings = connect(level, column, np.concatenate([e[2] for e in entries], axis=1), width)
    raw = np.zeros(len(meetings.rows))
    known = meetings.rows * np.int64(max(width, 1)) + meetings.cols
    for key, values in pairs:
        # A partition lists a pair once, and every one of its pairs is among those of all.
        raw[np.searchsorted(known, key)] += values
    return meetings, raw, products

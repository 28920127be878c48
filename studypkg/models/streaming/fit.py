"""Fit a linear mixed model to rows outside memory, in two passes over partitions."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import Floats, GroupTerm, clearly_apart, columns_read, drop_aliased
from studypkg.models.engine import Solved, inner_theta, solve_sums
from studypkg.models.fit import Fit
from studypkg.models.formula import ParsedFormula
from studypkg.models.linear.basis import Basis, basis_from
from studypkg.models.linear.checks import check_products
from studypkg.models.matrices import Block, refuse_not_finite
from studypkg.models.mixed_fit import Described, mixed_fit
from studypkg.models.streaming.columns import Columns, first_pass, merged, stacked, triangles
from studypkg.models.streaming.executors import Workers, workers
from studypkg.models.streaming.recipe import (
    Column,
    Recipe,
    only_as_category,
    refuse_learning,
    subject_of_category,
)
from studypkg.models.streaming.refusals import refuse
from studypkg.models.streaming.rows import StreamedRows
from studypkg.models.streaming.shuffle import deal, distinct_values
from studypkg.models.streaming.source import Source, engine, open_source
from studypkg.models.streaming.start import start_of
from studypkg.models.streaming.structure import structure_of
from studypkg.models.streaming.sums import Gathered, Task, gathered, second_pass
from studypkg.models.streaming.survey import Survey, survey

PARTITION_ROWS = 1_000_000


@dataclass(frozen=True)
class Streaming:
    """How rows outside memory are worked on.

    Notes
    -----
    ``executor`` as in `executors.workers`; ``scratch`` the folder for partitions, which all workers must see
    (a temporary one when None); ``partition_rows`` about how many rows one worker holds at a time.
    """

    executor: Any = None
    scratch: str | Path | None = None
    partition_rows: int = PARTITION_ROWS


def fit_streamed(
    parsed: ParsedFormula,
    data: object,
    *,
    reml: bool,
    weights: str | Sequence[float] | None,
    start: Sequence[float] | None,
    streaming: Streaming,
) -> Fit:
    """Fit the model; see `studypkg.models.lmm.fit_lmm`.

    Raises
    ------
    ConfigError
        If the source, the formula, the weights or the executor are not what they should be.
    ModelError
        As for rows in memory.
    """
    if weights is not None and not isinstance(weights, str):
        raise ConfigError("With rows outside memory the weights are a column: give its name.")
    if streaming.partition_rows < 1:
        raise ConfigError("A partition has at least one row: partition_rows must be positive.")
    if streaming.scratch is not None and not Path(streaming.scratch).is_dir():
        raise ConfigError(f'The scratch folder "{streaming.scratch}" is not there: make it first.')
    with (
        workers(streaming.executor) as team,
        tempfile.TemporaryDirectory(prefix="partitions-", dir=streaming.scratch) as folder,
        engine().connect() as connection,
    ):
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SET temp_directory = '{folder.replace(chr(39), chr(39) * 2)}'")
        source = open_source(data, connection)
        columns_read(parsed, source.columns)
        refuse_learning(parsed)
        try:
            found = survey(parsed, source, weights)
            files = deal(source, found, Path(folder), streaming.partition_rows)
            recipe = _recipe(parsed, source, found, files, connection)
        except engine().Error as fault:
            # The text of such a fault may quote values.
            raise ModelError(f"The rows could not be read and dealt ({type(fault).__name__}).") from None
        return _fit(recipe, found, files, team, reml, start)


def _recipe(
    parsed: ParsedFormula, source: Source, found: Survey, files: list[tuple[str, ...]], connection: Any
) -> Recipe:
    place = {name: f"c{at}" for at, name in enumerate(found.needed)}
    columns = []
    for name in found.used:
        kind, at = source.kinds[name], place[name]
        if kind == "text":
            values = [str(v) for v in distinct_values(files, at, connection)]
            order = source.orders.get(name, ())
            known = [c for c in order if c in set(values)] if set(values) <= set(order) else values
            seen = "category" if order or only_as_category(name, parsed) else "object"
            columns.append(Column(name, at, seen, tuple(known)))
        elif kind == "truth":
            # As pandas has it: with missing values among them, truth values are objects.
            seen = "object" if name in found.dropped else "truth"
            columns.append(Column(name, at, seen, tuple(distinct_values(files, at, connection))))
        elif subject_of_category(name, parsed):
            numbers = [float(v) for v in distinct_values(files, at, connection)]
            whole = all(v.is_integer() for v in numbers)
            kept = tuple(int(v) for v in numbers) if whole else tuple(numbers)
            columns.append(Column(name, at, "integer" if whole else "number", kept))
        else:
            columns.append(Column(name, at, "number"))
    groups = tuple(tuple(place[name] for name in group) for group in found.groups)
    return Recipe(parsed, tuple(columns), groups, found.lead, found.weights is not None)


def _fit(
    recipe: Recipe,
    found: Survey,
    files: list[tuple[str, ...]],
    team: Workers,
    reml: bool,
    start: Sequence[float] | None,
) -> Fit:
    # Names and formulas are settled here, before any worker sees them.
    names, random = recipe.fixed.names, recipe.random
    _ = recipe.response
    columns = merged(team.each(first_pass, recipe, files))
    refuse_not_finite(columns.bad, columns.n)
    keep, aliased, basis = _basis(columns, names, recipe, files, team)
    structure = structure_of(recipe, columns)
    task = Task(recipe, structure, basis, keep, columns.sum_y / columns.sum_weights)
    counted = tuple(
        _term(recipe, at, block, np.empty(_count(columns, recipe, at), dtype=object))
        for at, block in enumerate(random)
    )
    refuse(recipe, columns, counted, len(keep))
    made = gathered(team.each(second_pass, task, files), task, columns.n)
    terms = tuple(
        _term(recipe, at, block, _levels(made, columns, recipe, at)) for at, block in enumerate(random)
    )
    check_products(made.sums, recipe.parsed.response, terms, made.squares)
    described = Described(
        recipe.parsed.text, tuple(names[j] for j in keep), terms, columns.n, found.n_read,
        found.weights is not None, found.dropped, aliased,
    )  # fmt: skip
    if start is not None:
        solved = solve_sums(made.sums, reml=reml, start=inner_theta(start, terms, made.sums))
    else:
        solved = solve_sums(made.sums, reml=reml, near=start_of(task, made.sums, files, reml=reml))
    return _described(solved, described, recipe, found, reml)


def _described(solved: Solved, described: Described, recipe: Recipe, found: Survey, reml: bool) -> Fit:
    def by_ml() -> Fit:
        return _described(solve_sums(solved.sums, reml=False), described, recipe, found, False)

    return mixed_fit(
        solved,
        described,
        reml=reml,
        rows=lambda _: StreamedRows(recipe.fixed, found.fixed_columns, described.terms, solved, by_ml),
    )


def _basis(
    columns: Columns, names: tuple[str, ...], recipe: Recipe, files: list[tuple[str, ...]], team: Workers
) -> tuple[tuple[int, ...], tuple[str, ...], Basis]:
    """Leave out aliased columns and find the basis of the rest.

    Notes
    -----
    As in memory: products of columns serve where these are clearly apart; otherwise the rows are factorised,
    here partition by partition.
    """
    lengths = np.sqrt(np.diag(columns.products))
    rows: tuple[Floats, Floats] | None = None
    keep: tuple[int, ...] = tuple(range(len(names)))
    aliased: tuple[str, ...] = ()
    if not ((lengths > 0.0).all() and clearly_apart(columns.products / np.outer(lengths, lengths))):
        rows = stacked(team.each(triangles, recipe, files))
        _, kept, repeats = drop_aliased(rows[0], tuple(str(j) for j in range(len(names))))
        keep, aliased = tuple(int(j) for j in kept), tuple(names[int(j)] for j in repeats)

    def by_rows(length: Floats) -> Floats:
        _, weighted = rows or stacked(team.each(triangles, recipe, files))
        return np.asarray(np.linalg.qr(weighted[:, list(keep)] / length, mode="r"), dtype=float)

    chosen = list(keep)
    return keep, aliased, basis_from(columns.weighted[np.ix_(chosen, chosen)], columns.right[chosen], by_rows)


def _group_of(recipe: Recipe, at: int) -> int:
    groups = list(dict.fromkeys(t.group for t in recipe.parsed.random))
    return groups.index(recipe.parsed.random[at].group)


def _count(columns: Columns, recipe: Recipe, at: int) -> int:
    known = columns.levels[_group_of(recipe, at)]
    return sum(columns.n_lead) if known is None else len(known)


def _levels(made: Gathered, columns: Columns, recipe: Recipe, at: int) -> Any:
    known = columns.levels[_group_of(recipe, at)]
    if known is None:
        return made.levels
    levels = np.empty(len(known), dtype=object)
    levels[:] = list(known)
    return levels


def _term(recipe: Recipe, at: int, block: Block, levels: Any) -> GroupTerm:
    """Return a random term with its levels and no row."""
    term = recipe.parsed.random[at]
    empty = Block(block.names, block.values[:0], block.make_spec)
    return GroupTerm(
        term.group_label, block.names, np.zeros(0, dtype=np.int64), levels, empty.values, empty, term
    )

"""Can these rows carry this model? Questions asked of the sums of products before any search runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.design import Design, GroupTerm
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.meetings import parents
from studypkg.models.linear.taylor import Floats

# The least spread of a response, and the inverse of the greatest: their squares are still numbers.
LEAST_SPREAD = 1e-120
# Below this share of the response's sum of squares nothing is left to explain.
_EXACT = 1e-20
# A random term keeps less than this share of its length beyond the fixed columns: it repeats them.
_WITHIN = 1e-10
# Random columns of length one whose products have an eigenvalue below this repeat each other as far as 16
# digits can tell: rounding then moves the log-likelihood by more than 1e-4 (an intercept and a slope on a
# column that lies 10 000 standard deviations from zero).
_REPEATED = 2e-9


def check_rows(design: Design) -> None:
    """Refuse a constant response, too few rows, one level, and as many random effects as rows."""
    n, p = design.fixed.shape
    spread = float(np.ptp(design.y)) if n > 1 else 0.0
    if spread and not LEAST_SPREAD < spread < 1.0 / LEAST_SPREAD:
        raise ModelError(
            f'The values of "{design.response}" are so {"small" if spread < 1.0 else "large"} that their '
            "squares leave the range of arithmetic: use another unit."
        )
    check_size(design.response, n, p, spread > 0.0, design.terms)
    for term in design.terms:
        if not np.isfinite(term.columns).all() or (term.columns == 0.0).all(axis=0).any():
            raise ModelError(
                f"The columns of ({term.term.lhs} | {term.group}) repeat each other or are zero: "
                "leave one out."
            )
    for one, other in combinations(design.terms, 2):
        if one.group == other.group and _share_a_column(one, other):
            raise ModelError(
                f"The terms ({one.term.lhs} | {one.group}) and ({other.term.lhs} | {other.group}) share a "
                "column, so its variances cannot be told apart: leave one of the terms out, or write 0 + "
                "in one of them."
            )
        if one.group != other.group and _same_levels(one, other) and _share_a_column(one, other):
            raise ModelError(
                f'The grouping factors "{one.group}" and "{other.group}" have the same levels in the '
                "complete rows, so their variances cannot be told apart: leave one of the terms out."
            )


def _same_levels(one: GroupTerm, other: GroupTerm) -> bool:
    """Say whether two factors divide the rows in the same way."""
    return (
        one.n_levels == other.n_levels
        and parents(one.codes, one.n_levels, other.codes) is not None
        and parents(other.codes, other.n_levels, one.codes) is not None
    )


def _share_a_column(one: GroupTerm, other: GroupTerm) -> bool:
    return any(np.array_equal(a, b) for a in one.columns.T for b in other.columns.T)


def check_size(response: str, n: int, p: int, varies: bool, terms: Sequence[GroupTerm]) -> None:
    """Make those checks that need no row: n rows, p fixed columns, and whether the response varies."""
    if not varies:
        raise ModelError(
            f'The response "{response}" is the same in all {n} complete rows: nothing can be modelled.'
        )
    parameters = p + sum(t.columns.shape[1] * (t.columns.shape[1] + 1) // 2 for t in terms) + 1
    if n <= parameters:
        raise ModelError(
            f"There are {n} complete rows for {parameters} parameters: simplify the formula or get more rows."
        )
    for term in terms:
        label = f"({term.term.lhs} | {term.group})"
        m, q = term.n_levels, term.columns.shape[1]
        if m < 2:
            raise ModelError(
                f'The grouping factor "{term.group}" of {label} has one level in the complete rows: a '
                "variance between levels needs at least two, better five or more. Leave the term out."
            )
        if m * q >= n:
            raise ModelError(
                f"The term {label} has {m} levels × {q} columns = {m * q} random effects for {n} rows: they "
                "cannot be told apart from the residual. Use a coarser group or fewer columns."
            )


def check_sums(sums: CrossProducts, design: Design) -> None:
    """Refuse columns that explain the response exactly and random terms that repeat columns.

    Raises
    ------
    ModelError
        With one reason.
    """
    y = design.y
    weights = np.ones(len(y)) if design.weights is None else design.weights
    centre = float(weights @ y) / float(weights.sum())
    check_products(sums, design.response, design.terms, float(weights @ (y - centre) ** 2))


def check_products(sums: CrossProducts, response: str, terms: Sequence[GroupTerm], squares: float) -> None:
    """Make these checks without a row; ``squares`` is the response's sum of squares around its mean."""
    for k, factor in enumerate(sums.factors):
        gram, beyond = _grams(sums, k)
        for at, places in factor.members.items():
            own = np.ix_(places, places)
            term = terms[at]
            label = f"({term.term.lhs} | {term.group})"
            if np.linalg.eigvalsh(gram[own] / np.trace(gram[own]))[0] < _REPEATED:
                raise ModelError(
                    f"The columns of {label} repeat each other or are zero: leave one out. "
                    "If one lies far from zero, as a date in days does, subtract its mean."
                )
            if np.linalg.eigvalsh(beyond[own])[0] <= _WITHIN * np.linalg.eigvalsh(gram[own])[0]:
                raise ModelError(
                    f"The fixed columns already hold every level of {label}, so its variance cannot be "
                    "estimated: take the group out of the fixed part, or the random term out."
                )
    if sums.p and float(sums.fixed[-1, -1]) <= _EXACT * squares:
        raise ModelError(
            f'The fixed columns explain "{response}" exactly, so no variance is left to model: '
            "look for the response, or its copy, among the predictors."
        )


def _grams(sums: CrossProducts, k: int) -> tuple[Floats, Floats]:
    """Sum Z'Z and Z'(I − QQ')Z over the levels of one factor: its columns, and what the fixed ones leave."""
    p, factor = sums.p, sums.factors[k]
    if k == 0:
        gram = sums.gram.sum(axis=2)
        flat = sums.cross[:, :, :p].reshape(factor.size, -1)
        return np.asarray(gram), np.asarray(gram - flat @ flat.T)
    q = factor.size
    start = sums.layout.starts[k - 1]
    stop = start + factor.n_levels * q
    rows, cols = sums.layout.rows, sums.layout.cols
    own = np.flatnonzero((rows >= start) & (cols < stop) & ((rows - start) // q == (cols - start) // q))
    gram = np.zeros((q, q))
    np.add.at(gram, ((rows[own] - start) % q, (cols[own] - start) % q), sums.rest_inner[own])
    gram = gram + gram.T - np.diag(np.diag(gram))
    shares = sums.rest_cross[start:stop, :p].reshape(factor.n_levels, q, p)
    return gram, gram - np.einsum("mip,mjp->ij", shares, shares)

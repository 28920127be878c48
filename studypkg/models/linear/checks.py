"""Can these rows carry this model? Questions asked of the sums of products before any search runs."""

from __future__ import annotations

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.design import Design
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.taylor import Floats

# Below this share of the response's sum of squares nothing is left to explain.
_EXACT = 1e-20
# A random term keeps less than this share of its length beyond the fixed columns: it repeats them.
_WITHIN = 1e-10
# Random columns of length one whose products have an eigenvalue below this repeat each other.
_REPEATED = 1e-12


def check_rows(design: Design) -> None:
    """Refuse a constant response, too few rows, one level, and as many random effects as rows."""
    n, p = design.fixed.shape
    if n < 2 or float(np.ptp(design.y)) == 0.0:
        raise ModelError(
            f'The response "{design.response}" is the same in all {n} complete rows: nothing can be modelled.'
        )
    parameters = p + sum(t.columns.shape[1] * (t.columns.shape[1] + 1) // 2 for t in design.terms) + 1
    if n <= parameters:
        raise ModelError(
            f"There are {n} complete rows for {parameters} parameters: simplify the formula or get more rows."
        )
    for term in design.terms:
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
        if not np.isfinite(term.columns).all() or (term.columns == 0.0).all(axis=0).any():
            raise ModelError(f"The columns of {label} repeat each other or are zero: leave one out.")


def check_sums(sums: CrossProducts, design: Design) -> None:
    """Refuse columns that explain the response exactly and random terms that repeat columns.

    Raises
    ------
    ModelError
        With one reason.
    """
    for k, factor in enumerate(sums.factors):
        gram, beyond = _grams(sums, k)
        for at, places in factor.members.items():
            own = np.ix_(places, places)
            term = design.terms[at]
            label = f"({term.term.lhs} | {term.group})"
            if np.linalg.eigvalsh(gram[own] / np.trace(gram[own]))[0] < _REPEATED:
                raise ModelError(f"The columns of {label} repeat each other or are zero: leave one out.")
            if np.linalg.eigvalsh(beyond[own])[0] <= _WITHIN * np.linalg.eigvalsh(gram[own])[0]:
                raise ModelError(
                    f"The fixed columns already hold every level of {label}, so its variance cannot be "
                    "estimated: take the group out of the fixed part, or the random term out."
                )
    y = design.y
    weights = np.ones(len(y)) if design.weights is None else design.weights
    centre = float(weights @ y) / float(weights.sum())
    if sums.p and float(sums.fixed[-1, -1]) <= _EXACT * float(weights @ (y - centre) ** 2):
        raise ModelError(
            f'The fixed columns explain "{design.response}" exactly, so no variance is left to model: '
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

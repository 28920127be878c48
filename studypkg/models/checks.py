"""Can these rows carry this model? Questions asked before any optimiser runs."""

from __future__ import annotations

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.crossproducts import gram_beyond
from studypkg.models.design import Design

# Below this share of the response's sum of squares nothing is left to explain.
_EXACT = 1e-20
# A random term keeps less than this share of its length beyond the fixed columns: it repeats them.
_WITHIN = 1e-10


def check_identifiable(design: Design) -> None:
    """Refuse a model that the rows cannot identify.

    Raises
    ------
    ModelError
        With one reason: constant response, too few rows, one level, as many random effects as rows,
        a response that the fixed columns explain exactly, or random columns that repeat each other.
    """
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
        m, q = len(term.levels), term.columns.shape[1]
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
        if np.linalg.matrix_rank(term.columns) < q:
            raise ModelError(f"The columns of {label} repeat each other or are zero: leave one out.")
    basis = np.linalg.qr(design.fixed)[0]
    for term in design.terms:
        gram, beyond = term.columns.T @ term.columns, gram_beyond(term, basis)
        if np.linalg.eigvalsh(beyond)[0] <= _WITHIN * np.linalg.eigvalsh(gram)[0]:
            raise ModelError(
                f"The fixed columns already hold every level of ({term.term.lhs} | {term.group}), so its "
                "variance cannot be estimated: take the group out of the fixed part, or the random term out."
            )
    scale = np.ones(n) if design.weights is None else np.sqrt(design.weights)
    if p:
        left = scale * design.y
        fitted = design.fixed * scale[:, None]
        remainder = left - fitted @ np.linalg.lstsq(fitted, left, rcond=None)[0]
        centred = left - scale * (scale @ left) / (scale @ scale)
        if float(remainder @ remainder) <= _EXACT * float(centred @ centred):
            raise ModelError(
                f'The fixed columns explain "{design.response}" exactly, so no variance is left to model: '
                "look for the response, or its copy, among the predictors."
            )

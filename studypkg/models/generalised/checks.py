"""Can these rows carry this generalised model? Questions asked before any search runs."""

from __future__ import annotations

import numpy as np

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import GroupTerm
from studypkg.models.generalised.families import Family
from studypkg.models.generalised.observations import Observations, check_response
from studypkg.models.laplace.quadrature import check_one_column
from studypkg.models.links import Floats

# Random columns of length one whose products have an eigenvalue below this repeat each other.
_REPEATED = 2e-9
# Less than this share of a random column's square is left beyond the fixed columns: it repeats them.
_WITHIN = 1e-10


def check_model(seen: Observations, family: Family, quadrature: int) -> None:
    """Refuse what no search can answer.

    Raises
    ------
    ConfigError
        If quadrature is asked for with several factors or columns, or there is no random term.
    ModelError
        If there are too few rows or levels, random columns repeat each other, or every row is a group of its
        own and its response is 0 or 1.
    """
    check_response(seen, family.name)
    design = seen.design
    n, p = design.fixed.shape
    if not design.terms:
        raise ConfigError("The formula has no random term such as (1 | patient): this is no mixed model.")
    sizes = [t.columns.shape[1] for t in design.terms]
    check_one_column(quadrature, sizes)
    parameters = p + sum(q * (q + 1) // 2 for q in sizes) + int(family.has_size)
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
        if m * q >= n and family.name == "binomial" and not seen.counted:
            raise ModelError(
                f"The term {label} has {m} levels × {q} columns = {m * q} random effects for {n} responses "
                "of 0 or 1: they cannot be told apart from chance. Use a coarser group or fewer columns."
            )
        gram = term.columns.T @ term.columns
        lengths = np.sqrt(np.diag(gram))
        if not (lengths > 0.0).all() or np.linalg.eigvalsh(gram / np.outer(lengths, lengths))[0] < _REPEATED:
            raise ModelError(f"The columns of {label} repeat each other or are zero: leave one out.")
        if m * q <= p and _spanned(term, design.fixed):
            raise ModelError(
                f"The fixed columns already hold every level of {label}, so its variance cannot be "
                "estimated: take the group out of the fixed part, or the random term out."
            )


def _spanned(term: GroupTerm, fixed: Floats) -> bool:
    """Say whether the columns of a term, level by level, are combinations of the fixed ones."""
    n, q = term.columns.shape
    whole = np.zeros((n, term.n_levels, q))
    whole[np.arange(n), term.codes] = term.columns
    wide = whole.reshape(n, -1)
    basis, _ = np.linalg.qr(fixed / np.sqrt((fixed**2).sum(axis=0)))
    beyond = wide - basis @ (basis.T @ wide)
    return bool(((beyond**2).sum(axis=0) < _WITHIN * (wide**2).sum(axis=0)).all())

"""Can these rows carry this ordinal model? Questions asked before and after the search."""

from __future__ import annotations

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.design import Codes, Design
from studypkg.models.laplace.quadrature import check_one_column
from studypkg.models.ordinal.problem import Problem
from studypkg.models.ordinal.search import DECREMENT_LIMIT, Search, runaway

# Random columns of length one whose products have an eigenvalue below this repeat each other.
_REPEATED = 2e-9
# An information with a smaller eigenvalue, its diagonal scaled to one, is flat.
_FLAT = 1e-7


def check_model(design: Design, category: Codes, n_thresholds: int, quadrature: int) -> None:
    """Refuse what no search can answer; ``design.fixed`` comes without intercept, categories count from 0.

    Raises
    ------
    ConfigError
        If quadrature is asked for with several factors or columns.
    ModelError
        If there are too few rows or levels, random columns repeat each other, every row is a group of its
        own, or no group holds two categories.
    """
    n, p = design.fixed.shape
    sizes = [t.columns.shape[1] for t in design.terms]
    check_one_column(quadrature, sizes)
    parameters = n_thresholds + p + sum(q * (q + 1) // 2 for q in sizes)
    counted = n if design.weights is None else max(float(design.weights.sum()), float(n))
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
        if m * q >= counted:
            raise ModelError(
                f"The term {label} has {m} levels × {q} columns = {m * q} random effects for {n} responses: "
                "they cannot be told apart from chance. Use a coarser group or fewer columns."
            )
        first = np.zeros(m, dtype=category.dtype)
        first[term.codes] = category
        if bool((first[term.codes] == category).all()):
            raise ModelError(
                f'Within each level of "{term.group}" all responses are alike: the groups explain them all, '
                "and their variance has no finite estimate. Use coarser groups or leave the term out."
            )
        gram = term.columns.T @ term.columns
        lengths = np.sqrt(np.diag(gram))
        if not (lengths > 0.0).all() or np.linalg.eigvalsh(gram / np.outer(lengths, lengths))[0] < _REPEATED:
            raise ModelError(f"The columns of {label} repeat each other or are zero: leave one out.")


def check_found(found: Search, problem: Problem) -> None:
    """Refuse an end of a search that is no maximum.

    Raises
    ------
    ModelError
        If it did not converge, ran away, or the likelihood is flat there.
    """
    if runaway(found.at.psi, problem):
        raise ModelError(
            "The variance of a random effect grows without limit: within its groups the responses are all "
            "alike, so that the groups explain them exactly. Use coarser groups or leave the term out."
        )
    if not found.decrement < DECREMENT_LIMIT:
        raise ModelError(
            f"The model did not converge after {found.evaluations} evaluations (a gain of "
            f"{found.decrement:.2g} in log-likelihood was still promised, {DECREMENT_LIMIT:g} is allowed). "
            "Simplify the random terms."
        )
    own = found.hessian[np.ix_(found.free, found.free)]
    length = np.sqrt(np.maximum(np.diag(own), 1e-300))
    smallest = float(np.linalg.eigvalsh(own / np.outer(length, length))[0])
    if not (np.diag(own) > 0.0).all() or smallest < _FLAT:
        raise ModelError(
            "The likelihood is flat at its maximum, so some parameter cannot be told from the others (or "
            "lies at infinity): leave out a random term, or the columns that separate the categories."
        )

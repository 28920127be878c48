"""Can these rows carry this model? Asked of the first pass, as `linear.checks` asks it of rows."""

from __future__ import annotations

from itertools import combinations

from studypkg.errors import ModelError
from studypkg.models.design import GroupTerm
from studypkg.models.linear.checks import LEAST_SPREAD, check_size
from studypkg.models.streaming.columns import Columns
from studypkg.models.streaming.recipe import Recipe


def refuse(recipe: Recipe, columns: Columns, terms: tuple[GroupTerm, ...], p: int) -> None:
    """Refuse what `studypkg.models.linear.checks.check_rows` refuses.

    Raises
    ------
    ModelError
        With one reason.
    """
    response = recipe.parsed.response
    spread = columns.high - columns.low
    if spread and not LEAST_SPREAD < spread < 1.0 / LEAST_SPREAD:
        raise ModelError(
            f'The values of "{response}" are so {"small" if spread < 1.0 else "large"} that their '
            "squares leave the range of arithmetic: use another unit."
        )
    check_size(response, columns.n, p, columns.n > 1 and spread > 0.0, terms)
    for term, squares in zip(terms, columns.squares, strict=True):
        if (squares == 0.0).any():
            raise ModelError(
                f"The columns of ({term.term.lhs} | {term.group}) repeat each other or are zero: "
                "leave one out."
            )
    for one, other in combinations(range(len(recipe.groups)), 2):
        if _same_levels(columns, one, other, recipe.lead):
            names = [":".join(group) for group in dict.fromkeys(t.group for t in recipe.parsed.random)]
            raise ModelError(
                f'The grouping factors "{names[one]}" and "{names[other]}" have the same levels in the '
                "complete rows, so their variances cannot be told apart: leave one of the terms out."
            )


def _same_levels(columns: Columns, one: int, other: int, lead: int) -> bool:
    """Say whether two factors divide the rows in the same way and share a column."""
    child, parent = (other, one) if other == lead else (one, other)
    inside = columns.parents[child, parent]
    if inside is None or not any(columns.equal[child, parent]):
        return False
    counts = [sum(columns.n_lead) if known is None else len(known) for known in columns.levels]
    return counts[child] == counts[parent]

"""How a partition becomes matrices, the same way in all of them: columns, categories, formulas.

Whatever formulaic would learn from the whole table, categories above all, is settled beforehand on a small
table that shows every category once. Transformations that learn more than categories are refused.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import in_category
from studypkg.models.formula import ParsedFormula
from studypkg.models.matrices import Block, Table, evaluate_block, formula_of

# These learn from the column as a whole, or from the order of the rows.
_LEARNING = frozenset({"bs", "cc", "cr", "cs", "center", "scale", "standardize", "poly", "lag", "hashed"})

_DTYPES = {"number": "float64", "integer": "int64", "truth": "bool", "object": "object"}


@dataclass(frozen=True)
class Column:
    """A column as the formula sees it.

    Notes
    -----
    ``place`` is its name in the partitions. ``kind`` is ``number``, ``integer`` (whole numbers inside
    ``C( )``), ``truth``, ``category`` or ``object``; those that are seen as categories list them in order.
    """

    name: str
    place: str
    kind: str
    categories: tuple[Any, ...] = ()

    def sample(self, n: int) -> pd.Series[Any]:
        """Return n rows that show every category."""
        if not self.categories:
            return pd.Series(np.ones(n))
        values = [self.categories[at % len(self.categories)] for at in range(n)]
        if self.kind == "category":
            return pd.Series(pd.Categorical(values, categories=list(self.categories)))
        return pd.Series(values, dtype=_DTYPES[self.kind])


@dataclass(frozen=True)
class Recipe:
    """What a worker must know to build the matrices of a partition; it travels by pickle.

    Notes
    -----
    ``groups`` are the distinct grouping factors, each a tuple of places, the leading one at ``lead``;
    ``columns`` those that formulas read.
    """

    parsed: ParsedFormula
    columns: tuple[Column, ...]
    groups: tuple[tuple[str, ...], ...]
    lead: int
    weighted: bool

    @cached_property
    def small(self) -> Table:
        """A table with every category in it."""
        n = max([2, *(len(c.categories) for c in self.columns)])
        return Table({c.name: c.sample(n) for c in self.columns}, n)

    @cached_property
    def response(self) -> Block:
        """How the response is built."""
        text = self.parsed.response
        block = evaluate_block(f"0 + {text}", self.small)
        if len(block.names) != 1:
            raise ModelError(
                f'The response "{text}" is not one column of numbers: it gives {len(block.names)}. '
                "A model of categories needs another kind of model."
            )
        return block

    @cached_property
    def fixed(self) -> Block:
        """How the fixed columns are built."""
        return evaluate_block(self.parsed.fixed, self.small)

    @cached_property
    def random(self) -> tuple[Block, ...]:
        """How the columns of every random term are built."""
        return tuple(evaluate_block(t.lhs, self.small) for t in self.parsed.random)

    def __getstate__(self) -> dict[str, Any]:
        # Built blocks hold closures; every worker builds its own.
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


def refuse_learning(parsed: ParsedFormula) -> None:
    """Refuse formulas whose columns depend on more than the row and the categories there are.

    Raises
    ------
    ConfigError
        With the function and what to do instead.
    """
    for expression in expressions(parsed):
        try:
            tree = ast.parse(re.sub(r"`[^`]*`", "ticked_", expression).strip(), mode="eval")
        except SyntaxError:
            # The name of a column with blanks in it: anything else was refused when the formula was read.
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in _LEARNING:
                raise ConfigError(
                    f"'{expression}' needs the whole column at once, which rows outside memory do not offer: "
                    f"compute what {node.func.id}( ) gives beforehand and store it as columns."
                )
            if node.func.id == "C" and not (node.args and isinstance(node.args[0], ast.Name)):
                raise ConfigError(
                    f"'{expression}': with rows outside memory, C( ) takes the name of a column. Store the "
                    "categories as a column beforehand."
                )


def expressions(parsed: ParsedFormula) -> list[str]:
    """List the factors of all terms of all parts of a formula."""
    texts = [parsed.response, parsed.fixed, *(t.lhs for t in parsed.random)]
    return [str(f.expr) for text in texts for term in formula_of(text) for f in term.factors]


def only_as_category(name: str, parsed: ParsedFormula) -> bool:
    """Say whether a formula reads a text column only by its name or as the subject of ``C( )``."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w])")
    subject = re.compile(rf"C\(\s*`?{re.escape(name)}`?\s*(,.*)?\)")
    return all(
        e in (name, f"`{name}`") or subject.fullmatch(e)
        for e in expressions(parsed)
        if word.search(e)
    )  # fmt: skip


def subject_of_category(name: str, parsed: ParsedFormula) -> bool:
    """Say whether a formula reads a column inside ``C( )``."""
    return in_category(name, " ".join([parsed.fixed, *(t.lhs for t in parsed.random)]))

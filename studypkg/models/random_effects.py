"""Random effects by term of the formula: tables, draws, and what sits on the boundary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studypkg.models.design import Design, Floats, GroupTerm
from studypkg.models.linear.grouping import Factor
from studypkg.models.solution import SINGULAR_TOLERANCE

# A term's grouping factor, its columns' names, and its covariance factor on the data's scale.
Part = tuple[str, tuple[str, ...], Floats]


def by_term(factors: Sequence[Factor], values: Sequence[Floats]) -> tuple[Floats, ...]:
    """Sort columns by term: from levels × columns of every factor to levels × columns of every term."""
    found: dict[int, Floats] = {}
    for factor, own in zip(factors, values, strict=True):
        for at, places in factor.members.items():
            found[at] = own[:, list(places)]
    return tuple(found[at] for at in range(len(found)))


def ranef_table(terms: Sequence[GroupTerm], effects: Sequence[Floats], sds: Sequence[Floats]) -> pd.DataFrame:
    """Lay out random effects: one row per group, level and column, with their conditional SD."""
    tables = []
    for term, values, spreads in zip(terms, effects, sds, strict=True):
        levels = np.array(term.levels, dtype=object)
        order = np.argsort(levels, kind="stable")
        m, q = values.shape
        tables.append(
            pd.DataFrame(
                {
                    "group": term.group,
                    "level": np.repeat(levels[order], q),
                    "term": np.tile(np.array(term.names, dtype=object), m),
                    "value": values[order].ravel(),
                    "sd": spreads[order].ravel(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def drawn_effects(design: Design, triangles: Sequence[Floats], random: np.random.Generator) -> Floats:
    """Draw random effects anew and return Zb, n; ``triangles`` are the terms' covariance factors."""
    total = np.zeros(len(design.y))
    for term, triangle in zip(design.terms, triangles, strict=True):
        effects = random.standard_normal((term.n_levels, len(triangle))) @ triangle.T
        total += (term.columns * effects[term.codes]).sum(axis=1)
    return total


def triangles_by_term(factors: Sequence[Factor], triangles: Sequence[Floats]) -> list[Floats]:
    """Take covariance factors apart by term, on the data's scale, no diagonal element negative."""
    found: dict[int, Floats] = {}
    for factor, triangle in zip(factors, triangles, strict=True):
        for at, places in factor.members.items():
            own = triangle[np.ix_(places, places)] / factor.scales[list(places)][:, None]
            found[at] = own * np.where(np.diag(own) < 0.0, -1.0, 1.0)
    return [found[at] for at in range(len(found))]


def on_the_boundary(
    factors: Sequence[Factor], triangles: Sequence[Floats], parts: Sequence[Part]
) -> tuple[str, ...]:
    """Name what sits on the boundary: variances that are zero, and correlations that are ±1."""
    found = {}
    for factor, triangle in zip(factors, triangles, strict=True):
        for at, places in factor.members.items():
            group, names, _ = parts[at]
            said = []
            for name, j in zip(names, places, strict=True):
                if float(np.sqrt((triangle[j] ** 2).sum())) < SINGULAR_TOLERANCE:
                    said.append(f"{name} | {group}: variance 0")
                elif abs(float(triangle[j, j])) < SINGULAR_TOLERANCE:
                    said.append(f"{name} | {group}: correlation at its limit")
            found[at] = said
    return tuple(text for at in sorted(found) for text in found[at])

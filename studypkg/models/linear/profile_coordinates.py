"""The parameters of a linear mixed model by name, and coordinates in which one of them can be held.

Covariances are written as Σ = L L' in units of σ̂², L being lower triangular once the rows of a term are put
in an order of choice. With a column first, its standard deviation is one element of L; with two columns
first, their correlation is an angle. In both cases L is linear in what stays free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studypkg.models.design import GroupTerm
from studypkg.models.linear.covariances import semidefinite_cholesky
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.taylor import Floats


@dataclass(frozen=True)
class Parameter:
    """One named parameter.

    Notes
    -----
    ``kind`` is ``fixed``, ``sigma``, ``sd`` or ``corr``. ``term`` is the place of the random term in the
    formula and ``columns`` the one or two columns of it; of a fixed coefficient, ``columns`` holds its place.
    """

    name: str
    kind: str
    term: int = -1
    columns: tuple[int, ...] = ()


def parameter_list(fixed: Sequence[str], terms: Sequence[GroupTerm]) -> tuple[Parameter, ...]:
    """Name all parameters: fixed, ``sd | group | column``, ``corr | group | one, other``, ``sigma``."""
    found = [Parameter(str(name), "fixed", columns=(at,)) for at, name in enumerate(fixed)]
    for at, term in enumerate(terms):
        for j, name in enumerate(term.names):
            found.append(Parameter(f"sd | {term.group} | {name}", "sd", at, (j,)))
        for j in range(len(term.names)):
            for i in range(j):
                pair = f"{term.names[i]}, {term.names[j]}"
                found.append(Parameter(f"corr | {term.group} | {pair}", "corr", at, (i, j)))
    return (*found, Parameter("sigma", "sigma"))


@dataclass(frozen=True)
class Place:
    """Where a random term lives: its grouping factor among ``sums.factors`` and its columns there."""

    factor: int
    columns: tuple[int, ...]


def places_of(sums: CrossProducts) -> dict[int, Place]:
    """Find every random term of the formula."""
    return {
        term: Place(at, tuple(columns))
        for at, factor in enumerate(sums.factors)
        for term, columns in factor.members.items()
    }


@dataclass(frozen=True)
class Coordinates:
    """L as a linear function of the free coordinates x.

    Notes
    -----
    For each grouping factor, L = ``offsets`` (q × q) + Σ x_k ``bases``_k (k × q × q).
    """

    bases: tuple[Floats, ...]
    offsets: tuple[Floats, ...]

    def triangles(self, x: Floats) -> list[Floats]:
        """Return L of every grouping factor."""
        return [o + np.tensordot(x, b, axes=1) for b, o in zip(self.bases, self.offsets, strict=True)]

    def jets(self, x: Floats, order: Sequence[tuple[int, int, int]]) -> tuple[Floats, Floats, Floats]:
        """Return the elements of Σ in a plan's order with their first and second derivatives in x."""
        value = [t @ t.T for t in self.triangles(x)]
        first, second = [], []
        for b, t in zip(self.bases, self.triangles(x), strict=True):
            half = b @ t.T
            first.append(half + half.swapaxes(1, 2))
            both = np.einsum("kab,lcb->klac", b, b)
            second.append(both + both.swapaxes(2, 3))
        k = len(x)
        return (
            np.array([value[f][i, j] for f, i, j in order]),
            np.array([first[f][:, i, j] for f, i, j in order]).reshape(len(order), k),
            np.array([second[f][:, :, i, j] for f, i, j in order]).reshape(len(order), k, k),
        )


def _entries(parameter: Parameter | None, sums: CrossProducts) -> list[tuple[int, int, int, int, int, int]]:
    """List all elements of L as (factor, row, column, term, rank of the row, rank of the column)."""
    found = []
    for term, place in sorted(places_of(sums).items()):
        ranks = _ranks(parameter, term, len(place.columns))
        for b in range(len(ranks)):
            for a in range(b, len(ranks)):
                found.append((place.factor, place.columns[ranks[a]], place.columns[b], term, a, b))
    return found


def _ranks(parameter: Parameter | None, term: int, q: int) -> list[int]:
    first = list(parameter.columns) if parameter is not None and parameter.term == term else []
    return [*first, *(j for j in range(q) if j not in first)]


def coordinates(sums: CrossProducts, parameter: Parameter | None, value: float) -> Coordinates:
    """Hold a standard deviation (in units of σ̂ on the engine's columns) or a correlation, or nothing."""
    offsets = [np.zeros((f.size, f.size)) for f in sums.factors]
    stacks: list[tuple[int, Floats]] = []
    kind = "" if parameter is None else parameter.kind
    for f, row, column, term, a, b in _entries(parameter, sums):
        size = sums.factors[f].size
        base = np.zeros((size, size))
        base[row, column] = 1.0
        if parameter is not None and term == parameter.term:
            if kind == "sd" and a == 0:
                offsets[f] = value * base
                continue
            if kind == "corr" and (a, b) == (1, 0):
                continue
            if kind == "corr" and (a, b) == (1, 1):
                second = column
                first = places_of(sums)[term].columns[0]
                base[row, first], base[row, second] = value, np.sqrt(max(0.0, 1.0 - value**2))
        stacks.append((f, base))
    bases = []
    for f, factor in enumerate(sums.factors):
        whole = np.zeros((len(stacks), factor.size, factor.size))
        for k, (at, base) in enumerate(stacks):
            if at == f:
                whole[k] = base
        bases.append(whole)
    return Coordinates(tuple(bases), tuple(offsets))


def coordinates_at(sums: CrossProducts, parameter: Parameter | None, covariances: Sequence[Floats]) -> Floats:
    """Return the free coordinates of covariance matrices, one per grouping factor."""
    factors: dict[int, Floats] = {}
    for term, place in places_of(sums).items():
        columns = [place.columns[j] for j in _ranks(parameter, term, len(place.columns))]
        factors[term] = semidefinite_cholesky(covariances[place.factor][np.ix_(columns, columns)])
    kind = "" if parameter is None else parameter.kind
    found = []
    for _, _, _, term, a, b in _entries(parameter, sums):
        x = float(factors[term][a, b])
        if parameter is not None and term == parameter.term:
            if (kind == "sd" and a == 0) or (kind == "corr" and (a, b) == (1, 0)):
                continue
            if kind == "corr" and (a, b) == (1, 1):
                x = float(np.linalg.norm(factors[term][1]))
        found.append(x)
    return np.array(found)

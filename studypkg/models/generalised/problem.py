"""A generalised model in numbers: what the likelihood is a function of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from studypkg.models.generalised.families import Family
from studypkg.models.generalised.observations import Observations
from studypkg.models.laplace.levels import Levels, Places, arrange
from studypkg.models.laplace.quadrature import quadrature_rule
from studypkg.models.linear.grouping import Factor, gather_factors
from studypkg.models.links import Floats


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, sorted by the leading factor, and the shape of the parameters.

    Notes
    -----
    ``fixed`` (n × p) has orthogonal columns of root mean square one: X = ``fixed`` · ``triangle``, so neither
    units nor correlations of columns reach the search. Parameters are one vector ψ: p coefficients of
    ``fixed``, then the free elements of the covariance factors as ``order`` lists them (factor, row, column),
    then the logarithm of the negative binomial's size where there is one. ``nodes`` and ``log_weights`` are
    the quadrature rule, one node for Laplace's approximation. ``rows`` puts rows back in their own order;
    ``constant`` is the part of the log-likelihood that depends on no parameter.
    """

    family: Family
    levels: Levels
    factors: tuple[Factor, ...]
    fixed: Floats
    triangle: Floats
    y: Floats
    trials: Floats
    offset: Floats
    weights: Floats | None
    order: tuple[tuple[int, int, int], ...]
    nodes: Floats
    log_weights: Floats
    rows: Places
    constant: float

    @property
    def p(self) -> int:
        """How many fixed columns there are."""
        return int(self.fixed.shape[1])

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.p + len(self.order) + int(self.family.has_size)

    def triangles(self, psi: Floats) -> list[Floats]:
        """Write the covariance factors T of ψ as lower triangles, one per factor."""
        found = [np.zeros((f.size, f.size)) for f in self.factors]
        for value, (at, row, column) in zip(psi[self.p :], self.order, strict=False):
            found[at][row, column] = value
        return found

    def packed(self, matrices: list[Floats]) -> Floats:
        """List the free elements of one matrix per factor in the order of ψ."""
        return np.array([matrices[at][row, column] for at, row, column in self.order])

    def log_size(self, psi: Floats) -> float:
        """Return the logarithm of the size, 0 where the family has none."""
        return float(psi[-1]) if self.family.has_size else 0.0

    def beta(self, psi: Floats) -> Floats:
        """Return the coefficients of the data's own columns."""
        return np.asarray(linalg.solve_triangular(self.triangle, psi[: self.p])) if self.p else np.zeros(0)

    def own_order(self, values: Floats) -> Floats:
        """Put one value per row back in the order of the data."""
        found = np.empty_like(values)
        found[self.rows] = values
        return found


def set_up(seen: Observations, family: Family, quadrature: int) -> Problem:
    """Sort the rows, make the fixed columns orthogonal and work out which levels meet."""
    design = seen.design
    factors = gather_factors(design)
    rows = np.argsort(factors[0].codes, kind="stable")
    fixed, n = design.fixed[rows], len(rows)
    if fixed.shape[1]:
        lengths = np.sqrt((fixed**2).mean(axis=0))
        orthogonal, triangle = np.linalg.qr(fixed / lengths)
        fixed, triangle = np.asfortranarray(orthogonal * np.sqrt(n)), triangle * lengths / np.sqrt(n)
    else:
        triangle = np.zeros((0, 0))
    nodes, log_weights = quadrature_rule(quadrature)
    constant = family.constant(design.y, seen.trials)
    constant = constant if seen.weights is None else seen.weights * constant
    return Problem(
        family, arrange(factors, rows), factors, fixed, triangle, design.y[rows], seen.trials[rows],
        seen.offset[rows], None if seen.weights is None else seen.weights[rows],
        tuple((at, *place) for at, f in enumerate(factors) for place in f.parameters),
        nodes, log_weights, rows, float(constant.sum()),
    )  # fmt: skip

"""An ordinal model in numbers: what the likelihood is a function of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from studypkg.models.design import Codes, Design
from studypkg.models.laplace.levels import Levels, Places, arrange
from studypkg.models.linear.grouping import Factor, gather_factors
from studypkg.models.links import Floats
from studypkg.models.ordinal.densities import CumulativeLink


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, sorted by the leading factor, and the shape of the parameters.

    Notes
    -----
    ``fixed`` (n × p) has centred, orthogonal columns of root mean square one: X − 1x̄' = ``fixed`` ·
    ``triangle`` with ``centre`` x̄ (p), so neither units nor correlations nor origins of columns reach the
    search. ``category`` (n) counts from 0. Parameters are one vector ψ: τ (t numbers, thresholds α =
    ``shape`` τ for the centred columns), then p coefficients of ``fixed``, then the free elements of the
    covariance factors as ``order`` lists them (factor, row, column). ``nodes`` and ``log_weights`` are the
    quadrature rule, one node for Laplace's approximation. ``rows`` puts rows back in their own order.
    """

    link: CumulativeLink
    levels: Levels
    factors: tuple[Factor, ...]
    category: Codes
    shape: Floats
    fixed: Floats
    triangle: Floats
    centre: Floats
    weights: Floats | None
    order: tuple[tuple[int, int, int], ...]
    nodes: Floats
    log_weights: Floats
    rows: Places

    @property
    def t(self) -> int:
        """How many numbers the thresholds depend on."""
        return int(self.shape.shape[1])

    @property
    def p(self) -> int:
        """How many fixed columns there are."""
        return int(self.fixed.shape[1])

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.t + self.p + len(self.order)

    def alpha(self, psi: Floats) -> Floats:
        """Return the thresholds for centred columns.

        Raises
        ------
        numpy.linalg.LinAlgError
            If they are not in ascending order, so that a category has no room.
        """
        alpha = np.asarray(self.shape @ psi[: self.t])
        if not bool((np.diff(alpha) > 0.0).all()):
            raise np.linalg.LinAlgError
        return alpha

    def predictor(self, psi: Floats) -> Floats:
        """Return the fixed part of the linear predictor, n."""
        return np.asarray(self.fixed @ psi[self.t : self.t + self.p])

    def triangles(self, psi: Floats) -> list[Floats]:
        """Write the covariance factors T of ψ as lower triangles, one per factor."""
        found = [np.zeros((f.size, f.size)) for f in self.factors]
        for value, (at, row, column) in zip(psi[self.t + self.p :], self.order, strict=True):
            found[at][row, column] = value
        return found

    def packed(self, matrices: list[Floats]) -> Floats:
        """List the free elements of one matrix per factor in the order of ψ."""
        return np.array([matrices[at][row, column] for at, row, column in self.order])

    def to_data(self) -> Floats:
        """Return the matrix that turns τ and the coefficients of ``fixed`` into α and β of the data."""
        many = len(self.shape)
        inverse = linalg.solve_triangular(self.triangle, np.eye(self.p)) if self.p else np.zeros((0, 0))
        found = np.zeros((many + self.p, self.t + self.p))
        found[:many, : self.t] = self.shape
        found[:many, self.t :] = self.centre @ inverse
        found[many:, self.t :] = inverse
        return found

    def own_order(self, values: Floats) -> Floats:
        """Put one value per row back in the order of the data."""
        found = np.empty_like(values)
        found[self.rows] = values
        return found


def set_up(
    design: Design,
    category: Codes,
    link: CumulativeLink,
    shape: Floats,
    rule: tuple[Floats, Floats],
) -> Problem:
    """Sort the rows, make the fixed columns orthogonal and work out which levels meet."""
    factors = gather_factors(design)
    rows = np.argsort(factors[0].codes, kind="stable")
    fixed, n = design.fixed[rows], len(rows)
    centre = fixed.mean(axis=0)
    triangle = np.zeros((0, 0))
    if fixed.shape[1]:
        fixed = fixed - centre
        lengths = np.sqrt((fixed**2).mean(axis=0))
        orthogonal, triangle = np.linalg.qr(fixed / lengths)
        fixed, triangle = np.asfortranarray(orthogonal * np.sqrt(n)), triangle * lengths / np.sqrt(n)
    return Problem(
        link, arrange(factors, rows), factors, category[rows], shape, fixed, triangle, centre,
        None if design.weights is None else design.weights[rows],
        tuple((at, *place) for at, f in enumerate(factors) for place in f.parameters),
        *rule, rows,
    )  # fmt: skip

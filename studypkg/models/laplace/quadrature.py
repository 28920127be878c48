"""The rule of the integral over one random effect: how many nodes, and where."""

from __future__ import annotations

import numpy as np

from studypkg.errors import ConfigError
from studypkg.models.links import Floats

MOST_NODES = 101


def check_quadrature(quadrature: int) -> None:
    """Refuse a number of nodes that is none."""
    if isinstance(quadrature, bool) or not isinstance(quadrature, int | np.integer):
        raise ConfigError("quadrature is a whole number of nodes: 1 for Laplace's approximation, or 7, say.")
    if not 1 <= quadrature <= MOST_NODES:
        raise ConfigError(f"quadrature lies between 1 and {MOST_NODES} nodes, not at {quadrature}.")


def check_one_column(quadrature: int, columns: list[int]) -> None:
    """Refuse several nodes for more than one random term (``columns`` of each) or for slopes."""
    if quadrature > 1 and (len(columns) > 1 or columns[0] > 1):
        raise ConfigError(
            "Quadrature with several nodes is for one random term with one column, such as (1 | patient). "
            "With more terms or slopes use quadrature=1, Laplace's approximation."
        )


def quadrature_rule(count: int) -> tuple[Floats, Floats]:
    """Return the nodes of Gauss and Hermite and the logarithms of weight · exp(node²) / √π."""
    nodes, weights = np.polynomial.hermite.hermgauss(count)
    return nodes, np.log(weights) + nodes**2 - 0.5 * np.log(np.pi)

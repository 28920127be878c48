"""The edge of the parameter space: variances that are exactly zero and correlations that are exactly ±1.

A covariance factor T with a zero on its diagonal can be written in many ways. The one kept here is the
Cholesky factor of T T', in which the column below such a zero is zero too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from studypkg.models.crossproducts import Factor
from studypkg.models.design import Floats
from studypkg.models.profiled import theta_shape, unpack

# Standard deviations below this share of the residual one are tried at exactly zero.
NEAR_ZERO = 1e-2
_NO_PIVOT = 1e-7


def upright(theta: Floats, shape: list[tuple[int, int, int]]) -> Floats:
    """Turn columns of the covariance factors so that no diagonal element is negative; T T' stays the same."""
    turned = theta.copy()
    for place, (at, row, column) in enumerate(shape):
        if row == column and theta[place] < 0.0:
            same = [k for k, (a, _, c) in enumerate(shape) if (a, c) == (at, column)]
            turned[same] = -theta[same]
    return turned


def semidefinite_cholesky(covariance: Floats) -> Floats:
    """Factorise a covariance matrix as T T'; a column whose pivot is zero is zero throughout."""
    q = len(covariance)
    factor = np.zeros((q, q))
    for j in range(q):
        left = covariance[j, j] - factor[j, :j] @ factor[j, :j]
        if left > _NO_PIVOT**2 * max(1.0, float(covariance[j, j])):
            factor[j, j] = np.sqrt(left)
            factor[j + 1 :, j] = (covariance[j + 1 :, j] - factor[j + 1 :, :j] @ factor[j, :j]) / factor[j, j]
    return factor


def settle(
    theta: Floats, factors: Sequence[Factor], deviance: Callable[[Floats], float]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Hold at exactly zero what is best there, and write the covariance factors in their one form.

    Returns
    -------
    tuple
        θ, and which of its elements are free.
    """
    shape = theta_shape(factors)
    theta = upright(theta, shape)
    best = deviance(theta)
    slack = 1e-11 * max(1.0, abs(best))
    held = [k for k, (_, row, column) in enumerate(shape) if row == column and theta[k] < NEAR_ZERO]
    for at in held:
        zero = theta.copy()
        zero[at] = 0.0
        at_zero = deviance(zero)
        if at_zero <= best + slack:
            theta, best = zero, at_zero
    if not any(theta[at] == 0.0 for at in held):
        return theta, np.ones(len(theta), dtype=bool)
    matrices = [semidefinite_cholesky(t @ t.T) for t in unpack(theta, factors)]
    theta = np.array([matrices[at][row, column] for at, row, column in shape])
    # In a column whose pivot is zero nothing is free: turning it into later columns changes nothing.
    free = np.array([matrices[at][column, column] > 0.0 for at, _, column in shape])
    return theta, free

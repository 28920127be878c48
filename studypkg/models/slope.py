"""Derivatives of the deviance and of Cov(β̂) with respect to the variance parameters.

Differences of exact evaluations: each costs groups, not rows, and the four-point rule leaves an error far
below what is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.models.design import Floats
from studypkg.models.profiled import Evaluation

STEP = 1e-3


@dataclass(frozen=True)
class Slope:
    """Gradient (k) and Hessian (k × k) of the deviance, and derivatives of Cov(β̂) (k × p × p)."""

    gradient: Floats
    curvature: Floats
    vcov_jacobian: Floats

    def only(self, free: NDArray[np.bool_]) -> Slope:
        """Return the same over some of the elements."""
        return Slope(self.gradient[free], self.curvature[np.ix_(free, free)], self.vcov_jacobian[free])


def derivatives(theta: Floats, evaluate_at: Callable[[Floats], Evaluation]) -> Slope:
    """Take central differences over all elements of θ.

    First and pure second derivatives use four points either side at one and two steps, so their error is
    of fourth order. Σ = σ² T T' is defined for any sign of T's elements, so zero may be crossed.
    """
    at_theta = evaluate_at(theta)
    here, k, p = at_theta.deviance, len(theta), len(at_theta.beta)
    gradient, jacobian, curvature = np.zeros(k), np.zeros((k, p, p)), np.zeros((k, k))

    def shifted(*moves: tuple[int, float]) -> Evaluation:
        point = theta.copy()
        for at, move in moves:
            point[at] += move
        return evaluate_at(point)

    for i in range(k):
        far, near = shifted((i, 2 * STEP)), shifted((i, STEP))
        near_below, far_below = shifted((i, -STEP)), shifted((i, -2 * STEP))
        inner, outer = near.deviance - near_below.deviance, far.deviance - far_below.deviance
        gradient[i] = (8 * inner - outer) / (12 * STEP)
        jacobian[i] = (8 * (near.vcov - near_below.vcov) - (far.vcov - far_below.vcov)) / (12 * STEP)
        sums = near.deviance + near_below.deviance, far.deviance + far_below.deviance
        curvature[i, i] = (16 * sums[0] - sums[1] - 30 * here) / (12 * STEP**2)
        for j in range(i):
            corners = sum(
                s * t * shifted((i, s * STEP), (j, t * STEP)).deviance for s in (1, -1) for t in (1, -1)
            )
            curvature[i, j] = curvature[j, i] = corners / (4 * STEP**2)
    return Slope(gradient, curvature, jacobian)

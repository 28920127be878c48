"""Finding the variance parameters: a derivative-free search, an exact boundary, a Newton finish.

The finish gives what degrees of freedom need: the curvature of the deviance at the optimum and the
change of the fixed effects' covariance with every variance parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from studypkg.models.crossproducts import CrossProducts
from studypkg.models.design import Floats
from studypkg.models.profiled import Evaluation, evaluate, theta_shape

# A search that leaves more deviance than this unclaimed has not converged.
DECREMENT_LIMIT = 1e-6
# Standard deviations below this share of the residual one are tried at exactly zero.
NEAR_ZERO = 1e-2
STEP = 1e-3
# Curvatures below this share of the largest are flat; below minus the other share they point downhill.
_FLAT, _DOWNHILL = 1e-6, 1e-4
_ROUNDS = 12


@dataclass(frozen=True)
class Search:
    """Where a search ended, how well, and the curvature there.

    Notes
    -----
    ``free`` marks the elements of θ that are not held at zero. ``curvature`` is the Hessian of the
    deviance over them, ``vcov_jacobian`` (free × p × p) the derivative of Cov(β̂) with σ² profiled out.
    """

    theta: Floats
    free: np.ndarray
    at: Evaluation
    evaluations: int
    decrement: float
    gradient_norm: float
    converged: bool
    message: str
    curvature: Floats
    vcov_jacobian: Floats


class _Counted:
    """The deviance with a count of its evaluations."""

    def __init__(self, sums: CrossProducts, reml: bool) -> None:
        self.sums, self.reml, self.count = sums, reml, 0

    def full(self, theta: Floats) -> Evaluation:
        self.count += 1
        return evaluate(theta, self.sums, reml=self.reml)

    def __call__(self, theta: Floats) -> float:
        return self.full(theta).deviance


def search(sums: CrossProducts, *, reml: bool, start: Floats | None = None) -> Search:
    """Minimise the profiled deviance over θ.

    Parameters
    ----------
    sums
        The sums of products of the model.
    reml
        Restricted likelihood when true.
    start
        Where to begin; identity covariance factors when not given.

    Notes
    -----
    1. COBYQA (a trust-region method without derivatives) with diagonal elements kept at or above zero.
    2. Small diagonal elements are set to exactly zero where that does not raise the deviance; an
       element held at zero is let go again if the deviance falls when it is raised.
    3. Newton steps on the free elements until the predicted gain is below `DECREMENT_LIMIT`. Where the
       curvature points down along a direction the point is a saddle: it is left and the search repeated.
    """
    shape = theta_shape(sums.factors)
    diagonal = np.array([row == column for _, row, column in shape])
    deviance = _Counted(sums, reml)
    begin = diagonal.astype(float) if start is None else start
    bounds = optimize.Bounds(np.where(diagonal, 0.0, -np.inf), np.full(len(begin), np.inf))
    options = {"maxfev": 400 * len(begin), "final_tr_radius": 1e-3, "initial_tr_radius": 0.5}
    found = optimize.minimize(deviance, begin, method="COBYQA", bounds=bounds, options=options)
    theta = np.asarray(found.x, dtype=float)
    free = np.ones(len(theta), dtype=bool)
    gradient, curvature, jacobian = np.zeros(0), np.zeros((0, 0)), np.zeros((0, sums.p, sums.p))
    decrement, saddle = np.inf, False
    for _ in range(_ROUNDS):
        theta, free = _settle_boundary(_upright(theta, shape), diagonal, deviance)
        gradient, curvature, jacobian = _derivatives(theta, free, deviance)
        step, decrement, downhill = _newton(gradient, curvature)
        saddle = downhill is not None
        if downhill is not None:
            # The curvature points down along one direction: go there and search again from the best point.
            theta = _leave_saddle(theta, free, downhill, deviance)
            again = optimize.minimize(
                deviance, _upright(theta, shape), method="COBYQA", bounds=bounds,
                options=options | {"initial_tr_radius": 0.1},
            )  # fmt: skip
            theta = np.asarray(again.x, dtype=float) if again.fun < deviance(theta) else theta
            continue
        moved = _backtrack(theta, free, step, deviance)
        theta = theta if moved is None else moved
        # So near the optimum the last step does not change the curvature to any printed digit.
        if moved is None or decrement < DECREMENT_LIMIT * 1e-2:
            break
    theta = _upright(theta, shape)
    at = deviance.full(theta)
    converged = bool(decrement < DECREMENT_LIMIT and not saddle and np.isfinite(at.deviance))
    norm = float(np.linalg.norm(gradient)) if gradient.size else 0.0
    return Search(
        theta,
        free,
        at,
        deviance.count,
        float(decrement),
        norm,
        converged,
        str(found.message),
        curvature,
        jacobian,
    )


def _upright(theta: Floats, shape: list[tuple[int, int, int]]) -> Floats:
    """Turn columns of the covariance factors so that no diagonal element is negative; T T' stays the same."""
    turned = theta.copy()
    for place, (at, row, column) in enumerate(shape):
        if row == column and theta[place] < 0.0:
            same = [k for k, (a, _, c) in enumerate(shape) if (a, c) == (at, column)]
            turned[same] = -theta[same]
    return turned


def _settle_boundary(theta: Floats, diagonal: np.ndarray, deviance: _Counted) -> tuple[Floats, np.ndarray]:
    """Hold at exactly zero what is best there, let go what is not."""
    best = deviance(theta)
    slack = 1e-11 * max(1.0, abs(best))
    free = np.ones(len(theta), dtype=bool)
    for at in np.flatnonzero(diagonal & (theta < NEAR_ZERO)):
        zero, raised, lowered = theta.copy(), theta.copy(), theta.copy()
        zero[at], raised[at], lowered[at] = 0.0, 2.0 * NEAR_ZERO, -2.0 * NEAR_ZERO
        at_zero, at_raised, at_lowered = deviance(zero), deviance(raised), deviance(lowered)
        if at_zero <= best + slack and at_zero <= min(at_raised, at_lowered):
            theta, best, free[at] = zero, at_zero, False
        elif min(at_raised, at_lowered) < best:
            theta, best = (raised, at_raised) if at_raised <= at_lowered else (lowered, at_lowered)
    return theta, free


def _derivatives(theta: Floats, free: np.ndarray, deviance: _Counted) -> tuple[Floats, Floats, Floats]:
    """Central differences over the free elements: gradient, Hessian, and the Jacobian of Cov(β̂).

    First and pure second derivatives use four points either side at one and two steps, so their error is
    of fourth order. Σ = σ² T T' is defined for any sign of T's elements, so zero may be crossed.
    """
    places = np.flatnonzero(free)
    k, p = len(places), deviance.sums.p
    here = deviance(theta)
    gradient, jacobian, curvature = np.zeros(k), np.zeros((k, p, p)), np.zeros((k, k))

    def shifted(*moves: tuple[int, float]) -> Evaluation:
        point = theta.copy()
        for at, move in moves:
            point[places[at]] += move
        return deviance.full(point)

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
    return gradient, curvature, jacobian


def _newton(gradient: Floats, curvature: Floats) -> tuple[Floats, float, Floats | None]:
    """Return the Newton step, the gain it promises, and a direction of negative curvature if there is one."""
    if not gradient.size:
        return gradient, 0.0, None
    values, vectors = np.linalg.eigh(curvature)
    largest = float(np.abs(values).max())
    usable = values > _FLAT * largest
    along = vectors.T @ gradient
    step = -(vectors[:, usable] @ (along[usable] / values[usable]))
    downhill = vectors[:, 0] if float(values[0]) < -_DOWNHILL * largest else None
    return step, 0.5 * float((along[usable] ** 2 / values[usable]).sum()), downhill


def _leave_saddle(theta: Floats, free: np.ndarray, direction: Floats, deviance: _Counted) -> Floats:
    """Return the best of some points on both sides along a direction, or the point itself."""
    best, lowest = theta, deviance(theta)
    for length in (0.02, 0.05, 0.1, 0.2, 0.5):
        for sign in (1.0, -1.0):
            trial = theta.copy()
            trial[free] += sign * length * direction
            value = deviance(trial)
            if value < lowest:
                best, lowest = trial, value
    return best


def _backtrack(theta: Floats, free: np.ndarray, step: Floats, deviance: _Counted) -> Floats | None:
    here = deviance(theta)
    for share in (1.0, 0.5, 0.25, 0.1, 0.01):
        trial = theta.copy()
        trial[free] += share * step
        if deviance(trial) < here:
            return trial
    return None

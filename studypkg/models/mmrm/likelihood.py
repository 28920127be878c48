"""The (restricted) likelihood of repeated visits, with its exact gradient and Hessian.

Coefficients are profiled out. Every group of subjects contributes its own sums; their parameters stand one
block after the other in θ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from studypkg.errors import ModelError
from studypkg.models.design import Design, Floats
from studypkg.models.mmrm.patterns import Scheduled, ScheduledState
from studypkg.models.mmrm.schedule import Schedule
from studypkg.models.mmrm.spatial import Irregular, IrregularState
from studypkg.models.mmrm.structures import SPATIAL, STRUCTURES

# Below this share of the response's sum of squares nothing is left to model.
_EXACT = 1e-20
# Inference takes fourth powers of the response's unit: beyond these they leave the range of arithmetic.
_SMALLEST, _LARGEST = 1e-70, 1e70


@dataclass(frozen=True, eq=False)
class Sums:
    """The one pass over the rows, done.

    Notes
    -----
    The fixed columns (rows scaled by the root of their weight) are replaced by an orthonormal basis,
    X = Q · ``triangle``, and the response by its least-squares residual over ``unit``, its root mean square:
    neither offsets nor units cost digits. ``basis`` (n × p) and ``residual`` (n) are these two in the
    order of the schedule; ``parts`` has one entry per group.
    """

    parts: tuple[Scheduled | Irregular, ...]
    triangle: Floats
    least_squares: Floats
    unit: float
    n: int
    log_weights: float
    basis: Floats
    residual: Floats

    @property
    def p(self) -> int:
        """How many fixed columns there are."""
        return len(self.triangle)

    @property
    def k(self) -> int:
        """How many covariance parameters there are."""
        return sum(part.k for part in self.parts)

    def split(self, theta: Floats) -> list[Floats]:
        """Cut θ into the blocks of the groups."""
        return np.split(theta, np.cumsum([part.k for part in self.parts])[:-1])


def gather(design: Design, schedule: Schedule, covariance: str) -> Sums:
    """Make the one pass over the rows.

    Raises
    ------
    ModelError
        If the fixed columns explain the response exactly, or its numbers are out of reach.
    """
    order = schedule.order
    root = np.ones(len(order)) if design.weights is None else np.sqrt(design.weights[order])
    y, fixed = design.y[order] * root, design.fixed[order] * root[:, None]
    basis, triangle = linalg.qr(fixed, mode="economic", check_finite=False)
    projected = basis.T @ y
    residual = y - basis @ projected
    more = basis.T @ residual
    residual -= basis @ more
    least_squares = linalg.solve_triangular(triangle, projected + more) if len(triangle) else np.zeros(0)
    if not _SMALLEST < float(np.abs(y).max()) < _LARGEST:
        raise ModelError(
            f'The numbers of "{design.response}" are too large or too small for arithmetic: change its unit.'
        )
    left, whole = float(residual @ residual), float(((y - root * (root @ y) / (root @ root)) ** 2).sum())
    if left <= _EXACT * whole:
        raise ModelError(
            f'The fixed columns explain "{design.response}" exactly, so no variance is left to model: '
            "look for the response, or its copy, among the predictors."
        )
    unit = float(np.sqrt(left / len(y)))
    residual = residual / unit
    rows = np.column_stack([basis, residual])
    parts: list[Scheduled | Irregular] = []
    for group in range(len(schedule.groups)):
        if covariance == SPATIAL:
            parts.append(Irregular(rows, schedule, group))
        else:
            parts.append(Scheduled(rows, schedule, group, STRUCTURES[covariance]))
    log_weights = 0.0 if design.weights is None else float(np.log(design.weights).sum())
    return Sums(tuple(parts), triangle, least_squares, unit, len(y), log_weights, basis, residual)


class Point:
    """The deviance (−2 log-likelihood) at one θ, in the units of `Sums`, and its derivatives.

    Parameters
    ----------
    sums
        The sums.
    theta
        The covariance parameters of all groups, k.
    reml
        Restricted likelihood when true.

    Notes
    -----
    With M = [Q r]'Σ⁻¹[Q r] and γ = M_QQ⁻¹ M_Qr the deviance is log|Σ| + r²(γ) + [REML: log|M_QQ|] and
    constants. Its derivatives are those of log|Σ| + ⟨C, M⟩ for C = uu' + [REML: M_QQ⁻¹] with u = (−γ, 1),
    less what profiling takes off the second ones. LinAlgError says that Σ is not positive definite here.
    """

    def __init__(self, sums: Sums, theta: Floats, *, reml: bool) -> None:
        self.sums, self.theta, self.reml = sums, theta, reml
        p = sums.p
        self.states: list[ScheduledState | IrregularState] = [
            part.at(block) for part, block in zip(sums.parts, sums.split(theta), strict=True)
        ]
        gram = np.sum([state.gram for state in self.states], axis=0)
        self.lower = np.linalg.cholesky(gram[:p, :p])
        self.root = linalg.solve_triangular(self.lower, np.eye(p), lower=True).T if p else np.zeros((0, 0))
        self.vcov = self.root @ self.root.T
        self.gamma = self.vcov @ gram[:p, p]
        self.u = np.append(-self.gamma, 1.0)
        r2 = float(self.u @ gram @ self.u)
        self.deviance = sum(state.log_det for state in self.states) + r2
        if reml:
            self.deviance += 2.0 * float(np.log(np.diag(self.lower)).sum())
        if not np.isfinite(self.deviance):
            raise np.linalg.LinAlgError("the deviance is not finite")

    @cached_property
    def weight_root(self) -> Floats:
        """A square root of C."""
        p = self.sums.p
        wide = np.zeros((p + 1, p + 1 if self.reml else 1))
        wide[:, 0] = self.u
        if self.reml:
            wide[:p, 1:] = self.root
        return wide

    @cached_property
    def gradient(self) -> Floats:
        """∂ deviance / ∂θ, k."""
        return np.concatenate([state.gradient(self.weight_root) for state in self.states])

    @cached_property
    def gram_first(self) -> Floats:
        """∂M/∂θ, k × (p + 1) × (p + 1)."""
        return np.concatenate([state.gram_first() for state in self.states])

    @cached_property
    def hessian(self) -> Floats:
        """∂² deviance / ∂θ∂θ', k × k."""
        p = self.sums.p
        total = linalg.block_diag(*(state.curvature(self.weight_root) for state in self.states))
        if p:
            across = (self.gram_first @ self.u)[:, :p] @ self.root
            total = total - 2.0 * across @ across.T
        if p and self.reml:
            turned = (self.root.T @ self.gram_first[:, :p, :p] @ self.root).reshape(len(total), -1)
            total = total - turned @ turned.T
        return np.asarray(0.5 * (total + total.T))

    @property
    def loglik(self) -> float:
        """The (restricted) log-likelihood of the data in their own units."""
        sums, p = self.sums, self.sums.p
        nu = sums.n - p if self.reml else sums.n
        deviance = self.deviance + nu * np.log(2.0 * np.pi) + 2.0 * nu * np.log(sums.unit) - sums.log_weights
        if self.reml and p:
            deviance += 2.0 * float(np.log(np.abs(np.diag(sums.triangle))).sum())
        return -0.5 * float(deviance)

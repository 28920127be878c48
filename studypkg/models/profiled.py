"""The deviance of a linear mixed model as a function of the relative covariance factors alone.

Fixed effects and the residual variance are profiled out, after Bates, Mächler, Bolker and Walker (2015),
doi 10.18637/jss.v067.i01, section 3. The leading grouping factor is eliminated level by level, what is
left is one dense Cholesky factorisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from studypkg.models.crossproducts import CrossProducts, Factor
from studypkg.models.design import Floats


@dataclass(frozen=True)
class Evaluation:
    """What one point θ says: deviance (−2 log-likelihood), σ², fixed effects and their covariance."""

    deviance: float
    sigma2: float
    beta: Floats
    vcov: Floats


@dataclass(frozen=True)
class Elimination:
    """The leading factor, taken out: L per level, the whitened shares, and the dense corner that is left.

    Notes
    -----
    The corner's rows and columns are [other random columns | fixed columns | y]; ``scale`` is Λ of the
    other random columns.
    """

    lower: Floats
    share_rest: sparse.csr_array
    share_fixed: Floats
    corner: Floats
    log_lead: float
    scale: sparse.csr_array


def theta_shape(factors: Sequence[Factor]) -> list[tuple[int, int, int]]:
    """List the free elements of the covariance factors: (factor, row, column), column by column."""
    return [
        (at, row, column)
        for at, factor in enumerate(factors)
        for column in range(factor.size)
        for row in range(column, factor.size)
        if factor.pattern[row, column]
    ]


def unpack(theta: Floats, factors: Sequence[Factor]) -> list[Floats]:
    """Write θ as one lower-triangular relative covariance factor T per grouping factor: Σ = σ² T T'."""
    matrices = [np.zeros((f.size, f.size)) for f in factors]
    for value, (at, row, column) in zip(theta, theta_shape(factors), strict=True):
        matrices[at][row, column] = value
    return matrices


def evaluate(theta: Floats, sums: CrossProducts, *, reml: bool) -> Evaluation:
    """Evaluate the profiled (restricted) deviance at θ.

    Parameters
    ----------
    theta
        The free elements of the covariance factors, in the order of `theta_shape`, on the scale of the
        random columns in `sums` (root mean square one).
    sums
        The sums of products.
    reml
        Restricted likelihood when true.

    Notes
    -----
    With Λ block-diagonal in T, ``L L' = Λ'Z'WZΛ + I`` and ν = n (ML) or n − p (REML),

    deviance = log|L|² + [REML: log|R_X|²] + ν (1 + log(2π r²/ν)) − Σ log w,

    where r² is the penalised residual sum of squares.
    """
    factors = unpack(theta, sums.factors)
    taken = eliminate_lead(factors, sums)
    p = sums.p
    corner, log_nested = _eliminate_nested(taken.corner, sums.factors[1:])
    r = len(corner) - p - 1
    triangle = linalg.cholesky(corner, lower=True, check_finite=False)
    diagonal = np.diag(triangle)
    r2 = float(diagonal[-1] ** 2)
    nu = sums.n - p if reml else sums.n
    deviance = taken.log_lead + log_nested + 2.0 * float(np.log(diagonal[:r]).sum())
    deviance += nu * (1.0 + np.log(2.0 * np.pi * r2 / nu)) - sums.log_weights
    fixed = triangle[r : r + p, r : r + p]
    if reml and p:
        deviance += 2.0 * float(np.log(diagonal[r : r + p]).sum())
        deviance += 2.0 * float(np.log(np.abs(np.diag(sums.triangle))).sum())
    sigma2 = r2 / nu
    # β = least squares + triangle⁻¹ γ, because y was replaced by its least-squares residual.
    gamma = linalg.solve_triangular(fixed, triangle[-1, r : r + p], lower=True, trans=1) if p else np.zeros(0)
    beta = sums.least_squares + np.linalg.solve(sums.triangle, gamma) if p else gamma
    root = linalg.solve_triangular(fixed, np.linalg.inv(sums.triangle).T, lower=True) if p else fixed
    return Evaluation(float(deviance), sigma2, beta, sigma2 * root.T @ root)


def _eliminate_nested(corner: Floats, factors: Sequence[Factor]) -> tuple[Floats, float]:
    """Take out further factors whose block of the corner is diagonal, as it is when levels are nested.

    With every patient under one therapist and every therapist in one clinic, nothing dense is left but
    the fixed columns.
    """
    log_nested = 0.0
    for factor in factors:
        size = factor.n_levels * factor.size
        diagonal = np.diag(corner)[:size]
        if np.count_nonzero(corner[:size, :size]) > size:
            break
        share = corner[:size, size:] / np.sqrt(diagonal)[:, None]
        corner = corner[size:, size:] - share.T @ share
        log_nested += float(np.log(diagonal).sum())
    return corner, log_nested


def eliminate_lead(factors: list[Floats], sums: CrossProducts) -> Elimination:
    """Factorise the leading levels one by one and carry what is left into one dense corner."""
    lead = factors[0]
    m, q = sums.blocks.shape[:2]
    lower: Floats = np.asarray(np.linalg.cholesky(lead.T @ sums.blocks @ lead + np.eye(q)), dtype=float)
    log_lead = 2.0 * float(np.log(np.einsum("ijj->ij", lower)).sum())
    # K = L⁻¹ T' for every level: what turns a sum over the level's rows into its whitened share.
    whiten = np.linalg.solve(lower, np.broadcast_to(lead.T, (m, q, q)))
    f = sums.lead_fixed.shape[1]
    share_fixed = (whiten @ sums.lead_fixed.reshape(m, q, f)).reshape(m * q, f)
    r = sums.rest_rest.shape[0]
    corner = np.empty((r + f, r + f))
    corner[r:, r:] = sums.fixed_fixed - share_fixed.T @ share_fixed
    share_rest = scale = sparse.csr_array((m * q, r))
    if r:
        scale = sparse.csr_array(
            sparse.block_diag(
                [
                    sparse.kron(sparse.eye_array(f_.n_levels), t)
                    for f_, t in zip(sums.factors[1:], factors[1:], strict=True)
                ]
            )
        )
        whitener = sparse.bsr_array((whiten, np.arange(m), np.arange(m + 1)), shape=(m * q, m * q))
        share_rest = sparse.csr_array(whitener @ (sums.lead_rest @ scale))
        inner = (scale.T @ sums.rest_rest @ scale - share_rest.T @ share_rest).toarray()
        corner[:r, :r] = inner + np.eye(r)
        cross = scale.T @ sums.rest_fixed - share_rest.T @ share_fixed
        corner[:r, r:], corner[r:, :r] = cross, cross.T
    return Elimination(lower, share_rest, share_fixed, corner, log_lead, scale)

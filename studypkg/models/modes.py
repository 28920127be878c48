"""The random effects themselves: conditional modes and their conditional variances, by level.

Given the variance parameters they follow from the sums of products alone (Bates and others 2015,
section 3 and equation 58), whichever way the parameters were found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from studypkg.models.crossproducts import CrossProducts
from studypkg.models.design import Floats
from studypkg.models.profiled import Elimination, eliminate_lead

_CHUNK = 2000


@dataclass(frozen=True)
class Modes:
    """Conditional modes (levels × columns) and conditional standard deviations of one grouping factor."""

    values: Floats
    sds: Floats


def conditional_modes(
    factors: list[Floats], beta: Floats, sigma2: float, sums: CrossProducts
) -> tuple[Modes, ...]:
    """Compute the conditional modes b̃ = Λ ũ and √diag(σ² Λ (LL')⁻¹ Λ').

    Parameters
    ----------
    factors
        The relative covariance factor of every grouping factor, on the scale of ``sums``.
    beta, sigma2
        The fixed effects and the residual variance.
    sums
        The sums of products.

    Returns
    -------
    tuple of Modes
        One per grouping factor, in the order of ``sums.factors`` and on the data's own scale. The
        variances condition on the fixed effects, as in lme4.
    """
    taken = eliminate_lead(factors, sums)
    m, q = sums.blocks.shape[:2]
    r = sums.rest_rest.shape[0]
    # y − Xβ in terms of the orthonormal basis and the least-squares residual.
    turn = np.append(-(sums.triangle @ (beta - sums.least_squares)), 1.0)
    lead_right = (taken.share_fixed @ turn).reshape(m, q, 1)
    inner = linalg.cholesky(taken.corner[:r, :r], lower=True) if r else np.zeros((0, 0))
    rest_u = linalg.cho_solve((inner, True), taken.corner[:r, r:] @ turn) if r else np.zeros(0)
    lead_u = np.linalg.solve(
        taken.lower.transpose(0, 2, 1), lead_right - (taken.share_rest @ rest_u).reshape(m, q, 1)
    )
    inverse = linalg.cho_solve((inner, True), np.eye(r)) if r else inner
    blocks = [(lead_u[:, :, 0], _lead_variance(taken, inverse, m, q))]
    start = 0
    for factor in sums.factors[1:]:
        size = factor.n_levels * factor.size
        own = inverse[start : start + size, start : start + size].reshape(
            factor.n_levels, factor.size, factor.n_levels, factor.size
        )
        within = np.stack([own[i, :, i, :] for i in range(factor.n_levels)])
        blocks.append((rest_u[start : start + size].reshape(factor.n_levels, factor.size), within))
        start += size
    results = []
    for factor, triangle, (u, variance) in zip(sums.factors, factors, blocks, strict=True):
        spreads = np.einsum("ab,ibc,ac->ia", triangle, variance, triangle)
        results.append(
            Modes(u @ triangle.T / factor.scales, np.sqrt(np.maximum(sigma2 * spreads, 0.0)) / factor.scales)
        )
    return tuple(results)


def _lead_variance(taken: Elimination, inverse: Floats, m: int, q: int) -> Floats:
    """Return the diagonal q × q blocks of (LL')⁻¹ that belong to the leading levels."""
    unit = np.linalg.solve(taken.lower, np.broadcast_to(np.eye(q), (m, q, q)))
    own = unit.transpose(0, 2, 1) @ unit
    if not inverse.size:
        return own
    for start in range(0, m, _CHUNK):
        stop = min(start + _CHUNK, m)
        share = taken.share_rest[start * q : stop * q]
        # A level touches few of the other columns, so only those elements of the inverse are summed.
        spread = share @ inverse
        within = np.empty((stop - start, q, q))
        for a in range(q):
            for b in range(q):
                within[:, a, b] = share[b::q].multiply(spread[a::q]).sum(axis=1)
        back = unit[start:stop].transpose(0, 2, 1) @ within
        own[start:stop] += back @ unit[start:stop]
    return own

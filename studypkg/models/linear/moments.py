"""log|V| and [X y]'V⁻¹[X y] of a linear mixed model with their derivatives, from the sums of products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.lead import eliminate_lead
from studypkg.models.linear.remainder import Solved, remaining
from studypkg.models.linear.taylor import Floats, Jet


@dataclass(frozen=True)
class Moments:
    """The likelihood's ingredients at one point, V being relative to the residual variance.

    Notes
    -----
    ``log_det`` is log|V|, ``products`` is [Q r]'V⁻¹[Q r], (p + 1) × (p + 1), in the orthonormal basis of the
    sums; both are jets over the elements of the relative covariances, in the order of `Layout.order`.
    ``path`` keeps the eliminated blocks behind the leading factor.
    """

    log_det: Jet
    products: Jet
    path: tuple[Solved, ...]


def moments(sums: CrossProducts, phi: Floats, order: int) -> Moments:
    """Compute the moments at relative covariances given by their free elements, in the plan's order."""
    sigma = lead_covariance(sums, phi)
    system = eliminate_lead(sums, sigma, order)
    at = len(sums.factors[0].parameters)
    parts = []
    for count in sums.layout.counts:
        parts.append(phi[at : at + count])
        at += count
    log_det, products, path = remaining(system, sums.layout, parts, order)
    return Moments(log_det, products, tuple(path))


def lead_covariance(sums: CrossProducts, phi: Floats) -> Floats:
    """Write the leading factor's elements as a matrix."""
    lead = sums.factors[0]
    sigma = np.zeros((lead.size, lead.size))
    for value, (i, j) in zip(phi, lead.parameters, strict=False):
        sigma[i, j] = sigma[j, i] = value
    return sigma

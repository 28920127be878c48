"""Degrees of freedom from the first two moments of an estimated variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ModelError

Floats = NDArray[np.float64]


def moments_df(weights: Floats, vcov: Floats, jacobian: Floats, spread: Floats, whose: str) -> Floats:
    """Return 2 f² / (g'Ag) for every combination of coefficients.

    Parameters
    ----------
    weights
        The combinations, c × p.
    vcov, jacobian
        Their covariance matrix, p × p, and its derivatives with respect to k variance parameters, k × p × p.
    spread
        A, the covariance of the estimates of these parameters, k × k.
    whose
        Whose degrees of freedom, for the message.

    Raises
    ------
    ModelError
        Where g'Ag is not positive.
    """
    # Scaled first, so that neither the units nor the size of the weights reach the limits of arithmetic.
    scaled = weights / np.abs(weights).max(axis=1, keepdims=True)
    variance = ((scaled @ vcov) * scaled).sum(axis=1)
    gradient = np.einsum("ci,kic->ck", scaled, jacobian @ scaled.T)
    noise = ((gradient @ spread) * gradient).sum(axis=1)
    if not ((variance > 0.0) & (noise > 0.0) & np.isfinite(noise)).all():
        raise ModelError(
            f"{whose} degrees of freedom cannot be computed: the variance of the estimate does not "
            "depend on any variance parameter that was estimated."
        )
    return np.asarray(2.0 * variance**2 / noise)

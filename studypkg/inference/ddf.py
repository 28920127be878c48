"""Degrees of freedom of a linear combination of fixed effects, one function per method.

The one table of methods: a name that is not here cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]


def satterthwaite(fit: Fit, weights: Floats) -> float:
    """Match the estimated variance of ``weights @ b`` to a chi-squared distribution by its first two moments.

    Notes
    -----
    With f = l'Cov(β̂)l, its gradient g over the variance parameters and their asymptotic covariance A,
    df = 2 f² / (g'Ag). Satterthwaite (1946); Fai and Cornelius (1996); Kuznetsova, Brockhoff and
    Christensen (2017), doi 10.18637/jss.v082.i13.
    """
    if fit.df_problem:
        raise ModelError(
            f"Satterthwaite's degrees of freedom cannot be computed: {fit.df_problem}. "
            'Simplify the random terms, or ask for ddf="residual" or "asymptotic" knowingly.'
        )
    # Scaled first, so that neither the units nor the size of the weights reach the limits of arithmetic.
    scaled = weights / np.abs(weights).max()
    variance = float(scaled @ fit.vcov.to_numpy() @ scaled)
    gradient = np.einsum("i,kij,j->k", scaled, fit.vcov_jacobian, scaled)
    spread = float(gradient @ fit.parameter_cov @ gradient)
    if not (variance > 0.0 and spread > 0.0 and np.isfinite(spread)):
        raise ModelError(
            "Satterthwaite's degrees of freedom cannot be computed: the variance of the estimate does not "
            "depend on any variance parameter that was estimated."
        )
    return 2.0 * variance**2 / spread


def residual(fit: Fit, weights: Floats) -> float:
    """Rows used less coefficients estimated: right without random effects, too large with them."""
    return float(fit.n - len(fit.params))


def asymptotic(fit: Fit, weights: Floats) -> float:
    """Infinite: the normal distribution."""
    return float(np.inf)


DDF_METHODS: MappingProxyType[str, Callable[[Fit, Floats], float]] = MappingProxyType(
    {"satterthwaite": satterthwaite, "residual": residual, "asymptotic": asymptotic}
)
# Known in the field, but not built here: asked for, they are refused rather than replaced.
NOT_AVAILABLE: tuple[str, ...] = ("kenward-roger", "between-within")


def ddf_method(name: str) -> Callable[[Fit, Floats], float]:
    """Return the method of a name.

    Raises
    ------
    ConfigError
        If there is no such method, or it is not available yet.
    """
    wanted = name.strip().casefold().replace("_", "-").replace(" ", "-").replace("–", "-")
    if wanted in DDF_METHODS:
        return DDF_METHODS[wanted]
    if wanted in NOT_AVAILABLE:
        raise ConfigError(
            f'Degrees of freedom by "{name}" are not available yet. Available: {", ".join(DDF_METHODS)}.'
        )
    raise ConfigError(
        f'There is no method "{name}" for degrees of freedom.{nearest(name, [*DDF_METHODS, *NOT_AVAILABLE])} '
        f"Available: {', '.join(DDF_METHODS)}."
    )

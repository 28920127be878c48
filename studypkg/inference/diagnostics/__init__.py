"""Is the fit to be trusted: influence, residuals, random effects, shares, collinearity, convergence."""

from studypkg.inference.diagnostics.collinearity import Collinearity, collinearity
from studypkg.inference.diagnostics.convergence import convergence_report
from studypkg.inference.diagnostics.icc import icc, icc_at
from studypkg.inference.diagnostics.influence import Influence, influence
from studypkg.inference.diagnostics.r_squared import r_squared
from studypkg.inference.diagnostics.random_effects import covariate_correlations, random_effects_check
from studypkg.inference.diagnostics.residuals import (
    quantiles,
    residual_shape,
    residual_spread,
    residuals,
    spread_by_group,
)

__all__ = [
    "Collinearity", "Influence", "collinearity", "convergence_report", "covariate_correlations",
    "icc", "icc_at", "influence", "quantiles", "r_squared", "random_effects_check", "residual_shape",
    "residual_spread", "residuals", "spread_by_group",
]  # fmt: skip

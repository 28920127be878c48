"""The share of variance that the fixed part, and the whole model, account for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studypkg.errors import ModelError
from studypkg.models.fit import Fit
from studypkg.models.generalised.rows import GlmmRows
from studypkg.models.mixed_rows import MixedRows

# Variance of the distribution on the link scale, for links with a latent response.
_LATENT = {"logit": np.pi**2 / 3.0, "probit": 1.0, "cloglog": np.pi**2 / 6.0}


@dataclass(frozen=True)
class Shares:
    """Variances on the scale of the linear predictor: of Xβ̂, of the random part by group, and the rest."""

    fixed: float
    random: dict[str, float]
    rest: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.fixed + sum(self.random.values()) + self.rest


def r_squared(fit: Fit) -> pd.Series[float]:
    """Return the marginal (fixed part) and conditional (fixed and random part) R².

    Returns
    -------
    pandas.Series
        ``marginal``, ``conditional`` and the variances they come from: ``fixed``, ``random``, ``rest``.

    Notes
    -----
    Nakagawa and Schielzeth (2013), doi 10.1111/j.2041-210x.2012.00261.x; random slopes by the mean of z'Σz
    over the rows, Johnson (2014), doi 10.1111/2041-210X.12225; other families after Nakagawa, Johnson and
    Schielzeth (2017), doi 10.1098/rsif.2017.0213: π²/3, 1 and π²/6 for logit, probit and cloglog; for the log
    link log(1 + 1/λ [+ 1/size]) with λ the mean of the response.
    """
    shares = variance_shares(fit)
    random = sum(shares.random.values())
    return pd.Series(
        {
            "marginal": shares.fixed / shares.total,
            "conditional": (shares.fixed + random) / shares.total,
            "fixed": shares.fixed,
            "random": random,
            "rest": shares.rest,
        },
        name="r_squared",
    )


def variance_shares(fit: Fit) -> Shares:
    """Divide the variance on the scale of the linear predictor.

    Raises
    ------
    ModelError
        If the fit has no random effects or rows, or its family has no such division.
    """
    rows = fit.rows
    if not isinstance(rows, MixedRows | GlmmRows):
        raise ModelError("Shares of variance need a model with random effects and its rows in memory.")
    scale = fit.sigma**2 if isinstance(rows, MixedRows) else 1.0
    random: dict[str, float] = {}
    for term, triangle in zip(rows.terms, rows.triangles, strict=True):
        spread = float(((term.columns @ triangle) ** 2).sum()) / fit.n * scale
        random[term.group] = random.get(term.group, 0.0) + spread
    linear = rows.fixed @ fit.params.to_numpy()
    fixed = float(np.var(linear, ddof=1)) if len(fit.params) else 0.0
    return Shares(fixed, random, _rest(fit, rows))


def _rest(fit: Fit, rows: MixedRows | GlmmRows) -> float:
    if isinstance(rows, MixedRows):
        weights = rows.design.weights
        return fit.sigma**2 * (1.0 if weights is None else float((1.0 / weights).mean()))
    if fit.link in _LATENT:
        return float(_LATENT[fit.link])
    if fit.link == "log" and fit.family in ("poisson", "negative-binomial"):
        extra = 0.0 if fit.size is None else 1.0 / fit.size
        return float(np.log1p(1.0 / rows.y.mean() + extra))
    raise ModelError(f"There is no R² here for the family {fit.family} with the link {fit.link}.")

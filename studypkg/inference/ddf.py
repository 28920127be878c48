"""Small-sample methods: which covariance, how many degrees of freedom, and how several contrasts are tested.

The one table of methods: a name that is not here cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.inference.between_within import between_within
from studypkg.inference.kenward_roger import kenward_roger_df, kenward_roger_test, usable_kenward_roger
from studypkg.inference.moments import moments_df
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]
Degrees = Callable[[Fit, Floats], Floats]
JointTest = Callable[[Fit, Floats, Floats, float], tuple[float, float]]
# Denominator degrees of freedom that differ by less are one number (lmerTest: 1e-8).
_SAME_DF = 1e-8


@dataclass(frozen=True)
class Method:
    """One way to allow for estimated variances.

    Notes
    -----
    ``vcov`` gives the covariance of the fixed effects (p × p), ``df`` the degrees of freedom of each of c
    combinations (c × p). ``joint`` takes combinations as they were given (c × p), q independent ones that
    say the same (q × p) and their F, and returns F, rescaled or not, with its denominator degrees of freedom.
    """

    name: str
    vcov: Callable[[Fit], Floats]
    df: Degrees
    joint: JointTest


def satterthwaite(fit: Fit, weights: Floats) -> Floats:
    """Match the estimated variance of every combination to a chi-squared distribution by two moments.

    Notes
    -----
    With f = l'Cov(β̂)l, its gradient g over the variance parameters and their asymptotic covariance A,
    df = 2 f² / (g'Ag). Satterthwaite (1946); Fai and Cornelius (1996); Kuznetsova, Brockhoff and
    Christensen (2017), doi 10.18637/jss.v082.i13. For an empirical covariance f is its mean under the model:
    Bell and McCaffrey (2002), Survey Methodology 28, 169–181.
    """
    expected = fit.vcov_expected
    if fit.df_problem and expected is None:
        raise ModelError(
            f"Satterthwaite's degrees of freedom cannot be computed: {fit.df_problem}. "
            'Simplify the random terms, or ask for ddf="residual" or "asymptotic" knowingly.'
        )
    vcov = fit.vcov.to_numpy(dtype=float) if expected is None else expected
    return moments_df(weights, vcov, fit.vcov_jacobian, fit.parameter_cov, "Satterthwaite's")


def residual(fit: Fit, weights: Floats) -> Floats:
    """Rows used less coefficients estimated: right without random effects, too large with them."""
    return np.full(len(weights), float(fit.n - len(fit.params)))


def asymptotic(fit: Fit, weights: Floats) -> Floats:
    """Infinite: the normal distribution."""
    return np.full(len(weights), np.inf)


def _own_vcov(fit: Fit) -> Floats:
    return fit.vcov.to_numpy(dtype=float)


def _by_moments(df: Degrees) -> JointTest:
    """Put the degrees of freedom of the principal axes together.

    Notes
    -----
    F is the mean of the squared t statistics along the principal axes of the covariance. Their degrees of
    freedom ν_m give the denominator 2E/(E − q) with E = Σ ν_m/(ν_m − 2): Fai and Cornelius (1996), as in
    lmerTest (doi 10.18637/jss.v082.i13). When a ν_m is not above 2 the denominator is 2.
    """

    def joint(fit: Fit, given: Floats, kept: Floats, f: float) -> tuple[float, float]:
        _, axes = np.linalg.eigh(given @ _own_vcov(fit) @ given.T)
        own = df(fit, (axes.T @ given)[-len(kept) :])
        if np.ptp(own) < _SAME_DF if np.isfinite(own).all() else bool(np.isinf(own).all()):
            return f, float(own[0])
        if not (own > 2.0).all():
            return f, 2.0
        e = float((own / (own - 2.0)).sum())
        return f, 2.0 * e / (e - len(own))

    return joint


def _by_least(df: Degrees) -> JointTest:
    return lambda fit, given, kept, f: (f, float(df(fit, given).min()))


def _kenward_roger(fit: Fit, weights: Floats) -> Floats:
    return kenward_roger_df(usable_kenward_roger(fit), _own_vcov(fit), weights)


def _kenward_roger_joint(fit: Fit, given: Floats, kept: Floats, f: float) -> tuple[float, float]:
    return kenward_roger_test(usable_kenward_roger(fit), _own_vcov(fit), kept, f)


DDF_METHODS: MappingProxyType[str, Method] = MappingProxyType(
    {
        m.name: m
        for m in (
            Method("satterthwaite", _own_vcov, satterthwaite, _by_moments(satterthwaite)),
            Method(
                "kenward-roger",
                lambda fit: usable_kenward_roger(fit).vcov,
                _kenward_roger,
                _kenward_roger_joint,
            ),
            Method("between-within", _own_vcov, between_within, _by_least(between_within)),
            Method("residual", _own_vcov, residual, _by_least(residual)),
            Method("asymptotic", _own_vcov, asymptotic, _by_least(asymptotic)),
        )
    }
)
# The method of each kind of model when none is asked for.
DEFAULT_METHODS: MappingProxyType[str, str] = MappingProxyType(
    {"lmm": "satterthwaite", "mmrm": "satterthwaite", "glmm": "asymptotic", "ordinal": "asymptotic"}
)


def ddf_method(name: str | None, fit: Fit) -> Method:
    """Return the method of a name, or the usual one for the kind of model when there is no name.

    Raises
    ------
    ConfigError
        If there is no such method, or it has no meaning for this kind of model.
    """
    wanted = DEFAULT_METHODS[fit.kind] if name is None else name
    wanted = wanted.strip().casefold().replace("_", "-").replace(" ", "-").replace("–", "-")
    if wanted not in DDF_METHODS:
        raise ConfigError(
            f'There is no method "{name}" for degrees of freedom.{nearest(wanted, DDF_METHODS)} '
            f"Available: {', '.join(DDF_METHODS)}."
        )
    if DEFAULT_METHODS[fit.kind] == "asymptotic" and wanted != "asymptotic":
        raise ConfigError(
            f'Degrees of freedom by "{wanted}" are not defined for this kind of model: its tests are '
            'asymptotic. Leave ddf out, or ask for "asymptotic".'
        )
    return DDF_METHODS[wanted]

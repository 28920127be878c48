"""From a fit to answers: estimate, standard error, degrees of freedom, test and interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from studypkg.errors import ConfigError
from studypkg.inference.ddf import ddf_method
from studypkg.inference.hypothesis import Hypothesis, HypothesisLike, parse_hypotheses
from studypkg.inference.student import t_quantile, two_sided
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]


def contrast(fit: Fit, L: HypothesisLike, *, ddf: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """Estimate and test linear combinations of fixed effects, each on its own degrees of freedom.

    Parameters
    ----------
    fit
        A fitted model.
    L
        Text (``"a - b"``, ``"2*x = 1"``, ``"C(arm)[T.new]"``), ``{name: weight}``, ``{label: text}``, a list
        of texts, one weight per coefficient, or a matrix with one row per combination.
    ddf
        ``satterthwaite``, ``kenward-roger``, ``between-within``, ``residual`` or ``asymptotic``. Without it,
        ``satterthwaite`` for linear models and ``asymptotic`` for others.
    level
        Level of the two-sided interval.

    Returns
    -------
    pandas.DataFrame
        One row per combination, with ``estimate``, ``se``, ``df``, ``statistic`` (t), two-sided ``p_value``,
        ``ci_low`` and ``ci_high``. ``estimate`` is the combination itself; the statistic measures its
        distance from the value after ``=`` (zero when there is none). By Kenward and Roger ``se`` is the
        adjusted one.

    Raises
    ------
    ConfigError
        If the combination, the method or the level cannot be.
    ModelError
        If degrees of freedom cannot be computed for this fit; nothing is put in their place.
    """
    hypotheses = parse_hypotheses(L, [str(n) for n in fit.params.index], fit.aliased)
    weights = np.vstack([h.weights for h in hypotheses])
    values = np.array([h.value for h in hypotheses])
    index = pd.Index([h.label for h in hypotheses], name="contrast")
    return _table(fit, weights, values, index, ddf, level)


def coefficient_table(fit: Fit, *, ddf: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """Return `contrast` of every coefficient by itself, indexed by coefficient."""
    p = len(fit.params)
    index = pd.Index(list(fit.params.index), name="coefficient", dtype=object)
    return _table(fit, np.eye(p), np.zeros(p), index, ddf, level)


def _table(
    fit: Fit, weights: Floats, values: Floats, index: pd.Index, ddf: str | None, level: float
) -> pd.DataFrame:
    method = ddf_method(ddf, fit)
    if not 0.0 < level < 1.0:
        raise ConfigError(f"The level of an interval lies between 0 and 1, not at {level}.")
    vcov = method.vcov(fit)
    estimate = weights @ fit.params.to_numpy(dtype=float)
    se = np.sqrt(np.einsum("ci,ij,cj->c", weights, vcov, weights))
    df = method.df(fit, weights) if len(weights) else np.zeros(0)
    statistic = (estimate - values) / se
    half = t_quantile(level, df) * se
    return pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "df": df,
            "statistic": statistic,
            "p_value": two_sided(statistic, df),
            "ci_low": estimate - half,
            "ci_high": estimate + half,
        },
        index=index,
    )


def joint_test(fit: Fit, L: HypothesisLike, *, ddf: str | None = None, label: str = "joint") -> pd.DataFrame:
    """Test several linear combinations at once by one F test.

    Parameters
    ----------
    fit
        A fitted model.
    L
        As in `contrast`; combinations that repeat others count once.
    ddf
        As in `contrast`. By Kenward and Roger the statistic is rescaled as they say.
    label
        The index of the row.

    Returns
    -------
    pandas.DataFrame
        One row with ``statistic`` (F), ``num_df``, ``den_df`` and ``p_value``. Where ``den_df`` is infinite
        the p-value is that of the chi-squared statistic F · num_df.

    Raises
    ------
    ConfigError
        If the combinations contradict each other.
    ModelError
        If degrees of freedom cannot be computed.
    """
    method = ddf_method(ddf, fit)
    hypotheses = parse_hypotheses(L, [str(n) for n in fit.params.index], fit.aliased)
    weights, distance = _stack(hypotheses, fit)
    kept, squares = independent(weights, distance, method.vcov(fit))
    f, den = method.joint(fit, weights, kept, squares / len(kept))
    return pd.DataFrame(
        {
            "statistic": [f],
            "num_df": [len(kept)],
            "den_df": [den],
            "p_value": [f_p_value(f, len(kept), den)],
        },
        index=pd.Index([label], name="test"),
    )


def f_p_value(f: float, num_df: int, den_df: float) -> float:
    """Return the upper tail of an F distribution, of the chi-squared one where ``den_df`` is infinite."""
    if np.isinf(den_df):
        return float(special.chdtrc(num_df, f * num_df))
    return float(special.fdtrc(num_df, den_df, f))


def independent(weights: Floats, distance: Floats, vcov: Floats) -> tuple[Floats, float]:
    """Reduce combinations to independent ones that say the same, and return their Wald statistic.

    Raises
    ------
    ConfigError
        If one repeats others with another value.
    """
    covariance = weights @ vcov @ weights.T
    scale = 1.0 / np.sqrt(np.diag(covariance))
    values, axes = np.linalg.eigh(covariance * np.outer(scale, scale))
    live = values > 1e-10 * values.max()
    turn = axes[:, live].T * scale
    inside = turn @ covariance @ turn.T
    rebuilt = covariance @ turn.T @ np.linalg.solve(inside, turn @ distance)
    if not np.allclose(distance, rebuilt, rtol=1e-6, atol=1e-8 / scale.min()):
        raise ConfigError(
            "The combinations contradict each other: one repeats others with another value after '='."
        )
    squares = np.linalg.solve(np.linalg.cholesky(inside), turn @ distance)
    return turn @ weights, float(squares @ squares)


def _stack(hypotheses: tuple[Hypothesis, ...], fit: Fit) -> tuple[Floats, Floats]:
    weights = np.vstack([h.weights for h in hypotheses])
    values = np.array([h.value for h in hypotheses])
    return weights, weights @ fit.params.to_numpy(dtype=float) - values

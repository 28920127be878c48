"""From a fit to answers: estimate, standard error, degrees of freedom, test and interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from studypkg.errors import ConfigError
from studypkg.inference.ddf import ddf_method
from studypkg.inference.hypothesis import Hypothesis, HypothesisLike, parse_hypotheses
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]
# Denominator degrees of freedom that differ by less are one number (lmerTest: 1e-8).
_SAME_DF = 1e-8


def contrast(fit: Fit, L: HypothesisLike, *, ddf: str = "satterthwaite", level: float = 0.95) -> pd.DataFrame:
    """Estimate and test linear combinations of fixed effects, each on its own degrees of freedom.

    Parameters
    ----------
    fit
        A fitted model.
    L
        Text (``"a - b"``, ``"2*x = 1"``, ``"C(arm)[T.new]"``), ``{name: weight}``, ``{label: text}``, a list
        of texts, one weight per coefficient, or a matrix with one row per combination.
    ddf
        ``satterthwaite``, ``residual`` or ``asymptotic``.
    level
        Level of the two-sided interval.

    Returns
    -------
    pandas.DataFrame
        One row per combination, with ``estimate``, ``se``, ``df``, ``statistic`` (t), two-sided ``p_value``,
        ``ci_low`` and ``ci_high``. ``estimate`` is the combination itself; the statistic measures its
        distance from the value after ``=`` (zero when there is none).

    Raises
    ------
    ConfigError
        If the combination, the method or the level cannot be.
    ModelError
        If degrees of freedom cannot be computed for this fit; nothing is put in their place.
    """
    method = ddf_method(ddf)
    if not 0.0 < level < 1.0:
        raise ConfigError(f"The level of an interval lies between 0 and 1, not at {level}.")
    hypotheses = parse_hypotheses(L, [str(n) for n in fit.params.index], fit.aliased)
    params, vcov = fit.params.to_numpy(dtype=float), fit.vcov.to_numpy(dtype=float)
    rows = []
    for one in hypotheses:
        estimate = float(one.weights @ params)
        se = float(np.sqrt(one.weights @ vcov @ one.weights))
        df = method(fit, one.weights)
        statistic = (estimate - one.value) / se
        half = float(stats.t.ppf(0.5 + level / 2.0, df)) * se
        p_value = 2.0 * float(stats.t.sf(abs(statistic), df))
        rows.append((estimate, se, df, statistic, p_value, estimate - half, estimate + half))
    columns = ["estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high"]
    return pd.DataFrame(rows, index=pd.Index([h.label for h in hypotheses], name="contrast"), columns=columns)


def coefficient_table(fit: Fit, *, ddf: str = "satterthwaite", level: float = 0.95) -> pd.DataFrame:
    """Return `contrast` of every coefficient by itself, indexed by coefficient."""
    table = contrast(fit, np.eye(len(fit.params)), ddf=ddf, level=level)
    table.index = pd.Index(list(fit.params.index), name="coefficient")
    return table


def joint_test(
    fit: Fit, L: HypothesisLike, *, ddf: str = "satterthwaite", label: str = "joint"
) -> pd.DataFrame:
    """Test several linear combinations at once by one F test.

    Parameters
    ----------
    fit
        A fitted model.
    L
        As in `contrast`; combinations that repeat others count once.
    ddf
        As in `contrast`.
    label
        The index of the row.

    Returns
    -------
    pandas.DataFrame
        One row with ``statistic`` (F), ``num_df``, ``den_df`` and ``p_value``.

    Notes
    -----
    The covariance of the combinations is turned to its principal axes; F is the mean of the squared t
    statistics along them. Their degrees of freedom ν_m give the denominator 2E/(E − q) with
    E = Σ ν_m/(ν_m − 2): Fai and Cornelius (1996), as in lmerTest (doi 10.18637/jss.v082.i13). When a
    ν_m is not above 2 the denominator is 2.
    """
    method = ddf_method(ddf)
    hypotheses = parse_hypotheses(L, [str(n) for n in fit.params.index], fit.aliased)
    weights, distance = _stack(hypotheses, fit)
    covariance = weights @ fit.vcov.to_numpy(dtype=float) @ weights.T
    scale = 1.0 / np.sqrt(np.diag(covariance))
    values, axes = np.linalg.eigh(covariance * np.outer(scale, scale))
    live = values > 1e-10 * values.max()
    turn = axes[:, live].T * scale
    if not np.allclose(distance, _explained(turn, covariance, distance), rtol=1e-6, atol=1e-8 / scale.min()):
        raise ConfigError(
            "The combinations contradict each other: one repeats others with another value after '='."
        )
    # Principal axes of the covariance itself, within the space the combinations span.
    inside = turn @ covariance @ turn.T
    squares = np.linalg.solve(np.linalg.cholesky(inside), turn @ distance)
    q = int(live.sum())
    f = float(squares @ squares) / q
    _, own_axes = np.linalg.eigh(covariance)
    directions = (own_axes.T @ weights)[-q:]
    den = _denominator(np.array([method(fit, direction) for direction in directions]))
    p_value = float(stats.f.sf(f, q, den)) if np.isfinite(den) else float(stats.chi2.sf(f * q, q))
    return pd.DataFrame(
        {"statistic": [f], "num_df": [q], "den_df": [den], "p_value": [p_value]},
        index=pd.Index([label], name="test"),
    )


def _stack(hypotheses: tuple[Hypothesis, ...], fit: Fit) -> tuple[Floats, Floats]:
    weights = np.vstack([h.weights for h in hypotheses])
    values = np.array([h.value for h in hypotheses])
    return weights, weights @ fit.params.to_numpy(dtype=float) - values


def _explained(turn: Floats, covariance: Floats, distance: Floats) -> Floats:
    """Rebuild the distances from the independent directions: they match unless values contradict."""
    inside = turn @ covariance @ turn.T
    rebuilt: Floats = covariance @ turn.T @ np.linalg.solve(inside, turn @ distance)
    return rebuilt


def _denominator(df: Floats) -> float:
    if np.ptp(df) < _SAME_DF if np.isfinite(df).all() else bool(np.isinf(df).all()):
        return float(df[0])
    if not (df > 2.0).all():
        return 2.0
    e = float((df / (df - 2.0)).sum())
    return 2.0 * e / (e - len(df))

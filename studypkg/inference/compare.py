"""Models of the same rows side by side: likelihood ratio, AIC, BIC."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.nesting import boundary_columns, fixed_within, random_within, same_space
from studypkg.models.fit import Fit
from studypkg.models.rows import FitRows

Floats = NDArray[np.float64]
# A larger model whose deviance is higher by more than this is not at its optimum.
_ROUNDING = 1e-4


def compare(first: Fit, second: Fit, *others: Fit) -> pd.DataFrame:
    """Compare models of the same rows, each with the next smaller one.

    Parameters
    ----------
    first, second, *others
        Fits of the same response, rows and weights, in any order. Restricted fits whose fixed parts differ
        are fitted again by maximum likelihood, because their restricted likelihoods do not compare.

    Returns
    -------
    pandas.DataFrame
        One row per model, fewest parameters first: ``formula``, ``n_par``, ``loglik``, ``deviance``, ``aic``,
        ``bic``; from the second row on ``chi_sq``, ``df``, ``p_value`` of the likelihood-ratio test against
        the row above, and ``p_value_boundary``. ``note`` says what was done, why there is no test, or what
        the test cannot say.

    Raises
    ------
    ConfigError
        If the models are of different kinds, families or links.
    ModelError
        If the rows, responses or weights differ, or a fit holds no rows.

    Notes
    -----
    A variance lies at the edge of its range under the hypothesis that it is zero, so the chi-squared test is
    conservative. Where exactly one random column with its correlations is added, ``p_value_boundary`` is
    that of the equal mixture of chi-squared distributions with df − 1 and df degrees of freedom: Self and
    Liang (1987); Stram and Lee (1994), doi 10.2307/2533455. Models that are not nested get no test.
    """
    fits = [first, second, *others]
    rows = [_rows(fit) for fit in fits]
    _check_alike(fits, rows)
    notes: list[str] = []
    mixed = len({fit.reml for fit in fits}) > 1
    if mixed or (first.reml and not all(same_space(rows[0], other) for other in rows[1:])):
        notes.append("fitted again by maximum likelihood")
        fits = [fit.by_ml() for fit in fits]
    fits.sort(key=_n_par)
    table = pd.DataFrame(
        {
            "formula": [fit.formula for fit in fits],
            "n_par": [_n_par(fit) for fit in fits],
            "loglik": [fit.loglik for fit in fits],
            "deviance": [fit.deviance for fit in fits],
            "aic": [fit.aic for fit in fits],
            "bic": [fit.bic for fit in fits],
        },
        index=pd.RangeIndex(1, len(fits) + 1, name="model"),
    )
    tests = [(np.nan, np.nan, np.nan, np.nan, ""), *(_test(a, b, notes) for a, b in pairwise(fits))]
    names = ["chi_sq", "df", "p_value", "p_value_boundary", "note"]
    return table.join(pd.DataFrame(tests, columns=names, index=table.index))


def _test(small: Fit, large: Fit, done: list[str]) -> tuple[float, float, float, float, str]:
    chi_sq, df = small.deviance - large.deviance, _n_par(large) - _n_par(small)
    reason = ""
    if df == 0:
        reason = "both models have the same number of parameters"
    elif not fixed_within(_rows(small), _rows(large)):
        reason = "the fixed part of one model does not lie within the other's"
    elif not random_within(small, large):
        reason = "the covariance of one model is no special case of the other's"
    elif chi_sq < -_ROUNDING:
        reason = "the larger model has the lower likelihood, so a search stopped short of its optimum"
    if reason:
        return np.nan, np.nan, np.nan, np.nan, "; ".join([*done, f"no test: {reason}; compare AIC"])
    chi_sq = max(chi_sq, 0.0)
    p_value, mixture, notes = float(special.chdtrc(df, chi_sq)), np.nan, list(done)
    added = boundary_columns(small, large)
    if added:
        notes.append("a variance is tested at the edge of its range: p_value is conservative")
    if added == 1 and len(small.params) == len(large.params):
        fewer = float(special.chdtrc(df - 1, chi_sq)) if df > 1 else float(chi_sq <= 0.0)
        mixture = 0.5 * (fewer + p_value)
    return chi_sq, float(df), p_value, mixture, "; ".join(notes)


def _check_alike(fits: list[Fit], rows: list[FitRows]) -> None:
    kinds = {(fit.kind, fit.family, fit.link) for fit in fits}
    if len(kinds) > 1:
        told = " and ".join(sorted(f"{kind} ({family}, {link})" for kind, family, link in kinds))
        raise ConfigError(f"Likelihoods of models of different kinds do not compare: {told}.")
    for other in rows[1:]:
        if len(rows[0].y) != len(other.y) or not np.array_equal(rows[0].y, other.y):
            raise ModelError(
                f"The models were not fitted to the same rows ({len(rows[0].y)} and {len(other.y)}) and the "
                "same response: leave out the rows with missing values first, then fit both."
            )
        if not _same_weights(rows[0], other):
            raise ModelError(
                "The models were fitted with different weights: their likelihoods do not compare."
            )


def _same_weights(one: FitRows, other: FitRows) -> bool:
    if one.weights is None or other.weights is None:
        return one.weights is other.weights
    return bool(np.array_equal(one.weights, other.weights))


def _rows(fit: Fit) -> FitRows:
    if fit.rows is None:
        raise ModelError("A stored fit holds no rows to compare: fit the model again.")
    return fit.rows


def _n_par(fit: Fit) -> int:
    return round((fit.aic - fit.deviance) / 2.0)

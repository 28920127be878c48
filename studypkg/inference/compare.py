"""Two models of the same rows side by side: likelihood ratio, AIC, BIC."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from studypkg.errors import ConfigError, ModelError
from studypkg.models.fit import Fit
from studypkg.models.rows import FitRows

Floats = NDArray[np.float64]
# The smaller model's columns lie in the larger one's space when this share of their length is left outside.
_OUTSIDE = 1e-6


def compare(first: Fit, second: Fit) -> pd.DataFrame:
    """Compare two models of the same rows, the smaller one first.

    Parameters
    ----------
    first, second
        Fits of the same response and rows, in either order. Restricted fits whose fixed parts differ are
        fitted again by maximum likelihood, because their restricted likelihoods do not compare.

    Returns
    -------
    pandas.DataFrame
        One row per model, the one with fewer parameters first: ``n_par``, ``loglik``, ``deviance``, ``aic``,
        ``bic``, and in the second row ``chi_sq``, ``df``, ``p_value`` of the likelihood-ratio test, and
        ``p_value_boundary``. ``note`` says what was done and what the test cannot say.

    Raises
    ------
    ConfigError
        If the models are of different kinds.
    ModelError
        If the rows or the responses differ, or a fit holds no rows.

    Notes
    -----
    A variance lies at the edge of its range under the hypothesis that it is zero, so the chi-squared test is
    conservative. Where exactly one random column with its correlations is added, ``p_value_boundary`` is
    that of the equal mixture of chi-squared distributions with df − 1 and df degrees of freedom: Self and
    Liang (1987); Stram and Lee (1994), doi 10.2307/2533455. Fixed parts that are not nested get no test.
    """
    one, other, notes = _comparable(first, second)
    if _n_par(one) > _n_par(other):
        one, other = other, one
    table = pd.DataFrame(
        {
            "formula": [one.formula, other.formula],
            "n_par": [_n_par(one), _n_par(other)],
            "loglik": [one.loglik, other.loglik],
            "deviance": [one.deviance, other.deviance],
            "aic": [one.aic, other.aic],
            "bic": [one.bic, other.bic],
        },
        index=pd.Index(["smaller", "larger"], name="model"),
    )
    chi_sq, df = one.deviance - other.deviance, _n_par(other) - _n_par(one)
    if df == 0:
        notes.append("both models have the same number of parameters: no test, compare AIC")
    elif not _inside(_rows(one), _rows(other)):
        notes.append("the fixed part of one model does not lie within the other's: no test, compare AIC")
        df = 0
    p_value = float(special.chdtrc(df, max(chi_sq, 0.0))) if df else np.nan
    mixture = np.nan
    if df and _n_fixed(one) == _n_fixed(other):
        notes.append("variances are tested at the edge of their range: p_value is conservative")
        if _one_more(one, other):
            upper = float(special.chdtrc(df - 1, max(chi_sq, 0.0))) if df > 1 else float(chi_sq <= 0.0)
            mixture = 0.5 * (upper + p_value)
    blank = np.nan
    table["chi_sq"] = [blank, chi_sq if df else blank]
    table["df"] = [blank, df or blank]
    table["p_value"] = [blank, p_value]
    table["p_value_boundary"] = [blank, mixture]
    table["note"] = ["", "; ".join(notes)]
    return table


def _comparable(first: Fit, second: Fit) -> tuple[Fit, Fit, list[str]]:
    if (first.kind, first.family) != (second.kind, second.family):
        raise ConfigError(
            f"A {first.kind} of the {first.family} family and a {second.kind} of the {second.family} family "
            "have likelihoods that do not compare."
        )
    one, other = _rows(first), _rows(second)
    if len(one.y) != len(other.y) or not np.array_equal(one.y, other.y):
        raise ModelError(
            f"The models were not fitted to the same rows ({len(one.y)} and {len(other.y)}) and the same "
            "response: leave out the rows with missing values first, then fit both."
        )
    if first.weighted != second.weighted:
        raise ModelError("One model is weighted and the other is not: their likelihoods do not compare.")
    notes: list[str] = []
    if first.reml != second.reml or (first.reml and not _same_space(one, other)):
        notes.append("fitted again by maximum likelihood")
        first, second = first.by_ml(), second.by_ml()
    return first, second, notes


def _rows(fit: Fit) -> FitRows:
    if fit.rows is None:
        raise ModelError("A stored fit holds no rows to compare: fit the model again.")
    return fit.rows


def _n_par(fit: Fit) -> int:
    return round((fit.aic - fit.deviance) / 2.0)


def _n_fixed(fit: Fit) -> int:
    return len(fit.params)


def _outside(x: Floats, space: Floats) -> float:
    """Return the largest share of a column's length that lies outside a space."""
    if not x.shape[1]:
        return 0.0
    if not space.shape[1]:
        return 1.0
    basis = np.linalg.qr(space / np.sqrt((space**2).sum(axis=0)))[0]
    unit = x / np.sqrt((x**2).sum(axis=0))
    return float(np.sqrt(((unit - basis @ (basis.T @ unit)) ** 2).sum(axis=0)).max())


def _inside(small: FitRows, large: FitRows) -> bool:
    return _outside(small.fixed, large.fixed) < _OUTSIDE


def _same_space(one: FitRows, other: FitRows) -> bool:
    return one.fixed.shape == other.fixed.shape and _inside(one, other)


def _one_more(small: Fit, large: Fit) -> bool:
    """Say whether the larger model has the random columns of the smaller one and one more."""
    few, many = (list(zip(f.varcomp["group"], f.varcomp["term"], strict=True)) for f in (small, large))
    return len(many) == len(few) + 1 and set(few) < set(many)

"""The result of a fitted mixed model: numbers with labels, and how they were found.

A `Fit` holds no row of the data once it is written with `to_dict`; in memory it also carries fitted
values and random effects, in `rows`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import pandas as pd
from scipy import special

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import Floats
from studypkg.models.fit_record import fit_from_record, fit_to_record
from studypkg.models.fit_text import summary_html, summary_text
from studypkg.models.links import LINKS
from studypkg.models.prediction import Interval
from studypkg.models.rows import FitRows


@dataclass(frozen=True)
class Optimisation:
    """How the variance parameters were found.

    Notes
    -----
    ``theta`` are the elements of the relative covariance factors on the data's scale, in lme4's order:
    term by term, lower triangle column by column. ``path`` has one entry per step: the elements as the
    search sees them, on columns of root mean square one, and the deviance last.
    """

    method: str
    evaluations: int
    gradient_norm: float | None
    code: str
    message: str
    theta: tuple[float, ...]
    path: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class KenwardRoger:
    """What Kenward and Roger's small-sample inference needs, whichever model it comes from.

    Notes
    -----
    ``vcov`` (p × p) is the adjusted covariance of the fixed effects. ``vcov_jacobian`` (k × p × p) holds the
    derivatives of the *unadjusted* covariance with respect to the k covariance parameters, and
    ``parameter_cov`` (k × k) the inverse of their expected information (for an MMRM the observed one, as in
    R's mmrm). Kenward and Roger (1997), Biometrics 53, 983–997, doi 10.2307/2533558. When ``problem`` is not
    empty it says why the rest must not be used.
    """

    vcov: Floats
    vcov_jacobian: Floats
    parameter_cov: Floats
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Fit:
    """A model, fitted: linear mixed model, or another of this room with the same door to inference.

    Notes
    -----
    ``kind`` is ``lmm``, ``mmrm``, ``glmm`` or ``ordinal``; ``family`` and ``link`` belong to the last two.
    ``params``, ``bse`` and ``vcov`` are labelled by coefficient. ``varcomp`` has one row per random
    column and a last row ``Residual``; ``corr_1``, ``corr_2`` … are correlations with the first, second …
    column of the same term. ``deviance`` is −2 log-likelihood, restricted when ``reml``. ``dropped``
    counts missing values by variable among the ``n_read`` rows; ``n`` rows were used. ``aliased`` names
    columns that repeat others and were left out. ``singular_terms`` names variances that are exactly zero
    and correlations at ±1. ``vcov_jacobian`` (k × p × p) and ``parameter_cov`` (k × k) are the derivatives of
    ``vcov`` with respect to k variance parameters and the asymptotic covariance of these; when
    ``df_problem`` is not empty it says why they must not be used. An empirical ``vcov`` comes with
    ``vcov_expected`` (p × p), its mean under the model: then, for a contrast l,
    2 (l' vcov_expected l)² / (g'Ag) with g_k = l' vcov_jacobian_k l and A = ``parameter_cov`` are its
    degrees of freedom (Bell and McCaffrey). A generalised mixed model has no residual row and ``sigma`` 1;
    ``size`` is the negative binomial's, whose variance is μ + μ² / size, and None elsewhere.
    """

    formula: str
    params: pd.Series[float]
    bse: pd.Series[float]
    vcov: pd.DataFrame
    varcomp: pd.DataFrame
    sigma: float
    loglik: float
    deviance: float
    aic: float
    bic: float
    n: int
    n_read: int
    groups: dict[str, int]
    is_singular: bool
    singular_terms: tuple[str, ...]
    reml: bool
    weighted: bool
    dropped: dict[str, int]
    aliased: tuple[str, ...]
    notes: tuple[str, ...]
    optimisation: Optimisation
    vcov_jacobian: Floats
    parameter_cov: Floats
    df_problem: str
    rows: FitRows | None = field(default=None, repr=False)
    kind: str = "lmm"
    family: str = "gaussian"
    link: str = "identity"
    kenward_roger: KenwardRoger | None = field(default=None, repr=False)
    vcov_expected: Floats | None = field(default=None, repr=False)
    size: float | None = None

    @property
    def fitted(self) -> pd.Series[float]:
        """Fitted values with random effects, one per row used, under the data's own index."""
        return self._rows("fitted values").fitted

    @property
    def residuals(self) -> pd.Series[float]:
        """Response minus fitted value, one per row used."""
        return self._rows("residuals").residuals

    def ranef(self) -> pd.DataFrame:
        """Return the random effects: one row per group, level and term, with their conditional SD.

        Returns
        -------
        pandas.DataFrame
            Columns ``group``, ``level``, ``term``, ``value``, ``sd``. Levels may be patients: do not
            publish. The SD holds the fixed effects and variances at their estimates.
        """
        return self._rows("random effects").ranef.copy()

    @overload
    def predict(
        self, newdata: pd.DataFrame, *, random: bool = False, scale: str = "response", interval: None = None,
        level: float = 0.95, weights: Sequence[float] | None = None,
    ) -> pd.Series[float]: ...  # fmt: skip

    @overload
    def predict(
        self, newdata: pd.DataFrame, *, random: bool = False, scale: str = "response", interval: str,
        level: float = 0.95, weights: Sequence[float] | None = None,
    ) -> pd.DataFrame: ...  # fmt: skip

    def predict(
        self, newdata: pd.DataFrame, *, random: bool = False, scale: str = "response",
        interval: str | None = None, level: float = 0.95, weights: Sequence[float] | None = None,
    ) -> pd.Series[float] | pd.DataFrame:  # fmt: skip
        """Predict the response for new rows.

        Parameters
        ----------
        newdata
            Rows with the columns of the formula; the response is not needed.
        random
            Add the random effects of known levels; a new level adds nothing.
        scale
            ``response`` or ``link``: for a generalised mixed model the mean, or the linear predictor it is
            the inverse link of; elsewhere they are the same.
        interval
            ``confidence`` for the mean, ``prediction`` for a new observation (linear mixed models only).
        level
            Level of the interval. Its quantiles are normal, the variance parameters held at their estimates.
        weights
            For ``prediction`` from a weighted fit: one weight per new row.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            One value per row of ``newdata``, missing where a column the formula needs is missing; with an
            interval the columns ``estimate``, ``se``, ``low`` and ``high``. With ``random`` the standard
            error is that of x'β̂ + z'b̃ around x'β + z'b (Henderson), and a new level adds the whole
            variance of its random effects; without it a confidence interval is that of x'β̂, and a
            prediction adds the whole variance of the random effects. A prediction adds σ² / weight to either.
        """
        if scale not in ("response", "link"):
            raise ConfigError(f'There is no scale "{scale}". Available: response, link.')
        rows = self._rows("predictions")
        if interval is not None:
            with_interval = getattr(rows, "predict_interval", None)
            if with_interval is None:
                raise ConfigError(
                    "Intervals of predictions are there for linear mixed models of a table in memory."
                )
            how = Interval(interval, level, self.weighted, weights)
            found: pd.DataFrame = with_interval(newdata, self.vcov, random=random, how=how)
            return found
        if weights is not None or level != 0.95:
            raise ConfigError('level and weights belong to an interval: add interval="prediction".')
        values = rows.predict(newdata, self.params, random=random)
        if self.kind != "glmm" or scale == "link":
            return values
        mean = LINKS[self.link].to_mean(np.asarray(values, dtype=float))
        return pd.Series(mean, index=values.index, name=values.name)

    def refit(self, y: Floats | pd.Series[float]) -> Fit:
        """Fit the same model to another response: one value per row used, in their order."""
        rows, values = self._rows("way to be fitted again"), np.asarray(y, dtype=float)
        if values.shape != (len(rows.fitted),) or not np.isfinite(values).all():
            raise ModelError(f"A new response has {len(rows.fitted)} finite numbers, one per row used.")
        return rows.refit(values)

    def by_ml(self) -> Fit:
        """Return the fit of the same rows by maximum likelihood: itself when it is one already."""
        again = self._rows("way to be fitted again").by_ml
        if not self.reml:
            return self
        if again is None:
            raise ModelError(
                "This kind of fit cannot be repeated by maximum likelihood: fit it with reml=False."
            )
        return again()

    def simulate(self, seed: int | np.random.Generator) -> pd.Series[float]:
        """Draw a new response from the fitted model, random effects drawn anew, one value per row used."""
        rows = self._rows("rows to simulate")
        return pd.Series(
            rows.simulate(np.random.default_rng(seed)), index=rows.fitted.index, name="simulated"
        )

    def table(self, *, ddf: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with tests and intervals: `studypkg.inference.coefficient_table`."""
        # The room above is asked by name when it is needed: this one does not depend on it.
        inference = importlib.import_module("studypkg.inference")
        return inference.coefficient_table(self, ddf=ddf, level=level)  # type: ignore[no-any-return]

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Return asymptotic (normal) intervals of the fixed effects, columns ``lower`` and ``upper``.

        They are too narrow with few groups; `studypkg.inference.coefficient_table` gives intervals with
        degrees of freedom.
        """
        if not 0.0 < level < 1.0:
            raise ConfigError(f"The level of an interval lies between 0 and 1, not at {level}.")
        half = float(special.ndtri(0.5 + level / 2.0)) * self.bse
        return pd.DataFrame({"lower": self.params - half, "upper": self.params + half})

    def summary(self) -> str:
        """Return the fit as text; no row of the data is in it."""
        return summary_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the fit as plain numbers and text for JSON, without any row or level of the data."""
        return fit_to_record(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Fit:
        """Rebuild a fit from `to_dict`; what belongs to rows is then not there."""
        return fit_from_record(record, cls, Optimisation, KenwardRoger)

    def _rows(self, what: str) -> FitRows:
        if self.rows is None:
            raise ModelError(f"A stored fit holds no rows, so it has no {what}: fit the model again.")
        return self.rows

    def _repr_html_(self) -> str:
        return summary_html(self)

    def __str__(self) -> str:
        return self.summary()


def variance_table(parts: list[tuple[str, tuple[str, ...], Floats]], sigma2: float) -> pd.DataFrame:
    """Lay out variance components as a table.

    Parameters
    ----------
    parts
        Per random term: grouping factor, column names, relative covariance factor T on the data's scale.
    sigma2
        The residual variance.
    """
    widest = max(len(names) for _, names, _ in parts)
    groups: list[str] = []
    terms: list[str] = []
    variances: list[float] = []
    correlations: list[list[float]] = []
    for group, names, factor in parts:
        covariance = sigma2 * factor @ factor.T
        sds = np.sqrt(np.diag(covariance)).tolist()
        for i, name in enumerate(names):
            groups.append(group)
            terms.append(name)
            variances.append(float(covariance[i, i]))
            known = [sds[i] > 0 and sds[j] > 0 for j in range(i)]
            row = [float(covariance[i, j]) / (sds[i] * sds[j]) if known[j] else np.nan for j in range(i)]
            correlations.append(row + [np.nan] * (widest - 1 - i))
    variance = np.array([*variances, sigma2])
    table: dict[str, object] = {
        "group": [*groups, "Residual"], "term": [*terms, ""], "variance": variance, "sd": np.sqrt(variance)
    }  # fmt: skip
    for j, column in enumerate(np.array([*correlations, [np.nan] * (widest - 1)]).T, start=1):
        table[f"corr_{j}"] = column
    return pd.DataFrame(table)

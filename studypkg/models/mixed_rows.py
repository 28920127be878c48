"""What a linear mixed model knows about rows and levels, worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studypkg.models.design import Codes, Design, Floats
from studypkg.models.design_rows import DesignRows
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point
from studypkg.models.linear.modes import Modes, conditional_modes
from studypkg.models.offset import NO_OFFSET, Offset
from studypkg.models.prediction import Interval, predicted_interval
from studypkg.models.random_effects import by_term, drawn_effects, ranef_table
from studypkg.models.rows import predicted

if TYPE_CHECKING:
    from studypkg.models.fit import Fit


class MixedRows(DesignRows):
    """Rows of a linear mixed model; see `studypkg.models.rows.FitRows`.

    Parameters
    ----------
    design
        The matrices of the rows used.
    sums, point
        The sums of products and the optimum.
    triangles
        The relative covariance factor of every term on the data's scale.
    refit
        Fits another response to the same rows.
    by_ml
        Fits the same rows by maximum likelihood.
    offset
        The known part of the mean, which ``design.y`` is without.
    """

    def __init__(
        self,
        design: Design,
        sums: CrossProducts,
        point: Point,
        triangles: list[Floats],
        refit: Callable[[Floats], Fit],
        by_ml: Callable[[], Fit],
        offset: Offset = NO_OFFSET,
    ) -> None:
        super().__init__(design)
        self.sums, self.point, self.triangles = sums, point, triangles
        self.refit, self.by_ml, self.offset = refit, by_ml, offset

    @property
    def strata(self) -> tuple[Codes, ...]:
        """The level of every row for each grouping factor."""
        return tuple(factor.codes for factor in self.sums.factors)

    @property
    def y(self) -> Floats:
        """The response, n."""
        return self.offset.added_to(self.design.y)

    @cached_property
    def modes(self) -> tuple[Modes, ...]:
        """Conditional modes and variances by grouping factor, in the order of ``sums.factors``."""
        return conditional_modes(self.point, self.sums)

    @cached_property
    def effects(self) -> tuple[Floats, ...]:
        """The conditional modes of every term, levels × columns."""
        return by_term(self.sums.factors, [m.values for m in self.modes])

    @cached_property
    def fitted(self) -> pd.Series[float]:
        """Fitted values with random effects, under the data's own index."""
        values = self.offset.added_to(self.design.fixed @ self.point.beta)
        for term, effects in zip(self.terms, self.effects, strict=True):
            for j in range(effects.shape[1]):
                values += term.columns[:, j] * effects[term.codes, j]
        return pd.Series(values, index=self.design.index, name="fitted")

    @property
    def residuals(self) -> pd.Series[float]:
        """Response minus fitted value."""
        return pd.Series(self.y - self.fitted.to_numpy(), index=self.design.index, name="residual")

    @cached_property
    def ranef(self) -> pd.DataFrame:
        """Random effects: one row per group, level and term, with their conditional SD."""
        sds = by_term(self.sums.factors, [m.sds for m in self.modes])
        return ranef_table(self.terms, self.effects, sds)

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict new rows; see `Fit.predict`."""
        return predicted(self, newdata, params, random=random) + self.offset.of_new(newdata)

    def predict_interval(
        self, newdata: pd.DataFrame, vcov: pd.DataFrame, *, random: bool, how: Interval
    ) -> pd.DataFrame:
        """Predict new rows with an interval; see `Fit.predict`."""
        found = self.predict(newdata, pd.Series(self.point.beta, index=vcov.index), random=random)
        return predicted_interval(self, found, newdata, vcov, random=random, how=how)

    def simulate(self, random: np.random.Generator) -> Floats:
        """Draw a response from the fitted model."""
        sigma = float(np.sqrt(self.point.sigma2))
        drawn = self.offset.added_to(self.design.fixed @ self.point.beta)
        drawn = drawn + sigma * drawn_effects(self.design, self.triangles, random)
        weights = self.design.weights
        spread = sigma if weights is None else sigma / np.sqrt(weights)
        return np.asarray(drawn + spread * random.standard_normal(len(drawn)), dtype=float)

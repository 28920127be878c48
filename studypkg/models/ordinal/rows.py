"""What an ordinal mixed model knows about rows and levels, worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studypkg.models.design import Codes, Design, Floats
from studypkg.models.design_rows import DesignRows
from studypkg.models.ordinal.densities import CumulativeLink
from studypkg.models.ordinal.likelihood import Point
from studypkg.models.ordinal.problem import Problem
from studypkg.models.ordinal.response import Categories
from studypkg.models.random_effects import by_term, drawn_effects, ranef_table
from studypkg.models.rows import predicted

if TYPE_CHECKING:
    from studypkg.models.fit import Fit


def probabilities(eta: Floats, alpha: Floats, link: CumulativeLink) -> Floats:
    """Return the probability of every category (columns, K) at linear predictors (rows, n)."""
    with np.errstate(over="ignore"):
        below = link.below(alpha - np.asarray(eta)[:, None])
    ones = np.ones((len(below), 1))
    return np.asarray(np.maximum(np.diff(np.hstack([0.0 * ones, below, ones]), axis=1), 0.0))


class OrdinalRows(DesignRows):
    """Rows of an ordinal mixed model; see `studypkg.models.rows.FitRows`.

    Parameters
    ----------
    design
        The matrices of the rows used, ``fixed`` without the intercept.
    categories, codes
        The categories that occur, and the place of every row's.
    alpha, beta
        Thresholds and coefficients on the data's scale.
    problem, point
        The model in numbers and the optimum.
    triangles
        The relative covariance factor of every term on the data's scale.
    refit
        Fits other scores to the same rows.
    """

    by_ml: Callable[[], Fit] | None = None

    def __init__(
        self,
        design: Design,
        categories: Categories,
        codes: Codes,
        alpha: Floats,
        beta: Floats,
        problem: Problem,
        point: Point,
        triangles: list[Floats],
        refit: Callable[[Floats], Fit],
    ) -> None:
        super().__init__(design)
        self.categories, self.codes = categories, codes
        self.alpha, self.beta = alpha, beta
        self.problem, self.point, self.triangles, self.refit = problem, point, triangles, refit

    @cached_property
    def strata(self) -> tuple[Codes, ...]:
        """The level of every row for each grouping factor."""
        return tuple({term.group: term.codes for term in self.terms}.values())

    @property
    def y(self) -> Floats:
        """The score of every row's category, n."""
        return self.categories.scores[self.codes]

    @cached_property
    def _by_factor(self) -> list[tuple[Floats, Floats]]:
        modes, triangles = self.point.modes, self.problem.triangles(self.point.psi)
        return [
            (u @ t.T / factor.scales, np.sqrt(spread) / factor.scales)
            for factor, u, t, spread in zip(
                self.problem.factors, modes.effects, triangles, modes.curvature.spreads(), strict=True
            )
        ]

    @cached_property
    def effects(self) -> tuple[Floats, ...]:
        """The conditional modes of every term, levels × columns."""
        return by_term(self.problem.factors, [modes for modes, _ in self._by_factor])

    @cached_property
    def fitted(self) -> pd.Series[float]:
        """The expected score of every row given the random effects, under the data's own index."""
        eta = self.problem.own_order(self.point.modes.eta)
        centred = self.problem.alpha(self.point.psi)
        expected = probabilities(eta, centred, self.problem.link) @ self.categories.scores
        return pd.Series(expected, index=self.design.index, name="fitted")

    @property
    def residuals(self) -> pd.Series[float]:
        """Score minus expected score."""
        return pd.Series(self.y - self.fitted.to_numpy(), index=self.design.index, name="residual")

    @cached_property
    def ranef(self) -> pd.DataFrame:
        """Random effects: one row per group, level and term, with their conditional SD."""
        sds = by_term(self.problem.factors, [spread for _, spread in self._by_factor])
        return ranef_table(self.terms, self.effects, sds)

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict the linear predictor of new rows, thresholds apart; see `Fit.predict`."""
        return predicted(self, newdata, params.iloc[len(self.alpha) :], random=random)

    def simulate(self, random: np.random.Generator) -> Floats:
        """Draw scores from the fitted model, random effects drawn anew."""
        eta = self.design.fixed @ self.beta
        eta = eta + drawn_effects(self.design, self.triangles, random)
        below = np.cumsum(probabilities(eta, self.alpha, self.problem.link), axis=1)[:, :-1]
        drawn = (random.random(len(eta))[:, None] > below).sum(axis=1)
        return np.asarray(self.categories.scores[drawn], dtype=float)

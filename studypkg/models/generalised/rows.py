"""What a generalised mixed model knows about rows and levels, worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError
from studypkg.models.design import Codes
from studypkg.models.design_rows import DesignRows
from studypkg.models.generalised.likelihood import Point
from studypkg.models.generalised.observations import Observations
from studypkg.models.generalised.problem import Problem
from studypkg.models.links import Floats
from studypkg.models.offset import evaluate_text
from studypkg.models.random_effects import by_term, drawn_effects, ranef_table
from studypkg.models.rows import predicted

if TYPE_CHECKING:
    from studypkg.models.fit import Fit


class GlmmRows(DesignRows):
    """Rows of a generalised mixed model; see `studypkg.models.rows.FitRows`.

    Notes
    -----
    ``fitted`` is the conditional mean μ̂ at the modes of the random effects: a probability for binomial
    responses, also where a row counts several trials, an expected count otherwise. ``residuals`` are response
    minus ``fitted``, of proportions y / trials for binomial responses. ``predict`` gives the linear
    predictor.

    Parameters
    ----------
    seen
        The rows used.
    problem, point
        The same rows as the likelihood sees them, and the maximum.
    triangles
        The covariance factor of every term on the data's scale.
    refit
        Fits another response to the same rows.
    """

    by_ml = None

    def __init__(
        self,
        seen: Observations,
        problem: Problem,
        point: Point,
        triangles: list[Floats],
        refit: Callable[[Floats], Fit],
    ) -> None:
        super().__init__(seen.design)
        self.seen, self.problem, self.point, self.triangles = seen, problem, point, triangles
        self.refit = refit

    @property
    def strata(self) -> tuple[Codes, ...]:
        """The level of every row for each grouping factor."""
        return tuple(factor.codes for factor in self.problem.factors)

    @property
    def weights(self) -> Floats | None:
        """The weights of the rows, n, or None."""
        return self.seen.weights

    @property
    def y(self) -> Floats:
        """The response, n: successes or counts."""
        return self.design.y

    @cached_property
    def _by_factor(self) -> list[tuple[Floats, Floats]]:
        """Conditional modes and their standard deviations by factor, on the scale of the data."""
        modes, triangles = self.point.modes, self.problem.triangles(self.point.psi)
        found = []
        for factor, u, t, spread in zip(
            self.problem.factors, modes.effects, triangles, modes.curvature.spreads(), strict=True
        ):
            found.append((u @ t.T / factor.scales, np.sqrt(spread) / factor.scales))
        return found

    @cached_property
    def effects(self) -> tuple[Floats, ...]:
        """The conditional modes of every term, levels × columns."""
        return by_term(self.problem.factors, [modes for modes, _ in self._by_factor])

    @cached_property
    def fitted(self) -> pd.Series[float]:
        """Conditional means with random effects, under the data's own index."""
        eta = self.problem.own_order(self.point.modes.eta)
        return pd.Series(self.problem.family.link.to_mean(eta), index=self.design.index, name="fitted")

    @property
    def residuals(self) -> pd.Series[float]:
        """Response (a proportion where trials were counted) minus conditional mean."""
        values = self.design.y / self.seen.trials - self.fitted.to_numpy()
        return pd.Series(values, index=self.design.index, name="residual")

    @cached_property
    def ranef(self) -> pd.DataFrame:
        """Random effects: one row per group, level and term, with their conditional SD."""
        sds = by_term(self.problem.factors, [spread for _, spread in self._by_factor])
        return ranef_table(self.terms, self.effects, sds)

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict the linear predictor of new rows, with their offset; see `Fit.predict`."""
        found = predicted(self, newdata, params, random=random)
        text = self.seen.offset_text
        if text is None:
            raise ConfigError(
                "The offset was given as numbers, so new rows have none: fit with the name of a column or an "
                'expression such as offset="log(days)".'
            )
        return found + evaluate_text(text, newdata, "offset") if text else found

    def simulate(self, random: np.random.Generator) -> Floats:
        """Draw a response from the fitted model, random effects drawn anew."""
        problem, psi = self.problem, self.point.psi
        eta = self.design.fixed @ problem.beta(psi) + self.seen.offset
        eta = eta + drawn_effects(self.design, self.triangles, random)
        mu = problem.family.link.to_mean(eta)
        return problem.family.draw(random, mu, self.seen.trials, problem.log_size(psi))

"""What a fit of streamed rows knows: levels and how to predict, but no row."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from studypkg.errors import ModelError
from studypkg.models.design import Codes, Floats, GroupTerm
from studypkg.models.engine import Solved
from studypkg.models.linear.modes import Modes, conditional_modes
from studypkg.models.matrices import Block
from studypkg.models.random_effects import by_term, ranef_table
from studypkg.models.rows import predicted

if TYPE_CHECKING:
    from studypkg.models.fit import Fit


class StreamedRows:
    """Levels of a streamed fit; see `studypkg.models.rows.FitRows`. What needs rows is refused.

    Parameters
    ----------
    fixed
        How the fixed columns are built.
    fixed_columns
        The columns of the data that the fixed part reads.
    terms
        The random terms with their levels, without rows.
    solved
        The optimum and its sums of products.
    by_ml
        Fits the same sums by maximum likelihood.
    """

    def __init__(
        self,
        fixed: Block,
        fixed_columns: tuple[str, ...],
        terms: tuple[GroupTerm, ...],
        solved: Solved,
        by_ml: Callable[[], Fit],
    ) -> None:
        self._fixed, self.fixed_columns, self.terms = fixed, fixed_columns, terms
        self.solved, self.by_ml = solved, by_ml

    @property
    def spec(self) -> ModelSpec:
        """How the fixed columns are built for new rows."""
        return self._fixed.spec

    @cached_property
    def modes(self) -> tuple[Modes, ...]:
        """Conditional modes and variances by grouping factor."""
        return conditional_modes(self.solved.point, self.solved.sums)

    @cached_property
    def effects(self) -> tuple[Floats, ...]:
        """The conditional modes of every term, levels × columns."""
        return by_term(self.solved.sums.factors, [m.values for m in self.modes])

    @cached_property
    def ranef(self) -> pd.DataFrame:
        """Random effects: one row per group, level and term, with their conditional SD."""
        sds = by_term(self.solved.sums.factors, [m.sds for m in self.modes])
        return ranef_table(self.terms, self.effects, sds)

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict new rows; see `Fit.predict`."""
        return predicted(self, newdata, params, random=random)

    @property
    def fitted(self) -> pd.Series[float]:
        """Not there."""
        _refuse("fitted values")

    @property
    def residuals(self) -> pd.Series[float]:
        """Not there."""
        _refuse("residuals")

    @property
    def strata(self) -> tuple[Codes, ...]:
        """Not there."""
        _refuse("level of every row")

    @property
    def weights(self) -> Floats | None:
        """Not there."""
        _refuse("weights of rows")

    @property
    def structure(self) -> str:
        """No covariance over visits beside the random effects."""
        return ""

    @property
    def y(self) -> Floats:
        """Not there."""
        _refuse("response")

    @property
    def fixed(self) -> Floats:
        """Not there."""
        _refuse("fixed columns")

    @property
    def frame(self) -> pd.DataFrame:
        """Not there."""
        _refuse("table of predictors")

    @property
    def refit(self) -> Callable[[Floats], Fit]:
        """Not there."""
        _refuse("rows to fit another response to")

    def simulate(self, random: np.random.Generator) -> Floats:
        """Not there."""
        _refuse("rows to simulate")


def _refuse(what: str) -> NoReturn:
    raise ModelError(
        f"This fit was made of rows that stayed outside memory, so it has no {what}. Read a part of the rows "
        "and use predict(part, random=True), or fit a table in memory."
    )

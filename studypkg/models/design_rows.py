"""What every model with a design says of its rows in the same words."""

from __future__ import annotations

import pandas as pd
from formulaic import ModelSpec

from studypkg.models.design import Design, Floats, GroupTerm


class DesignRows:
    """The part of `studypkg.models.rows.FitRows` that the design alone answers.

    Parameters
    ----------
    design
        The matrices of the rows used.
    """

    def __init__(self, design: Design) -> None:
        self.design = design

    @property
    def spec(self) -> ModelSpec:
        """How the fixed columns are built for new rows."""
        return self.design.spec

    @property
    def fixed_columns(self) -> tuple[str, ...]:
        """The columns of the data that the fixed part reads."""
        return self.design.fixed_columns

    @property
    def terms(self) -> tuple[GroupTerm, ...]:
        """The random terms, with the level and the columns of every row."""
        return self.design.terms

    @property
    def weights(self) -> Floats | None:
        """The weights of the rows, n, or None."""
        return self.design.weights

    @property
    def structure(self) -> str:
        """No covariance over visits beside the random effects."""
        return ""

    @property
    def fixed(self) -> Floats:
        """The fixed columns, n × p."""
        return self.design.fixed

    @property
    def frame(self) -> pd.DataFrame:
        """The columns of the fixed part, one row per row used."""
        return self.design.frame

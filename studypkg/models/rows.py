"""What a fit knows about rows and levels: kept in memory, never written with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from numpy.typing import NDArray

from studypkg.errors import ConfigError, nearest
from studypkg.models.design import (
    Codes,
    Floats,
    GroupTerm,
    level_codes,
    level_text,
    matrix,
    plain_column,
    refuse_twins,
)
from studypkg.models.formula import columns_of

if TYPE_CHECKING:
    from studypkg.models.fit import Fit


class FitRows(Protocol):
    """What every fit in memory can say about its rows.

    Notes
    -----
    ``y`` (n) and ``fixed`` (n × p) are what was fitted; ``frame`` holds the columns of the fixed part, one
    row per row used (categories as categories). ``refit`` fits another response to the same rows,
    ``simulate`` draws one, ``by_ml`` fits the same rows by maximum likelihood. A model without random effects
    has no ``terms`` and an empty ``ranef``.
    """

    @property
    def fitted(self) -> pd.Series[float]:
        """Fitted values with random effects, one per row used."""
        ...

    @property
    def residuals(self) -> pd.Series[float]:
        """Response minus fitted value."""
        ...

    @property
    def ranef(self) -> pd.DataFrame:
        """Random effects by group, level and term."""
        ...

    @property
    def spec(self) -> ModelSpec:
        """How the fixed columns are built for new rows."""
        ...

    @property
    def fixed_columns(self) -> tuple[str, ...]:
        """The columns of the data that the fixed part reads."""
        ...

    @property
    def terms(self) -> tuple[GroupTerm, ...]:
        """The random terms."""
        ...

    @property
    def effects(self) -> tuple[Floats, ...]:
        """Conditional modes of every term, levels × columns."""
        ...

    @property
    def strata(self) -> tuple[Codes, ...]:
        """The level of every row, from zero on, for each grouping factor (of an MMRM: the subjects)."""
        ...

    @property
    def weights(self) -> Floats | None:
        """The weights of the rows, n, or None."""
        ...

    @property
    def structure(self) -> str:
        """The covariance over visits, as ``ar1h`` or ``ar1h|arm`` by group; empty for other models."""
        ...

    @property
    def y(self) -> Floats:
        """The response, n."""
        ...

    @property
    def fixed(self) -> Floats:
        """The fixed columns, n × p."""
        ...

    @property
    def frame(self) -> pd.DataFrame:
        """The columns of the fixed part, one row per row used."""
        ...

    @property
    def refit(self) -> Callable[[Floats], Fit]:
        """Fits another response to the same rows."""
        ...

    @property
    def by_ml(self) -> Callable[[], Fit] | None:
        """Fits the same rows by maximum likelihood, where that is possible."""
        ...

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict new rows; see `Fit.predict`."""

    def simulate(self, random: np.random.Generator) -> Floats:
        """Draw a response from the fitted model."""


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """The rows of a fit, all worked out at once; see `FitRows`."""

    fitted: pd.Series[float]
    residuals: pd.Series[float]
    ranef: pd.DataFrame
    spec: ModelSpec
    fixed_columns: tuple[str, ...]
    terms: tuple[GroupTerm, ...]
    effects: tuple[Floats, ...]
    y: Floats
    fixed: Floats
    frame: pd.DataFrame
    refit: Callable[[Floats], Fit]
    simulate: Callable[[np.random.Generator], Floats]
    by_ml: Callable[[], Fit] | None = None
    strata: tuple[Codes, ...] = ()
    weights: Floats | None = None
    structure: str = ""

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict new rows; see `Fit.predict`."""
        return predicted(self, newdata, params, random=random)


def predicted(
    rows: FitRows, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool
) -> pd.Series[float]:
    """Predict new rows; see `Fit.predict`."""
    frame, grouping, complete = rows_given(rows, newdata, groups=random, slopes=random)
    values = np.full(len(newdata), np.nan)
    if complete.any():
        whole = frame.loc[complete].reset_index(drop=True)
        fixed = matrix(rows.spec, whole)[list(params.index)] if len(params) else np.zeros((len(whole), 0))
        values[complete] = np.asarray(fixed, dtype=float) @ params.to_numpy()
        if random:
            values[complete] += _random_part(rows, whole, grouping.loc[complete])
    return pd.Series(values, index=newdata.index, name="predicted")


def rows_given(
    rows: FitRows, newdata: pd.DataFrame, *, groups: bool, slopes: bool
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.bool_]]:
    """Take what a prediction reads from new rows.

    Parameters
    ----------
    rows, newdata
        The rows of the fit, and new ones.
    groups, slopes
        Whether the grouping factors and the columns of random terms are needed.

    Returns
    -------
    tuple
        The columns as the formula reads them, as they came, and which rows are complete.

    Raises
    ------
    ConfigError
        If a column is not there.
    """
    columns = [str(c) for c in newdata.columns]
    used = set(rows.fixed_columns)
    for term in rows.terms:
        used |= columns_of(term.term.lhs, [*columns, *rows.fixed_columns]) if slopes else set()
        used |= set(term.term.group) if groups else set()
    for name in sorted(used):
        if name not in columns:
            raise ConfigError(f'The new rows lack the column "{name}".{nearest(name, columns)}')
    refuse_twins(columns, used)
    grouping = newdata[[c for c in columns if c in used]]
    frame = pd.DataFrame({c: plain_column(newdata[c], c) for c in grouping.columns}, index=newdata.index)
    return frame, grouping, ~frame.isna().any(axis=1).to_numpy()


def known_places(term: GroupTerm, grouping: pd.DataFrame) -> Codes:
    """Return the place of every row's level among those of the fit, -1 for a new level."""
    codes, uniques = level_codes(term.term.group, grouping)
    known = {label: at for at, label in enumerate(term.levels)}
    return np.asarray(np.array([known.get(level_text(u), -1) for u in uniques])[codes])


def _random_part(rows: FitRows, frame: pd.DataFrame, grouping: pd.DataFrame) -> Floats:
    total = np.zeros(len(frame))
    for term, effects in zip(rows.terms, rows.effects, strict=True):
        places = known_places(term, grouping)
        columns = np.asarray(matrix(term.spec, frame), dtype=float)
        added = (columns * effects[places]).sum(axis=1)
        total += np.where(places >= 0, added, 0.0)
    return total

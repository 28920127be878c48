"""What a fit knows about rows and levels: kept in memory, never written with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from studypkg.errors import ConfigError, nearest
from studypkg.models.design import Floats, GroupTerm, level_codes, matrix, plain_column
from studypkg.models.formula import columns_of

if TYPE_CHECKING:
    from studypkg.models.fit import Fit


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Fitted values, residuals, random effects, and how to build the columns for new rows.

    Notes
    -----
    ``y`` (n) and ``fixed`` (n × p) are what was fitted; ``frame`` holds the columns of the fixed part, one
    row per row used (categories as categories). ``refit`` fits another response to the same rows,
    ``simulate`` draws one. A model without random effects has no ``terms`` and an empty ``ranef``.
    """

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

    def predict(self, newdata: pd.DataFrame, params: pd.Series[float], *, random: bool) -> pd.Series[float]:
        """Predict new rows; see `Fit.predict`."""
        columns = [str(c) for c in newdata.columns]
        used = set(self.fixed_columns)
        if random:
            for term in self.terms:
                used |= columns_of(term.term.lhs, [*columns, *self.fixed_columns]) | set(term.term.group)
        for name in sorted(used):
            if name not in columns:
                raise ConfigError(f'The new rows lack the column "{name}".{nearest(name, columns)}')
        grouping = newdata[[c for c in columns if c in used]]
        frame = pd.DataFrame({c: plain_column(newdata[c], c) for c in grouping.columns}, index=newdata.index)
        complete = ~frame.isna().any(axis=1).to_numpy()
        values = np.full(len(newdata), np.nan)
        if complete.any():
            whole = frame.loc[complete].reset_index(drop=True)
            fixed = matrix(self.spec, whole)[list(params.index)] if len(params) else np.zeros((len(whole), 0))
            values[complete] = np.asarray(fixed, dtype=float) @ params.to_numpy()
            if random:
                values[complete] += self._random_part(whole, grouping.loc[complete])
        return pd.Series(values, index=newdata.index, name="predicted")

    def _random_part(self, frame: pd.DataFrame, grouping: pd.DataFrame) -> Floats:
        total = np.zeros(len(frame))
        for term, effects in zip(self.terms, self.effects, strict=True):
            codes, levels = level_codes(term.term.group, grouping)
            known = {label: at for at, label in enumerate(term.levels)}
            places = np.array([known.get(label, -1) for label in levels])[codes]
            columns = np.asarray(matrix(term.spec, frame), dtype=float)
            added = (columns * effects[places]).sum(axis=1)
            total += np.where(places >= 0, added, 0.0)
        return total

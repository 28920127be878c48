"""What a comparison is tested against, and on which side: a difference, or a margin of non-inferiority."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, nearest
from studypkg.inference.adjustments import BY_P_VALUE, Adjustment
from studypkg.inference.student import lower_tail, t_quantile

Floats = NDArray[np.float64]
SIDES = ("two-sided", "greater", "less")
# Methods that know both sides only.
_TWO_SIDED_ONLY = ("tukey", "mvt", "sidak", "scheffe")


@dataclass(frozen=True)
class Question:
    """A null value on the scale where the model is linear, and the side of the alternative."""

    null: float = 0.0
    side: str = "two-sided"

    def pose(self, table: pd.DataFrame, level: float) -> None:
        """Put statistic, unadjusted p-value and interval of this question into a table of estimates."""
        if self.null != 0.0:
            table["statistic"] = (table["estimate"] - self.null) / table["se"]
        df = table["df"].to_numpy(dtype=float)
        statistic = table["statistic"].to_numpy(dtype=float)
        if self.side == "two-sided":
            table["p_value"] = 2.0 * lower_tail(-np.abs(statistic), df)
        else:
            table["p_value"] = (
                lower_tail(statistic, df) if self.side == "less" else lower_tail(-statistic, df)
            )
            self._bound(table, 2.0 * level - 1.0)

    def adjust(self, table: pd.DataFrame, method: Adjustment, level: float) -> None:
        """Adjust one-sided p-values and bounds of a family."""
        known = ~np.isnan(table["p_value"].to_numpy(dtype=float))
        p = table["p_value"].to_numpy(dtype=float).copy()
        p[known] = BY_P_VALUE[method.name](p[known])
        table["p_value"] = p
        if method.name == "bonferroni":
            self._bound(table, 1.0 - 2.0 * (1.0 - level) / max(int(known.sum()), 1))

    def _bound(self, table: pd.DataFrame, two_sided_level: float) -> None:
        """Leave one end of each interval: the alternative's other end is infinite."""
        if two_sided_level <= 0.0:
            raise ConfigError("A one-sided interval needs a level above 0.5.")
        half = t_quantile(two_sided_level, table["df"].to_numpy(dtype=float)) * table["se"]
        empty = table["estimate"].isna()
        if self.side == "greater":
            table["ci_low"], table["ci_high"] = table["estimate"] - half, np.where(empty, np.nan, np.inf)
        else:
            table["ci_low"], table["ci_high"] = np.where(empty, np.nan, -np.inf), table["estimate"] + half


def question(null: float | None, side: str, method: Adjustment, *, ratio: bool) -> Question:
    """Check what is asked.

    Parameters
    ----------
    null
        The value tested against, on the scale of the estimates; none means no difference.
    side
        ``two-sided``, ``greater`` or ``less``: the alternative.
    method
        The adjustment.
    ratio
        Whether the estimates are ratios.

    Raises
    ------
    ConfigError
        If there is no such side, the value cannot be, or the adjustment knows both sides only.
    """
    if side not in SIDES:
        raise ConfigError(
            f'There is no side "{side}".{nearest(str(side), SIDES)} Available: {", ".join(SIDES)}.'
        )
    if side != "two-sided" and method.name in _TWO_SIDED_ONLY:
        raise ConfigError(
            f'The adjustment "{method.name}" is for two-sided tests: for one side ask for "holm" or '
            '"bonferroni".'
        )
    value = (1.0 if ratio else 0.0) if null is None else float(null)
    if not np.isfinite(value) or (ratio and value <= 0.0):
        raise ConfigError(f"null: {value:g} is not a {'positive ratio' if ratio else 'finite number'}.")
    return Question(float(np.log(value)) if ratio else value, side)

"""Linear functions of the coefficients at the cells of a grid, and whether the rows can tell them at all.

Where columns repeat others only some combinations of coefficients mean anything. A combination of columns
that is not in the space of the fitted rows has no estimate, and gets none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.contrasts import contrast
from studypkg.inference.ddf import ddf_method
from studypkg.inference.marginal_grid import fitted_rows
from studypkg.models.fit import Fit
from studypkg.models.matrices import matrix

Floats = NDArray[np.float64]
NOT_ESTIMABLE = "not estimable"
NO_COEFFICIENT = "no coefficient in it"
NO_ROWS = "no rows to weigh by"
# A combination outside the space of the rows by more than this share of its own size is not estimable.
_OUTSIDE = 1e-7
# A weight on a coefficient below this share of what was subtracted to get it is rounding.
_ROUNDING = 1e-12
NUMBERS = ["estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high"]


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of the fixed part, those left out as repeats included.

    Notes
    -----
    ``names`` are all c columns of the formula; ``to_coefficients`` (c × p) turns weights of columns into
    weights of coefficients. ``null`` (c × a) spans the combinations of columns, each divided by its ``scale``
    (c), that are zero in every row used: a linear function of the columns has an estimate when its products
    with ``null`` are zero.
    """

    fit: Fit
    names: tuple[str, ...]
    to_coefficients: Floats
    scale: Floats
    null: Floats

    def at(self, cells: pd.DataFrame) -> Floats:
        """Evaluate all columns at the cells of a grid, m × c."""
        try:
            values = _evaluate(self.fit, cells)
        except ConfigError as fault:
            raise ConfigError(
                f"{fault} At the reference grid: does at give a value outside what a function of the formula "
                "knows, such as the boundary knots of a spline?"
            ) from None
        if not np.isfinite(values).all():
            bad = self.names[int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])]
            raise ConfigError(
                f'"{bad}" is not a finite number somewhere in the reference grid: give other values with at.'
            )
        return values

    def of_coefficients(self, full: Floats) -> Floats:
        """Turn linear functions of the columns (m × c) into such of the coefficients (m × p)."""
        return np.asarray(full @ self.to_coefficients)

    def estimable(self, full: Floats) -> NDArray[np.bool_]:
        """Tell which rows (m × c) are combinations of rows that were fitted; a missing row is not."""
        scaled = np.nan_to_num(full / self.scale)
        size = np.abs(scaled) @ np.abs(self.null)
        inside = (np.abs(scaled @ self.null) <= _OUTSIDE * size).all(axis=1)
        return np.asarray(inside & ~np.isnan(full).any(axis=1))


def columns_of_fit(fit: Fit) -> Columns:
    """Take the columns of a fit, with the null space of those that repeat others.

    Raises
    ------
    ModelError
        If the fit holds no rows, or its coefficients are not those of its formula.
    """
    rows = fitted_rows(fit)
    names = tuple(str(c) for c in rows.spec.column_names)
    coefficients = [str(c) for c in fit.params.index]
    to_coefficients = _loading(names, coefficients, fit.aliased)
    aliased = [names.index(n) for n in fit.aliased if n in names]
    if not aliased:
        return Columns(fit, names, to_coefficients, np.ones(len(names)), np.zeros((len(names), 0)))
    fitted = _evaluate(fit, rows.frame)
    sizes = np.sqrt((fitted**2).mean(axis=0))
    scale = np.where(sizes > 0.0, sizes, 1.0)
    kept = [j for j in range(len(names)) if j not in aliased]
    triangle = np.asarray(np.linalg.qr(fitted[:, kept + aliased] / scale[kept + aliased], mode="r"))
    explained = np.linalg.lstsq(triangle[:, : len(kept)], triangle[:, len(kept) :], rcond=None)[0]
    null = np.zeros((len(names), len(aliased)))
    null[kept] = np.where(np.abs(explained) > _ROUNDING, -explained, 0.0)
    null[aliased] = np.eye(len(aliased))
    return Columns(fit, names, to_coefficients, scale, null)


def _loading(names: tuple[str, ...], coefficients: list[str], aliased: tuple[str, ...]) -> Floats:
    """Say which column each coefficient weighs, c × p.

    Notes
    -----
    An ordinal model has thresholds where others have an intercept. The mean on its latent scale is counted
    from the mean of the thresholds, so that each of J of them weighs −1/J of the intercept's column.
    """
    thresholds = [c for c in coefficients if c not in names]
    lost = [n for n in names if n not in coefficients and n not in aliased]
    if lost != (["Intercept"] if thresholds else []):
        raise ModelError(
            "The coefficients of this fit are not the columns of its formula: no marginal means."
        )
    loading = np.zeros((len(names), len(coefficients)))
    for at, coefficient in enumerate(coefficients):
        if coefficient in names:
            loading[names.index(coefficient), at] = 1.0
        else:
            loading[names.index("Intercept"), at] = -1.0 / len(thresholds)
    return loading


def estimates(
    columns: Columns, full: Floats, reasons: NDArray[np.object_], *, ddf: str | None, level: float
) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    """Estimate linear functions of all columns, those that cannot be left missing with their reason.

    Parameters
    ----------
    columns
        The columns of the fit.
    full
        One row per linear function, m × c.
    reasons
        Why a row (m) has no estimate, where that is known before; empty text elsewhere.
    ddf
        Method of the degrees of freedom, or None for the one that belongs to the fit.
    level
        Level of the intervals.

    Returns
    -------
    tuple
        A table with the columns of `contrast` (m rows) and the reasons, completed.
    """
    weights = columns.of_coefficients(np.nan_to_num(full))
    reasons = reasons.copy()
    reasons[(reasons == "") & ~columns.estimable(full)] = NOT_ESTIMABLE
    reasons[(reasons == "") & ~weights.any(axis=1)] = NO_COEFFICIENT
    table = pd.DataFrame(np.nan, index=pd.RangeIndex(len(full)), columns=NUMBERS)
    good = reasons == ""
    if good.any():
        found = contrast(columns.fit, weights[good], ddf=ddf, level=level)
        table.loc[good, NUMBERS] = found[NUMBERS].to_numpy(dtype=float)
    return table, reasons


def covariance_of(fit: Fit, weights: Floats, ddf: str | None) -> Floats:
    """Return the covariance of functions of the coefficients (m × p) that goes with a method.

    Notes
    -----
    Kenward and Roger's method brings its own covariance of the coefficients; other methods use the fit's.
    """
    return np.asarray(weights @ ddf_method(ddf, fit).vcov(fit) @ weights.T)


def _evaluate(fit: Fit, cells: pd.DataFrame) -> Floats:
    return np.asarray(matrix(fitted_rows(fit).spec, cells), dtype=float)

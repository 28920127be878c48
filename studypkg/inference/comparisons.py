"""Contrasts of marginal means with their tests and intervals, family by family."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.inference.adjustments import Adjustment, Family
from studypkg.inference.comparison_question import Question
from studypkg.inference.comparison_weights import Weighting
from studypkg.inference.marginal_rows import NO_ROWS, Columns, covariance_of, estimates

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Comparisons:
    """Contrasts of marginal means.

    Notes
    -----
    ``table`` has one row per contrast: ``contrast``, the ``by`` variables, ``estimate``, ``se``, ``df``,
    ``statistic``, ``p_value`` (adjusted within each ``by`` group), ``ci_low`` and ``ci_high``; where a
    contrast has no estimate there is a column ``reason``. ``measure`` is what the estimates are:
    ``difference``, ``ratio`` or ``odds ratio``. ``simultaneous`` tells whether the intervals hold together,
    or each by itself. ``linear`` has the weight of every coefficient.
    """

    table: pd.DataFrame
    linear: pd.DataFrame
    by: tuple[str, ...]
    adjust: str
    measure: str
    simultaneous: bool
    level: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return as_text(self.table, self.notes)

    def _repr_html_(self) -> str:
        return as_html(self.table, f"Contrasts: {self.measure}", self.notes)


@dataclass(frozen=True, eq=False)
class Group:
    """The means of one family: ``values`` of the by variables, and the places of the means."""

    values: tuple[object, ...]
    places: NDArray[np.intp]


def compared(
    columns: Columns,
    full: Floats,
    reasons: NDArray[np.object_],
    groups: list[tuple[Group, Weighting]],
    by: tuple[str, ...],
    method: Adjustment,
    asked: Question,
    *,
    ddf: str | None,
    level: float,
) -> tuple[pd.DataFrame, Floats]:
    """Estimate and test contrasts of means, adjusting within each group.

    Parameters
    ----------
    columns
        The columns of the fit.
    full
        The means as linear functions of all columns, m × c.
    reasons
        Why a mean (m) is missing; empty text where it is not.
    groups
        Families of means with their contrasts.
    by
        The names of the variables that tell the groups apart.
    method
        The adjustment.
    asked
        What is tested against, and on which side.
    ddf, level
        As in `contrast`.

    Returns
    -------
    tuple
        The table of `Comparisons` with a column ``reason``, and the weights of the coefficients.
    """
    tables, weights = [], []
    lost = reasons == NO_ROWS
    for group, made in groups:
        rows = made.weights @ np.nan_to_num(full[group.places])
        missing = ((made.weights != 0.0) & lost[group.places]).any(axis=1)
        found, why = estimates(
            columns, rows, np.where(missing, NO_ROWS, "").astype(object), ddf=ddf, level=level
        )
        of_coefficients = columns.of_coefficients(rows)
        found.insert(0, "contrast", list(made.labels))
        for at, (name, value) in enumerate(zip(by, group.values, strict=True)):
            found.insert(1 + at, name, [value] * len(found))
        found["reason"] = why
        if asked != Question():
            asked.pose(found, level)
        if asked.side == "two-sided":
            _adjust(found, of_coefficients, made, columns, method, ddf, level)
        else:
            asked.adjust(found, method, level)
        tables.append(found)
        weights.append(of_coefficients)
    return pd.concat(tables, ignore_index=True), np.vstack(weights)


def _adjust(
    table: pd.DataFrame,
    weights: Floats,
    made: Weighting,
    columns: Columns,
    method: Adjustment,
    ddf: str | None,
    level: float,
) -> None:
    """Put the adjusted p-values and the method's intervals into the table of one family."""
    good = (table["reason"] == "").to_numpy()
    if not good.any() or method.name == "none":
        return
    part = table.loc[good]
    se = part["se"].to_numpy(dtype=float)
    means = int((made.weights[good] != 0.0).any(axis=0).sum()) if made.all_pairs else 0
    family = Family(
        part["statistic"].to_numpy(dtype=float),
        part["df"].to_numpy(dtype=float),
        means=means,
        covariance=lambda: covariance_of(columns.fit, weights[good], ddf),
    )
    table.loc[good, "p_value"] = method.p_values(family)
    if method.critical is not None:
        half = method.critical(family, level) * se
        table.loc[good, "ci_low"] = part["estimate"] - half
        table.loc[good, "ci_high"] = part["estimate"] + half


def family_notes(
    method: Adjustment,
    asked: Question,
    groups: list[tuple[Group, Weighting]],
    by: tuple[str, ...],
    level: float,
) -> list[str]:
    """Say how p-values and intervals were adjusted."""
    tests = len(groups[0][1].labels)
    each = f", for each {' and '.join(by)} by itself" if by else ""
    percent = f"{100.0 * level:g}%" if asked.side == "two-sided" else f"One-sided {100.0 * level:g}%"
    if method.name == "none":
        return [f"P-values and {percent} intervals are not adjusted for the number of tests."]
    said = [f"P-values: {method.title}, {tests} {'test' if tests == 1 else 'tests'}{each}."]
    if method.critical is None:
        said.append(f"Intervals: {percent}, each by itself; {method.title} defines no simultaneous ones.")
    else:
        said.append(f"Intervals: {percent} simultaneous ({method.title}).")
    return said


def as_text(table: pd.DataFrame, notes: tuple[str, ...]) -> str:
    """Return a table and its notes as text."""
    return "\n".join([table.to_string(index=False, float_format=lambda v: f"{v:.5g}"), "", *notes])


def as_html(table: pd.DataFrame, caption: str, notes: tuple[str, ...]) -> str:
    """Return a table, its caption and its notes as HTML."""
    body = table.to_html(index=False, border=0, float_format=lambda v: f"{v:.4g}", na_rep="–")
    body = body.replace("<thead>", f"<caption>{html.escape(caption)}</caption>\n  <thead>", 1)
    return body + "".join(f"<p><small>{html.escape(note)}</small></p>" for note in notes)

"""Offsets, and other numbers beside a formula: columns, expressions in columns, or one number per row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import Design, Floats, build_design, plain_column
from studypkg.models.formula import ParsedFormula, columns_of
from studypkg.models.matrices import formula_of, matrix

Values = str | float | Sequence[float] | NDArray[Any] | pd.Series
_OFFSET = re.compile(r"(?:^|(?<=[+\s]))offset\s*\(")
_WEIGHTS = "weights of the rows"


@dataclass(frozen=True, eq=False)
class Offset:
    """A known part of the mean of a linear model.

    Notes
    -----
    ``values`` (n, or none at all where there is no offset) belong to the rows used; ``text`` is how new rows
    get theirs: an expression in their columns, empty for none, None when only numbers were given.
    """

    values: Floats
    text: str | None

    def added_to(self, values: Floats) -> Floats:
        """Return numbers on the scale of the response."""
        return values + self.values if len(self.values) else values

    def taken_from(self, y: Floats) -> Floats:
        """Return what is left of a response."""
        return y - self.values if len(self.values) else y

    def of_new(self, newdata: pd.DataFrame) -> Floats | float:
        """Return the offset of new rows.

        Raises
        ------
        ConfigError
            If only numbers were given, or a column is not there.
        """
        if self.text is None:
            raise ConfigError(
                "The offset was given as numbers, so new rows have none: fit with the name of a column or an "
                'expression such as offset="log(days)".'
            )
        return evaluate_text(self.text, newdata, "offset") if self.text else 0.0


NO_OFFSET = Offset(np.zeros(0), "")


def evaluate_text(text: str, data: pd.DataFrame, what: str) -> Floats:
    """Evaluate a column name or an expression such as ``log(days)``; missing where a column is missing.

    Raises
    ------
    ConfigError
        If a name is not there.
    ModelError
        If a value is not finite although its columns are there.
    """
    columns = [str(c) for c in data.columns]
    if text not in columns and not re.search(r"[^\w.]", text.strip()):
        raise ConfigError(f'The {what} "{text}" is not a column of the data.{nearest(text, columns)}')
    used = sorted(columns_of(text if text in columns else f"I({text})", columns))
    frame = pd.DataFrame({c: plain_column(data[c], c) for c in used}, index=data.index)
    absent = frame.isna().any(axis=1).to_numpy()
    numeric = all(pd.api.types.is_numeric_dtype(frame[c].dtype) for c in used)
    if not numeric:
        raise ModelError(f'The {what} "{text}" is not a number in every row: give a column of numbers.')
    if text in columns:
        values = frame[text].to_numpy(dtype=float)
    else:
        values = np.full(len(frame), np.nan)
        if not absent.all():
            whole = frame.loc[~absent].reset_index(drop=True)
            made = matrix(formula_of(f"0 + I({text})"), whole)
            values[~absent] = np.asarray(made, dtype=float)[:, 0]
    bad = int((~np.isfinite(values) & ~absent).sum())
    if bad:
        raise ModelError(
            f'The {what} "{text}" is not a finite number in {bad} rows: look for logarithms of zero.'
        )
    return np.asarray(values, dtype=float)


def row_values(given: Values | None, data: pd.DataFrame, what: str) -> Floats | None:
    """Return one number per row of the data, missing where a column is missing, or None for None.

    Raises
    ------
    ConfigError, ModelError
        If a name is not there, or the numbers are too few, too many or infinite.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return evaluate_text(given, data, what)
    values = np.asarray(given, dtype=float)
    if values.ndim == 0:
        values = np.full(len(data), float(values))
    if values.shape != (len(data),):
        raise ModelError(f"There are {values.size} values of {what} for {len(data)} rows: give one per row.")
    if bool(np.isinf(values).any()):
        raise ModelError(f"Some values of {what} are infinite: make them missing or finite.")
    return values


def design_with(
    parsed: ParsedFormula,
    data: pd.DataFrame,
    weights: str | Sequence[float] | None,
    extras: dict[str, Floats],
) -> Design:
    """Build the matrices; rows without an offset or trials go too, and are counted by their own name."""
    lacking = {name: int(np.isnan(value).sum()) for name, value in extras.items()}
    if not any(lacking.values()):
        return build_design(parsed, data, weights)
    if isinstance(weights, str) and weights not in data.columns:
        hint = nearest(weights, map(str, data.columns))
        raise ConfigError(f'The weights column "{weights}" is not in the data.{hint}')
    given = data[weights] if isinstance(weights, str) else weights
    own = np.ones(len(data)) if given is None else np.asarray(given, dtype=float).copy()
    if own.shape != (len(data),):
        raise ModelError(f"There are {own.size} weights for {len(data)} rows: give one per row.")
    own_lacking = int(np.isnan(own).sum())
    for value in extras.values():
        own[np.isnan(value)] = np.nan
    design = build_design(parsed, data, own.tolist())
    dropped = {k: v for k, v in design.dropped.items() if k != _WEIGHTS}
    dropped |= {name: count for name, count in lacking.items() if count}
    dropped |= {_WEIGHTS: own_lacking} if own_lacking else {}
    return replace(design, weights=None if weights is None else design.weights, dropped=dropped)


def take_offset(formula: str) -> tuple[str, str]:
    """Take ``offset(…)`` out of the right side of a formula; return what is left, and what was inside."""
    if not isinstance(formula, str) or "~" not in formula:
        return formula, ""
    left, right = formula.split("~", 1)
    match = _OFFSET.search(right)
    if match is None:
        return formula, ""
    depth, end = 1, match.end()
    while end < len(right) and depth:
        depth += {"(": 1, ")": -1}.get(right[end], 0)
        end += 1
    inside = right[match.end() : end - 1].strip()
    pieces = [
        right[: match.start()].strip().removesuffix("+").strip(),
        right[end:].strip().removeprefix("+").strip(),
    ]
    rest = " + ".join(p for p in pieces if p)
    if depth or not inside or _OFFSET.search(rest):
        raise ConfigError(f"The formula {formula!r} must hold one whole offset(…): sum several inside it.")
    if right[: match.start()].strip().endswith("-") or rest.startswith("-"):
        raise ConfigError(f"In {formula!r}, offset(…) stands between plus signs only.")
    return f"{left}~ {rest}", inside

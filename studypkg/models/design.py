"""From rows to matrices: the response, the fixed columns, and one block of columns per random term.

Rows with a missing value are left out and counted by variable. Columns that repeat others are taken
out and named, as R does, so that every coefficient that is printed means something.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.formula import ParsedFormula, RandomTerm, columns_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

# A column whose part outside the earlier ones is below this share of its length is a repeat (R: 1e-7).
ALIAS_TOLERANCE = 1e-7


@dataclass(frozen=True)
class GroupTerm:
    """One random term in numbers: which level each row belongs to, and the columns that vary by level."""

    group: str
    names: tuple[str, ...]
    codes: Codes
    levels: tuple[str, ...]
    columns: Floats
    spec: ModelSpec
    term: RandomTerm


@dataclass(frozen=True)
class Design:
    """All that a fit needs, row order kept: n rows, p fixed columns."""

    response: str
    y: Floats
    fixed: Floats
    names: tuple[str, ...]
    aliased: tuple[str, ...]
    terms: tuple[GroupTerm, ...]
    weights: Floats | None
    n_read: int
    dropped: dict[str, int]
    kept: NDArray[np.bool_]
    index: pd.Index
    spec: ModelSpec
    fixed_columns: tuple[str, ...]
    frame: pd.DataFrame


def build_design(
    parsed: ParsedFormula, data: pd.DataFrame, weights: str | Sequence[float] | None = None
) -> Design:
    """Build the matrices of a parsed formula from a table.

    Parameters
    ----------
    parsed
        The formula, taken apart.
    data
        One row per observation.
    weights
        A column name or one number per row: the residual variance of a row is sigma² / weight.

    Raises
    ------
    ConfigError
        If the formula names a column or function that is not there.
    ModelError
        If the rows cannot carry the model: nothing left, not numeric, infinite.
    """
    columns = [str(c) for c in data.columns]
    fixed_columns = columns_of(parsed.fixed, columns)
    used = columns_of(parsed.response, columns) | fixed_columns
    for term in parsed.random:
        used |= columns_of(term.lhs, columns)
        for name in term.group:
            if name not in columns:
                raise ConfigError(
                    f'The grouping factor "{name}" is not a column of the data.{nearest(name, columns)}'
                )
            used |= {name}
    ordered = [c for c in columns if c in used]
    frame = pd.DataFrame({c: plain_column(data[c], c) for c in ordered}, index=data.index)
    w = _weights(weights, data)
    if w is not None:
        frame["weights of the rows"] = w
    missing = frame.isna()
    dropped = {str(c): int(k) for c, k in missing.sum().items() if k}
    kept = ~missing.any(axis=1).to_numpy()
    if not kept.any():
        raise ModelError(
            f"No row is complete: all {len(frame)} rows lack a value in {', '.join(map(repr, dropped))}."
        )
    frame = frame.loc[kept].reset_index(drop=True)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].cat.remove_unused_categories()
    _whole_categories(parsed, frame)
    w = None if w is None else np.asarray(frame.pop("weights of the rows"), dtype=float)

    y, fixed, names, spec = _fixed_part(parsed, frame)
    fixed, names, aliased = drop_aliased(fixed, names)
    # Levels are read from the untouched columns: a long whole-number id must not pass through a float.
    grouping = data.loc[kept, [c for c in columns if any(c in t.group for t in parsed.random)]]
    terms = tuple(_group_term(term, frame, grouping) for term in parsed.random)
    return Design(
        parsed.response, y, fixed, names, aliased, terms, w, len(data), dropped, kept,
        data.index[kept], spec, tuple(sorted(fixed_columns)), frame[[c for c in frame if c in fixed_columns]],
    )  # fmt: skip


def matrix(spec: Any, frame: pd.DataFrame) -> Any:
    """Evaluate a formula or a remembered design on a table, with formulaic's faults made plain."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            # Logarithms of zero and the like are found by the caller as values that are not finite.
            warnings.simplefilter("always")
            result = spec.get_model_matrix(frame, context={}, na_action="ignore")
    except FormulaicError as fault:
        # formulaic may quote values; the first line names the factor only up to the first full stop.
        reason = str(fault).splitlines()[0].split(".")[0]
        raise ConfigError(f"The formula cannot be evaluated on the data: {reason}.") from None
    if any(issubclass(w.category, DataMismatchWarning) for w in caught):
        raise ModelError(
            "A category column holds a category the model was not fitted on: leave those rows out."
        )
    return result


def drop_aliased(fixed: Floats, names: tuple[str, ...]) -> tuple[Floats, tuple[str, ...], tuple[str, ...]]:
    """Take out columns that are combinations of earlier ones, and name them.

    Notes
    -----
    Columns are scaled to length one and factorised by QR in their written order; a column whose
    diagonal element falls below `ALIAS_TOLERANCE` repeats the earlier ones. The first such column is
    removed and the rest is factorised again, so later columns are judged cleanly.
    """
    keep = list(range(fixed.shape[1]))
    lengths = np.sqrt(np.einsum("ij,ij->j", fixed, fixed))
    aliased = [j for j in keep if lengths[j] == 0.0]
    keep = [j for j in keep if lengths[j] > 0.0]
    while keep:
        diagonal = np.abs(np.diag(np.linalg.qr(fixed[:, keep] / lengths[keep], mode="r")))
        short = np.flatnonzero(diagonal < ALIAS_TOLERANCE)
        first = int(short[0]) if short.size else len(diagonal)
        if first >= len(keep):
            break
        aliased.append(keep.pop(first))
    aliased.sort()
    return (
        np.ascontiguousarray(fixed[:, keep]),
        tuple(names[j] for j in keep),
        tuple(names[j] for j in aliased),
    )


def plain_column(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Bring a column to float64, boolean, category or text; refuse what is none of them."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return column
    if pd.api.types.is_bool_dtype(dtype):
        return column.astype("object") if column.isna().any() else column.astype(bool)
    if pd.api.types.is_numeric_dtype(dtype):
        values = column.astype("float64")
        infinite = int(np.isinf(values.to_numpy()).sum())
        if infinite:
            raise ModelError(
                f'Column "{name}" holds {infinite} infinite values: make them missing or finite.'
            )
        return values
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        raise ModelError(
            f'Column "{name}" holds dates: a model needs numbers, such as weeks since the start.'
        )
    return column.astype("object").where(column.notna(), None)


def _whole_categories(parsed: ParsedFormula, frame: pd.DataFrame) -> None:
    """Make whole numbers inside ``C( )`` integers again, so that a level is called 2 and not 2.0."""
    text = " ".join([parsed.fixed, *(t.lhs for t in parsed.random)])
    for name in frame.columns:
        inside = re.search(rf"\bC\(\s*`?{re.escape(str(name))}`?\s*[,)]", text)
        if inside and frame[name].dtype == "float64" and (frame[name] % 1 == 0).all():
            frame[name] = frame[name].astype("int64")


def _weights(weights: str | Sequence[float] | None, data: pd.DataFrame) -> Floats | None:
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights not in data.columns:
            hint = nearest(weights, map(str, data.columns))
            raise ConfigError(f'The weights column "{weights}" is not in the data.{hint}')
        values = pd.to_numeric(data[weights], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    else:
        values = np.asarray(weights, dtype=float)
    if values.shape != (len(data),):
        raise ModelError(f"There are {values.size} weights for {len(data)} rows: give one per row.")
    bad = int((values <= 0).sum() + np.isinf(values).sum())
    if bad:
        raise ModelError(f"{bad} weights are zero, negative or infinite: weights must be positive numbers.")
    return values


def _fixed_part(
    parsed: ParsedFormula, frame: pd.DataFrame
) -> tuple[Floats, Floats, tuple[str, ...], ModelSpec]:
    left = matrix(Formula(f"0 + {parsed.response}"), frame)
    if left.shape[1] != 1:
        raise ModelError(
            f'The response "{parsed.response}" is not one column of numbers: it gives {left.shape[1]}. '
            "A model of categories needs another kind of model."
        )
    y = np.asarray(left, dtype=float)[:, 0]
    right = matrix(Formula(parsed.fixed), frame)
    names = tuple(str(c) for c in right.columns)
    fixed = np.asarray(right, dtype=float)
    for name, column in ((parsed.response, y), *zip(names, fixed.T, strict=True)):
        bad = int((~np.isfinite(column)).sum())
        if bad:
            raise ModelError(
                f'"{name}" is not a finite number in {bad} of {len(column)} rows, though its columns are. '
                "Look for logarithms of zero or divisions by zero."
            )
    return y, fixed, names, right.model_spec


def _group_term(term: RandomTerm, frame: pd.DataFrame, grouping: pd.DataFrame) -> GroupTerm:
    codes, levels = level_codes(term.group, grouping)
    block = matrix(Formula(term.lhs), frame)
    columns = np.asarray(block, dtype=float)
    names = tuple(str(c) for c in block.columns)
    if not np.isfinite(columns).all():
        raise ModelError(f"The random term ({term.lhs} | {term.group_label}) is not finite in every row.")
    return GroupTerm(term.group_label, names, codes, levels, columns, block.model_spec, term)


def level_codes(group: tuple[str, ...], frame: pd.DataFrame) -> tuple[Codes, tuple[str, ...]]:
    """Give the levels of a grouping factor numbers, sorted by text; ``a:b`` pairs the levels of a and b."""
    codes, uniques = pd.factorize(frame[group[0]].to_numpy(dtype=object))
    labels = np.array([level_text(u) for u in uniques], dtype=object)
    for name in group[1:]:
        more, others = pd.factorize(frame[name].to_numpy(dtype=object))
        codes, pairs = pd.factorize(codes * len(others) + more)
        labels = np.array(
            [f"{labels[k // len(others)]}:{level_text(others[k % len(others)])}" for k in pairs], dtype=object
        )
    order = np.argsort(labels, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], tuple(str(labels[k]) for k in order)


def level_text(value: Any) -> str:
    """Write a level as text; 3.0 and 3 are the same level."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)

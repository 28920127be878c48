"""What was observed, row by row: response, trials, offset and weights beside the matrices of a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import Design, build_design, plain_column
from studypkg.models.formula import ParsedFormula, columns_of, parse_formula
from studypkg.models.generalised.response import code_response, is_proportion, successes_of_proportions
from studypkg.models.links import Floats
from studypkg.models.matrices import formula_of, matrix

Values = str | float | Sequence[float] | NDArray[Any] | pd.Series
_CBIND = re.compile(r"cbind\s*\((.*)\)$", re.DOTALL)
_OFFSET = re.compile(r"(?:^|(?<=[+\s]))offset\s*\(")
_WEIGHTS = "weights of the rows"


@dataclass(frozen=True, eq=False)
class Observations:
    """The rows a model is fitted to.

    Notes
    -----
    ``design.y`` (n) is the response: successes of ``trials`` (n; all ones where there are none) or a count.
    ``offset`` (n) is added to the linear predictor; ``offset_text`` is how new rows get theirs: an expression
    in their columns, an empty text for none, or None when only numbers were given. ``weights`` (n) multiply
    the rows' log-densities. ``notes`` say how a response was understood.
    """

    formula: ParsedFormula
    design: Design
    trials: Floats
    offset: Floats
    offset_text: str | None
    weights: Floats | None
    notes: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether a row is a count of several trials."""
        return bool((self.trials != 1.0).any())


def observe(
    formula: str,
    data: pd.DataFrame,
    *,
    family: str,
    trials: Values | None,
    offset: Values | None,
    weights: str | Sequence[float] | None,
) -> Observations:
    """Read the rows of a model and refuse those that are no response of the family.

    Raises
    ------
    ConfigError
        If the formula or a name cannot be read, or trials are given twice or for counts.
    ModelError
        If values are not what the family can have.
    """
    text, in_formula = _take_offset(formula)
    parsed = parse_formula(text)
    successes, failures = _two_columns(parsed.response)
    if trials is not None and (failures is not None or family != "binomial"):
        raise ConfigError(
            "trials are numbers of attempts for the family binomial, given once: as cbind(successes, "
            "failures) or as trials=, and for no other family."
        )
    if failures is not None and family != "binomial":
        raise ConfigError(f"cbind(successes, failures) is a binomial response; the family is {family}.")
    if in_formula and offset is not None:
        raise ConfigError("An offset was given twice: in the formula and as an argument. Keep one.")
    offset = in_formula or offset
    proportion = family == "binomial" and failures is None and is_proportion(successes, weights, trials)
    if proportion and trials is None:
        # As in R: the weights of a proportion are its trials.
        trials, weights = (weights if isinstance(weights, str) else np.asarray(weights, dtype=float)), None
    if family == "binomial" and "/" in successes and not proportion:
        raise ConfigError(
            f'The response "{successes}" is a proportion of an unknown number of trials: add trials= and the '
            "column of attempts."
        )
    coded = code_response(successes, data, family)
    data = coded.data
    # Between columns of a formula a stroke means nesting; inside I( ) it divides.
    response = f"I({successes})" if proportion else successes
    parsed = replace(parsed, response=response, text=str(formula).strip())
    extras = {
        name: value
        for name, value in (
            ("trials", _values(trials, data, "trials")),
            ("failures", _values(failures, data, "failures")),
            ("offset", _values(offset, data, "offset")),
        )
        if value is not None
    }
    design = _design(parsed, data, weights, extras)
    kept = {name: value[design.kept] for name, value in extras.items()}
    attempts = np.ones(len(design.y))
    if "trials" in kept:
        attempts = kept["trials"]
        if proportion:
            design = replace(design, y=successes_of_proportions(design.y, attempts, successes))
    elif "failures" in kept:
        if bool((kept["failures"] < 0.0).any()):
            raise ModelError(f'The failures "{failures}" are negative in some rows: counts begin at zero.')
        attempts = design.y + kept["failures"]
    seen = Observations(
        parsed, replace(design, weights=None), attempts, kept.get("offset", np.zeros(len(design.y))),
        offset if isinstance(offset, str) else ("" if offset is None else None), design.weights,
        coded.notes,
    )  # fmt: skip
    check_response(seen, family)
    return seen


def check_response(seen: Observations, family: str) -> None:
    """Refuse a response outside the range of its family, and one without any information."""
    y, trials, name = seen.design.y, seen.trials, seen.design.response
    whole = bool((y == np.round(y)).all())
    if family == "binomial":
        if not bool((trials >= 1.0).all() and (trials == np.round(trials)).all()):
            raise ModelError("trials must be whole numbers of at least 1: leave rows without trials out.")
        if not whole or bool(((y < 0.0) | (y > trials)).any()):
            allowed = "whole numbers from 0 to the number of trials" if seen.counted else "0 or 1"
            raise ModelError(
                f'The response "{name}" of a binomial model must be {allowed}, in all rows. For proportions '
                "give the number of successes as response and trials= the column of attempts."
            )
        if bool((y == 0.0).all() or (y == trials).all()):
            raise ModelError(
                f'The response "{name}" has {"no success" if (y == 0.0).all() else "no failure"} in all '
                f"{len(y)} complete rows: no odds can be estimated."
            )
        return
    if not whole or bool((y < 0.0).any()):
        raise ModelError(
            f'The response "{name}" of a {family} model must be counts: whole numbers from 0. For rates '
            "give the count as response and the logarithm of the exposure as offset."
        )
    if bool((y == 0.0).all()):
        raise ModelError(
            f'The response "{name}" is zero in all {len(y)} complete rows: no rate can be estimated.'
        )


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


def _values(given: Values | None, data: pd.DataFrame, what: str) -> Floats | None:
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


def _design(
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


def _two_columns(response: str) -> tuple[str, str | None]:
    """Split ``cbind(successes, failures)``; other responses stay whole."""
    match = _CBIND.fullmatch(response.strip())
    if match is None:
        return response, None
    parts, depth, start = [], 0, 0
    inside = match.group(1)
    for at, mark in enumerate(inside):
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            parts.append(inside[start:at].strip())
            start = at + 1
    parts.append(inside[start:].strip())
    if len(parts) != 2 or not all(parts):
        raise ConfigError(f"'{response}' is not of the form cbind(successes, failures).")
    return parts[0], parts[1]


def _take_offset(formula: str) -> tuple[str, str]:
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

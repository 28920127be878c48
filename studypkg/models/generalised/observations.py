"""What was observed, row by row: response, trials, offset and weights beside the matrices of a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import Design
from studypkg.models.formula import ParsedFormula, parse_formula
from studypkg.models.generalised.response import code_response, is_proportion, successes_of_proportions
from studypkg.models.links import Floats
from studypkg.models.offset import Values, design_with, row_values, take_offset

_CBIND = re.compile(r"cbind\s*\((.*)\)$", re.DOTALL)


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
    text, in_formula = take_offset(formula)
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
            ("trials", row_values(trials, data, "trials")),
            ("failures", row_values(failures, data, "failures")),
            ("offset", row_values(offset, data, "offset")),
        )
        if value is not None
    }
    design = design_with(parsed, data, weights, extras)
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

"""Contrasts of several means by name: all pairs, each with a control, neighbours, trends.

The one table of names: a name that is not here cannot be asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studypkg.errors import ConfigError, nearest

Floats = NDArray[np.float64]
ContrastLike = str | Mapping[str, Any] | ArrayLike
_DEGREES = ("linear", "quadratic", "cubic", "quartic")


@dataclass(frozen=True, eq=False)
class Weighting:
    """Contrasts of k means: ``labels`` (m), ``weights`` (m × k), and whether they are all pairs."""

    labels: tuple[str, ...]
    weights: Floats
    all_pairs: bool = False


def weighting(asked: ContrastLike, labels: Sequence[str], *, reference: str | int | None = None) -> Weighting:
    """Read contrasts of means.

    Parameters
    ----------
    asked
        A name of `CONTRASTS`; ``{label: weights}``, where weights are one number per mean in the order of the
        table or ``{mean: weight}``; or a matrix with one row per contrast and one column per mean.
    labels
        The names of the k means.
    reference
        The control of ``trt.vs.ctrl``: a label, or a place counted from 0 (negative from the end).

    Raises
    ------
    ConfigError
        If a name is unknown or the numbers do not fit.
    """
    if isinstance(asked, str):
        return _named(asked, tuple(labels), reference)
    if reference is not None:
        raise ConfigError('reference belongs to "trt.vs.ctrl" only.')
    if isinstance(asked, Mapping):
        if not asked:
            raise ConfigError("No contrast was given: give {label: weights}.")
        rows = [_weights_of(label, weights, labels) for label, weights in asked.items()]
        return Weighting(tuple(str(label) for label in asked), np.array(rows))
    try:
        weights = np.atleast_2d(np.asarray(asked, dtype=float))
    except (TypeError, ValueError):
        weights = np.zeros((0, 0))
    if weights.ndim != 2 or weights.shape[1] != len(labels) or not np.isfinite(weights).all():
        raise ConfigError(f"Contrasts as numbers need {len(labels)} columns, one per mean, all finite.")
    if not weights.any(axis=1).all():
        raise ConfigError("A contrast has no weight on any mean.")
    return Weighting(tuple(_written(row, labels) for row in weights), weights)


def contrast_name(name: str) -> str:
    """Return the name of contrasts as `CONTRASTS` has it.

    Raises
    ------
    ConfigError
        If there are none of that name.
    """
    wanted = name.strip().casefold().replace("_", ".").replace(" ", ".").replace("-", ".")
    wanted = OTHER_NAMES.get(wanted, wanted)
    if wanted not in CONTRASTS:
        known = [*CONTRASTS, *OTHER_NAMES]
        raise ConfigError(
            f'There are no contrasts named "{name}".{nearest(name, known)} Available: {", ".join(CONTRASTS)}.'
        )
    return wanted


def pair_label(first: str, second: str) -> str:
    """Name a difference; a name that has a minus of its own goes in brackets."""
    return f"{_bracketed(first)} - {_bracketed(second)}"


def named_as_ratios(made: Weighting, labels: Sequence[str]) -> Weighting:
    """Name a difference of two means what it is when logarithms are taken back: a ratio."""
    names = []
    for label, row in zip(made.labels, made.weights, strict=True):
        places = np.flatnonzero(row)
        if len(places) == 2 and set(row[places]) == {1.0, -1.0} and " - " in label:
            above, below = labels[int(np.argmax(row))], labels[int(np.argmin(row))]
            label = f"{_bracketed(above)} / {_bracketed(below)}"
        names.append(label)
    return Weighting(tuple(names), made.weights, made.all_pairs)


def _bracketed(label: str) -> str:
    return f"({label})" if " - " in label else label


def _named(name: str, labels: tuple[str, ...], reference: str | int | None) -> Weighting:
    wanted = contrast_name(name)
    if reference is not None and wanted != "trt.vs.ctrl":
        raise ConfigError('reference belongs to "trt.vs.ctrl" only.')
    if len(labels) < 2 and wanted != "identity":
        raise ConfigError(f'"{wanted}" compares means, but there is only one: "{labels[0]}".')
    if wanted == "trt.vs.ctrl":
        return _with_control(labels, reference)
    return CONTRASTS[wanted](labels)


def _pairs(labels: tuple[str, ...]) -> Weighting:
    pairs = list(combinations(range(len(labels)), 2))
    unit = np.eye(len(labels))
    weights = np.array([unit[i] - unit[j] for i, j in pairs])
    return Weighting(tuple(pair_label(labels[i], labels[j]) for i, j in pairs), weights, all_pairs=True)


def _pairs_reversed(labels: tuple[str, ...]) -> Weighting:
    pairs = [(j, i) for i, j in combinations(range(len(labels)), 2)]
    unit = np.eye(len(labels))
    weights = np.array([unit[i] - unit[j] for i, j in pairs])
    return Weighting(tuple(pair_label(labels[i], labels[j]) for i, j in pairs), weights, all_pairs=True)


def _with_control(labels: tuple[str, ...], reference: str | int | None) -> Weighting:
    place: int
    if reference is None:
        place = 0
    elif isinstance(reference, str):
        if reference not in labels:
            raise ConfigError(
                f'reference: there is no mean "{reference}".{nearest(reference, labels)} '
                f"Means: {', '.join(labels[:12])}."
            )
        place = labels.index(reference)
    elif -len(labels) <= reference < len(labels):
        place = reference % len(labels)
    else:
        raise ConfigError(f"reference: there are {len(labels)} means, counted from 0.")
    unit = np.eye(len(labels))
    others = [i for i in range(len(labels)) if i != place]
    return Weighting(
        tuple(pair_label(labels[i], labels[place]) for i in others),
        np.array([unit[i] - unit[place] for i in others]),
    )


def _consecutive(labels: tuple[str, ...]) -> Weighting:
    unit = np.eye(len(labels))
    steps = range(len(labels) - 1)
    return Weighting(
        tuple(pair_label(labels[i + 1], labels[i]) for i in steps),
        np.array([unit[i + 1] - unit[i] for i in steps]),
    )


def _effects(labels: tuple[str, ...]) -> Weighting:
    k = len(labels)
    return Weighting(tuple(f"{label} - mean of all" for label in labels), np.eye(k) - 1.0 / k)


def _identity(labels: tuple[str, ...]) -> Weighting:
    return Weighting(labels, np.eye(len(labels)))


def _polynomial(labels: tuple[str, ...]) -> Weighting:
    """Orthogonal polynomials on equally spaced places, as whole numbers without a common divisor."""
    k = len(labels)
    found: list[list[Fraction]] = [[Fraction(1)] * k]
    for degree in range(1, k):
        vector = [Fraction(i) ** degree for i in range(k)]
        for earlier in found:
            share = _product(vector, earlier) / _product(earlier, earlier)
            vector = [v - share * e for v, e in zip(vector, earlier, strict=True)]
        whole = math.lcm(*(v.denominator for v in vector))
        numbers = [int(v * whole) for v in vector]
        common = math.gcd(*numbers)
        found.append([Fraction(v // common) for v in numbers])
    names = [_DEGREES[d - 1] if d <= len(_DEGREES) else f"degree {d}" for d in range(1, k)]
    return Weighting(tuple(names), np.array(found[1:], dtype=float))


def _product(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


CONTRASTS: MappingProxyType[str, Callable[[tuple[str, ...]], Weighting]] = MappingProxyType(
    {
        "pairwise": _pairs,
        "revpairwise": _pairs_reversed,
        "trt.vs.ctrl": lambda labels: _with_control(labels, None),
        "consecutive": _consecutive,
        "polynomial": _polynomial,
        "effects": _effects,
        "identity": _identity,
    }
)
OTHER_NAMES: MappingProxyType[str, str] = MappingProxyType(
    {"pairs": "pairwise", "consec": "consecutive", "sequential": "consecutive", "poly": "polynomial",
     "eff": "effects", "control": "trt.vs.ctrl", "dunnett": "trt.vs.ctrl", "reference": "trt.vs.ctrl",
     "means": "identity"}
)  # fmt: skip


def _weights_of(label: str, weights: Any, labels: Sequence[str]) -> Floats:
    row = np.zeros(len(labels))
    if isinstance(weights, Mapping):
        for name, weight in weights.items():
            if str(name) not in labels:
                raise ConfigError(
                    f'"{label}": there is no mean "{name}".{nearest(str(name), labels)} '
                    f"Means: {', '.join(labels[:12])}."
                )
            row[list(labels).index(str(name))] = float(weight)
    else:
        try:
            given = np.asarray(weights, dtype=float)
        except (TypeError, ValueError):
            raise ConfigError(f'"{label}": weights are numbers, one per mean, or {{mean: weight}}.') from None
        if given.shape != row.shape:
            raise ConfigError(
                f'"{label}" has {given.size} weights for {len(labels)} means: {", ".join(labels[:12])}.'
            )
        row = given.copy()
    if not np.isfinite(row).all() or not row.any():
        raise ConfigError(f'"{label}" has weights that are all zero, or not finite.')
    return row


def _written(row: Floats, labels: Sequence[str]) -> str:
    parts = []
    for weight, label in zip(row.tolist(), labels, strict=True):
        if weight:
            size = "" if abs(weight) == 1.0 else f"{abs(weight):g}*"
            parts.append(f"{'-' if weight < 0 else '+'} {size}{_bracketed(label)}")
    text = " ".join(parts)
    return text[2:] if text.startswith("+ ") else text.replace("- ", "-", 1)

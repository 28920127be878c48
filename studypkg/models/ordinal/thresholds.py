"""Thresholds between categories: free, or bound to a symmetric or equidistant pattern."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from studypkg.models.links import Floats


def _flexible(many: int) -> Floats:
    return np.eye(many)


def _symmetric(many: int) -> Floats:
    """Write one or two middle thresholds, and the distances of the outer ones from them."""
    middle = 1 if many % 2 else 2
    found = np.zeros((many, middle + many // 2 - (middle - 1)))
    half = (many - middle) // 2
    found[: half + 1, 0] = 1.0
    found[many - half - 1 :, middle - 1] = 1.0
    for k in range(half):
        found[half - 1 - k, middle + k] = -1.0
        found[many - half + k, middle + k] = 1.0
    return found


def _equidistant(many: int) -> Floats:
    if many == 1:
        return np.ones((1, 1))
    return np.column_stack([np.ones(many), np.arange(many, dtype=float)])


THRESHOLDS: MappingProxyType[str, Callable[[int], Floats]] = MappingProxyType(
    {"flexible": _flexible, "symmetric": _symmetric, "equidistant": _equidistant}
)


def threshold_map(structure: str, many: int) -> Floats:
    """Return J with α = Jτ: how ``many`` thresholds depend on the free numbers τ.

    Notes
    -----
    Free thresholds are their own parameters. Symmetric ones lie mirrored around their middle: τ is the
    middle threshold (two where their number is even), then the distances from it, inner ones first.
    Equidistant ones are a first threshold and a distance. A constant added to all thresholds is a change of τ
    under every structure.
    """
    return THRESHOLDS[structure](many)

"""A second engine's answer, whichever engine it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.design import Floats


@dataclass(frozen=True)
class Opinion:
    """A second engine's answer on the data's scale, or the reason why there is none."""

    beta: Floats
    se: Floats
    sds: tuple[float, ...]
    sigma: float
    loglik: float
    reason: str


def no_opinion(p: int, reason: str) -> Opinion:
    """Return an answer without numbers for p coefficients, and why."""
    nothing = np.full(p, np.nan)
    return Opinion(nothing, nothing, (), float("nan"), float("nan"), reason)

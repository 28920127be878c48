"""From the link scale, where a model is linear, to the scale of the response."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.fit import Fit
from studypkg.models.links import LINKS, Link

Floats = NDArray[np.float64]
SCALES = ("link", "response")
# What the exponential of a difference is called, where it is called anything.
RATIOS: MappingProxyType[str, str] = MappingProxyType({"log": "ratio", "logit": "odds ratio"})
_STEP = 1e-3


def checked_scale(scale: str) -> str:
    """Return the scale if there is one of that name."""
    if scale not in SCALES:
        raise ConfigError(
            f'There is no scale "{scale}".{nearest(str(scale), SCALES)} Available: {", ".join(SCALES)}.'
        )
    return scale


def link_of(fit: Fit) -> Link:
    """Return the link of a fit.

    Raises
    ------
    ModelError
        If the way back from its link is not known.
    """
    if fit.link not in LINKS:
        raise ModelError(f'The way back from the link "{fit.link}" is not known here: ask for scale="link".')
    return LINKS[fit.link]


def means_on_response(table: pd.DataFrame, link: Link) -> pd.DataFrame:
    """Transform means and the ends of their intervals back; the standard error by the delta method.

    Notes
    -----
    se(μ) = |dμ/dη| se(η).
    """
    found = table.copy()
    eta = table["estimate"].to_numpy(dtype=float)
    ends = np.array([link.to_mean(table[c].to_numpy(dtype=float)) for c in ("ci_low", "ci_high")])
    found["estimate"] = link.to_mean(eta)
    found["se"] = np.abs(inverse_slope(link, eta)) * table["se"]
    # A link may fall, as 1/μ does: the lower end is the smaller one.
    found["ci_low"], found["ci_high"] = ends.min(axis=0), ends.max(axis=0)
    return found


def inverse_slope(link: Link, eta: Floats) -> Floats:
    """Return dμ/dη at each η: a difference over five points, good to eleven digits for every link."""
    nearby = [link.to_mean(eta + step * _STEP) for step in (-2.0, -1.0, 1.0, 2.0)]
    return np.asarray((nearby[0] - 8.0 * nearby[1] + 8.0 * nearby[2] - nearby[3]) / (12.0 * _STEP))


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Turn differences of logarithms into ratios; statistic and p-value stay those of the difference."""
    found = table.copy()
    for column in ("estimate", "ci_low", "ci_high"):
        found[column] = np.exp(table[column])
    found["se"] = found["estimate"] * table["se"]
    return found

"""Link functions: between the mean of a response and the scale on which a model is linear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
# exp of more than this is not a number of patients, and near the limit of arithmetic.
_LARGEST = 700.0


@dataclass(frozen=True)
class Link:
    """A link: ``to_link`` maps a mean to the linear predictor, ``to_mean`` maps it back."""

    name: str
    to_link: Callable[[Floats], Floats]
    to_mean: Callable[[Floats], Floats]


def _exp(eta: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(eta, _LARGEST)))


LINKS: MappingProxyType[str, Link] = MappingProxyType(
    {
        "identity": Link("identity", lambda mu: mu, lambda eta: eta),
        "log": Link("log", lambda mu: np.asarray(np.log(mu)), _exp),
        "logit": Link("logit", lambda mu: np.asarray(special.logit(mu)), lambda eta: special.expit(eta)),
        "probit": Link("probit", lambda mu: special.ndtri(mu), lambda eta: special.ndtr(eta)),
        "cloglog": Link(
            "cloglog",
            lambda mu: np.asarray(np.log(-np.log1p(-mu))),
            lambda eta: np.asarray(-np.expm1(-_exp(eta))),
        ),
    }
)

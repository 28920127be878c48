"""Families of responses: the log-density of a row and its derivatives in the linear predictor.

Every density here is log-concave in the linear predictor η, so the conditional modes are unique.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import special

from studypkg.errors import ConfigError, nearest
from studypkg.models.links import LINKS, Floats, Link

# Beyond these η every density has long been flat or zero; they keep exp within arithmetic.
_ETA_LIMIT = 300.0


@dataclass(frozen=True, eq=False)
class Local:
    """A log-density and its derivatives at one η per row, each of length n.

    Notes
    -----
    ``value`` is log f(y|η) without its constant; ``score`` its derivative, ``weight`` minus its second
    derivative and ``weight_slope`` the derivative of ``weight``. ``by_log_size``, ``score_by_log_size`` and
    ``weight_by_log_size`` are derivatives with respect to the logarithm of the negative binomial's size.
    """

    value: Floats
    score: Floats
    weight: Floats
    weight_slope: Floats
    by_log_size: Floats | None = None
    score_by_log_size: Floats | None = None
    weight_by_log_size: Floats | None = None


# y, trials, η, log size → derivatives; unweighted.
Density = Callable[[Floats, Floats, Floats, float], Local]
Draw = Callable[[np.random.Generator, Floats, Floats, float], Floats]
Constant = Callable[[Floats, Floats], Floats]
Variance = Callable[[Floats, float], Floats]


@dataclass(frozen=True)
class Family:
    """A family with a link.

    Notes
    -----
    ``density`` leaves out what does not depend on any parameter: ``constant`` of response and trials.
    ``variance`` maps the mean of one trial (or of the count) and the log size to the variance of one trial;
    ``draw`` maps means, trials and log size to a response.
    """

    name: str
    link: Link
    density: Density
    constant: Constant
    variance: Variance
    draw: Draw

    @property
    def has_size(self) -> bool:
        """Whether a size parameter is estimated."""
        return self.name == "negative-binomial"


def binomial_constant(y: Floats, trials: Floats) -> Floats:
    """Return the logarithm of the number of ways to have y successes in so many trials."""
    return np.asarray(-special.betaln(1.0 + trials - y, 1.0 + y) - np.log1p(trials))


def _count_constant(y: Floats, _: Floats) -> Floats:
    return np.asarray(-special.gammaln(y + 1.0))


def _no_constant(y: Floats, _: Floats) -> Floats:
    return np.zeros_like(y)


def _logit(y: Floats, trials: Floats, eta: Floats, _: float) -> Local:
    small = np.exp(-np.abs(eta))
    below = 1.0 / (1.0 + small)
    mu = np.where(eta >= 0.0, below, small * below)
    weight = trials * small * below * below
    value = y * eta - trials * (np.maximum(eta, 0.0) + np.log1p(small))
    return Local(value, y - trials * mu, weight, weight * (1.0 - 2.0 * mu))


def _log_normal_cdf(eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return log Φ and its first three derivatives."""
    value = special.log_ndtr(eta)
    first = np.exp(-0.5 * eta**2 - 0.5 * np.log(2.0 * np.pi) - value)
    second = -first * (eta + first)
    third = -(second * (eta + first) + first * (1.0 + second))
    return value, first, second, third


def _probit(y: Floats, trials: Floats, eta: Floats, _: float) -> Local:
    up = _log_normal_cdf(eta)
    down = _log_normal_cdf(-eta)
    failures = trials - y
    return Local(
        y * up[0] + failures * down[0],
        y * up[1] - failures * down[1],
        -(y * up[2] + failures * down[2]),
        -(y * up[3] - failures * down[3]),
    )


def _cloglog(y: Floats, trials: Floats, eta: Floats, _: float) -> Local:
    hazard = np.exp(eta)
    # r = λ/(e^λ − 1) is the derivative of log(1 − e^−λ) in η = log λ; its limits are 1 and 0.
    r = np.where(hazard > 0.0, hazard / np.expm1(np.clip(hazard, 1e-300, _ETA_LIMIT)), 1.0)
    r = np.where(hazard > _ETA_LIMIT, 0.0, r)
    bend = 1.0 - hazard - r
    second = r * bend
    third = second * bend - r * (hazard + second)
    failures = trials - y
    return Local(
        y * np.log(-np.expm1(-np.maximum(hazard, 1e-300))) - failures * hazard,
        y * r - failures * hazard,
        -(y * second - failures * hazard),
        -(y * third - failures * hazard),
    )


def _poisson(y: Floats, trials: Floats, eta: Floats, _: float) -> Local:
    mu = np.exp(eta)
    return Local(y * eta - mu, y - mu, mu, mu)


def _by_count(y: Floats, size: float) -> tuple[Floats, Floats]:
    """Return log Γ(y+φ)/(Γ(φ) y!) and its derivative in φ; small counts are looked up in a table."""
    counts = np.arange(float(y.max()) + 1.0) if float(y.max()) < len(y) else y
    # As a beta function the first keeps its digits for large φ.
    ways = -special.betaln(size, counts + 1.0) - np.log(counts + size)
    slope = special.digamma(counts + size) - special.digamma(size)
    if counts is y:
        return ways, slope
    places = y.astype(np.intp)
    return ways[places], slope[places]


def _negative_binomial(y: Floats, trials: Floats, eta: Floats, log_size: float) -> Local:
    mu, size = np.exp(eta), float(np.exp(log_size))
    total = mu + size
    share, rest = mu / total, size / total
    log_rest = -np.log1p(mu / size)
    weight = (y + size) * share * rest
    ways, slope = _by_count(y, size)
    value = ways + size * log_rest + y * (eta - np.log(total))
    by_size = slope + log_rest + 1.0 - (y + size) / total
    return Local(
        value,
        (y - mu) * rest,
        weight,
        weight * (rest - share),
        size * by_size,
        (y - mu) * share * rest,
        share * rest * ((y + 2.0 * size) - 2.0 * (y + size) * rest),
    )


def _draw_binomial(random: np.random.Generator, mu: Floats, trials: Floats, _: float) -> Floats:
    return random.binomial(trials.astype(np.int64), mu).astype(float)


def _draw_poisson(random: np.random.Generator, mu: Floats, trials: Floats, _: float) -> Floats:
    return random.poisson(mu).astype(float)


def _draw_negative_binomial(
    random: np.random.Generator, mu: Floats, trials: Floats, log_size: float
) -> Floats:
    size = float(np.exp(log_size))
    return random.poisson(mu * random.gamma(size, 1.0 / size, len(mu))).astype(float)


def _bernoulli_variance(mu: Floats, _: float) -> Floats:
    return mu * (1.0 - mu)


def _members() -> dict[tuple[str, str], Family]:
    binomial = {"logit": _logit, "probit": _probit, "cloglog": _cloglog}
    found = {
        ("binomial", name): Family(
            "binomial", LINKS[name], density, binomial_constant, _bernoulli_variance, _draw_binomial
        )
        for name, density in binomial.items()
    }
    found["poisson", "log"] = Family(
        "poisson", LINKS["log"], _poisson, _count_constant, lambda mu, _: mu, _draw_poisson
    )
    found["negative-binomial", "log"] = Family(
        "negative-binomial",
        LINKS["log"],
        _negative_binomial,
        _no_constant,
        lambda mu, log_size: mu + mu**2 / np.exp(log_size),
        _draw_negative_binomial,
    )
    return found


FAMILIES: MappingProxyType[tuple[str, str], Family] = MappingProxyType(_members())


def family_of(name: str, link: str | None) -> Family:
    """Return a family by its name and link; without a link, with the usual one.

    Raises
    ------
    ConfigError
        If there is no such family, or it is not built with that link.
    """
    names = list(dict.fromkeys(family for family, _ in FAMILIES))
    wanted = str(name).strip().casefold().replace("_", "-").replace(" ", "-")
    if wanted not in names:
        raise ConfigError(
            f'There is no family "{name}".{nearest(wanted, names)} Available: {", ".join(names)}.'
        )
    links = [known for family, known in FAMILIES if family == wanted]
    chosen = links[0] if link is None else str(link).strip().casefold()
    if chosen not in links:
        raise ConfigError(
            f'The family {wanted} has no link "{link}" here.{nearest(chosen, links)} '
            f"Available: {', '.join(links)}."
        )
    return FAMILIES[wanted, chosen]


def local(
    family: Family, y: Floats, trials: Floats, eta: Floats, log_size: float, weights: Floats | None
) -> Local:
    """Evaluate the log-density of every row and its derivatives, multiplied by the rows' weights."""
    found = family.density(y, trials, np.clip(eta, -_ETA_LIMIT, _ETA_LIMIT), log_size)
    if weights is None:
        return found
    times: dict[str, Any] = {k: None if v is None else weights * v for k, v in vars(found).items()}
    return replace(found, **times)

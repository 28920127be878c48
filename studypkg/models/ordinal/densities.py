"""Cumulative links: the log-probability of an observed category and its derivatives, row by row.

A row in category k has probability F(a) − F(c) with a = α_k − η and c = α_(k−1) − η; the lowest category has
c = −∞, the highest a = ∞. Everything the likelihood needs are derivatives in a and c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import special

from studypkg.models.links import Floats

_ROOT = 0.5 * np.log(2.0 * np.pi)
# Differences of normal probabilities below this are taken on the log scale.
_TINY = 1e-250
# exp of more than this, squared, is near the limit of arithmetic.
_LARGEST = 300.0


@dataclass(frozen=True, eq=False)
class Inner:
    """What the search for the modes needs, n each: log-probability, ∂/∂η, and minus ∂²/∂η²."""

    value: Floats
    score: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class Outer:
    """The other derivatives, n each.

    Notes
    -----
    ``upper`` and ``lower`` are those of the log-probability in a and c; ``score_upper``, ``score_lower``
    those of the score, ``weight_upper``, ``weight_lower`` those of the weight.
    """

    upper: Floats
    lower: Floats
    score_upper: Floats
    score_lower: Floats
    weight_upper: Floats
    weight_lower: Floats


@dataclass(frozen=True)
class CumulativeLink:
    """A distribution function F with the derivatives of log(F(a) − F(c)).

    Notes
    -----
    ``inner`` and ``outer`` take a and c, n each; ``below`` is F itself, ``quantile`` its inverse. All three
    densities are log-concave, and so is log(F(a) − F(c)) in a and c together (Pratt 1981, doi
    10.1080/01621459.1981.10477613).
    """

    name: str
    below: Callable[[Floats], Floats]
    quantile: Callable[[Floats], Floats]
    inner: Callable[[Floats, Floats], Inner]
    outer: Callable[[Floats, Floats], Outer]


def _logit_inner(a: Floats, c: Floats) -> Inner:
    # F(a) − F(c) = F(a) F(−c) (1 − exp(c − a)): no difference of two near numbers.
    upper, lower = special.expit(a), special.expit(-c)
    value = np.log(upper * lower * -np.expm1(c - a))
    return Inner(value, upper - lower, upper * (1.0 - upper) + lower * (1.0 - lower))


def _logit_outer(a: Floats, c: Floats) -> Outer:
    upper, lower = special.expit(a), special.expit(-c)
    above, under = 1.0 - upper, 1.0 - lower
    odds = 1.0 / np.expm1(np.minimum(a - c, 2.0 * _LARGEST))
    steep_a, steep_c = upper * above, lower * under
    return Outer(
        np.where(np.isinf(a), 0.0, above + odds),
        np.where(np.isinf(c), 0.0, -under - odds),
        steep_a,
        steep_c,
        steep_a * (above - upper),
        steep_c * (lower - under),
    )


# log(F(a) − F(c)), then per end f/p, f'/f and f''/f.
_Ratios = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]


def _probit_value(a: Floats, c: Floats) -> Floats:
    # In the lower tail, where small probabilities keep their digits.
    turned = a + c > 0.0
    high, low = np.where(turned, -c, a), np.where(turned, -a, c)
    p = special.ndtr(high) - special.ndtr(low)
    small = p < _TINY
    value = np.log(np.where(small, 1.0, p))
    if small.any():
        top, bottom = special.log_ndtr(high[small]), special.log_ndtr(low[small])
        value[small] = top + np.log(-np.expm1(bottom - top))
    return np.asarray(value)


def _probit_ratios(a: Floats, c: Floats) -> _Ratios:
    value = _probit_value(a, c)
    found: list[Floats] = []
    for x in (a, c):
        at = np.where(np.isinf(x), 0.0, x)
        share = np.where(np.isinf(x), 0.0, np.exp(-0.5 * at**2 - _ROOT - value))
        found += [share, -at, at**2 - 1.0]
    return (value, *found)  # type: ignore[return-value]


def _cloglog_ratios(a: Floats, c: Floats) -> _Ratios:
    high, low = np.exp(np.minimum(a, _LARGEST)), np.exp(np.minimum(c, _LARGEST))
    value = -low + np.log(np.where(np.isinf(a), 1.0, -np.expm1(low - high)))
    found: list[Floats] = []
    for x, raised in ((a, high), (c, low)):
        at = np.where(np.isinf(x), 0.0, np.minimum(x, _LARGEST))
        share = np.where(np.isinf(x), 0.0, np.exp(at - raised - value))
        found += [share, 1.0 - raised, (1.0 - raised) ** 2 - raised]
    return (value, *found)  # type: ignore[return-value]


def _by_ratios(
    ratios: Callable[[Floats, Floats], _Ratios],
) -> tuple[Callable[..., Inner], Callable[..., Outer]]:
    """Write the derivatives by the chain rule from f/p, f'/f and f''/f at both ends."""

    def inner(a: Floats, c: Floats) -> Inner:
        value, up, up1, _, low, low1, _ = ratios(a, c)
        both = up - low
        weight = both**2 - (up * up1 - low * low1)
        return Inner(value, -both, np.maximum(weight, 0.0))

    def outer(a: Floats, c: Floats) -> Outer:
        _, up, up1, up2, low, low1, low2 = ratios(a, c)
        both, turn = up - low, up * up1 - low * low1
        by_a, by_c = up * (both - up1), low * (low1 - both)
        return Outer(
            up,
            -low,
            by_a,
            by_c,
            up * (turn - up2) - 2.0 * both * by_a,
            low * (low2 - turn) - 2.0 * both * by_c,
        )

    return inner, outer


def _cloglog_below(x: Floats) -> Floats:
    return np.asarray(-np.expm1(-np.exp(np.minimum(x, _LARGEST))))


def _cloglog_quantile(p: Floats) -> Floats:
    return np.asarray(np.log(-np.log1p(-p)))


CUMULATIVE_LINKS: MappingProxyType[str, CumulativeLink] = MappingProxyType(
    {
        "logit": CumulativeLink("logit", special.expit, special.logit, _logit_inner, _logit_outer),
        "probit": CumulativeLink("probit", special.ndtr, special.ndtri, *_by_ratios(_probit_ratios)),
        "cloglog": CumulativeLink("cloglog", _cloglog_below, _cloglog_quantile, *_by_ratios(_cloglog_ratios)),
    }
)

"""Linear hypotheses about coefficients, from text, weights or arrays.

Text is arithmetic on coefficient names, such as ``a - b``, ``2*x = 1`` or ``C(arm)[T.new]``. Names are
recognised as a whole, longest first, so brackets and colons inside a name need no quoting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError, nearest

Floats = NDArray[np.float64]
HypothesisLike = (
    str
    | Mapping[str, float]
    | Mapping[str, str]
    | Sequence[str]
    | Sequence[float]
    | Sequence[Sequence[float]]
    | Floats
)
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORD = re.compile(r"[^\s+*/=()`-]+")


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One linear combination of coefficients and the value it is tested against.

    Notes
    -----
    ``weights`` has one entry per coefficient of the fit, in its order.
    """

    label: str
    weights: Floats
    value: float = 0.0


def parse_hypotheses(
    hypothesis: HypothesisLike, names: Sequence[str], aliased: Sequence[str] = ()
) -> tuple[Hypothesis, ...]:
    """Read one or more linear hypotheses.

    Parameters
    ----------
    hypothesis
        Text; a list of texts; ``{label: text}``; ``{name: weight}``; one weight per coefficient; or a
        matrix with one row per hypothesis.
    names
        The coefficients of the fit, in order.
    aliased
        Coefficients that were left out of the fit, for a better message.

    Raises
    ------
    ConfigError
        If a name is unknown, the text is no linear combination, or the weights are all zero.
    ModelError
        If it asks for a coefficient that was left out because it repeats others.

    Examples
    --------
    >>> parse_hypotheses("2*(a - b) = 1", ["a", "b"])[0].weights
    array([ 2., -2.])
    """
    if isinstance(hypothesis, str):
        found = [_from_text(hypothesis, hypothesis, names, aliased)]
    elif isinstance(hypothesis, Mapping):
        found = _from_mapping(hypothesis, names, aliased)
    elif len(hypothesis) and isinstance(hypothesis[0], str):
        found = [_from_text(str(text), str(text), names, aliased) for text in hypothesis]
    else:
        found = _from_array(np.asarray(hypothesis, dtype=float), names)
    if not found:
        raise ConfigError("No hypothesis was given: give a text such as 'a - b'.")
    for one in found:
        if not np.isfinite(one.weights).all() or not np.any(one.weights):
            raise ConfigError(
                f"The hypothesis '{one.label}' has no weight on any coefficient, or one not finite."
            )
    return tuple(found)


def _from_mapping(
    hypothesis: Mapping[str, float] | Mapping[str, str], names: Sequence[str], aliased: Sequence[str]
) -> list[Hypothesis]:
    texts = {str(k): v for k, v in hypothesis.items() if isinstance(v, str)}
    numbers = {str(k): float(v) for k, v in hypothesis.items() if not isinstance(v, str)}
    if texts and numbers:
        raise ConfigError("A hypothesis is either {label: text} or {name: weight}: both kinds were mixed.")
    if texts:
        return [_from_text(label, text, names, aliased) for label, text in texts.items()]
    weights = np.zeros(len(names))
    for name, weight in numbers.items():
        weights[_place(name, names, aliased)] += weight
    label = " + ".join(f"{w:g}*{name}" for name, w in numbers.items()).replace("+ -", "- ")
    return [Hypothesis(label, weights)] if numbers else []


def _from_array(array: Floats, names: Sequence[str]) -> list[Hypothesis]:
    rows = np.atleast_2d(array)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise ConfigError(f"A hypothesis as numbers needs {len(names)} columns, one per coefficient.")
    labels = [
        " + ".join(f"{w:g}*{n}" for n, w in zip(names, row, strict=True) if w).replace("+ -", "- ")
        for row in rows
    ]
    return [Hypothesis(label, row) for label, row in zip(labels, rows, strict=True)]


def _place(name: str, names: Sequence[str], aliased: Sequence[str]) -> int:
    if name in names:
        return list(names).index(name)
    if name in aliased:
        raise ModelError(
            f'The coefficient "{name}" was left out of the fit, because its column repeats others.'
        )
    raise ConfigError(f'There is no coefficient "{name}" in the fit.{nearest(name, names)}')


def _from_text(label: str, text: str, names: Sequence[str], aliased: Sequence[str]) -> Hypothesis:
    sides = _split_sides(text, names)
    forms = [_Reader(side, text, names, aliased).read() for side in sides]
    weights, constant = forms[0]
    if len(forms) == 2:
        weights, constant = weights - forms[1][0], constant - forms[1][1]
    return Hypothesis(label, weights, -constant)


def _split_sides(text: str, names: Sequence[str]) -> list[str]:
    """Split at '=', but not at one that stands inside a name such as ``bs(x, df=4)[1]``."""
    hidden = text
    for name in sorted(names, key=len, reverse=True):
        hidden = hidden.replace(name, "·" * len(name))
    places = [at for at, mark in enumerate(hidden) if mark == "="]
    if len(places) > 1:
        raise ConfigError(f"The hypothesis '{text}' has more than one '='.")
    return [text[: places[0]], text[places[0] + 1 :]] if places else [text]


class _Reader:
    """Read a sum of products as (weights, constant); anything not linear is refused."""

    def __init__(self, side: str, text: str, names: Sequence[str], aliased: Sequence[str]) -> None:
        self.side, self.text, self.names, self.aliased = side, text, names, aliased
        self.by_length = sorted([*names, *aliased], key=len, reverse=True)
        self.at = 0

    def read(self) -> tuple[Floats, float]:
        form = self._sum()
        self._blank()
        if self.at < len(self.side):
            raise self._fault()
        return form

    def _fault(self) -> ConfigError:
        rest = self.side[self.at :].strip() or "the end"
        return ConfigError(
            f"The hypothesis '{self.text}' cannot be read at '{rest}': use names, numbers, + - * / ( ) and =."
        )

    def _blank(self) -> str:
        while self.at < len(self.side) and self.side[self.at].isspace():
            self.at += 1
        return self.side[self.at : self.at + 1]

    def _sum(self) -> tuple[Floats, float]:
        weights, constant = self._product()
        while self._blank() in ("+", "-") and self._blank():
            sign = 1.0 if self.side[self.at] == "+" else -1.0
            self.at += 1
            more, plus = self._product()
            weights, constant = weights + sign * more, constant + sign * plus
        return weights, constant

    def _product(self) -> tuple[Floats, float]:
        weights, constant = self._unit()
        while self._blank() in ("*", "/") and self._blank():
            mark = self.side[self.at]
            self.at += 1
            other, number = self._unit()
            if np.any(other) and (np.any(weights) or mark == "/"):
                raise ConfigError(f"The hypothesis '{self.text}' is not linear in the coefficients.")
            if mark == "/" and number == 0.0:
                raise ConfigError(f"The hypothesis '{self.text}' divides by zero.")
            if mark == "/":
                weights, constant = weights / number, constant / number
            else:
                weights, constant = weights * number + other * constant, constant * number
        return weights, constant

    def _unit(self) -> tuple[Floats, float]:
        mark = self._blank()
        zero = np.zeros(len(self.names))
        name = self._known_name()
        if name is not None:
            zero[_place(name, self.names, self.aliased)] = 1.0
            return zero, 0.0
        if mark in ("-", "+") and mark:
            self.at += 1
            weights, constant = self._unit()
            return (-weights, -constant) if mark == "-" else (weights, constant)
        if mark == "(":
            self.at += 1
            form = self._sum()
            if self._blank() != ")":
                raise self._fault()
            self.at += 1
            return form
        number = _NUMBER.match(self.side, self.at)
        if number:
            self.at = number.end()
            return zero, float(number.group())
        word = _WORD.match(self.side, self.at)
        if word:
            raise ConfigError(
                f"In '{self.text}': there is no coefficient \"{word.group()}\" in the fit."
                f"{nearest(word.group(), self.names)}"
            )
        raise self._fault()

    def _known_name(self) -> str | None:
        rest = self.side[self.at :]
        ticked = re.match(r"`([^`]+)`", rest)
        if ticked:
            self.at += ticked.end()
            return ticked.group(1)
        for name in self.by_length:
            following = rest[len(name) : len(name) + 1]
            if rest.startswith(name) and not (
                following.isalnum() or (following in ("_", "[", ":", ".") and following)
            ):
                self.at += len(name)
                return name
        return None

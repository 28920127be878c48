"""Values that carry their first and second derivatives with respect to the covariance parameters.

Every quantity of the elimination is a smooth function of a few covariance parameters φ. A `Jet` holds the
value of an array with its derivatives stacked in front, so one elimination yields the likelihood with its
exact gradient and Hessian, and the second derivatives that Kenward and Roger's method is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@lru_cache(maxsize=64)
def pairs(k: int) -> tuple[Places, Places]:
    """List the pairs e ≤ f of k parameters so that those of a new parameter come last."""
    second, first = np.tril_indices(k)
    return first, second


@dataclass(frozen=True)
class Jet:
    """An array with its derivatives: ``value`` (shape), ``first`` (k, shape), ``second`` (k (k+1)/2, shape).

    Notes
    -----
    Pairs of parameters are in the order of `pairs`. A jet of order one has an empty ``second``, one of
    order zero an empty ``first`` as well.
    """

    value: Floats
    first: Floats
    second: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    def map(self, change: Callable[[Floats], Floats]) -> Jet:
        """Apply a linear change to the value and all derivatives; it must work on the trailing axes."""
        return Jet(change(self.value), change(self.first), change(self.second))

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.value + other.value, self.first + other.first, self.second + other.second)

    def __sub__(self, other: Jet) -> Jet:
        return Jet(self.value - other.value, self.first - other.first, self.second - other.second)

    def widen(self, k: int, order: int) -> Jet:
        """Append parameters on which the array does not depend, up to k of them."""
        shape = self.shape
        first = np.zeros((k if order > 0 else 0, *shape))
        second = np.zeros((k * (k + 1) // 2 if order > 1 else 0, *shape))
        first[: len(self.first)] = self.first
        second[: len(self.second)] = self.second
        return Jet(self.value, first, second)


def constant(value: Floats) -> Jet:
    """Return an array that depends on no parameter."""
    empty = np.zeros((0, *value.shape))
    return Jet(value, empty, empty)


def times(a: Floats, b: Floats) -> Floats:
    """Multiply stacks of matrices; thin inner dimensions without a call per matrix."""
    if a.shape[-1] == 1:
        return np.asarray(a * b)
    if a.shape[-1] == 2 and a.ndim > 2:
        return np.asarray(a[..., :1] * b[..., :1, :] + a[..., 1:] * b[..., 1:, :])
    return np.asarray(a @ b)


def flipped(a: Floats) -> Floats:
    """Transpose the last two axes."""
    return np.swapaxes(a, -1, -2)

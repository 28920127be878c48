"""How alike people are: k-anonymity, l-diversity and t-closeness of a table.

A class holds everybody with the same quasi-identifiers, the things an outsider may know of a person. How
many people share a class says how well one hides among them; how varied the sensitive values of a class
are says what an outsider learns of somebody who is known to be in it.

References
----------
k: Sweeney (2002), doi:10.1142/S0218488502001648. l: Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam
(2007), doi:10.1145/1217299.1217302. t: Li, Li, Venkatasubramanian (2007), doi:10.1109/ICDE.2007.367856.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Diversity:
    """How varied one sensitive column is within the classes; the worst class counts.

    Parameters
    ----------
    column
        Its name.
    distinct
        Fewest different values in a class: distinct l-diversity.
    entropy
        Smallest exp(entropy) of a class: entropy l-diversity.
    equal
        Largest distance of a class from the whole table, all values equally far apart: t-closeness.
    ordered
        The same where values are ranks on a line; `None` for a column that has no order.
    """

    column: str
    distinct: int
    entropy: float
    equal: float
    ordered: float | None


@dataclass(frozen=True)
class Likeness:
    """How alike the people of a table are.

    Parameters
    ----------
    people, classes
        People, and classes of people with the same quasi-identifiers.
    k
        People in the smallest class.
    below
        People in classes of fewer than the `k` that was asked about.
    sizes
        Size of the class at the minimum, first quartile, median, third quartile and maximum, over classes.
    diversity
        One per sensitive column.
    """

    people: int
    classes: int
    k: int
    below: int
    sizes: tuple[int, int, int, int, int]
    diversity: tuple[Diversity, ...]

    @property
    def share_below(self) -> float:
        """Share of people in classes that are too small."""
        return self.below / self.people if self.people else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {**asdict(self), "share_below": self.share_below}


def measure_likeness(
    rows: pd.DataFrame,
    quasi_identifiers: Sequence[str],
    *,
    person: str | None = None,
    sensitive: Sequence[str] = (),
    k: int = 11,
) -> Likeness:
    """Measure k, l and t of a table.

    Parameters
    ----------
    rows
        One row per person, or several with `person` naming whose they are. A missing value is a value.
    quasi_identifiers
        Columns that an outsider may know.
    person
        Column of pseudonyms; people are counted, not rows.
    sensitive
        Columns that nobody should learn; l and t are over rows.
    k
        The class size that is asked about.

    Returns
    -------
    Likeness
    """
    if rows.empty:
        return Likeness(0, 0, 0, 0, (0, 0, 0, 0, 0), ())
    classes = combine([codes_of(rows[name]) for name in quasi_identifiers], len(rows))
    whose = codes_of(rows[person]) if person is not None else np.arange(len(rows))
    sizes, _ = people_in(classes, whose)
    small = sizes < k
    below = len(np.unique(whose[small[classes]]))
    spread = np.quantile(sizes, (0, 0.25, 0.5, 0.75, 1), method="inverted_cdf").astype(int)
    return Likeness(
        people=int(whose.max()) + 1, classes=len(sizes), k=int(sizes.min()), below=below,
        sizes=(int(spread[0]), int(spread[1]), int(spread[2]), int(spread[3]), int(spread[4])),
        diversity=tuple(_diversity(name, rows[name], classes) for name in sensitive),
    )  # fmt: skip


def codes_of(values: pd.Series) -> Codes:
    """Give each different value of a column a number from 0; a missing value is one of them."""
    return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)


def combine(codes: Sequence[Codes], rows: int) -> Codes:
    """Give each different combination of several columns a number from 0."""
    made = np.zeros(rows, np.int64)
    for one in codes:
        width = int(one.max(initial=0)) + 1
        # Both factors are below the number of rows, so the product is far from overflow.
        made = pd.factorize(made * width + one)[0].astype(np.int64)
    return made


def people_in(classes: Codes, whose: Codes) -> tuple[Codes, int]:
    """Count the different people of each class, and all pairs of person and class."""
    people = int(whose.max(initial=-1)) + 1
    if people == len(whose):
        return np.bincount(classes).astype(np.int64), people
    pairs = pd.unique(classes * people + whose)
    return np.bincount(pairs // people).astype(np.int64), len(pairs)


@dataclass(frozen=True)
class Spread:
    """How often each sensitive value is in each class; only pairs that occur, sorted by class and value.

    Parameters
    ----------
    of_class, value, count
        The pairs and how often each occurs; shape (pairs,).
    total
        Rows of each class; shape (classes,).
    whole
        Share of each value in the whole table; shape (values,).
    """

    of_class: Codes
    value: Codes
    count: Floats
    total: Floats
    whole: Floats


def spread_of(classes: Codes, values: Codes, count: Floats | None = None) -> Spread:
    """Count the values of each class.

    Parameters
    ----------
    classes, values
        One of each per row, numbered from 0.
    count
        How often each row stands there; once if not given.
    """
    width = int(values.max(initial=-1)) + 1
    weight: Floats = np.ones(len(classes)) if count is None else count
    pairs, place = np.unique(classes * width + values, return_inverse=True)
    counted = np.bincount(place, weights=weight).astype(np.float64)
    total = np.bincount(classes, weights=weight).astype(np.float64)
    whole = np.bincount(values, weights=weight, minlength=width)
    return Spread(pairs // width, pairs % width, counted, total, whole / whole.sum())


def distinct_values(spread: Spread) -> Codes:
    """Count the different values in each class."""
    return np.bincount(spread.of_class, minlength=len(spread.total)).astype(np.int64)


def entropy_values(spread: Spread) -> Floats:
    """Give exp(entropy) of each class: as many equally frequent values would be as uncertain."""
    share = spread.count / spread.total[spread.of_class]
    entropy = -np.bincount(spread.of_class, weights=share * np.log(share), minlength=len(spread.total))
    return np.exp(entropy)


def equal_distance(spread: Spread) -> Floats:
    """Give the distance of each class from the whole table, all values equally far apart, 0 to 1."""
    share, whole = spread.count / spread.total[spread.of_class], spread.whole[spread.value]
    classes = len(spread.total)
    present = np.bincount(spread.of_class, weights=np.abs(share - whole), minlength=classes)
    absent = 1 - np.bincount(spread.of_class, weights=whole, minlength=classes)
    return (present + absent) / 2


def ordered_distance(spread: Spread) -> Floats:
    """Give the distance of each class from the whole table, where values are ranks on a line, 0 to 1.

    Notes
    -----
    Li et al., section 5.1: the sum over ranks of |cumulated share of the class - of the table|, divided by
    (values - 1). Between two values of a class its cumulated share stands still, so each stretch is summed
    at once from running sums of the table's cumulated share.
    """
    classes, values = len(spread.total), len(spread.whole)
    if values < 2:
        return np.zeros(classes)
    table = np.cumsum(spread.whole)
    table[-1] = 1.0
    running = np.concatenate([[0.0], np.cumsum(table)])
    own = np.cumsum(spread.count / spread.total[spread.of_class])
    first = np.searchsorted(spread.of_class, np.arange(classes))
    before = np.concatenate([[0.0], own])[first]
    level = own - before[spread.of_class]
    following = np.append(spread.value[1:], values - 1)
    last = np.append(spread.of_class[1:] != spread.of_class[:-1], True)
    end = np.where(last, values - 1, following)
    total = np.bincount(
        spread.of_class, weights=_stretch(level, spread.value, end, table, running), minlength=classes
    )
    # Before its first value the class has nothing, and the table already has something.
    total += running[spread.value[first]]
    return total / (values - 1)


def _stretch(level: Floats, start: Codes, end: Codes, table: Floats, running: Floats) -> Floats:
    """Sum |level - table| over the ranks from `start` to before `end`."""
    turn = np.clip(np.searchsorted(table, level), start, end)
    under = level * (turn - start) - (running[turn] - running[start])
    over = (running[end] - running[turn]) - level * (end - turn)
    return under + over


def _diversity(column: str, values: pd.Series, classes: Codes) -> Diversity:
    ranked = pd.api.types.is_numeric_dtype(values)
    codes = pd.factorize(values, sort=True, use_na_sentinel=False)[0] if ranked else codes_of(values)
    spread = spread_of(classes, np.asarray(codes, np.int64))
    return Diversity(
        column,
        int(distinct_values(spread).min()),
        float(entropy_values(spread).min()),
        float(equal_distance(spread).max()),
        float(ordered_distance(spread).max()) if ranked else None,
    )

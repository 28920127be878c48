"""The release gate: the only maker of numbers that a page may show, with small groups withheld."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import pandas as pd

from studypkg.errors import DisclosureError
from studypkg.privacy.bounds import Additive, feasible_ranges

__all__ = ["Additive", "Released", "Statistic", "release"]

_MADE_HERE = object()
FEW = "fewer than {} patients"
WOULD_REVEAL = "shown, it would reveal a small group"


@dataclass(frozen=True)
class Statistic:
    """One number of a page, with the counts that it rests on.

    Parameters
    ----------
    measure, scope, group, period
        What it is, whose, of which group, and when.
    kind
        ``count``, ``share``, ``mean`` or ``median``.
    n
        Patients or episodes behind it; for a count the count itself.
    k
        Numerator of a share.
    value, low, high
        The number, and its 95 % interval or, for a median, its quartiles.
    status, reason
        ``shown``, ``withheld`` or ``not_computable``, and why.
    n_cell, k_cell
        Names of the counts `n` and `k`. Statistics of one group of patients share the name.
    """

    measure: str
    scope: str
    group: str
    period: str
    kind: Literal["count", "share", "mean", "median"]
    n: int | None
    k: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    status: Literal["shown", "withheld", "not_computable"] = "shown"
    reason: str | None = None
    n_cell: str = ""
    k_cell: str = ""

    def __post_init__(self) -> None:
        place = f"{self.measure}/{self.scope}/{self.group}/{self.period}"
        if not self.n_cell:
            object.__setattr__(self, "n_cell", f"{place}:n")
        if not self.k_cell and self.kind == "share":
            object.__setattr__(self, "k_cell", f"{place}:k")

    @property
    def rest_cell(self) -> str:
        """Name of the count n − k of a share."""
        return f"not {self.k_cell}"


class Released:
    """Numbers that have passed the gate. Only `release` and `from_dict` make one.

    Parameters
    ----------
    statistics
        All of them; of a withheld one nothing but its place and the reason is left.
    min_cell
        The smallest count that is shown.
    """

    def __init__(self, statistics: Iterable[Statistic], min_cell: int, *, made_by: object = None) -> None:
        if made_by is not _MADE_HERE:
            raise DisclosureError(
                "numbers become released only by privacy.suppression.release(). Pass them through it."
            )
        self.statistics = tuple(statistics)
        self.min_cell = min_cell
        self._places = {(s.measure, s.scope, s.group, s.period): s for s in self.statistics}

    @property
    def withheld(self) -> int:
        """How many numbers are withheld."""
        return sum(s.status == "withheld" for s in self.statistics)

    def get(
        self, measure: str, *, scope: str = "clinic", group: str = "all", period: str
    ) -> Statistic | None:
        """Look up one number; None if there is none at this place."""
        return self._places.get((measure, scope, group, period))

    def to_frame(self) -> pd.DataFrame:
        """Give all numbers as a table, one row each."""
        return pd.DataFrame([asdict(s) for s in self.statistics])

    def to_dict(self) -> dict[str, Any]:
        """Give all numbers as plain values for a JSON file."""
        return {"min_cell": self.min_cell, "statistics": [asdict(s) for s in self.statistics]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Released:
        """Read back what `to_dict` gave; what was withheld cannot come back."""
        made = (Statistic(**one) for one in raw["statistics"])
        return cls(made, int(raw["min_cell"]), made_by=_MADE_HERE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Released) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.min_cell, self.statistics))

    def __repr__(self) -> str:
        return f"Released({len(self.statistics)} numbers, {self.withheld} withheld)"


def release(
    statistics: Iterable[Statistic],
    *,
    relations: Sequence[Additive] = (),
    min_cell: int = 11,
    also_withhold: Collection[str] = (),
) -> Released:
    """Withhold every small count, and whatever would give one back.

    Parameters
    ----------
    statistics
        All numbers of one page.
    relations
        The sums that hold among their cells, known to everyone.
    min_cell
        Counts from 1 to one less than this are never shown; 0 is.
    also_withhold
        Cells that another page of the same month withholds.

    Returns
    -------
    Released
        The same statistics in the same order.

    Notes
    -----
    A share shows its numerator k and, with n, also n − k, so all three must be large or 0. A mean or a
    median of few is withheld, because mean × n is a sum of few. Then, until nothing changes: for every
    small cell the range that the shown cells leave is found by linear programming; if it does not reach
    from 1 down and from `min_cell` − 1 up, one more cell in reach is withheld, a share before a count, a
    small one before a large one.
    """
    numbers = tuple(statistics)
    values, users = _cells(numbers)
    sums = [*relations, *_complements(numbers)]
    small = {cell for cell, value in values.items() if 0 < value < min_cell}
    hidden = small | (set(also_withhold) & values.keys())
    while True:
        shown = _shown(numbers, hidden)
        known = {cell: value for cell, value in values.items() if cell in shown}
        ranges = feasible_ranges(sorted(small), known, sums)
        open_to_attack = {c for c, r in ranges.items() if r.low > 1 or r.high < min_cell - 1}
        if not open_to_attack:
            break
        hidden.add(_cheapest(open_to_attack, known, sums, users))
    return Released((_blanked(s, hidden, min_cell) for s in numbers), min_cell, made_by=_MADE_HERE)


def _cells(numbers: Sequence[Statistic]) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Find the value of every cell, and the kinds of statistics that show it."""
    values: dict[str, int] = {}
    users: dict[str, set[str]] = defaultdict(set)
    for s in numbers:
        if s.n is None:
            continue
        own = {s.n_cell: s.n}
        if s.kind == "share" and s.k is not None:
            own |= {s.k_cell: s.k, s.rest_cell: s.n - s.k}
        for cell, value in own.items():
            if values.setdefault(cell, value) != value:
                raise DisclosureError(
                    f'the cell "{cell}" has two values. Statistics of other patients need another name.'
                )
            users[cell].add("share" if cell != s.n_cell else s.kind)
    return values, users


def _complements(numbers: Sequence[Statistic]) -> list[Additive]:
    return [
        Additive(s.n_cell, (s.k_cell, s.rest_cell))
        for s in numbers
        if s.kind == "share" and s.n is not None and s.k is not None
    ]


def _is_withheld(s: Statistic, hidden: set[str]) -> bool:
    cells = {s.n_cell} if s.kind != "share" else {s.n_cell, s.k_cell, s.rest_cell}
    return bool(cells & hidden)


def _shown(numbers: Sequence[Statistic], hidden: set[str]) -> set[str]:
    """Find the cells that the page shows: counts of shown statistics, and safe denominators."""
    shown = set()
    for s in numbers:
        if s.n is None:
            continue
        if s.n_cell not in hidden:
            shown.add(s.n_cell)
        if s.kind == "share" and s.k is not None and not _is_withheld(s, hidden):
            shown |= {s.k_cell, s.rest_cell}
    return shown


def _cheapest(
    exposed: set[str], known: Mapping[str, int], sums: Sequence[Additive], users: Mapping[str, set[str]]
) -> str:
    """Choose what else to withhold: the shown cell next to an exposed one that costs a reader least."""
    unknown = set(exposed)
    while True:
        near: set[str] = set()
        for relation in sums:
            cells = {relation.total, *relation.parts}
            if cells & unknown:
                near |= cells
        candidates = [c for c in near if known.get(c, 0) > 0]
        if candidates:
            return min(candidates, key=lambda c: (users[c] != {"share"}, "mean" in users[c], known[c], c))
        if near <= unknown:
            raise DisclosureError("a small group could not be protected. Nothing was released.")
        unknown |= near


def _blanked(s: Statistic, hidden: set[str], min_cell: int) -> Statistic:
    if s.status == "not_computable":
        safe = s.n is not None and s.n_cell not in hidden
        return replace(s, n=s.n if safe else None, k=None, value=None, low=None, high=None)
    if not _is_withheld(s, hidden):
        return s
    few = s.n is not None and 0 < s.n < min_cell
    reason = FEW.format(min_cell) if few else WOULD_REVEAL
    kept = s.n if s.kind == "share" and s.n_cell not in hidden else None
    return replace(s, n=kept, k=None, value=None, low=None, high=None, status="withheld", reason=reason)

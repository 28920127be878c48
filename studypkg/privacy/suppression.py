"""The release gate: the only maker of numbers that a page may show, with small groups withheld."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from studypkg.errors import DisclosureError
from studypkg.privacy.bounds import Additive
from studypkg.privacy.protection import Draft, protect
from studypkg.privacy.relations import Issue
from studypkg.privacy.released import _MADE_HERE, Released
from studypkg.privacy.statistic import Statistic

__all__ = ["Additive", "Limits", "Released", "Statistic", "release"]

#: One wording for a small group and for what would give one away: two would tell them apart.
SMALL_GROUP = "fewer than {} patients, or a number that would reveal so few"
FEW_FOR_QUANTILE = "too few patients for quartiles"
DOMINATED = "one patient makes most of the sum"
EARLIER_ISSUE = "too few patients have changed since it was last issued"

Code = Literal["small_group", "few_for_quantile", "dominated", "earlier_issue"]


@dataclass(frozen=True)
class Limits:
    """What may be shown.

    Parameters
    ----------
    min_cell
        Counts from 1 to one less than this are never shown; 0 is.
    quantile
        A median is shown with its quartiles, and only of this many patients or more, so that a fourth of
        them lies beyond each quartile.
    dominance
        p of the p % rule: a mean is withheld if the second largest contributor to its sum could say what
        the largest contributed to within p per cent.
    differences
        Withhold, too, what would let two issues tell how few patients came between them.
    """

    min_cell: int = 11
    quantile: int = 20
    dominance: float = 10.0
    differences: bool = False


def release(
    statistics: Iterable[Statistic],
    *,
    relations: Sequence[Additive] = (),
    min_cell: int = 11,
    also_withhold: Collection[str] = (),
    limits: Limits | None = None,
    earlier: Sequence[Issue] = (),
    batch: str = "",
) -> Released:
    """Withhold every small count, and whatever would give one back.

    Parameters
    ----------
    statistics
        All numbers of one page.
    relations
        The sums that hold among their cells, known to everyone.
    min_cell
        As in `Limits`, where nothing else of them is of interest.
    also_withhold
        Cells that another page of the same month withholds.
    limits
        What may be shown.
    earlier
        Every issue that a reader may already have and that speaks of the same patients: earlier issues
        of this page and of others, and the other pages of this month.
    batch
        State of the records that the numbers come from, as in `Issue`.

    Returns
    -------
    Released
        The same statistics in the same order.

    Raises
    ------
    DisclosureError
        If a small group cannot be protected, or one cell has two values.

    Notes
    -----
    A share shows its numerator k and, with n, also n − k, so all three must be large or 0; a share of
    visits must, besides, be of as many patients. A mean or a
    median of few is withheld, because mean × n is a sum of few. A number that was issued before is issued
    anew only if at least `min_cell` patients came or went, and stands as it was if not; one whose n is
    the same but whose value is not was corrected for someone, and stands too. Then `protection.protect`
    withholds more until no small cell is known too closely from this page and all earlier issues.
    """
    numbers = tuple(statistics)
    rules = limits or Limits(min_cell)
    values, users = _cells(numbers)
    small = {cell for cell, value in values.items() if 0 < value < rules.min_cell}
    issued = _Issued.of(earlier, batch)
    few = {cell for s in numbers if 0 < (s.people or 0) < rules.min_cell for cell, n in s.counts.items() if n}
    held = {cell for cell, value in values.items() if issued.too_near(cell, value, rules.min_cell)} - small
    asked = set(also_withhold) | issued.withheld_now
    hidden = small | few | held | {cell for cell in asked & values.keys() if values[cell] > 0}
    given = tuple(tuple(s.counts) for s in numbers if s.n is not None)
    draft = Draft(values, users, given, (*relations, *_complements(numbers)), small, batch)
    hidden = protect(draft, hidden - issued.public, earlier, rules)
    shown = [_judged(s, hidden, held, issued, rules) for s in numbers]
    return Released(shown, rules.min_cell, small=small, made_by=_MADE_HERE)


@dataclass(frozen=True)
class _Issued:
    """What earlier issues say of the numbers of this page."""

    counts: Mapping[str, frozenset[float]]
    numbers: Mapping[tuple[object, ...], Statistic]
    public: frozenset[str]
    withheld_now: frozenset[str]

    @classmethod
    def of(cls, earlier: Sequence[Issue], batch: str) -> _Issued:
        counts: dict[str, set[float]] = defaultdict(set)
        numbers: dict[tuple[object, ...], Statistic] = {}
        public: set[str] = set()
        withheld: set[str] = set()
        for issue in earlier:
            if issue.batch == batch:
                public |= {cell for cell, told in issue.shown.items() if told.exact}
                withheld |= issue.withheld
                continue
            for cell, told in issue.shown.items():
                if told.exact:
                    counts[cell].add(told.low)
            numbers |= {(*s.place, s.n_cell): s for s in issue.numbers}
        fixed = {cell: frozenset(found) for cell, found in counts.items()}
        return cls(fixed, numbers, frozenset(public), frozenset(withheld - public))

    def too_near(self, cell: str, value: int, min_cell: int) -> bool:
        """Say whether the change since any earlier issue is of 1 to `min_cell` − 1 patients."""
        return any(0 < abs(value - old) < min_cell for old in self.counts.get(cell, ()))

    def corrected(self, s: Statistic) -> bool:
        """Say whether the same count had another value."""
        old = self.number(s)
        if old is None or old.counts != s.counts or old.value is None or s.value is None:
            return False
        return abs(old.value - s.value) > 1e-9 * max(1.0, abs(s.value))

    def number(self, s: Statistic) -> Statistic | None:
        """Give the number as it was last issued."""
        return self.numbers.get((*s.place, s.n_cell))


def _cells(numbers: Sequence[Statistic]) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Find the value of every cell, and the kinds of statistics that show it."""
    values: dict[str, int] = {}
    users: dict[str, set[str]] = defaultdict(set)
    for s in numbers:
        for cell, value in s.counts.items():
            if values.setdefault(cell, value) != value:
                raise DisclosureError(
                    f'the cell "{cell}" has two values. Statistics of other patients need another name.'
                )
            users[cell].add("share" if cell != s.n_cell else s.kind)
    return values, users


def _complements(numbers: Sequence[Statistic]) -> list[Additive]:
    shares = (s for s in numbers if s.kind == "share" and s.n is not None and s.k is not None)
    return [Additive(s.n_cell, (s.k_cell, s.rest_cell)) for s in shares]


def _judged(s: Statistic, hidden: set[str], held: set[str], issued: _Issued, rules: Limits) -> Statistic:
    """Give a number as the page may show it."""
    bare = replace(s, weights=(), people=None)
    if s.status == "not_computable":
        safe = s.n is not None and s.n_cell not in hidden
        return replace(bare, n=s.n if safe else None, k=None, value=None, low=None, high=None)
    behind = hidden & s.counts.keys()
    if (behind and behind <= held) or (not behind and issued.corrected(s)):
        old = issued.number(s)
        if old is not None:
            return replace(old, code="earlier_issue")
        return _withheld(bare, hidden, "earlier_issue", EARLIER_ISSUE)
    if behind:
        return _withheld(bare, hidden, "small_group", SMALL_GROUP.format(rules.min_cell))
    if s.kind == "median" and s.n is not None and 0 < s.n < rules.quantile:
        return _withheld(bare, hidden, "few_for_quantile", FEW_FOR_QUANTILE)
    if s.kind == "mean" and _dominated(s.weights, rules.dominance):
        return _withheld(bare, hidden, "dominated", DOMINATED)
    return bare


def _withheld(s: Statistic, hidden: set[str], code: Code, reason: str) -> Statistic:
    kept = s.n if s.n_cell not in hidden and (s.kind == "share" or code != "small_group") else None
    return replace(
        s, n=kept, k=None, value=None, low=None, high=None, status="withheld", reason=reason, code=code
    )


def _dominated(weights: Sequence[float], percent: float) -> bool:
    """Apply the p % rule (Hundepool et al. 2012, *Statistical Disclosure Control*, section 4.2.2)."""
    if not weights or not weights[0]:
        return False
    total, first, second = weights
    return total - first - second < percent / 100 * first

"""What the issues of one page say about one clinic: the small part of a network's page that touches it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from studypkg.privacy.bounds import Additive, Range
from studypkg.privacy.relations import Issue


class Overlap:
    """Issues that speak of many clinics, looked up by clinic.

    Parameters
    ----------
    issues
        Issues of pages such as the network's.

    Notes
    -----
    A sum over clinics concerns a clinic only if its own part is not shown there; so a network of hundreds
    of clinics costs each page no more than the few sums that have a gap at that clinic.
    """

    def __init__(self, issues: Iterable[Issue]) -> None:
        self._by_unit: dict[str, list[Issue]] = defaultdict(list)
        for issue in issues:
            self._add(issue)

    def of(self, unit: str) -> list[Issue]:
        """Give what all issues say of one clinic, in their order."""
        return self._by_unit.get(unit, [])

    def _add(self, issue: Issue) -> None:
        shown: dict[str, dict[str, Range]] = defaultdict(dict)
        withheld: dict[str, set[str]] = defaultdict(set)
        sums: dict[str, list[Additive]] = defaultdict(list)
        for cell, told in issue.shown.items():
            shown[unit_of(cell)][cell] = told
        for cell in issue.withheld:
            withheld[unit_of(cell)].add(cell)
        for one in issue.sums:
            cells = (one.total, *one.parts)
            gaps = {unit_of(cell) for cell in cells if cell not in issue.shown}
            for unit in gaps:
                sums[unit].append(one)
                shown[unit] |= {cell: issue.shown[cell] for cell in cells if cell in issue.shown}
        for unit in shown.keys() | withheld.keys() | sums.keys():
            hidden = frozenset(withheld[unit])
            # In a sum with a gap at this clinic, the small groups of other clinics must stay unknown, too.
            told_of = {cell for one in sums[unit] for cell in (one.total, *one.parts)} | hidden
            small = frozenset(issue.small & told_of)
            numbers = tuple(s for s in issue.numbers if unit_of(s.n_cell) == unit)
            self._by_unit[unit].append(
                replace(
                    issue,
                    shown=dict(shown[unit]),
                    withheld=hidden,
                    small=small,
                    sums=tuple(sums[unit]),
                    numbers=numbers,
                )
            )


def unit_of(cell: str) -> str:
    """Name whose patients a cell counts.

    Examples
    --------
    >>> unit_of("not north/2026-03/paired")
    'north'
    """
    return cell.removeprefix("not ").partition("/")[0]


def only(issue: Issue, cells: Collection[str]) -> Issue:
    """Keep of an issue what it says about cells of the same units, counting the same things."""
    kinds = {_kind(cell) for cell in cells}
    return replace(
        issue,
        shown={cell: told for cell, told in issue.shown.items() if _kind(cell) in kinds},
        withheld=frozenset(cell for cell in issue.withheld if _kind(cell) in kinds),
        small=frozenset(cell for cell in issue.small if _kind(cell) in kinds),
        sums=tuple(s for s in issue.sums if all(_kind(c) in kinds for c in (s.total, *s.parts))),
        numbers=tuple(s for s in issue.numbers if _kind(s.n_cell) in kinds),
    )


def _kind(cell: str) -> tuple[str, str]:
    bare = cell.removeprefix("not ")
    unit, _, tail = bare.partition("/")
    what = tail.partition("/")[2]
    return unit, what if bare == cell else f"not {what}"

"""Everything that an attacker with all the pages knows: shown counts, and the sums that tie counts together.

A cell is named ``UNIT/PERIOD/WHAT``, such as ``north/2026-03/paired``: the patients of a clinic whose care
ended in a month or a stretch of months (``2025-04..2026-02``), and what they have in common. The same cell
can be issued from two states of the records; it is then two variables, tied by what changed between them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from studypkg.privacy.bounds import Additive, Range
from studypkg.privacy.statistic import Statistic

#: A cell as it was in one state of the records: its name, and the state.
Cell = tuple[str, str]
_STRETCH = ".."
_LONGEST = 240  # months


@dataclass(frozen=True)
class Issue:
    """One page of one month as it was given out.

    Parameters
    ----------
    month, page, number
        Month of the page, its name (``clinic-north``, ``network``, ``quality``), and 1 for the first issue.
    batch
        State of the records that it was made from. Two issues of one state tell of the same patients;
        states sort by time.
    min_cell
        The smallest count that was shown.
    shown
        Range of every count that the page shows or that a shown percentage or mean gives.
    withheld, small
        Cells that it withholds, and of these the ones with 1 to ``min_cell`` − 1 patients. What a reader
        sees does not tell the two apart.
    sums
        The sums that hold among its cells; those of stretches of months follow from the names.
    numbers
        The shown numbers.
    run
        Place in time among all issues of all pages; issues of one run go out together.
    """

    month: str
    page: str
    number: int
    batch: str
    min_cell: int
    shown: Mapping[str, Range]
    withheld: frozenset[str] = frozenset()
    small: frozenset[str] = frozenset()
    sums: tuple[Additive, ...] = ()
    numbers: tuple[Statistic, ...] = ()
    run: int = 0


@dataclass(frozen=True)
class Sum:
    """A total and its parts, all in one state of the records."""

    total: Cell
    parts: tuple[Cell, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The total and the parts."""
        return (self.total, *self.parts)


@dataclass(frozen=True)
class Relations:
    """What all issues together say.

    Parameters
    ----------
    known
        Range of each cell that some issue shows.
    sums
        What adds up.
    withheld, small
        As in `Issue`.
    """

    known: Mapping[Cell, Range] = field(default_factory=dict)
    sums: tuple[Sum, ...] = ()
    withheld: frozenset[Cell] = frozenset()
    small: frozenset[Cell] = frozenset()

    def value(self, cell: Cell) -> float | None:
        """Give the exact value of a cell, if it is shown."""
        found = self.known.get(cell)
        return found.low if found is not None and found.exact else None


def relations_of(issues: Iterable[Issue]) -> Relations:
    """Put together everything that some issues say.

    Parameters
    ----------
    issues
        Pages of any months, all that the attacker has.

    Returns
    -------
    Relations
        A count that two issues of one state give by different ranges lies in both.
    """
    known: dict[Cell, Range] = {}
    sums: dict[Sum, None] = {}
    withheld: set[Cell] = set()
    small: set[Cell] = set()
    names: dict[str, set[str]] = defaultdict(set)
    for issue in issues:
        for name, told in issue.shown.items():
            cell = (name, issue.batch)
            before = known.get(cell, told)
            known[cell] = Range(max(told.low, before.low), min(told.high, before.high))
        withheld |= {(name, issue.batch) for name in issue.withheld}
        small |= {(name, issue.batch) for name in issue.small}
        for one in issue.sums:
            sums[Sum((one.total, issue.batch), tuple((part, issue.batch) for part in one.parts))] = None
        names[issue.batch] |= issue.shown.keys() | issue.withheld
    withheld -= known.keys()
    for made in _over_time(names, sums):
        sums[made] = None
    return Relations(known, tuple(sums), frozenset(withheld), frozenset(small - known.keys()))


def months_of(period: str) -> tuple[str, ...]:
    """List the months of a period; nothing if it is no stretch of months.

    Examples
    --------
    >>> months_of("2025-11..2026-01")
    ('2025-11', '2025-12', '2026-01')
    >>> months_of("2026-01")
    ('2026-01',)
    """
    first, _, last = period.partition(_STRETCH)
    begin, end = _ordinal(first), _ordinal(last or first)
    if begin is None or end is None or not 0 <= end - begin < _LONGEST:
        return ()
    return tuple(f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(begin, end + 1))


def _ordinal(month: str) -> int | None:
    year, _, number = month.partition("-")
    if len(year) != 4 or len(number) != 2 or not (year + number).isdigit() or not 1 <= int(number) <= 12:
        return None
    return int(year) * 12 + int(number) - 1


def _split(name: str) -> tuple[str, str, str] | None:
    """Take a name apart; a cell that is the rest of another keeps its mark in what it counts."""
    rest = name.removeprefix("not ")
    unit, _, tail = rest.partition("/")
    period, _, what = tail.partition("/")
    if not what or not months_of(period):
        return None
    return unit, period, what if rest == name else f"not {what}"


def _joined(unit: str, period: str, what: str) -> str:
    bare = what.removeprefix("not ")
    return f"{'not ' if bare != what else ''}{unit}/{period}/{bare}"


def _over_time(names: Mapping[str, set[str]], sums: Iterable[Sum]) -> list[Sum]:
    """State that a stretch is the sum of its months, where two stretches overlap so that it matters.

    What holds within a stretch holds within each month of it, so those sums are repeated by month.
    """
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    stretches: set[tuple[str, str, str, str]] = set()
    for state, cells in names.items():
        for name in cells:
            found = _split(name)
            # A pool counts other clinics in each period, so its periods do not add up.
            if found is None or found[0].startswith("others of ") or found[2].endswith(("-n", "-k")):
                continue
            unit, period, what = found
            places[unit, what].add(period)
            if _STRETCH in period:
                stretches.add((unit, period, what, state))
    made: dict[Sum, None] = {}
    split: set[tuple[str, str, str]] = set()
    for unit, period, what, state in sorted(stretches):
        if len(places[unit, what]) < 2:
            continue
        months = months_of(period)
        split |= {(unit, period, state)}
        parts = tuple((_joined(unit, month, what), state) for month in months)
        made[Sum((_joined(unit, period, what), state), parts)] = None
    for one in sums:
        taken = [_split(name) for name, _ in one.cells]
        units = {found[:2] for found in taken if found is not None}
        if None in taken or len(units) != 1:
            continue
        unit, period = units.pop()
        whats = [found[2] for found in taken if found is not None]
        state = one.total[1]
        if _STRETCH not in period or not any(len(places[unit, what]) > 1 for what in whats):
            continue
        months = months_of(period)
        for what in whats:
            parts = tuple((_joined(unit, month, what), state) for month in months)
            made[Sum((_joined(unit, period, what), state), parts)] = None
        for month in months:
            total, *members = ((_joined(unit, month, what), state) for what in whats)
            made[Sum(total, tuple(members))] = None
    return list(made)

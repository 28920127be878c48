"""Secondary suppression: withhold more until no small group is known too closely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from studypkg.errors import DisclosureError
from studypkg.privacy.board import Board, narrowed
from studypkg.privacy.bounds import Additive, Range
from studypkg.privacy.relations import Cell, Issue, Relations, Sum, relations_of


class Rules(Protocol):
    """The limits that protection keeps to."""

    @property
    def min_cell(self) -> int:
        """The smallest count that may be shown."""

    @property
    def differences(self) -> bool:
        """Whether small groups between two issues are protected."""


@dataclass(frozen=True)
class Draft:
    """The counts of a page before anything is withheld.

    Parameters
    ----------
    values, users
        Value of each cell, and the kinds of statistics that show it.
    numbers
        The counts that each number gives away: its n, and for a share k and n − k.
    sums
        What adds up.
    small
        The cells that must be protected.
    batch
        State of the records.
    """

    values: Mapping[str, int]
    users: Mapping[str, set[str]]
    numbers: tuple[tuple[str, ...], ...]
    sums: tuple[Additive, ...]
    small: Collection[str]
    batch: str


def protect(draft: Draft, hidden: Collection[str], earlier: Sequence[Issue], rules: Rules) -> set[str]:
    """Find what must be withheld.

    Parameters
    ----------
    draft
        The page.
    hidden
        Cells that are withheld to begin with.
    earlier
        Everything given out before, or beside.
    rules
        The limits.

    Returns
    -------
    set of str
        All cells to withhold.

    Raises
    ------
    DisclosureError
        If a small group that was safe before this page cannot be kept so.

    Notes
    -----
    Choosing the fewest cells is a hard problem; this takes the nearest and cheapest in each component, a
    share before a count and a small one before a large one, and solves again (the hypercube and modular
    methods of tau-ARGUS are as greedy). A cell that is already public is not chosen, and one with the same
    count in an earlier state only when nothing else is left.
    """
    search = _Search(draft, set(hidden), tuple(earlier), rules)
    while search.step() or search.look_again():
        pass
    search.spare()
    return search.hidden


class _Search:
    """A greedy search for what to withhold."""

    def __init__(
        self,
        draft: Draft,
        hidden: set[str],
        earlier: tuple[Issue, ...],
        rules: Rules,
    ) -> None:
        self.draft, self.hidden, self.earlier, self.rules = draft, hidden, earlier, rules
        every = {cell: Range(n, n) for cell, n in draft.values.items()}
        page = Issue("", "", 0, draft.batch, rules.min_cell, every, sums=draft.sums)
        self._public, self._useless = _public(draft, earlier)
        self._numbers: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for counts in draft.numbers:
            for cell in counts:
                self._numbers[cell].append(counts)
        self._board = Board(
            relations_of([*earlier, page]), rules.min_cell, differences=rules.differences, small=draft.small
        )
        self._board.withhold(self._gone(hidden))
        self._lost: set[tuple[str, str]] | None = None
        self._doubtful: list[str] = []
        self._gave_up = False

    def step(self) -> bool:
        """Withhold one cell more in every part that is open; False when none is."""
        found = self._open()
        if not found:
            return False
        chosen: set[str] = set()
        stuck = False
        for cells, group in found:
            if chosen & {cell[0] for one in group for cell in one.cells}:
                continue
            one = self._choice(cells, group)
            stuck |= one is None
            chosen |= set() if one is None else {one}
        self.hidden |= chosen
        self._board.withhold(self._gone(self.hidden))
        if not chosen and stuck:
            self._give_up()
        return True

    def look_again(self) -> bool:
        """Look at the cells that were passed over on the way, and say whether one is known too closely."""
        self._board.complete()
        return bool(self._open())

    def spare(self) -> None:
        """Show again what was withheld on the way and turned out not to help."""
        for cell in () if self._gave_up else self._doubtful:
            if self._board.gain(self._gone(self.hidden - {cell}), self._lost or ()) <= 0:
                self.hidden.discard(cell)
                self._board.withhold(self._gone(self.hidden))

    def _open(self) -> list[tuple[set[str], tuple[Sum, ...]]]:
        found = []
        for part in self._board.parts():
            exposed = {one.cell for one in part.found if (one.cell, one.batch) not in (self._lost or ())}
            if exposed:
                found.append((exposed, part.sums))
        return found

    def _gone(self, hidden: Collection[str]) -> frozenset[Cell]:
        """List the cells that the page does not give away if some are withheld."""
        shown = set(self._public)
        for n_cell, *parts in self.draft.numbers:
            if n_cell not in hidden:
                shown.add(n_cell)
                if not any(part in hidden for part in parts):
                    shown.update(parts)
        return frozenset((cell, self.draft.batch) for cell in self.draft.values if cell not in shown)

    def _choice(self, cells: set[str], group: Sequence[Sum]) -> str | None:
        """Choose the cheapest of the cells next to the exposed ones.

        Trying several first finds nearly the same cells and takes three times as long. What did not help is
        shown again by `spare`.
        """
        near = self._near(cells, group, self._useless)
        if not near:
            near = self._near(cells, group, self._public)
        if not near:
            return None
        nearest = min(near[0], key=self._cost)
        self._doubtful.append(nearest)
        return nearest

    def _near(self, exposed: set[str], group: Sequence[Sum], useless: Collection[str]) -> list[list[str]]:
        """List the cells that may be withheld by their distance from the exposed ones."""
        near_of: dict[str, set[str]] = defaultdict(set)
        for one in group:
            names = {cell[0] for cell in one.cells}
            for name in names:
                near_of[name] |= names
        reached, edge = set(exposed), set(exposed)
        rings = []
        while edge:
            near = {other for name in edge for other in near_of[name]} - reached
            ring = [name for name in sorted(near) if name not in useless and self._is_shown(name)]
            if ring:
                rings.append(ring)
            reached |= near
            edge = near
        return rings

    def _is_shown(self, name: str) -> bool:
        """Say whether the page shows a cell with somebody in it."""
        cell: Cell = (name, self.draft.batch)
        shown = name in self.draft.values and cell not in self._board.gone
        return shown and (self._board.relations.value(cell) or 0) > 0

    def _give_up(self) -> None:
        """Leave aside what withholding cannot mend: nothing is left to withhold where it shows.

        That is what earlier pages give away on their own, and what someone supposes who takes a change that
        no page shows to be none. What follows from the records of this state alone is no supposition.

        Raises
        ------
        DisclosureError
            If this page gives a small group away, and not to suppositions only.
        """
        rules = self.rules
        if self._lost is None:
            before = narrowed(relations_of(self.earlier), rules.min_cell, differences=rules.differences)
            self._lost = {(one.cell, one.batch) for one in before}
            if self._lost:
                return
        every = (one for part in self._board.parts() for one in part.found)
        left = [one for one in every if (one.cell, one.batch) not in self._lost]
        if not all(one.supposed for one in left) or self._certain():
            raise DisclosureError("a small group could not be protected. Nothing was released.")
        self._lost |= {(one.cell, one.batch) for one in left}
        self._gave_up = True

    def _certain(self) -> set[str]:
        """List the cells that this page, with the others of its own state, gives away for certain."""
        state, least = self.draft.batch, self.rules.min_cell
        before = relations_of([issue for issue in self.earlier if issue.batch == state])
        whole, gone = self._board.relations, self._board.gone
        small = {cell for cell in gone if cell[0] in self.draft.small}
        now = Relations(
            {c: told for c, told in whole.known.items() if c[1] == state and c not in gone},
            tuple(one for one in whole.sums if one.total[1] == state),
            frozenset(cell for cell in whole.withheld | gone if cell[1] == state),
            frozenset(cell for cell in whole.small | small if cell[1] == state),
        )
        known = {one.cell for one in narrowed(before, least)}
        return {one.cell for one in narrowed(now, least)} - known

    def _cost(self, name: str) -> tuple[bool, bool, int, str]:
        users = self.draft.users.get(name, set())
        return users != {"share"}, "mean" in users, self.draft.values[name], name


def _public(draft: Draft, earlier: Sequence[Issue]) -> tuple[set[str], set[str]]:
    """Find the cells that are known from other pages of this state, and those that hiding would not help."""
    now: set[str] = set()
    useless: set[str] = set()
    for issue in earlier:
        for cell, told in issue.shown.items():
            if told.exact and issue.batch == draft.batch:
                now.add(cell)
            if told.exact and draft.values.get(cell) == told.low:
                useless.add(cell)
    return now, now | useless

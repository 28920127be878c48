"""Everything given out, cut into parts that tell nothing of each other; cells are withheld and shown at will.

Withholding a cell changes only the parts that it touches. So a trial costs what those cost, however many
pages and months there are besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass, replace

from studypkg.privacy.narrowing import Narrowed, attack, only_small
from studypkg.privacy.relations import Cell, Relations, Sum


@dataclass(frozen=True)
class Part:
    """Sums that share hidden cells, and what an attack on them has found.

    Parameters
    ----------
    places
        Where the sums stand in the relations; empty for a count that stands on a page and is small.
    sums
        The sums.
    found
        The cells that are known too closely.
    still
        Whether the sums hold if nothing has changed between the states of the records.
    whole
        Whether every cell was looked at, or nothing can be amiss with the others.
    """

    places: tuple[int, ...]
    sums: tuple[Sum, ...]
    found: tuple[Narrowed, ...]
    still: bool = True
    whole: bool = True


class Board:
    """What all pages say, and which cells of one of them are withheld at the moment.

    Parameters
    ----------
    relations
        What all pages say if nothing more is withheld.
    min_cell
        The smallest count that may be shown.
    differences
        Look for small groups of patients who came between two states of the records, too.
    small
        Names of the cells that are small where they are withheld.

    Notes
    -----
    Who knows less can work out less. So if more is withheld, only those cells are looked at that were known
    too closely before, and those that are withheld now. That holds for sure where nothing has changed
    between the states of the records; where something has, `complete` looks at the rest.
    """

    def __init__(
        self, relations: Relations, min_cell: int, *, differences: bool = False, small: Collection[str] = ()
    ) -> None:
        self.relations = relations
        self._top, self._differences, self._small = min_cell - 1, differences, frozenset(small)
        self._sums_of: dict[str, list[int]] = defaultdict(list)
        self._blind: set[Cell] = set()
        for place, one in enumerate(relations.sums):
            for cell in one.cells:
                self._sums_of[cell[0]].append(place)
                if relations.value(cell) is None:
                    self._blind.add(cell)
        self._known_in: dict[str, list[Cell]] = defaultdict(list)
        for cell in relations.known:
            self._known_in[cell[0]].append(cell)
        self._shown = {
            cell: Part((), (), (Narrowed(*cell, told.low, told.high, "shown"),))
            for cell, told in relations.known.items()
            if only_small(told, self._top)
        }
        self._past: dict[tuple[tuple[int, ...], frozenset[Cell]], Part] = {}
        self.gone: frozenset[Cell] = frozenset()
        self._parts: dict[int, Part] = {}
        self._home: dict[int, int] = {}
        self._next = 0
        self._keep((), self._grouped(range(len(relations.sums)), self.gone, None))

    def parts(self) -> list[Part]:
        """List the parts, and every small count that stands on a page."""
        shown = [part for cell, part in self._shown.items() if cell not in self.gone]
        return [*shown, *self._parts.values()]

    def withhold(self, gone: Set[Cell]) -> None:
        """Withhold these cells and no others."""
        old, new = self._changed(frozenset(gone))
        self.gone = frozenset(gone)
        self._keep(old, new)

    def gain(self, gone: Set[Cell], without: Collection[tuple[str, str]] = ()) -> int:
        """Count by how many more cells would be known too closely, if these were withheld and no others.

        Parameters
        ----------
        gone
            The cells.
        without
            Cells that do not count.
        """
        gone = frozenset(gone)
        old, new = self._changed(gone)

        def count(parts: Iterable[Part]) -> int:
            return sum((one.cell, one.batch) not in without for part in parts for one in part.found)

        shown = count(self._shown[c] for c in self.gone - gone if c in self._shown)
        hidden = count(self._shown[c] for c in gone - self.gone if c in self._shown)
        return count(new) - count(self._parts[one] for one in old) + shown - hidden

    def complete(self) -> None:
        """Look at every cell of the parts of which some have not been looked at."""
        for number, part in self._parts.items():
            if not part.whole:
                self._parts[number] = self._attacked(part.places, self.gone, None)

    def _changed(self, gone: frozenset[Cell]) -> tuple[set[int], list[Part]]:
        """Find the parts that would no longer be, and those that would be in their place."""
        names = {name for name, _ in gone ^ self.gone}
        places = {place for name in names for place in self._sums_of.get(name, ())}
        old = {self._home[place] for place in places if place in self._home}
        for one in old:
            places.update(self._parts[one].places)
        fewer = None if self.gone - gone else names
        new = list(self._grouped(sorted(places), gone, fewer))
        return old | {self._home[p] for part in new for p in part.places if p in self._home}, new

    def _keep(self, old: Iterable[int], new: Iterable[Part]) -> None:
        for number in old:
            for place in self._parts.pop(number).places:
                del self._home[place]
        for part in new:
            self._parts[self._next] = part
            self._home.update(dict.fromkeys(part.places, self._next))
            self._next += 1

    def _grouped(
        self, starts: Iterable[int], gone: frozenset[Cell], fresh: Collection[str] | None
    ) -> Iterator[Part]:
        """Follow the hidden cells from some sums on; attack each part that is reached.

        Where nothing but `fresh` cells are withheld beside those of now, few others have to be looked at.
        """
        seen: set[int] = set()
        for start in starts:
            if start in seen or not any(
                self._unknown(cell, gone) for cell in self.relations.sums[start].cells
            ):
                continue
            seen.add(start)
            queue, places = [start], [start]
            while queue:
                for cell in self.relations.sums[queue.pop()].cells:
                    if not self._unknown(cell, gone):
                        continue
                    for near in self._sums_of[cell[0]]:
                        # The same cell may be known in another state of the records.
                        state = self.relations.sums[near].total[1]
                        if near not in seen and self._unknown((cell[0], state), gone):
                            seen.add(near)
                            queue.append(near)
                            places.append(near)
            yield self._attacked(tuple(sorted(places)), gone, fresh)

    def _unknown(self, cell: Cell, gone: frozenset[Cell]) -> bool:
        return cell in gone or cell in self._blind

    def _attacked(
        self, places: tuple[int, ...], gone: frozenset[Cell], fresh: Collection[str] | None
    ) -> Part:
        everything = self.relations
        group = tuple(everything.sums[place] for place in places)
        cells = {cell for one in group for cell in one.cells}
        # What another state of the records says of the same groups belongs to it, too.
        cells.update(cell for name in {cell[0] for cell in cells} for cell in self._known_in.get(name, ()))
        hidden = frozenset(cells & gone)
        known = self._past.get((places, hidden))
        if known is not None and (known.whole or fresh is not None):
            return known
        suspects, was_still = None, False
        if fresh is not None:
            before = [self._parts[one] for one in {self._home[p] for p in places if p in self._home}]
            suspects = {one.cell for part in before for one in part.found} | set(fresh)
            was_still = all(part.still for part in before)
        seen = replace(
            everything,
            known={c: everything.known[c] for c in cells if c in everything.known and c not in gone},
            small=frozenset(c for c in cells if c in everything.small or (c in gone and c[0] in self._small)),
        )
        found, still = attack(seen, group, cells, self._top, differences=self._differences, suspects=suspects)
        whole = suspects is None or (was_still and still)
        self._past[places, hidden] = Part(places, group, tuple(found), still, whole)
        return self._past[places, hidden]


def narrowed(relations: Relations, min_cell: int = 11, *, differences: bool = False) -> tuple[Narrowed, ...]:
    """Attack everything that was given out.

    Parameters
    ----------
    relations
        What all pages together say.
    min_cell
        The smallest count that may be shown.
    differences
        Look for small groups of patients who came between two states of the records, too.

    Returns
    -------
    tuple of Narrowed
        Empty if nothing is known too closely.
    """
    board = Board(relations, min_cell, differences=differences)
    return tuple(one for part in board.parts() for one in part.found)

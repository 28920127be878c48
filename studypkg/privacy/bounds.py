"""What an attacker can work out: the range that each withheld count must lie in, by linear programming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog


@dataclass(frozen=True)
class Additive:
    """A sum that everyone knows to hold: the cell `total` is the sum of the cells `parts`."""

    total: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """The smallest and largest value that a cell can have, given everything that is shown."""

    low: float
    high: float


def feasible_ranges(
    targets: Iterable[str], known: Mapping[str, int], relations: Sequence[Additive]
) -> dict[str, Range]:
    """Find the range of each hidden cell.

    Parameters
    ----------
    targets
        Cells whose range is wanted; none of them is in `known`.
    known
        Value of every cell that is shown.
    relations
        The sums that hold.

    Returns
    -------
    dict of str to Range
        Rounded inwards to whole numbers, because a count is whole.

    Notes
    -----
    Every hidden cell is a variable ≥ 0, every sum an equation. The range of a cell is the minimum and
    the maximum of that variable. Sums that share no hidden cell are solved apart.
    """
    wanted = list(targets)
    open_sums = [r for r in relations if any(c not in known for c in (r.total, *r.parts))]
    found: dict[str, Range] = {}
    for cells, sums in _components(open_sums, known):
        inside = [cell for cell in wanted if cell in cells]
        if inside:
            found.update(_solve(inside, sorted(cells), sums, known))
    return {cell: found.get(cell, Range(0.0, np.inf)) for cell in wanted}


def _components(
    sums: Sequence[Additive], known: Mapping[str, int]
) -> Iterable[tuple[set[str], list[Additive]]]:
    touching: dict[str, list[int]] = defaultdict(list)
    for number, relation in enumerate(sums):
        for cell in (relation.total, *relation.parts):
            if cell not in known:
                touching[cell].append(number)
    unseen = set(range(len(sums)))
    while unseen:
        queue, members, cells = [min(unseen)], [], set()
        unseen.discard(queue[0])
        while queue:
            number = queue.pop()
            members.append(number)
            for cell in (sums[number].total, *sums[number].parts):
                if cell in known or cell in cells:
                    continue
                cells.add(cell)
                near = [n for n in touching[cell] if n in unseen]
                unseen.difference_update(near)
                queue += near
        yield cells, [sums[n] for n in sorted(members)]


def _solve(
    targets: Sequence[str], cells: Sequence[str], sums: Sequence[Additive], known: Mapping[str, int]
) -> dict[str, Range]:
    place = {cell: number for number, cell in enumerate(cells)}
    matrix = np.zeros((len(sums), len(cells)))
    right = np.zeros(len(sums))
    for row, relation in enumerate(sums):
        for cell, sign in ((relation.total, 1.0), *((part, -1.0) for part in relation.parts)):
            if cell in known:
                right[row] -= sign * known[cell]
            else:
                matrix[row, place[cell]] += sign
    found = {}
    for cell in targets:
        direction = np.zeros(len(cells))
        direction[place[cell]] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            answer = linprog(sign * direction, A_eq=matrix, b_eq=right, bounds=(0, None), method="highs")
            ends.append(sign * answer.fun if answer.status == 0 else (0.0 if sign > 0 else np.inf))
        found[cell] = Range(float(np.ceil(ends[0] - 1e-6)), float(np.floor(ends[1] + 1e-6)))
    return found

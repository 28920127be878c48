"""Which cells some sums narrow down further than the policy allows."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from studypkg.privacy.bounds import CEILING, Equation, Polytope, Range
from studypkg.privacy.relations import Cell, Relations, Sum

Why = Literal["shown", "small", "withheld", "difference"]


@dataclass(frozen=True)
class Narrowed:
    """A cell that is known more closely than the policy allows.

    Parameters
    ----------
    cell, batch
        Its name, and the state of the records.
    low, high
        The range that is left. For a difference: of the patients who came or went between two states.
    why
        ``shown`` for a small count that stands on a page; ``small`` for one that its issuer knows to be
        small; ``withheld`` for any other hidden cell that can only be small; ``difference`` for so few
        patients between two states of the records.
    supposed
        It follows only for who believes that nothing, or as little as possible, has changed between states.
    """

    cell: str
    batch: str
    low: float
    high: float
    why: Why
    supposed: bool = False


def attack(
    relations: Relations,
    group: Sequence[Sum],
    cells: Collection[Cell],
    top: int,
    *,
    differences: bool,
    suspects: Collection[str] | None = None,
) -> tuple[list[Narrowed], bool]:
    """Attack sums that share hidden cells.

    Parameters
    ----------
    relations
        What is known of the cells.
    group, cells
        The sums, and all their cells in all states of the records.
    top
        The largest count that is too small to be shown.
    differences
        Look for small groups of patients who came between two states of the records, too.
    suspects
        Names of the cells to look at; all if not given.

    Returns
    -------
    tuple
        The cells that are known too closely, and whether the sums hold if nothing has changed between
        the states of the records.

    Notes
    -----
    A cell known to be small must be able to be 1 (or 0) and `top` as far as anyone can tell. Any other
    hidden cell must not be sure to hold a small group of which more is known than that. The attacker
    does not use that 0 is never withheld.

    Ranges come from linear programming. First it is supposed that a cell is the same in every state of the
    records in which it was issued. Where that contradicts what is shown, each state has its own variable,
    and the attacker believes that no more has changed between states than the shown numbers force.
    """
    still = _Still.of(relations, group, cells)
    if still is not None:
        found = _scan(still.body, still.places, relations, top, still.states, suspects)
        if found is not None:
            several = len({state for _, state in cells}) > 1
            return [replace(one, supposed=several) for one in found], True
    return _moved(relations, group, cells, top, differences, suspects), False


def only_small(told: Range, top: int) -> bool:
    """Say whether a range holds nothing but small groups, and not all of them."""
    return told.low >= 1 and told.high <= top and not (told.low <= 1 and told.high >= top)


def _scan(
    body: Polytope,
    places: dict[str, int],
    relations: Relations,
    top: int,
    states: dict[str, tuple[Cell, ...]],
    suspects: Collection[str] | None,
) -> list[Narrowed] | None:
    """Look at the hidden cells of some sums; None if these contradict each other."""
    if not body.feasible:
        return None
    names = [name for name in places if suspects is None or states[name][0][0] in suspects]
    if not names:
        return []
    small = {name for name in names if any(cell in relations.small for cell in states[name])}
    at = [places[name] for name in names]
    body.push(at)
    if small and len(small) < len(at):
        body.push([places[name] for name in small])
    found = []
    for name, place in zip(names, at, strict=True):
        told = _small_cell(body, place, top) if name in small else _other_cell(body, place, top)
        if told is not None:
            found.append(
                Narrowed(*states[name][-1], told.low, told.high, "small" if name in small else "withheld")
            )
    return found


def _small_cell(body: Polytope, place: int, top: int) -> Range | None:
    """Give the range of a small cell if it is too narrow; the ends are looked for only where they matter."""
    seen = body.reached(place)
    is_high = seen.high >= top or body.highest(place) >= top
    is_low = seen.low <= 1 or body.lowest(place) <= 1
    if is_high and is_low:
        return None
    left = body.range_of(place)
    # Who believes that it is 0 or large is wrong, and has learned nothing.
    return left if left.high >= 1 and left.low <= top else None


def _other_cell(body: Polytope, place: int, top: int) -> Range | None:
    """Give the range of a cell that can only be small, and is known more closely than that."""
    seen = body.reached(place)
    if seen.low < 0.5 or seen.high > top + 0.5 or body.highest(place) > top or body.lowest(place) < 1:
        return None
    left = body.range_of(place)
    return left if only_small(left, top) else None


@dataclass(frozen=True)
class _Still:
    """Sums in which every cell is the same in all states."""

    body: Polytope
    places: dict[str, int]
    states: dict[str, tuple[Cell, ...]]

    @classmethod
    def of(cls, relations: Relations, group: Sequence[Sum], cells: Collection[Cell]) -> _Still | None:
        known: dict[str, Range] = {}
        states: dict[str, list[Cell]] = {}
        for cell in sorted(cells):
            told = relations.known.get(cell)
            told = Range(0.0, CEILING) if told is None else told
            before = known.get(cell[0], told)
            both = Range(max(before.low, told.low), min(before.high, told.high))
            if both.low > both.high:
                return None
            known[cell[0]] = both
            states.setdefault(cell[0], []).append(cell)
        places = {name: p for p, name in enumerate(n for n, told in known.items() if not told.exact)}
        rows: dict[tuple[tuple[int, float], ...], float] = {}
        for one in group:
            row, right = _row([(c[0], s) for c, s in _signed(one)], places, known)
            if row:
                if rows.setdefault(row, right) != right:
                    return None
            elif right:
                return None
        low_ends = np.array([known[name].low for name in places])
        high_ends = np.array([known[name].high for name in places])
        body = Polytope(low_ends, high_ends, [Equation(row, right) for row, right in rows.items()])
        return cls(body, places, {name: tuple(all_of) for name, all_of in states.items()})


def _moved(
    relations: Relations,
    group: Sequence[Sum],
    cells: Collection[Cell],
    top: int,
    differences: bool,
    suspects: Collection[str] | None,
) -> list[Narrowed]:
    """Attack sums in which something changed between states."""
    known = {cell: relations.known[cell] for cell in cells if cell in relations.known}
    names = {cell: f"{cell[0]}\n{cell[1]}" for cell in sorted(cells)}
    told = {names[cell]: range_ for cell, range_ in known.items()}
    places: dict[str, int] = {}
    low: list[float] = []
    high: list[float] = []
    for cell, name in names.items():
        if relations.value(cell) is None:
            places[name] = len(low)
            low.append(known[cell].low if cell in known else 0.0)
            high.append(known[cell].high if cell in known else CEILING)
    equations = []
    for one in group:
        row, right = _row([(names[c], s) for c, s in _signed(one)], places, told)
        if row:
            equations.append(Equation(row, right))
    states: dict[str, list[Cell]] = {}
    for cell in names:
        states.setdefault(cell[0], []).append(cell)
    least: list[int] = []
    changes: list[tuple[Cell, int]] = []
    for all_of in states.values():
        for old, new in itertools.pairwise(all_of):
            if relations.value(old) is not None and relations.value(new) is not None:
                continue
            came, went = len(low), len(low) + 1
            low += [0.0, 0.0]
            high += [CEILING, CEILING]
            least += [came, went]
            changes.append((new, came))
            row, right = _row([(names[new], 1.0), (names[old], -1.0)], places, told)
            equations.append(Equation((*row, (came, -1.0), (went, 1.0)), right))
    body = Polytope(np.array(low), np.array(high), equations, least)
    if not body.feasible:
        body = _elastic(low, high, equations, least)
    scanned = _scan(body, places, relations, top, {names[c]: (c,) for c in names}, suspects) or []
    found = [replace(one, supposed=True) for one in scanned]
    if differences:
        for changed, came in changes:
            for place in (came, came + 1):
                left = body.range_of(place)
                if left.low >= 1 and left.high <= top:
                    found.append(Narrowed(*changed, left.low, left.high, "difference", supposed=True))
    return found


def _elastic(
    low: Sequence[float], high: Sequence[float], equations: Sequence[Equation], least: Sequence[int]
) -> Polytope:
    """Let sums miss by as little as possible, where what is shown contradicts itself."""
    lower, upper, loose, extra = list(low), list(high), [], list(least)
    for one in equations:
        over, under = len(lower), len(lower) + 1
        lower += [0.0, 0.0]
        upper += [CEILING, CEILING]
        extra += [over, under]
        loose.append(Equation((*one.weights, (over, 1.0), (under, -1.0)), one.right))
    return Polytope(np.array(lower), np.array(upper), loose, extra)


def _signed(one: Sum) -> list[tuple[Cell, float]]:
    return [(one.total, 1.0), *((part, -1.0) for part in one.parts)]


def _row(
    terms: Sequence[tuple[str, float]], places: dict[str, int], known: dict[str, Range]
) -> tuple[tuple[tuple[int, float], ...], float]:
    """Put what is known on the right."""
    weights: dict[int, float] = {}
    right = 0.0
    for name, sign in terms:
        if name in places:
            weights[places[name]] = weights.get(places[name], 0.0) + sign
        else:
            right -= sign * known[name].low
    return tuple(sorted((p, w) for p, w in weights.items() if w)), right

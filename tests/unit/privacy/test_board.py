"""Withholding one cell after the other finds what an attack on everything finds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from studypkg.privacy.board import Board, narrowed
from studypkg.privacy.bounds import Additive, Range
from studypkg.privacy.relations import Cell, Issue, Relations, relations_of

MONTHS = ("2026-01", "2026-02", "2026-03")
UNITS = ("north", "south")


def page(state: str, chance: random.Random, more: int) -> Issue:
    """Make a page of two clinics and all together, by month, with everything shown."""
    shown: dict[str, Range] = {}
    sums = []
    for month in MONTHS:
        parts = []
        for unit in UNITS:
            seen, paired = chance.randrange(12, 40), chance.randrange(0, 12)
            kinds = {"seen": seen + more, "paired": paired, "rest": seen + more - paired}
            for what, number in kinds.items():
                shown[f"{unit}/{month}/{what}"] = Range(number, number)
            sums.append(Additive(f"{unit}/{month}/seen", (f"{unit}/{month}/paired", f"{unit}/{month}/rest")))
            parts.append(kinds)
        for what in parts[0]:
            total = sum(one[what] for one in parts)
            shown[f"network/{month}/{what}"] = Range(total, total)
            sums.append(Additive(f"network/{month}/{what}", tuple(f"{u}/{month}/{what}" for u in UNITS)))
    return Issue("2026-03", "network", 1, state, 11, shown, sums=tuple(sums))


def found_by(board: Board, *, complete: bool = True) -> set[tuple[str, str, float, float]]:
    if complete:
        board.complete()
    return {(one.cell, one.batch, one.low, one.high) for part in board.parts() for one in part.found}


def without(relations: Relations, gone: set[Cell], small: set[str]) -> Relations:
    known = {cell: told for cell, told in relations.known.items() if cell not in gone}
    return replace(relations, known=known, small=frozenset(cell for cell in gone if cell[0] in small))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("states", [1, 2])
def test_one_by_one_as_all_at_once(seed: int, states: int) -> None:
    chance = random.Random(seed)
    issues = [page(f"000{state}", random.Random(seed), 3 * state) for state in range(states)]
    relations, last = relations_of(issues), issues[-1]
    small = {cell for cell, told in last.shown.items() if 1 <= told.low <= 10}
    cells = sorted(last.shown)
    board = Board(relations, 11, small=small)
    gone: set[Cell] = set()
    for _ in range(8):
        for cell in chance.sample(cells, 2):
            gone ^= {(cell, last.batch)}
        counted = len(found_by(board))
        grows = gone >= board.gone
        gain = board.gain(gone)
        board.withhold(gone)
        expected = narrowed(without(relations, gone, small), 11)
        assert found_by(board) == {(one.cell, one.batch, one.low, one.high) for one in expected}
        if not grows or states == 1:
            assert counted + gain == len(expected)


def test_nothing_is_left_of_a_trial() -> None:
    issue = page("0001", random.Random(5), 0)
    board = Board(relations_of([issue]), 11)
    before = found_by(board)
    board.gain({("north/2026-01/seen", "0001"), ("network/2026-01/seen", "0001")})
    assert board.gone == frozenset()
    assert found_by(board) == before

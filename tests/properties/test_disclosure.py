"""No table of numbers with its sums lets an attacker narrow a small cell."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from studypkg.privacy import Additive, Statistic, audit, release

MIN_CELL = 11
tables = st.lists(
    st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=4
)  # clinics by months


def page(table):
    """Counts of a table with both margins and the grand total, and what adds up."""
    cells = {f"r{i}c{j}": n for i, row in enumerate(table) for j, n in enumerate(row)}
    sums = []
    for i, row in enumerate(table):
        cells[f"r{i}"] = sum(row)
        sums.append(Additive(f"r{i}", tuple(f"r{i}c{j}" for j in range(len(row)))))
    for j in range(len(table[0])):
        cells[f"c{j}"] = sum(row[j] for row in table)
        sums.append(Additive(f"c{j}", tuple(f"r{i}c{j}" for i in range(len(table)))))
    cells["all"] = sum(cells[f"r{i}"] for i in range(len(table)))
    sums.append(Additive("all", tuple(f"r{i}" for i in range(len(table)))))
    numbers = [
        Statistic("x", "clinic", c, "m", "count", n, value=float(n), n_cell=c) for c, n in cells.items()
    ]
    return cells, numbers, sums


def attack(cells, shown, sums, target):
    """Bounds of a cell from one program over the whole table: unlike the package, no components."""
    names = list(cells)
    place = {c: k for k, c in enumerate(names)}
    equations, right = [], []
    for s in sums:
        row = np.zeros(len(names))
        row[place[s.total]] = 1
        row[[place[p] for p in s.parts]] = -1
        equations.append(row)
        right.append(0)
    for cell, n in shown.items():
        row = np.zeros(len(names))
        row[place[cell]] = 1
        equations.append(row)
        right.append(n)
    goal = np.zeros(len(names))
    goal[place[target]] = 1
    low = linprog(goal, A_eq=np.array(equations), b_eq=right, bounds=(0, None)).fun
    high = linprog(-goal, A_eq=np.array(equations), b_eq=right, bounds=(0, 10_000)).fun
    return low, -high


@settings(max_examples=40, deadline=None)
@given(tables)
def test_an_attacker_cannot_narrow_a_small_cell(table):
    cells, numbers, sums = page(table)
    made = release(numbers, relations=sums, min_cell=MIN_CELL)
    shown = {s.group: s.n for s in made.statistics if s.status == "shown"}
    assert all(shown[cell] == cells[cell] for cell in shown), "what is shown is true"
    for cell, n in cells.items():
        if 0 < n < MIN_CELL:
            assert cell not in shown
            low, high = attack(cells, shown, sums, cell)
            assert low <= 1 + 1e-6
            assert high >= MIN_CELL - 1 - 1e-6
    assert audit(made, sums) == ()


@settings(max_examples=40, deadline=None)
@given(tables)
def test_a_table_without_small_cells_is_shown_whole(table):
    large = [[n + MIN_CELL for n in row] for row in table]
    _, numbers, sums = page(large)
    assert release(numbers, relations=sums, min_cell=MIN_CELL).withheld == 0

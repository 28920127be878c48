"""What an attacker can work out: the range that each withheld count must lie in, by linear programming."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

#: Larger than any count; keeps every program bounded.
CEILING = 1e7
_SLACK = 1e-6


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

    @property
    def exact(self) -> bool:
        """Whether only one value is possible."""
        return self.low == self.high


@dataclass(frozen=True)
class Equation:
    """``sum of weight · variable = right``; variables by place."""

    weights: tuple[tuple[int, float], ...]
    right: float


class Polytope:
    """All values that some hidden cells can have together.

    Parameters
    ----------
    lower, upper
        Limits of each variable, shape (variables,).
    equations
        What must hold.
    least
        Places of variables whose sum is as small as the equations allow; see `Notes`.

    Notes
    -----
    Where `least` is given, the smallest possible sum of those variables is found first, and then kept:
    the attacker believes that no more has changed between two issues than the shown numbers force.
    """

    def __init__(
        self,
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        equations: Sequence[Equation],
        least: Sequence[int] = (),
    ) -> None:
        self.feasible = True
        self._least = np.full(len(lower), np.inf)
        self._most_seen = np.full(len(lower), -np.inf)
        self._places = np.arange(len(lower), dtype=np.int32)
        self._ends: dict[tuple[int, float], float | None] = {}
        self._solver = _program(lower, np.minimum(upper, CEILING), equations) if len(lower) else None
        direction = np.zeros(len(lower))
        direction[list(least)] = 1.0
        found = self._solve(direction)
        if found is not None and least and self._solver is not None:
            limit = float(direction @ found) + _SLACK
            chosen = np.array(least, dtype=np.int32)
            self._solver.addRow(-highspy.kHighsInf, limit, len(chosen), chosen, np.ones(len(chosen)))

    def lowest(self, place: int) -> float:
        """Smallest value of one variable, rounded up: counts are whole."""
        found = self._end(place, 1.0)
        return 0.0 if found is None else float(np.ceil(found - _SLACK))

    def highest(self, place: int) -> float:
        """Largest value of one variable, rounded down."""
        found = self._end(place, -1.0)
        return np.inf if found is None or found >= CEILING - 1 else float(np.floor(found + _SLACK))

    def range_of(self, place: int) -> Range:
        """Smallest and largest value of one variable."""
        return Range(self.lowest(place), self.highest(place))

    def _end(self, place: int, sign: float) -> float | None:
        if (place, sign) not in self._ends:
            direction = np.zeros(len(self._places))
            direction[place] = sign
            found = self._solve(direction)
            self._ends[place, sign] = None if found is None else float(found[place])
        return self._ends[place, sign]

    def push(self, places: Collection[int]) -> None:
        """Find two points, with some variables small together and large together.

        Notes
        -----
        One solution is a witness for many variables at once, and spares most programs of single ones.
        """
        for sign in (-1.0, 1.0):
            direction = np.zeros(len(self._places))
            direction[list(places)] = sign
            self._solve(direction)

    def reached(self, place: int) -> Range:
        """Give the smallest and largest value of a variable in all points seen so far."""
        return Range(float(self._least[place]) - _SLACK, float(self._most_seen[place]) + _SLACK)

    def _solve(self, direction: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Find the point that goes least far in a direction, starting from the last answer."""
        if not self.feasible:
            return None
        if self._solver is None:
            return np.zeros(0)
        self._solver.changeColsCost(len(direction), self._places, direction)
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self.feasible = False
            return None
        point = np.asarray(self._solver.getSolution().col_value, dtype=np.float64)
        self._least = np.minimum(self._least, point)
        self._most_seen = np.maximum(self._most_seen, point)
        return point


def _program(
    lower: NDArray[np.float64], upper: NDArray[np.float64], equations: Sequence[Equation]
) -> highspy.Highs:
    """Give a program without a direction yet to the solver."""
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(lower), len(equations)
    program.col_cost_ = np.zeros(len(lower))
    program.col_lower_, program.col_upper_ = lower, upper
    program.row_lower_ = program.row_upper_ = np.array([e.right for e in equations], dtype=np.float64)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = np.cumsum([0, *(len(e.weights) for e in equations)], dtype=np.int32)
    program.a_matrix_.index_ = np.array([p for e in equations for p, _ in e.weights], dtype=np.int32)
    program.a_matrix_.value_ = np.array([w for e in equations for _, w in e.weights], dtype=np.float64)
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("threads", 1)
    # Only the direction changes between programs, so the last answer stays feasible: primal simplex.
    solver.setOptionValue("simplex_strategy", 4)
    solver.setOptionValue("presolve", "off")
    solver.passModel(program)
    return solver


def feasible_ranges(
    targets: Collection[str], known: Mapping[str, float], relations: Sequence[Additive]
) -> dict[str, Range]:
    """Find the range of each hidden cell of one table.

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
    """
    cells = sorted({c for r in relations for c in (r.total, *r.parts)} - known.keys())
    place = {cell: number for number, cell in enumerate(cells)}
    equations = []
    for relation in relations:
        weights = []
        right = 0.0
        for cell, sign in ((relation.total, 1.0), *((part, -1.0) for part in relation.parts)):
            if cell in known:
                right -= sign * known[cell]
            else:
                weights.append((place[cell], sign))
        if weights:
            equations.append(Equation(tuple(weights), right))
    body = Polytope(np.zeros(len(cells)), np.full(len(cells), CEILING), equations)
    return {cell: body.range_of(place[cell]) if cell in place else Range(0.0, np.inf) for cell in targets}

"""The attacker: looks only at released numbers and public sums, and tries to work out a small cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studypkg.privacy.bounds import Additive, feasible_ranges
from studypkg.privacy.suppression import Released


@dataclass(frozen=True)
class Breach:
    """A withheld cell that the shown numbers pin down to a small group."""

    cell: str
    low: float
    high: float


def audit(released: Released, relations: Sequence[Additive] = ()) -> tuple[Breach, ...]:
    """Attack released numbers.

    Parameters
    ----------
    released
        The numbers of a page.
    relations
        The sums that hold among their cells.

    Returns
    -------
    tuple of Breach
        Every withheld cell that must lie between 1 and the smallest count that may be shown, and every
        shown count that is itself small. Empty if the page is safe.
    """
    known: dict[str, int] = {}
    sums = list(relations)
    unknown: set[str] = set()
    for s in released.statistics:
        if s.n is not None:
            known[s.n_cell] = s.n
        elif s.status == "withheld":
            unknown.add(s.n_cell)
        if s.kind != "share":
            continue
        sums.append(Additive(s.n_cell, (s.k_cell, s.rest_cell)))
        if s.k is not None and s.n is not None:
            known |= {s.k_cell: s.k, s.rest_cell: s.n - s.k}
        elif s.status == "withheld":
            unknown |= {s.k_cell, s.rest_cell}
    small = released.min_cell - 1
    found = [Breach(cell, n, n) for cell, n in known.items() if 1 <= n <= small]
    ranges = feasible_ranges(sorted(unknown - known.keys()), known, sums)
    found += [Breach(c, r.low, r.high) for c, r in ranges.items() if r.low >= 1 and r.high <= small]
    return tuple(found)

"""The attacker: looks only at released numbers and public sums, and tries to work out a small cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studypkg.privacy.board import narrowed
from studypkg.privacy.bounds import Additive
from studypkg.privacy.ledger import issue_of
from studypkg.privacy.narrowing import Narrowed
from studypkg.privacy.relations import Issue, relations_of
from studypkg.privacy.released import Released

__all__ = ["Breach", "Narrowed", "audit", "narrowed"]


@dataclass(frozen=True)
class Breach:
    """A withheld cell that the shown numbers pin down to a small group."""

    cell: str
    low: float
    high: float


def audit(
    released: Released,
    relations: Sequence[Additive] = (),
    *,
    earlier: Sequence[Issue] = (),
    batch: str = "",
) -> tuple[Breach, ...]:
    """Attack released numbers.

    Parameters
    ----------
    released
        The numbers of a page.
    relations
        The sums that hold among their cells.
    earlier
        Other issues that the attacker has.
    batch
        State of the records that the numbers come from, as in `Issue`.

    Returns
    -------
    tuple of Breach
        Every withheld cell that can only be small, known more closely than that, and every shown count
        that is itself small. Empty if the page is safe.
    """
    page = issue_of(released, month="", page="", batch=batch, sums=relations)
    found = narrowed(relations_of([*earlier, page]), released.min_cell)
    return tuple(Breach(one.cell, one.low, one.high) for one in found)

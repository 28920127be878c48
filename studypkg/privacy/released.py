"""Numbers that have passed the gate: what figures and tables take, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from studypkg.errors import DisclosureError
from studypkg.privacy.statistic import Statistic

#: Who holds this may make a `Released`: the gate, and this module when it reads one back.
_MADE_HERE = object()


class Released:
    """Numbers that have passed the gate. Only `release` and `from_dict` make one.

    Parameters
    ----------
    statistics
        All of them; of a withheld one nothing but its place and the reason is left.
    min_cell
        The smallest count that is shown.
    small
        Names of the withheld cells that are small, for the ledger; they are in no file of a page.
    """

    def __init__(
        self,
        statistics: Iterable[Statistic],
        min_cell: int,
        *,
        small: Collection[str] = (),
        made_by: object = None,
    ) -> None:
        if made_by is not _MADE_HERE:
            raise DisclosureError(
                "numbers become released only by privacy.suppression.release(). Pass them through it."
            )
        self.statistics = tuple(statistics)
        self.min_cell = min_cell
        self.small = frozenset(small)
        self._places = {s.place: s for s in self.statistics}

    def __init_subclass__(cls, **rest: object) -> None:
        """Refuse a class that could be made without the gate."""
        raise DisclosureError("Released cannot be derived from. Pass numbers through release().")

    @property
    def withheld(self) -> int:
        """How many numbers are withheld."""
        return sum(s.status == "withheld" for s in self.statistics)

    def get(
        self, measure: str, *, scope: str = "clinic", group: str = "all", period: str
    ) -> Statistic | None:
        """Look up one number; None if there is none at this place."""
        return self._places.get((measure, scope, group, period))

    def to_frame(self) -> pd.DataFrame:
        """Give all numbers as a table, one row each."""
        return pd.DataFrame([s.to_dict() for s in self.statistics])

    def to_dict(self) -> dict[str, Any]:
        """Give all numbers as plain values for a JSON file."""
        return {"min_cell": self.min_cell, "statistics": [s.to_dict() for s in self.statistics]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Released:
        """Read back what `to_dict` gave; what was withheld cannot come back."""
        made = (Statistic(**one) for one in raw["statistics"])
        return cls(made, int(raw["min_cell"]), made_by=_MADE_HERE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Released) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.min_cell, self.statistics))

    def __repr__(self) -> str:
        return f"Released({len(self.statistics)} numbers, {self.withheld} withheld)"

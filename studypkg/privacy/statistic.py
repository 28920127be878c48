"""One number of a page, with the counts that it rests on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

#: What only the gate may know of a number.
PRIVATE = ("weights", "people")


@dataclass(frozen=True)
class Statistic:
    """One number of a page, with the counts that it rests on.

    Parameters
    ----------
    measure, scope, group, period
        What it is, whose, of which group, and when.
    kind
        ``count``, ``share``, ``mean`` or ``median``.
    n
        Patients or episodes behind it; for a count the count itself.
    k
        Numerator of a share.
    value, low, high
        The number, and its 95 % interval or, for a median, its quartiles.
    status, reason
        ``shown``, ``withheld`` or ``not_computable``, and why.
    n_cell, k_cell
        Names of the counts `n` and `k`. Statistics of one group of patients share the name.
    code
        Why it is withheld, as a word: ``small_group``, ``few_for_quantile``, ``dominated`` or
        ``earlier_issue``.
    weights
        Of a mean the sum, the largest and the second largest of the absolute values that it is made of.
        The gate reads them and takes them out.
    people
        Of a share of something else than patients, such as visits, how many patients or episodes are behind
        it: thirty visits may be three patients'. The gate reads it and takes it out.
    """

    measure: str
    scope: str
    group: str
    period: str
    kind: Literal["count", "share", "mean", "median"]
    n: int | None
    k: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    status: Literal["shown", "withheld", "not_computable"] = "shown"
    reason: str | None = None
    n_cell: str = ""
    k_cell: str = ""
    code: str | None = None
    weights: tuple[float, ...] = ()
    people: int | None = None

    def __post_init__(self) -> None:
        place = f"{self.measure}/{self.scope}/{self.group}/{self.period}"
        if not self.n_cell:
            object.__setattr__(self, "n_cell", f"{place}:n")
        if not self.k_cell and self.kind == "share":
            object.__setattr__(self, "k_cell", f"{place}:k")

    @property
    def rest_cell(self) -> str:
        """Name of the count n − k of a share."""
        return f"not {self.k_cell}"

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Where the number stands: measure, scope, group and period."""
        return self.measure, self.scope, self.group, self.period

    @property
    def counts(self) -> dict[str, int]:
        """Every count that the number gives away when it is shown, by the name of its cell."""
        if self.n is None:
            return {}
        if self.kind != "share" or self.k is None:
            return {self.n_cell: self.n}
        return {self.n_cell: self.n, self.k_cell: self.k, self.rest_cell: self.n - self.k}

    def to_dict(self) -> dict[str, Any]:
        """Give the number as plain values; what only the gate may know is left out."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in PRIVATE}

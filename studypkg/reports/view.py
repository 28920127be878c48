"""A page's own three stretches of time, and the numbers that stand beside each other in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import Difference, difference
from studypkg.reports.document import Page, get


@dataclass(frozen=True)
class View:
    """A document looked at by month, by the months before, and by all of them together.

    Parameters
    ----------
    document
        A clinic's or the network's document.
    past
        The months before, as ``first..last``; None on a first page.
    window
        All months, the month of the page included; the month itself if there is no stretch.
    """

    document: Page
    past: str | None
    window: str

    def month(self, measure: str, group: str = "all") -> Statistic | None:
        """Number of the clinic in the month."""
        return get(self.document, measure, self.document.month, group=group)

    def before(self, measure: str, group: str = "all") -> Statistic | None:
        """Number of the clinic in the months before."""
        return get(self.document, measure, self.past, scope="own_past", group=group) if self.past else None

    def others(self, measure: str, group: str = "all") -> Statistic | None:
        """Number of the other clinics in the month."""
        return get(self.document, measure, self.document.month, scope="network", group=group)

    def whole(self, measure: str, group: str = "all") -> Statistic | None:
        """Number of the clinic over all months of the page; the month's if there is no other."""
        return get(self.document, measure, self.window, group=group) or self.month(measure, group)

    def against_past(self, measure: str) -> Difference:
        """The month minus the months before."""
        return difference(self.month(measure), self.before(measure))

    def against_others(self, measure: str) -> Difference:
        """The clinic minus the other clinics, in the month."""
        return difference(self.month(measure), self.others(measure))

    def groups(self, measure: str, period: str) -> list[str]:
        """Groups of a measure in a stretch of time, in the document's order."""
        found = [
            s.group
            for s in self.document.released.statistics
            if s.measure == measure and s.scope == "clinic" and s.period == period and s.group != "all"
        ]
        return list(dict.fromkeys(found))

    @property
    def months(self) -> list[str]:
        """Months of the trend, oldest first; a month without a number keeps its place."""
        named = {
            s.period
            for s in self.document.released.statistics
            if s.measure == "improvement" and ".." not in s.period
        }
        return every_month({*named, self.document.month})


def view(document: Page) -> View:
    """Look at a document by its stretches of time."""
    statistics = document.released.statistics
    past = {s.period for s in statistics if s.scope == "own_past" and ".." in s.period}
    wide = {s.period for s in statistics if s.scope == "clinic" and ".." in s.period}
    single = {s.period for s in statistics if s.scope == "own_past" and ".." not in s.period}
    ending = {p for p in wide if p.endswith(document.month)}
    return View(
        document,
        max(past or single) if past or single else None,
        max(ending or wide) if ending or wide else document.month,
    )


def every_month(months: Iterable[str]) -> list[str]:
    """List the months from the first to the last, those between included.

    Examples
    --------
    >>> every_month(["2025-11", "2026-01"])
    ['2025-11', '2025-12', '2026-01']
    """
    counted = sorted(int(m[:4]) * 12 + int(m[5:7]) - 1 for m in months)
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(counted[0], counted[-1] + 1)]

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
    scope
        Whose page it is: ``clinic`` or ``network``.
    """

    document: Page
    past: str | None
    window: str
    scope: str = "clinic"

    def month(self, measure: str, group: str = "all") -> Statistic | None:
        """Give the number of the month."""
        return get(self.document, measure, self.document.month, scope=self.scope, group=group)

    def before(self, measure: str, group: str = "all") -> Statistic | None:
        """Give the number of the months before."""
        scope = "own_past" if self.scope == "clinic" else self.scope
        return get(self.document, measure, self.past, scope=scope, group=group) if self.past else None

    def others(self, measure: str, group: str = "all") -> Statistic | None:
        """Give the other clinics' number of the month; the network's page has no others."""
        if self.scope == "network":
            return None
        return get(self.document, measure, self.document.month, scope="network", group=group)

    def whole(self, measure: str, group: str = "all") -> Statistic | None:
        """Give the number of all months of the page, or of the month if there is no other."""
        whole = get(self.document, measure, self.window, scope=self.scope, group=group)
        return whole or self.month(measure, group)

    def against_past(self, measure: str) -> Difference:
        """Compare the month with the months before."""
        return difference(self.month(measure), self.before(measure))

    def against_others(self, measure: str) -> Difference:
        """Compare the clinic with the other clinics, in the month."""
        return difference(self.month(measure), self.others(measure))

    def groups(self, measure: str, period: str) -> list[str]:
        """List the groups of a measure in a stretch of time, in the document's order."""
        found = [
            s.group
            for s in self.document.released.statistics
            if s.measure == measure and s.scope == self.scope and s.period == period and s.group != "all"
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
    statistics, month = document.released.statistics, document.month
    scope = "clinic" if document.kind == "clinic" else "network"
    periods = {s.period for s in statistics if s.scope in (scope, "own_past")}
    wide = {p for p in periods if p.endswith(f"..{month}")}
    past = {p for p in periods if ".." in p} - wide
    single = {s.period for s in statistics if s.scope == "own_past" and ".." not in s.period}
    earlier = past or single
    return View(document, max(earlier) if earlier else None, min(wide) if wide else month, scope)


def every_month(months: Iterable[str]) -> list[str]:
    """List the months from the first to the last, those between included.

    Examples
    --------
    >>> every_month(["2025-11", "2026-01"])
    ['2025-11', '2025-12', '2026-01']
    """
    counted = sorted(int(m[:4]) * 12 + int(m[5:7]) - 1 for m in months)
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(counted[0], counted[-1] + 1)]

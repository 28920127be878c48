"""One desk for everything that leaves: each page passes the gate against all issues before, and is noted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from studypkg.config import Study
from studypkg.errors import DisclosureError
from studypkg.privacy.board import Board, narrowed
from studypkg.privacy.bounds import Additive
from studypkg.privacy.ledger import Ledger, issue_of, page_name
from studypkg.privacy.overlap import Overlap, only, unit_of
from studypkg.privacy.relations import Issue, relations_of
from studypkg.privacy.released import Released
from studypkg.privacy.statistic import Statistic
from studypkg.privacy.suppression import Limits, release

#: What the cells of all clinics together, and of all but one, are named after.
_ALL, _OTHERS = "network", "others of "
#: Pages that speak of all clinics.
SHARED_PAGES = ("network", "quality")


class Desk:
    """The gate of one month: what was issued before, and what this run issues.

    Parameters
    ----------
    study, month
        The declaration, and the month of the pages.
    state
        State of the records; see `Issue.batch`.
    """

    def __init__(self, study: Study, month: str, state: str) -> None:
        self.month, self.state = month, state
        self.ledger = Ledger(study.processed / "issued")
        self.limits = limits_of(study)
        self._made: dict[str, Issue] = {}
        self._shared = [issue for page in SHARED_PAGES for issue in self.ledger.issues(page)]
        self._overlap: Overlap | None = None
        self._of_state: list[Issue] | None = None
        self._run = self.ledger.next_run()

    def clinic_page(
        self,
        clinic: str,
        numbers: Sequence[Statistic],
        sums: Sequence[Additive],
        *,
        also_withhold: Collection[str] = (),
    ) -> tuple[Released, int]:
        """Let a clinic's numbers through; the pages of all clinics together come first.

        Returns
        -------
        tuple
            The released numbers, and the number of the issue.

        Raises
        ------
        DisclosureError
            If a small group could be worked out.
        """
        if self._overlap is None:
            self._overlap = Overlap(self._shared)
        page = page_name("clinic", clinic)
        own = self.ledger.issues(page)
        earlier = [*self._overlap.of(clinic), *self._overlap.of("network"), *own]
        return self._pass(page, own, earlier, numbers, sums, also_withhold)

    def shared_page(
        self,
        page: str,
        numbers: Sequence[Statistic],
        sums: Sequence[Additive],
        *,
        also_withhold: Collection[str] = (),
    ) -> tuple[Released, int]:
        """Let the numbers of a page about all clinics through, against every clinic's earlier pages."""
        cells = {cell for s in numbers for cell in (*s.counts, s.n_cell)}
        earlier = list(self._shared)
        for clinic in sorted({unit_of(cell) for cell in cells}):
            earlier += [only(issue, cells) for issue in self.ledger.issues(page_name("clinic", clinic))]
        own = self.ledger.issues(page)
        made = self._pass(page, own, earlier, numbers, sums, also_withhold)
        if self._made[page] not in own:
            self._shared.append(self._made[page])
        return made

    def joining(self, withheld: Collection[str]) -> set[str]:
        """List what more to withhold, so that the pages of these records, put together, give nobody away.

        Parameters
        ----------
        withheld
            What was listed before, and is withheld already.

        Notes
        -----
        Each page was passed against the pages of all clinics, but not against those of other clinics that
        were made after them. Where two of them meet in a total of the network, the total is withheld. If
        that is not enough, because the total stands on a page that was issued before, everything goes that
        is in the same sums.
        """
        board = Board(relations_of(self._beside()), self.limits.min_cell)
        open_ones = (part for part in board.parts() if part.found)
        cells = {cell for part in open_ones for one in part.sums for cell, _ in one.cells}
        totals = {cell for cell in cells if unit_of(cell) == _ALL or unit_of(cell).startswith(_OTHERS)}
        return (totals - set(withheld)) or (cells - set(withheld))

    def close(self) -> None:
        """Attack the pages of this run together, and note them in the ledger.

        Raises
        ------
        DisclosureError
            If a small group could be worked out from several pages; nothing is noted then.
        """
        _check(self._beside(), self.limits)
        fresh = []
        for page, issue in self._made.items():
            before = self.ledger.issues(page)
            if not any(same_page(issue, one) for one in before):
                fresh.append(issue)
        self.ledger.append(fresh)

    def _beside(self) -> list[Issue]:
        """Give the pages of this run, and every other page that was ever made of the same records."""
        if self._of_state is None:
            issues = self.ledger.all_issues()
            self._of_state = [one for one in issues if one.batch == self.state]
        made = list(self._made.values())
        pages = {(one.page, one.month) for one in made}
        return [*made, *(one for one in self._of_state if (one.page, one.month) not in pages)]

    def _pass(
        self,
        page: str,
        own: Sequence[Issue],
        earlier: Sequence[Issue],
        numbers: Sequence[Statistic],
        sums: Sequence[Additive],
        also_withhold: Collection[str],
    ) -> tuple[Released, int]:
        def made(against: Sequence[Issue]) -> tuple[Released, Issue]:
            released = release(
                numbers, relations=sums, also_withhold=also_withhold, limits=self.limits,
                earlier=against, batch=self.state,
            )  # fmt: skip
            issue = issue_of(released, month=self.month, page=page, batch=self.state, sums=sums)
            return released, replace(issue, run=self._run)

        of_month = [one for one in own if one.month == self.month]
        for one in of_month:
            if one.batch == self.state:
                # The same records again give the same page again: only what was before it counts.
                released, issue = made([e for e in earlier if _was_there(e, one)])
                if same_page(issue, one):
                    self._made[page] = one
                    return released, one.number
        released, issue = made(earlier)
        same = next((one for one in of_month if same_page(issue, one)), None)
        number = same.number if same is not None else 1 + max((one.number for one in of_month), default=0)
        self._made[page] = replace(issue, number=number)
        return released, number


def _was_there(other: Issue, one: Issue) -> bool:
    """Say whether another issue was known when this one was made; of one run, shared pages come first."""
    beside = other.page in SHARED_PAGES and one.page not in SHARED_PAGES
    return other.run < one.run or (beside and other.run == one.run)


def limits_of(study: Study) -> Limits:
    """Read from the declaration what may be shown."""
    rules = study.privacy
    return Limits(rules.min_cell, rules.min_quantile, rules.dominance, rules.late_groups == "protect")


def same_page(one: Issue, other: Issue) -> bool:
    """Say whether two issues tell a reader the same."""
    return (one.month, one.shown, one.withheld, set(one.numbers)) == (
        other.month, other.shown, other.withheld, set(other.numbers)
    )  # fmt: skip


def _check(issues: Collection[Issue], limits: Limits) -> None:
    breaches = narrowed(relations_of(issues), limits.min_cell)
    if breaches:
        raise DisclosureError(
            f"{len(breaches)} small cells could be worked out from the numbers about to be published. "
            "Nothing was published. Please report this as a fault of the package."
        )

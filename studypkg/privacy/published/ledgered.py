"""Which numbers a page may show: those that were let out, in every way that pages write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from studypkg.privacy.published.piece import Table
from studypkg.privacy.relations import Issue

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


class LetOut:
    """The numbers that a page, in all its issues, may show."""

    def __init__(self) -> None:
        self.counts: set[int] = {0}
        self.written: set[str] = {"0.001"}  # smaller P values are written so

    def add_issue(self, issue: Issue) -> None:
        """Add the counts and the numbers of an issue."""
        self.counts |= {int(told.low) for told in issue.shown.values() if told.exact}
        for s in issue.numbers:
            self.counts |= set(s.counts.values())
            if s.n is not None:
                self.counts.add(s.n)
            self._add(value for value in (s.value, s.low, s.high) if value is not None)

    def add_document(self, document: Any) -> None:
        """Add every number of a page's document but those of its released part, which are an issue."""
        waiting = [document]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one
            elif isinstance(one, str):
                self.written |= set(_numbers(one))
            elif isinstance(one, int | float) and not isinstance(one, bool):
                self._add([one])
                if float(one).is_integer():
                    self.counts.add(int(one))

    def strange(self, table: Table) -> Iterator[str]:
        """Give the places of the numbers in the body of a table that were never let out."""
        allowed = self.written | {str(n) for n in self.counts}
        for number, row in enumerate(table.rows, start=1):
            for at, cell in enumerate(row[1:], start=2):
                if any(token not in allowed for token in _numbers(cell)):
                    yield f"{table.place} row {number}, column {at}".strip()

    def _add(self, values: Iterable[float]) -> None:
        for value in values:
            for one in (abs(value), 100 * abs(value)):
                self.written |= {f"{one:.{digits}f}" for digits in range(5)}
                self.written.add(f"{one:g}")


def _numbers(text: str) -> list[str]:
    return [token.replace(",", "") for token in _NUMBER.findall(text)]

"""The ledger: everything that was ever given out, so that no later page can be subtracted from it.

One file per page, one line per issue, only ever added to. A line says which counts the page showed, which
cells it withheld and which of these were small; the count of a withheld cell is in no line. The lines are
chained by their hashes, so a line that is changed or taken out is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from studypkg.errors import DisclosureError
from studypkg.privacy.bounds import Additive, Range
from studypkg.privacy.relations import Issue
from studypkg.privacy.released import Released
from studypkg.privacy.statistic import PRIVATE, Statistic

__all__ = ["Issue", "Ledger", "issue_of", "page_name"]

FORMAT = 1
_SAFE = re.compile(r"[^A-Za-z0-9._-]")
_RUN = re.compile(rb'"run":(\d+),"check":"[0-9a-f]{16}"\}\n')
_TAIL = 1 << 17  # room for a line that a power cut left unfinished
_KEPT = tuple(f.name for f in fields(Statistic) if f.name not in (*PRIVATE, "status", "reason"))


def page_name(kind: str, clinic: str | None = None) -> str:
    """Name a page in the ledger: ``network``, ``quality``, or a clinic's."""
    return kind if clinic is None else f"clinic-{clinic}"


def issue_of(
    released: Released,
    *,
    month: str,
    page: str,
    number: int = 1,
    batch: str = "",
    sums: Iterable[Additive] = (),
) -> Issue:
    """Write down what a page gives away.

    Parameters
    ----------
    released
        Its numbers.
    month, page, number, batch
        As in `Issue`.
    sums
        What adds up on it. That numerator and rest make the whole is added.

    Notes
    -----
    A number that stands as it was issued before, because too few patients have come since, tells nothing
    of the present state and is left out.
    """
    shown: dict[str, Range] = {}
    withheld: set[str] = set()
    more: dict[Additive, None] = dict.fromkeys(sums)
    for s in released.statistics:
        if s.kind == "share" and s.k_cell:
            more[Additive(s.n_cell, (s.k_cell, s.rest_cell))] = None
        if s.code == "earlier_issue":
            continue
        shown |= {cell: Range(n, n) for cell, n in s.counts.items()}
        if s.status == "withheld" and s.n is None:
            withheld.add(s.n_cell)
    return Issue(
        month, page, number, batch, released.min_cell, shown, frozenset(withheld - shown.keys()),
        released.small, tuple(more), tuple(s for s in released.statistics if s.status == "shown"),
    )  # fmt: skip


class Ledger:
    """All issues of all pages of a study.

    Parameters
    ----------
    folder
        Where the files are; it lies with the records, never with the pages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def pages(self) -> tuple[str, ...]:
        """List the pages that were ever given out."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.jsonl")))

    def issues(self, page: str) -> tuple[Issue, ...]:
        """Read all issues of a page, the first one first.

        Raises
        ------
        DisclosureError
            If the file is not what was written.
        """
        return tuple(_issue(raw) for raw, _ in _lines(self._file(page)))

    def all_issues(self) -> Iterator[Issue]:
        """Read all issues of all pages."""
        for page in self.pages():
            yield from self.issues(page)

    def next_run(self) -> int:
        """Give the next place in time: one more than any issue has."""
        last = 0
        for path in self.folder.glob("*.jsonl"):
            with path.open("rb") as stream:
                stream.seek(max(0, path.stat().st_size - _TAIL))
                found = _RUN.findall(stream.read())
            last = max(last, int(found[-1]) if found else 0)
        return last + 1

    def append(self, issues: Iterable[Issue]) -> None:
        """Add issues; each is on the disk, flushed, before the next is written.

        Raises
        ------
        DisclosureError
            If the file of a page is not what was written.
        """
        for issue in issues:
            file = self._file(issue.page)
            self.folder.mkdir(parents=True, exist_ok=True)
            before = _lines(file)
            whole = sum(size for _, size in before)
            check = before[-1][0]["check"] if before else ""
            raw = _raw(issue)
            raw["check"] = _check(raw, check)
            is_new = not file.exists()
            with file.open("r+b" if not is_new else "xb") as stream:
                # A line that a power cut left unfinished was never given out.
                stream.truncate(whole)
                stream.seek(whole)
                stream.write((_text(raw) + "\n").encode())
                stream.flush()
                os.fsync(stream.fileno())
            if is_new:
                _sync_folder(self.folder)

    def _file(self, page: str) -> Path:
        plain = _SAFE.sub("_", page)
        if plain != page:
            plain += "-" + hashlib.sha256(page.encode()).hexdigest()[:8]
        return self.folder / f"{plain}.jsonl"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(raw: Mapping[str, Any]) -> str:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))


def _check(raw: Mapping[str, Any], before: str) -> str:
    bare = {key: value for key, value in raw.items() if key != "check"}
    return hashlib.sha256((before + _text(bare)).encode()).hexdigest()[:16]


def _lines(file: Path) -> list[tuple[dict[str, Any], int]]:
    """Read the whole lines of a file, each with its size in bytes."""
    if not file.is_file():
        return []
    found = []
    check = ""
    *lines, _ = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            raw = json.loads(line)
            fits = raw["check"] == _check(raw, check)
        except (ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            raise DisclosureError(
                f"{file}, line {number}: the ledger of what was given out is not as it was written, so "
                "nobody can say what a new page would reveal. Restore the file from a backup. Nothing was "
                "released."
            )
        check = raw["check"]
        found.append((raw, len(line) + 1))
    return found


def _raw(issue: Issue) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "page": issue.page,
        "month": issue.month,
        "issue": issue.number,
        "batch": issue.batch,
        "min_cell": issue.min_cell,
        "shown": {
            cell: int(told.low) if told.exact else [told.low, told.high]
            for cell, told in issue.shown.items()
        },
        "withheld": sorted(issue.withheld),
        "small": sorted(issue.small),
        "sums": [[one.total, *one.parts] for one in issue.sums],
        "numbers": [[getattr(s, name) for name in _KEPT] for s in issue.numbers],
        "run": issue.run,
    }  # fmt: skip


def _issue(raw: Mapping[str, Any]) -> Issue:
    return Issue(
        raw["month"], raw["page"], raw["issue"], raw["batch"], raw["min_cell"],
        {cell: Range(*n) if isinstance(n, list) else Range(n, n) for cell, n in raw["shown"].items()},
        frozenset(raw["withheld"]), frozenset(raw["small"]),
        tuple(Additive(total, tuple(parts)) for total, *parts in raw["sums"]),
        tuple(Statistic(**dict(zip(_KEPT, one, strict=True))) for one in raw["numbers"]),
        raw["run"],
    )  # fmt: skip

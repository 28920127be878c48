"""Which month is due, who may run now, and what a run ended with."""

from __future__ import annotations

import datetime as dt
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from filelock import FileLock, Timeout

from studypkg import pipeline
from studypkg.config import Study
from studypkg.errors import LockedError, QualityGateError
from studypkg.progress import Reporter

if TYPE_CHECKING:
    from studypkg.pipeline import Page

#: What a system answers when a folder takes nothing more, or nothing from this account.
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM))


@dataclass(frozen=True)
class MonthRun:
    """What a run of a month did.

    Parameters
    ----------
    month
        The month.
    pages
        Every page of the month with its status.
    index
        The index of all reports.
    worked
        False if nothing had changed and nothing was done.
    seconds
        Time from first to last step.
    other_libraries
        Libraries that are installed in another version than the run before was made with.
    """

    month: str
    pages: tuple[Page, ...]
    index: Path
    worked: bool
    seconds: float
    other_libraries: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 if every page stands, 14 if a model gave no number, 15 if no page stands, 16 if some failed."""
        failed = [page for page in self.pages if page.status == "failed"]
        if not failed:
            return 14 if self.without_number else 0
        return 15 if len(failed) == len(self.pages) else 16

    @property
    def without_number(self) -> str | None:
        """Why the month has no answer of a model; None if it has."""
        return next((p.reason for p in self.pages if p.unit == "research" and p.status != "failed"), None)

    def as_text(self) -> str:
        """Say it in a few lines."""
        if not self.worked:
            said = f"{self.month}: nothing has changed since the last run; nothing was done. {self.index}"
            return "\n".join([said, *self._libraries_said()])
        failed = [page.unit for page in self.pages if page.status == "failed"]
        lines = [f"{self.month}: {len(self.pages) - len(failed)} pages published in {self.seconds:.0f} s."]
        if failed:
            lines.append(
                f"Failed: {', '.join(failed)}. Their last good pages stay. The executed notebook beside "
                "each page shows which cell failed; mend the cause and run the same command again."
            )
        if self.without_number:
            lines.append(f"The model gave no number, and the pages say so: {self.without_number}")
        lines += [*self._libraries_said(), f"Open {self.index}"]
        return "\n".join(lines)

    def _libraries_said(self) -> list[str]:
        """Say that numbers may differ from those of before without any record having changed."""
        if not self.other_libraries:
            return []
        which = ", ".join(self.other_libraries)
        if self.worked:
            return [
                f"Made with other versions of libraries than before: {which}. Compare a number that moved "
                "with the page before, or install the versions of uv.lock and run again with --again."
            ]
        return [
            f"Its pages were made with other versions of libraries than are installed now: {which}. They "
            "stay as they are; --again makes them anew."
        ]


@contextmanager
def lock(study: Study) -> Iterator[None]:
    """Hold the study while a run works on it; the operating system releases it if the run is killed.

    Raises
    ------
    LockedError
        If another run holds it.
    QualityGateError
        If the folder of processed data cannot be written.
    """
    held = FileLock(study.processed / ".lock")
    try:
        with _writing(study.processed):
            study.processed.mkdir(parents=True, exist_ok=True)
            held.acquire(timeout=0)
    except Timeout:
        raise LockedError(
            f'another run is working on "{study.study.name}". Wait until it has ended and run again; '
            f"nothing was changed."
        ) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say it plainly when a folder takes nothing: the disk is full, or this account may not write there."""
    try:
        yield
    except OSError as fault:
        if fault.errno not in _NO_ROOM:
            raise
        reason = os.strerror(fault.errno).lower()
        raise QualityGateError(
            f"the folder {folder} cannot be written ({reason}). Make room or give this account the right to "
            f"write there, and run again. No page was left half written; pages that stand are whole."
        ) from None


def last_full_month(today: dt.date) -> str:
    """Name the month before the one that a day is in.

    Examples
    --------
    >>> last_full_month(dt.date(2026, 1, 31))
    '2025-12'
    """
    return (today.replace(day=1) - dt.timedelta(days=1)).strftime("%Y-%m")


def run_month(
    study: Study,
    month: str,
    *,
    today: dt.date,
    progress: Reporter,
    clinics: tuple[str, ...] = (),
    again: bool = False,
) -> MonthRun:
    """Make a month: the ingest and models notebooks, then one page per clinic, the network and the index.

    Parameters
    ----------
    study
        The study.
    month
        Month of episode end, ``YYYY-MM``.
    today
        Rows dated later are quarantined.
    progress
        Told what is being done.
    clinics
        Only these clinics' pages; all of them where empty.
    again
        Run even if nothing has changed.
    """
    started = dt.datetime.now(tz=dt.UTC)
    # one process per page already uses every core: threads inside each would only wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    plan = pipeline.plan_month(study, month, today=today, clinics=clinics)
    index = study.reports / "index.html"
    if not again and not clinics and plan.is_done:
        return MonthRun(month, plan.pages_before, index, False, 0.0, plan.other_libraries)
    with _writing(study.reports):
        pages = pipeline.make_month(study, plan, progress=progress)
    seconds = (dt.datetime.now(tz=dt.UTC) - started).total_seconds()
    return MonthRun(month, pages, index, True, seconds, plan.other_libraries)


def start_lab(study: Study, options: Sequence[str]) -> NoReturn:
    """Replace this process by JupyterLab on the study's notebooks.

    Parameters
    ----------
    study
        The study; without notebooks of its own, the lab opens on its folder.
    options
        Passed on to JupyterLab.
    """
    program = Path(sys.executable).parent / "jupyter-lab"
    notebooks = study.root / "notebooks"
    folder = notebooks if notebooks.is_dir() else study.root
    os.execv(program, [str(program), f"--notebook-dir={folder.resolve()}", *options])

"""Progress of a run: a live line on a terminal, plain log lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


class Reporter(Protocol):
    """What a run may say while it works."""

    def say(self, text: str) -> None:
        """Tell what is being done now."""

    def total(self, pages: int) -> None:
        """Tell how many pages there will be."""

    def page(self, text: str) -> None:
        """Tell that one more page is done."""


class _Lines:
    """Plain lines with the time since the start, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._start, self._pages, self._done = stream, time.monotonic(), 0, 0

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:6.1f} s] {text}", file=self._stream, flush=True)

    def total(self, pages: int) -> None:
        self._pages = pages

    def page(self, text: str) -> None:
        self._done += 1
        self.say(f"page {self._done} of {self._pages}: {text}")


class _Live:
    """One live line with a bar, for terminals."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)

    def say(self, text: str) -> None:
        self._bar.update(self._task, description=text)

    def total(self, pages: int) -> None:
        self._bar.update(self._task, total=pages, completed=0)

    def page(self, text: str) -> None:
        self._bar.update(self._task, description=text, advance=1)


@contextmanager
def progress_for(stream: TextIO) -> Iterator[Reporter]:
    """Give the reporter that suits a stream: live on a terminal, lines in a log.

    Parameters
    ----------
    stream
        Where to report, usually standard error.
    """
    if not stream.isatty():
        yield _Lines(stream)
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        yield _Live(bar)

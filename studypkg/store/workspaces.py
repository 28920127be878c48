"""Private folders for half-made things, swept when the run that made them is dead."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_WORK = ".work-"


@contextmanager
def lend_workspace(root: Path) -> Iterator[Path]:
    """Lend a private folder in `root`, gone afterwards; folders of dead runs are swept first."""
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    work = root / f"{_WORK}{secrets.token_hex(6)}"
    # The lock is let go when the process dies, however it dies; that is how a sweep knows.
    lock = FileLock(work.with_suffix(".lock"))
    with lock:
        work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work)
            Path(lock.lock_file).unlink()


def _sweep(root: Path) -> None:
    """Remove the working folders of runs that are no longer alive."""
    for left in root.glob(f"{_WORK}*.lock"):
        try:
            with FileLock(left, timeout=0):
                shutil.rmtree(left.with_suffix(""), ignore_errors=True)
        except Timeout:
            continue  # a live run works there
        left.unlink(missing_ok=True)

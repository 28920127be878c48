"""Run a reader that may be brought down by what it reads as a program of its own, with little memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MEMORY_BYTES = 4 << 30
SECONDS = 900


def limits() -> str:
    """Name the limits as a message does."""
    return f"within {MEMORY_BYTES >> 30} GB of memory and {SECONDS // 60} minutes"


def run_apart(program: str, arguments: Sequence[str], target: Path) -> bool:
    """Run a file of this package as a program, and say whether it has written its target.

    Parameters
    ----------
    program
        The `__file__` of a module that imports nothing of the package.
    arguments
        What it is told; the number of bytes of memory it may use comes last.
    target
        The file that it writes at its end.
    """
    # -I: nothing beside the program or in the environment may replace a library.
    command = [sys.executable, "-I", str(Path(program).resolve()), *arguments, str(MEMORY_BYTES)]
    try:
        # What the program says may quote cells, so nobody listens.
        ended = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0 and target.is_file()

"""Two long-running processes with one protocol, one for Python and one for R: a name in, an answer out."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.mixed_models.cohorts import Model
from benchmarks.mixed_models.worker import MARK

ROOT = Path(__file__).resolve().parents[2]
R_SCRIPT = Path(__file__).with_name("peers.R")


class OverTheLimit(Exception):
    """The engine did not answer in time; its process has been ended."""


class Session:
    """A process that is asked by name and answers with a JSON object."""

    def __init__(self, command: Sequence[str], *, wait: float) -> None:
        # A group of its own: whatever the engine starts ends with it.
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        self._pending = b""
        self.ready = self._read(wait)

    def ask(self, name: str, limit: float) -> dict[str, Any]:
        """Ask for one fit.

        Raises
        ------
        OverTheLimit
            If there is no answer within ``limit`` seconds; the process is gone then.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name}\n".encode())
        self.process.stdin.flush()
        return self._read(limit)

    def close(self) -> None:
        """End the process and what it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self, limit: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                *lines, self._pending = self._pending.split(b"\n")
                found = [line for line in lines if line.startswith(MARK.encode())]
                if found:
                    return dict(json.loads(found[0][len(MARK) :]))
                if not selector.select(limit):
                    self.close()
                    raise OverTheLimit
                more = os.read(self.process.stdout.fileno(), 65536)
                if not more:
                    self.process.wait()
                    return {"failed": f"the process ended with code {self.process.returncode}"}
                self._pending += more


def python_session(model: Model, rows: int, seed: int) -> Session:
    """Start the process of the Python engines; it simulates its own table."""
    command = [sys.executable, "-m", "benchmarks.mixed_models.worker", model.name, str(rows), str(seed)]
    return Session(command, wait=600.0)


def r_session(model: Model, csv: Path) -> Session:
    """Start the process of the R engines on a table that was written once."""
    command = ["Rscript", "--vanilla", str(R_SCRIPT), model.name, str(csv), model.formula]
    return Session(command, wait=600.0)

"""The process that fits for the Python engines: reads one request a line, answers one JSON line each.

    python -m benchmarks.mixed_models.worker MODEL ROWS SEED

All Python engines share this process and the one table in it. The R engines have theirs in ``peers.R``, with
the same protocol, so that both can be asked in turn.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import sys
import time
from pathlib import Path

from benchmarks.mixed_models.cohorts import MODELS, cohort
from benchmarks.mixed_models.peers import PEERS, Task

MARK = "ANSWER "


def resident(key: str) -> float:
    """Read a figure of this process in megabytes: ``VmRSS`` now, or ``VmHWM`` at most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def reset_peak() -> None:
    """Let the peak begin anew, so that a fit's peak is its own and not the simulation's."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main(model_name: str, rows: int, seed: int) -> None:
    model = MODELS[model_name]
    data = cohort(model.cohort, rows, seed)
    size = float(data.memory_usage(deep=True).sum()) / 2**20
    tasks: dict[str, Task] = {}
    versions = {peer.package: peer.version for peer in PEERS.values()}
    print(MARK + json.dumps({"ready": True, "data_mb": size, "versions": versions}), flush=True)
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in tasks:
                tasks[name] = PEERS[name].prepare(model, data)
            gc.collect()
            reset_peak()
            before, start = resident("VmRSS"), time.perf_counter()
            found = tasks[name].read(tasks[name].run())
            seconds = time.perf_counter() - start
            peak = resident("VmHWM")
            answer = dataclasses.asdict(found)
            answer |= {"seconds": seconds, "rss_before_mb": before, "rss_peak_mb": peak}
        except Exception as fault:
            # An engine that fails is a finding, not an end.
            answer = {"failed": f"{type(fault).__name__}: {str(fault)[:200]}"}
        print("\n" + MARK + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""What the figures depend on: processor, memory, threads, linear algebra, versions, load."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
_IMPORT = (
    "import time; start = time.perf_counter(); import studypkg.models; print(time.perf_counter() - start)"
)


def limit_threads(count: int) -> None:
    """Give every process that is started from here the same number of threads, whatever library it uses."""
    for name in THREADS:
        os.environ[name] = str(count)


def machine_facts() -> dict[str, Any]:
    """Gather what a reader needs to compare these seconds with others."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[index, call-overload]
    return {
        "processor": _first_line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(float(_first_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy_blas": f"{blas['name']} {blas['version']}",
        "threads": {name: os.environ.get(name, "not set") for name in THREADS},
        "load_at_start": [round(v, 2) for v in os.getloadavg()],
    }


def import_seconds(repeats: int = 7) -> dict[str, float]:
    """Time ``import studypkg.models`` in fresh processes: the import alone, and the whole process."""
    alone, whole = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", _IMPORT], check=True, capture_output=True, text=True)
        whole.append(time.perf_counter() - start)
        alone.append(float(run.stdout))
    return {"import": float(np.median(alone)), "process": float(np.median(whole))}


def _first_line(path: str, key: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"

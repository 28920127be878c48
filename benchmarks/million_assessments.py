"""Simulate a network with a million assessments, then ingest it: seconds, rows per second, peak memory.

    .venv/bin/python benchmarks/million_assessments.py [FOLDER]

Beside it, in the same run, stands what DuckDB alone needs to parse every column of the same files as text:
the floor of any ingest. Ratios to that floor are the figures to trust; seconds depend on the machine.
"""

import json
import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SIMULATE = """
from pathlib import Path
from studypkg.simulate import Truth, write_network
write_network(Path(FOLDER) / "data" / "raw", Truth(), clinics=60, months=38, first_month="2023-01", seed=1,
              episodes_per_month=60, bad_rows=0.004)
"""
INGEST = """
from studypkg import pipeline
pipeline.ingest_records(pipeline.open_study(FOLDER), today=None)
"""
FLOOR = """
import duckdb
from pathlib import Path
for path in sorted((Path(FOLDER) / "data" / "raw").glob("*.csv")):
    connection = duckdb.connect()
    names = [row[0] for row in connection.execute(
        "DESCRIBE SELECT * FROM read_csv(?, all_varchar=true)", [str(path)]).fetchall()]
    touched = ", ".join(f'max(length("{name}"))' for name in names)
    connection.execute(f"SELECT {touched} FROM read_csv(?, all_varchar=true)", [str(path)]).fetchall()
"""


def timed(code: str, folder: Path) -> dict[str, float]:
    """Run a piece of code in a fresh process; wall seconds, CPU seconds, peak resident megabytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    probe = textwrap.dedent(code) + (
        "\nimport resource\nprint('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", f"FOLDER = {str(folder)!r}\n{probe}"],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = float(run.stdout.split("PEAK")[-1])
    return {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "peak_mb": round(peak)}


def main(folder: Path) -> None:
    (folder / "data" / "raw").mkdir(parents=True, exist_ok=True)
    study = (ROOT / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(study, encoding="utf-8")
    figures = {"simulate": timed(SIMULATE, folder)}
    rows = {}
    for path in sorted((folder / "data" / "raw").glob("*.csv")):
        with path.open("rb") as stream:
            rows[path.stem] = sum(1 for _ in stream) - 1
    figures["floor"] = timed(FLOOR, folder)
    figures["ingest"] = timed(INGEST, folder)
    ratio = figures["ingest"]["cpu_seconds"] / figures["floor"]["cpu_seconds"]
    print(json.dumps({"rows": rows, **figures, "ingest_cpu_over_floor": round(ratio, 1)}, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))

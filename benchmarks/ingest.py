"""Validated ingest beside its peers: CPU seconds as a multiple of parsing every column as text.

::

    python -m benchmarks.ingest --rows 1000000 5000000 --repeat 3 --page
    python -m benchmarks.ingest --rows 20000000 --only limit ours --memory 1GB

The file is made by `ingest_file`, with planted faults and the list of them. Every contestant reads it as
text, puts the same rules to it, joins the episodes, finds copies and contradicting keys, and writes the
accepted rows and the faults as Parquet; a contestant whose faults are not exactly the planted ones is
refused. Each runs in a process of its own: CPU seconds of all threads, and the peak of resident memory.
"ours" also hashes and copies the file, reads it with a second parser, keeps the history and writes the
quarantine for people; "ours, with the gate" screens every cell for identifiers on top.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks import ingest_peers
from benchmarks.ingest_file import CUTOFF, write_file
from studypkg.config import load_study
from studypkg.pipeline.opening import identifier_gate, open_store
from studypkg.records import ingest

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "ingest.json"
CONTESTANTS = {
    "limit": "DuckDB parses every column as text, and nothing else",
    "ours": "studypkg",
    "gate": "studypkg, with the identifier screen",
    "polars": "polars, in memory",
    "duckdb": "DuckDB SQL",
    "pandas": "pandas, pyarrow reader",
    "pandera": "pandas and pandera",
}
PEERS = {
    "limit": ingest_peers.touch, "polars": ingest_peers.by_polars, "duckdb": ingest_peers.by_duckdb,
    "pandas": ingest_peers.by_pandas, "pandera": ingest_peers.by_pandera,
}  # fmt: skip


def ours(folder: Path, *, gate: bool, memory: str | None) -> None:
    """Ingest the study of the folder, and compare its quarantine with the planted faults."""
    study = load_study(folder)
    screen = identifier_gate(study) if gate else (lambda connection, raw, source: None)
    options = {} if memory is None else {"memory_limit": memory}
    ingest(study, open_store(study), cutoff=dt.date.fromisoformat(CUTOFF), gate=screen, **options)


def one(name: str, folder: Path, memory: str | None) -> dict[str, float]:
    """Run one contestant in this process and measure it."""
    out = folder / "out"
    for left in (out, folder / "data"):
        shutil.rmtree(left, ignore_errors=True)
    out.mkdir()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if name in PEERS:
        PEERS[name](folder, out)
    else:
        ours(folder, gate=name == "gate", memory=memory)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - start
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    check(name, folder, out)
    return {"cpu": cpu, "wall": wall, "rss": _peak()}


def _peak() -> float:
    """Give the peak of resident memory, GB; the system's count for a child includes what started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6


def check(name: str, folder: Path, out: Path) -> None:
    """Refuse a contestant that found other faults than those that were planted.

    Raises
    ------
    SystemExit
        Naming it.
    """
    if name == "limit":
        return
    planted = f"SELECT row, rule FROM '{folder / 'truth.parquet'}' WHERE rule <> 'DUPLICATE'"
    found = f"SELECT line, rule FROM '{out / 'faults.parquet'}'"
    if name in ("ours", "gate"):
        found = f"SELECT row, rule FROM '{folder / 'data/processed/quarantine/assessments.parquet'}'"
    with duckdb.connect() as db:
        differ = db.execute(
            f"SELECT count(*) FROM ((({planted}) EXCEPT ({found})) UNION ALL (({found}) EXCEPT ({planted})))"
        ).fetchall()[0][0]
    if differ:
        raise SystemExit(f"{name}: {differ} faults are not those that were planted")


def measure(rows: int, names: list[str], repeat: int, memory: str | None) -> dict[str, dict[str, float]]:
    """Run every contestant in turn, round after round, each time in a fresh process."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="ingest-") as place:
        folder = Path(place)
        write_file(folder, rows)
        for _ in range(repeat):
            for name in names:
                command = [sys.executable, "-m", "benchmarks.ingest", "--one", name, "--folder", place]
                command += ["--memory", memory] if memory else []
                done = subprocess.run(
                    command, check=True, capture_output=True, text=True, cwd=HERE.parent,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                )  # fmt: skip
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
                print(f"{rows:>11,} {name:8} {runs[name][-1]}", flush=True)
    return {
        name: {key: statistics.median(run[key] for run in found) for key in ("cpu", "wall", "rss")}
        for name, found in runs.items()
    }


def page(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Write the table of the documentation."""
    lines = ["| rows | | CPU s | × the limit | wall s | peak memory, GB |", "|---:|---|---:|---:|---:|---:|"]
    for rows, found in sorted(results.items(), key=lambda item: int(item[0])):
        for name, run in sorted(found.items(), key=lambda item: item[1]["cpu"]):
            ratio = run["cpu"] / found["limit"]["cpu"]
            lines.append(
                f"| {int(rows):,} | {CONTESTANTS[name]} | {run['cpu']:.1f} | {ratio:.1f} | {run['wall']:.1f} "
                f"| {run['rss']:.2f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    parser.add_argument("--memory", help="what DuckDB may use in ours, such as 1GB")
    parser.add_argument("--page", action="store_true", help="write the table into the documentation")
    parser.add_argument("--one", choices=list(CONTESTANTS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.folder, given.memory)))
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for rows in given.rows:
        results[str(rows)] = measure(rows, given.only, given.repeat, given.memory)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    text = page(results)
    print(text)
    if given.page:
        place = HERE.parent / "docs" / "explanation" / "ingest-speed.md"
        head, rest = place.read_text(encoding="utf-8").split("<!-- figures -->\n")
        tail = rest.split("<!-- end of figures -->")[1]
        place.write_text(f"{head}<!-- figures -->\n{text}<!-- end of figures -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A moment of fuzzing on every run; `readers.py` says how to go on for longer."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
RUNS = 120


def seeds(kind: str, folder: Path) -> Path:
    """Good files to start from."""
    if kind == "csv":
        return DATA / "csv_spectrum" / "csvs"
    if kind == "fhir":
        return DATA / "fhir_clinic"
    with duckdb.connect() as connection:
        for name, rows in (("few", 3), ("many", 3000)):
            connection.execute(
                f"COPY (SELECT i AS id, 'a' || i AS word, i / 2 AS n, DATE '2026-01-01' + i::INTEGER AS d "
                f"FROM range({rows}) t(i)) TO '{folder / name}.parquet'"
            )
    return folder


@pytest.mark.parametrize("kind", ["csv", "parquet", "fhir"])
def test_invented_bytes_crash_no_reader(kind, tmp_path, tmp_path_factory):
    done = subprocess.run(
        [sys.executable, str(HERE / "readers.py"), kind, f"-runs={RUNS}", "-seed=20261123", "-max_len=4096",
         "-timeout=60", str(tmp_path), str(seeds(kind, tmp_path_factory.mktemp("seeds")))],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert "DONE" in done.stderr

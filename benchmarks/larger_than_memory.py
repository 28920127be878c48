"""A linear mixed model of simulated rows that stay on disk: time and memory by number of rows.

    python -m benchmarks.larger_than_memory 1e6 1e7 1e8 --folder /scratch

Every cohort is written by DuckDB from hashes, so the same rows come on every machine. The rows of a patient
lie far apart in the file: visit after visit, all patients. Each fit runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

FORMULA = (
    "pain ~ weeks * adherence + age + sex + (1 + weeks | patient) + (1 | therapist) + (1 | clinic)"
)  # fmt: skip
VISITS, PATIENTS_PER_THERAPIST, THERAPISTS_PER_CLINIC = 8, 250, 10
#: What made the rows, on the scale of `FORMULA`.
TRUTH = {"weeks": -0.35, "adherence": -0.6, "weeks:adherence": -0.15, "age": 0.01, "sex[T.male]": -0.2}
SDS = {"patient": 1.3, "slope": 0.12, "therapist": 0.4, "clinic": 0.5, "residual": 1.1}


def cohort_sql(rows: int) -> list[str]:
    """Return the statements that define a cohort as the view ``cohort``."""
    patients = rows // VISITS
    return [
        # Salts go into the number: hash(i, salt) differs between salts by a constant pattern of bits only.
        """CREATE MACRO unit(i, salt) AS
        (hash(i::BIGINT * 4096 + salt)::DOUBLE + 1.0) / 18446744073709551618.0""",
        "CREATE MACRO normal(i, salt) AS sqrt(-2 * ln(unit(i, salt))) * cos(2 * pi() * unit(i, salt + 1000))",
        f"""CREATE VIEW cohort AS
        WITH ids AS (
            SELECT i, (i % {patients})::INTEGER AS patient, (i // {patients})::INTEGER AS visit,
                ((i % {patients}) // {PATIENTS_PER_THERAPIST})::INTEGER AS therapist
            FROM range({patients * VISITS}) AS r(i)
        ), known AS (
            SELECT *, (therapist // {THERAPISTS_PER_CLINIC})::INTEGER AS clinic,
                (visit * 2 + unit(i, 1))::FLOAT AS weeks, unit(i, 2)::FLOAT AS adherence,
                round(18 + 67 * unit(patient, 3))::FLOAT AS age,
                CASE WHEN unit(patient, 4) < 0.45 THEN 'male' ELSE 'female' END AS sex
            FROM ids
        )
        SELECT patient, therapist, clinic, weeks, adherence, age, sex,
            (6 + weeks * ({TRUTH["weeks"]} + {TRUTH["weeks:adherence"]} * adherence)
            + {TRUTH["adherence"]} * adherence + {TRUTH["age"]} * age
            + CASE WHEN sex = 'male' THEN {TRUTH["sex[T.male]"]} ELSE 0 END
            + {SDS["patient"]} * normal(patient, 5) + {SDS["slope"]} * normal(patient, 6) * weeks
            + {SDS["therapist"]} * normal(therapist, 7) + {SDS["clinic"]} * normal(clinic, 8)
            + {SDS["residual"]} * normal(i, 9))::FLOAT AS pain
        FROM known""",
    ]


def write(rows: int, path: Path) -> float:
    """Write a cohort and return the seconds it took."""
    import duckdb

    begun = time.perf_counter()
    with duckdb.connect() as connection:
        for statement in cohort_sql(rows):
            connection.execute(statement)
        connection.execute(f"COPY cohort TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 1000000)")
    return time.perf_counter() - begun


def fit(path: Path, partition_rows: int, workers: int) -> dict[str, object]:
    """Fit a cohort and say how long it took, how much memory and what came out."""
    import resource
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from studypkg.models import fit_lmm

    begun = time.perf_counter()
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else None
    found = fit_lmm(
        FORMULA, path, executor=pool, scratch=path.parent, partition_rows=partition_rows
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    if pool is not None:
        pool.shutdown()
    return {
        "rows": found.n,
        "levels": found.groups,
        "seconds": round(seconds, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "peak_worker_gb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, 2),
        "evaluations": found.optimisation.evaluations,
        "params": {k: round(float(v), 5) for k, v in found.params.items()},
        "sds": [round(float(v), 5) for v in found.varcomp["sd"]],
    }


def main() -> None:
    """Write and fit the cohorts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", type=float, default=[1e6])
    parser.add_argument("--folder", type=Path, default=Path("larger-than-memory"))
    parser.add_argument("--partition-rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--fit", type=Path, help="only fit this file, in this process")
    asked = parser.parse_args()
    if asked.fit is not None:
        print(json.dumps(fit(asked.fit, asked.partition_rows, asked.workers)))
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    for rows in map(int, asked.rows):
        path = asked.folder / f"cohort-{rows}.parquet"
        if not path.exists():
            print(f"{rows} rows written in {write(rows, path):.0f} s")
        print(f"{path.stat().st_size / 2**30:.2f} GB on disk")
        command = [
            sys.executable, "-m", "benchmarks.larger_than_memory", "--fit", str(path),
            "--partition-rows", str(asked.partition_rows), "--workers", str(asked.workers),
        ]  # fmt: skip
        print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()

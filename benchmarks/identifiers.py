"""How many planted identifiers the screen finds, and how often it stops a column in which there are none.

    .venv/bin/python -m benchmarks.identifiers [--rows 2000] [--repeat 3] [--seeds 40] [--page]

Each way to write an identifier is planted into columns of codes and of words: in all cells, in one of ten, in
one of a hundred, in one cell of 2000, in one cell of 100 000. A column counts as found if the screen names it,
whatever it takes it for: the file is stopped. Counts go to identifiers.json beside this file; ``--page`` writes
them into the documentation.
"""

# ruff: noqa: E501 (lists of words and templates)
from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from benchmarks.identifiers_clean import TRUE_FINDINGS, WORDS, drawn, real, simulated
from benchmarks.identifiers_corpus import HEADERS, Form, forms
from benchmarks.identifiers_page import write_page
from benchmarks.ingest_file import write_file
from studypkg.privacy.identifiers import Finding, find_identifiers, screen_columns

RESULTS = Path(__file__).with_name("identifiers.json")
RATES = {"every cell": 1.0, "1 in 10": 0.1, "1 in 100": 0.01, "one cell": 0.0}
CARRIERS = ("codes", "words")
LONG_ROWS = 100_000
#: Columns that are looked at in one go.
ABREAST = 40


@dataclass(frozen=True)
class Trial:
    """One column with planted identifiers."""

    form: Form
    rate: str
    carrier: str
    cells: tuple[str, ...]


def carrier(name: str, rows: int, chance: random.Random) -> list[str]:
    """Fill a column with codes or with words of a study."""
    if name == "codes":
        kind = chance.choice(("C{:03}", "{}", "{:.1f}", "V-{:04}"))
        return [kind.format(chance.randrange(10, 900)) for _ in range(rows)]
    words = WORDS[chance.choice(("stop reasons", "arms", "regions", "motivos", "drugs"))]
    return chance.choices(words, [chance.random() + 0.05 for _ in words], k=rows)


def trials(made: Sequence[Form], rows: int, repeat: int, chance: random.Random) -> Iterator[Trial]:
    """Plant each form at each rate into each carrier."""
    for form in made:
        for rate, share in RATES.items():
            for name in CARRIERS:
                for _ in range(repeat):
                    cells = carrier(name, rows, chance)
                    for place in chance.sample(range(rows), max(1, round(share * rows))):
                        cells[place] = form.draw(chance)
                    yield Trial(form, rate, name, tuple(cells))


def long_trials(made: Sequence[Form], chance: random.Random) -> Iterator[Trial]:
    """Plant one cell of each sharp form into a long column of codes."""
    for form in made:
        if form.sharp:
            cells = carrier("codes", LONG_ROWS, chance)
            cells[chance.randrange(LONG_ROWS)] = form.draw(chance)
            yield Trial(form, "one of 100 000", "codes", tuple(cells))


def screened(columns: dict[str, Sequence[str]]) -> dict[str, Finding]:
    """Put text columns through the screen."""
    with duckdb.connect() as db:
        db.register("given", pd.DataFrame(columns))
        db.execute("CREATE TABLE t AS SELECT * FROM given")
        return {one.column: one for one in find_identifiers(db, "t", list(columns))}


def recall(rows: int, repeat: int, seed: int) -> list[dict[str, Any]]:
    """Count trials and findings by form, rate and carrier."""
    chance = random.Random(seed)
    made = forms(seed)
    counts: Counter[tuple[str, ...]] = Counter()
    for batch in (*_batches(trials(made, rows, repeat, chance)), *_batches(long_trials(made, chance))):
        columns = {f"v{n}": trial.cells for n, trial in enumerate(batch)}
        size = len(batch[0].cells)
        care = [f"202{chance.randrange(3, 6)}-{chance.randrange(1, 13):02}-11" for _ in range(size)]
        found = screened({**columns, "visited": care})
        for n, trial in enumerate(batch):
            sharp = "sharp" if trial.form.sharp else "soft"
            key = (trial.form.kind, trial.form.name, sharp, trial.rate, trial.carrier)
            counts[(*key, "trials")] += 1
            counts[(*key, "found")] += f"v{n}" in found
    names = ("kind", "form", "sharpness", "rate", "carrier")
    return [
        {**dict(zip(names, key, strict=True)), **{what: counts[(*key, what)] for what in ("trials", "found")}}
        for key in sorted({key[:-1] for key in counts})
    ]


def _batches(given: Iterator[Trial]) -> Iterator[list[Trial]]:
    batch: list[Trial] = []
    for trial in given:
        batch.append(trial)
        if len(batch) == ABREAST:
            yield batch
            batch = []
    if batch:
        yield batch


def clean_columns(full: int, small: int, seeds: range) -> list[dict[str, Any]]:
    """Count the columns drawn here that are stopped though they name nobody; every third file is a small one."""
    stopped: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        columns = drawn(seed)
        rows = small if seed % 3 == 0 else full
        lots = {f"v{n}": [draw(chance) for _ in range(rows)] for n, draw in enumerate(columns.values())}
        names = dict(zip(lots, columns, strict=True))
        stopped.update(names[one] for one in screened(lots))
    return [{"column": name, "files": len(seeds), "stopped": stopped[name]} for name in drawn(0)]


def clean_studies(seeds: range) -> dict[str, Any]:
    """Count the columns of simulated studies and of real data sets, and name the ones that are stopped."""
    totals: dict[str, Any] = {"studies": len(seeds), "stopped": [], "missed": []}
    for lot, given in (("simulated", simulated(seeds)), ("real", real())):
        files = columns = 0
        for name, frame in given:
            found = screened({c: frame[c].tolist() for c in frame.columns})
            expected = TRUE_FINDINGS.get(name, frozenset())
            files, columns = files + 1, columns + len(frame.columns) - len(expected)
            totals["stopped"] += [
                f"{name}: {c} ({f.kind}, {f.how})" for c, f in found.items() if c not in expected
            ]
            totals["missed"] += [f"{name}: {c}" for c in sorted(expected - found.keys())]
        totals[lot] = {"files": files, "columns": columns}
    return totals


def headers() -> list[dict[str, Any]]:
    """Count the headers that tell what they hold."""
    return [
        {"kind": kind, "headers": len(names), "found": sum(bool(screen_columns([one])) for one in names)}
        for kind, names in HEADERS.items()
    ]


def speed(rows: int, rounds: int) -> dict[str, float]:
    """Measure CPU seconds of the screen beside those of DuckDB parsing the same file as text."""
    parse, screen = [], []
    with tempfile.TemporaryDirectory(prefix="identifiers-") as place:
        write_file(Path(place), rows)
        file = next(Path(place).rglob("*.csv"))
        for _ in range(rounds):
            with duckdb.connect() as db:
                start = _cpu()
                db.execute(
                    "CREATE TABLE t AS SELECT coalesce(COLUMNS(*), '') "
                    "FROM read_csv(?, all_varchar=true, header=true)",
                    [str(file)],
                )
                parsed = _cpu()
                columns = [row[0] for row in db.execute("DESCRIBE t").fetchall()]
                find_identifiers(db, "t", columns)
                parse.append(parsed - start)
                screen.append(_cpu() - parsed)
    return {
        "rows": rows, "columns": len(columns), "parse": statistics.median(parse), "screen": statistics.median(screen),
    }  # fmt: skip


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure what is asked for, keep it, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=2000)
    asked.add_argument("--repeat", type=int, default=3)
    asked.add_argument("--seeds", type=int, default=40)
    asked.add_argument("--only", choices=("recall", "clean", "speed", "headers"), nargs="*")
    asked.add_argument("--page", action="store_true")
    options = asked.parse_args()
    wanted = options.only if options.only is not None else ("recall", "clean", "speed", "headers")
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if "clean" in wanted:
        results["clean_columns"] = clean_columns(options.rows, 60, range(options.seeds))
        results["clean_studies"] = clean_studies(range(options.seeds))
        print([one for one in results["clean_columns"] if one["stopped"]], results["clean_studies"])
    if "headers" in wanted:
        results["headers"] = headers()
    if "speed" in wanted:
        results["speed"] = speed(1_000_000, 3)
        print(results["speed"])
    if "recall" in wanted:
        results["rows"] = options.rows
        results["recall"] = recall(options.rows, options.repeat, seed=1)
        for one in results["recall"]:
            if one["found"] < one["trials"]:
                print(*one.values(), sep=" | ")
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.page:
        write_page(results)


if __name__ == "__main__":
    main()

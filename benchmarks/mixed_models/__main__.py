"""Time the mixed-model engine and its peers on the same data in the same run.

    uv run --no-sync --with-requirements benchmarks/mixed_models/requirements.txt \\
        python -m benchmarks.mixed_models --models M1 M2 M2x --rows 1000 10000 100000

Figures go to ``--out``; an entrant measured again replaces its old figure. Ratios are written only between
figures of one run. ``--page`` and ``--picture`` write the documentation from what is stored.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from pathlib import Path

from benchmarks.mixed_models.cohorts import MODELS
from benchmarks.mixed_models.machine import import_seconds, limit_threads, machine_facts
from benchmarks.mixed_models.measure import Plan, measure
from benchmarks.mixed_models.picture import scaling_plot
from benchmarks.mixed_models.roster import ENTRANTS, OURS
from benchmarks.mixed_models.sessions import ROOT, python_session
from benchmarks.mixed_models.store import Store
from benchmarks.mixed_models.tables import all_tables, fill

RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "explanation" / "engines.md"
PICTURE = ROOT / "docs" / "images" / "engine-scaling.png"


def main() -> None:
    options = _options()
    limit_threads(options.threads)
    store = Store(options.out)
    run = datetime.now().strftime("%Y-%m-%d %H:%M")
    settings = {k: v for k, v in vars(options).items() if k in ("repeats", "limit", "seed", "threads")}
    facts = {"machine": machine_facts(), "settings": settings, "versions": {}}
    store.begin(run, facts)
    for rows in sorted(options.rows):
        for model in options.models:
            plan, given_up = _plan(options, store, model, rows)
            store.add(run, given_up)
            if plan.entrants:
                records, said = measure(plan, _say)
                for home in said.values():
                    facts["versions"] |= home.get("versions", {})
                store.add(run, records)
    if options.memory:
        for rows, model, name in ((options.memory, m, n) for m in ("M1", "M2") for n in options.memory_of):
            _measure_memory(store, model, rows, name, options.seed)
        store.content["import_seconds"] = import_seconds()
        store.save()
    if options.picture:
        scaling_plot(store, PICTURE)
    if options.page:
        fill(PAGE, store)
    if not options.quiet:
        print(all_tables(store))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mixed_models", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=["M1", "M2", "M2x", "M2f", "M3"])
    parser.add_argument("--rows", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument(
        "--peers", nargs="*", choices=list(ENTRANTS), help="default: all; ours always takes part"
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="counted fits each; three times as many below 0.2 s"
    )
    parser.add_argument("--limit", type=float, default=240.0, help="seconds after which a fit is given up")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--memory", type=int, metavar="ROWS", help="also peak memory at this size, and cold import"
    )
    parser.add_argument("--memory-of", nargs="*", default=[OURS, "glmm", "mixedlm"])
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument(
        "--page", action="store_true", help="write the tables into docs/explanation/engines.md"
    )
    parser.add_argument("--picture", action="store_true", help="draw docs/images/engine-scaling.png")
    parser.add_argument("--quiet", action="store_true", help="do not print the tables")
    return parser.parse_args()


def _plan(
    options: argparse.Namespace, store: Store, model: str, rows: int
) -> tuple[Plan, list[dict[str, object]]]:
    """Choose who takes part at this size, and note who is given up beforehand, with the reason."""
    asked = options.peers if options.peers is not None else list(ENTRANTS)
    entrants, given_up = [], []
    for name in dict.fromkeys((OURS, *asked)):
        if model not in ENTRANTS[name].models or rows > ENTRANTS[name].most_rows:
            continue
        reason = store.hopeless(model, rows, name, options.limit)
        if reason:
            record = {"model": model, "rows": rows, "entrant": name, "status": f"not tried: {reason}"}
            given_up.append(record)
        else:
            entrants.append(name)
    return Plan(model, rows, tuple(entrants), options.repeats, options.limit, options.seed), given_up


def _measure_memory(store: Store, model: str, rows: int, name: str, seed: int) -> None:
    """Fit once in a fresh process and keep its peak."""
    session = python_session(MODELS[model], rows, seed)
    try:
        answer = session.ask(name, 600.0)
    finally:
        session.close()
    if "rss_peak_mb" in answer:
        keys = ("rss_before_mb", "rss_peak_mb", "seconds")
        found = {key: answer[key] for key in keys} | {"data_mb": session.ready["data_mb"]}
        store.content["memory"][f"{name}|{model}|{rows}"] = found
        store.save()


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main()

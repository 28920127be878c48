"""Results as Markdown: one table per model, every entrant as a ratio to ours in the same run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.mixed_models.agreement import agrees
from benchmarks.mixed_models.cohorts import MODELS
from benchmarks.mixed_models.roster import ENTRANTS, OURS
from benchmarks.mixed_models.store import Record, Store


def model_table(store: Store, model: str) -> str:
    """Lay out one model: a row per entrant, a column per size; seconds for ours, ratios for the rest."""
    records = [r for r in store.records if r["model"] == model]
    sizes = sorted({r["rows"] for r in records})
    names = [n for n in ENTRANTS if any(r["entrant"] == n for r in records)]
    head = ["engine", *(f"{rows:,} rows" for rows in sizes), "log-likelihood", "estimates", "SE", "df"]
    lines = [_row(head), _row(["---"] * len(head))]
    for name in sorted(names, key=lambda n: _rank(store, model, sizes, n)):
        cells = [_cell(store, model, rows, name) for rows in sizes]
        lines.append(_row([_label(name), *cells, *_agreement(store, model, sizes, name)]))
    return "\n".join(lines)


def facts_table(store: Store) -> str:
    """List the machine and versions of the runs the tables are made of."""
    lines = ["| run | machine | load at start | versions |", "|---|---|---|---|"]
    for run, facts in sorted(store.content["runs"].items()):
        machine = facts["machine"]
        threads = machine["threads"]["OPENBLAS_NUM_THREADS"]
        versions = ", ".join(f"{k} {v}" for k, v in sorted(facts.get("versions", {}).items()) if v)
        size = f"{machine['cores']} cores, {machine['memory_gb']:g} GB"
        what = f"{size}, {machine['numpy_blas']}, threads {threads}"
        lines.append(_row([run, what, " ".join(f"{v:g}" for v in machine["load_at_start"]), versions]))
    return "\n".join(lines)


def memory_table(store: Store) -> str:
    """List what a fit adds to a fresh process at its peak, beside the size of the data."""
    lines = [
        "| engine | model | rows | data, MB | peak above the data, MB | × data |",
        "|---|---|---|---|---|---|",
    ]
    for key, found in store.content["memory"].items():
        name, model, rows = key.split("|")
        added = found["rss_peak_mb"] - found["rss_before_mb"]
        share = added / found["data_mb"]
        lines.append(
            _row([name, model, f"{int(rows):,}", f"{found['data_mb']:.0f}", f"{added:.0f}", f"{share:.1f}"])
        )
    cold = store.content["import_seconds"]
    if cold:
        alone, whole = cold["import"], cold["process"]
        lines += ["", f"Cold import of `studypkg.models`: {alone:.2f} s; the whole process {whole:.2f} s."]
    return "\n".join(lines)


def fill(page: Path, store: Store) -> None:
    """Write the tables between their marks, ``<!-- table: NAME -->`` and ``<!-- end -->``, in a page."""

    def table(match: re.Match[str]) -> str:
        name = match.group(1)
        makers = {"facts": facts_table, "memory": memory_table}
        text = makers[name](store) if name in makers else model_table(store, name)
        return f"<!-- table: {name} -->\n{text}\n<!-- end -->"

    pattern = r"<!-- table: ([\w ]+) -->\n.*?<!-- end -->"
    page.write_text(
        re.sub(pattern, table, page.read_text(encoding="utf-8"), flags=re.DOTALL), encoding="utf-8"
    )


def all_tables(store: Store) -> str:
    """Return every table as one text."""
    present = [m for m in MODELS if any(r["model"] == m for r in store.records)]
    parts = [f"### {m}: {MODELS[m].says}\n\n{model_table(store, m)}" for m in present]
    return "\n\n".join([*parts, memory_table(store), facts_table(store)])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _label(name: str) -> str:
    entrant = ENTRANTS[name]
    remarks = ", ".join(text for text in (entrant.ddf, entrant.other_model) if text)
    return f"**{name}** ({remarks})" if name == OURS else f"{name} ({remarks})" if remarks else name


def _rank(store: Store, model: str, sizes: list[int], name: str) -> tuple[int, int, float]:
    """Ours first, then by the time on the largest cohort that the entrant managed."""
    done = [
        (rows, r["seconds"]) for rows in sizes if (r := store.find(model, rows, name)) and r["status"] == "ok"
    ]
    if name == OURS or not done:
        return (0 if name == OURS else 2, 0, 0.0)
    rows, seconds = done[-1]
    return (1, -rows, seconds)


def _cell(store: Store, model: str, rows: int, name: str) -> str:
    record, ours = store.find(model, rows, name), store.find(model, rows, OURS)
    if record is None:
        return ""
    if record["status"] != "ok":
        return str(record["status"])
    once = "¹" if record["repetitions"] == 1 else ""
    seconds = _seconds(record["seconds"])
    if name == OURS:
        low, high = (_seconds(v) for v in record["iqr"])
        return f"**{seconds}** ({low} to {high}){once}"
    if ours is None or ours["status"] != "ok" or ours["run"] != record["run"]:
        return f"{seconds}{once} (another run)"
    return f"{_ratio(record['seconds'] / ours['seconds'])}{once}"


def _agreement(store: Store, model: str, sizes: list[int], name: str) -> list[str]:
    """Name the worst disagreement over the sizes; what is beyond the limits is marked."""
    found = [r["agreement"] for rows in sizes if (r := store.find(model, rows, name)) and "agreement" in r]
    if not found:
        return ["", "", "", ""]
    mark = "" if all(agrees(a) for a in found) else " ⚠"
    worst: dict[str, float] = {}
    for key in ("loglik", "estimates", "se", "df"):
        values = [a[key] for a in found if a.get(key) is not None]
        if values:
            worst[key] = max(values, key=abs)
    cells = [
        f"{worst['loglik']:+.0e}" if "loglik" in worst else "",
        f"{worst['estimates']:.0e} SE" if "estimates" in worst else "",
        f"{worst['se']:.0e}" if "se" in worst else "",
        f"{worst['df']:.0e}" if "df" in worst else "",
    ]
    cells[0 if "loglik" in worst else 1] += mark
    return cells


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def _ratio(value: float) -> str:
    return f"× {value:.2f}" if value < 10 else f"× {value:,.0f}"


def summary(records: list[Record]) -> list[dict[str, Any]]:
    """Keep of records what a line of a log needs."""
    keys = ("model", "rows", "entrant", "status", "seconds", "repetitions")
    return [{k: r.get(k) for k in keys} for r in records]

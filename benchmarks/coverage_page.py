"""The coverage study as a table and a picture in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "coverage.md"
PICTURE = ROOT / "docs" / "images" / "coverage.png"
TITLES = {
    ("patients", "weeks:arm"): "difference of slopes between arms",
    ("patients", "arm"): "difference of arms at week 0",
    ("patients", "joint F test"): "both differences, joint F test",
    ("clinics", "treated"): "treatment given to whole clinics",
    ("clinics", "weeks"): "slope within patients",
}
COLOURS = {
    "kenward-roger": "#0b6e75",
    "satterthwaite": "#3c8dbc",
    "between-within": "#7a5195",
    "residual": "#c08a2d",
    "asymptotic": "#b23a48",
}


def table(records: list[dict[str, Any]], design: str, name: str) -> str:
    """Lay out one contrast: a row per size, a column per method, in per cent ± Monte-Carlo standard error."""
    rows = [r for r in records if (r["design"], r["contrast"]) == (design, name)]
    methods = [m for m in COLOURS if any(r["ddf"] == m for r in rows)]
    lines = ["| " + " | ".join([design, "singular fits", "no fit", *methods]) + " |"]
    lines.append("|" + "---|" * (3 + len(methods)))
    for size in sorted({r["size"] for r in rows}):
        own = {r["ddf"]: r for r in rows if r["size"] == size}
        one = next(iter(own.values()))
        total = one["fits"] + one["not_fitted"]
        cells = [str(size), f"{100 * one['singular'] / total:.0f} %", str(one["not_fitted"])]
        lines.append("| " + " | ".join([*cells, *(_cell(own.get(m)) for m in methods)]) + " |")
    return "\n".join(lines)


def write_page(stored: dict[str, Any]) -> None:
    """Fill the tables between their marks, ``<!-- table: DESIGN CONTRAST -->`` and ``<!-- end -->``."""

    def fill(match: re.Match[str]) -> str:
        design, name = match.group(1).split(" ", 1)
        return f"<!-- table: {match.group(1)} -->\n{table(stored['records'], design, name)}\n<!-- end -->"

    text = PAGE.read_text(encoding="utf-8")
    text = re.sub(r"<!-- table: ([^>]+?) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)
    count = f"<!-- count -->{stored['data_sets']:,}<!-- /count -->"
    PAGE.write_text(re.sub(r"<!-- count -->.*?<!-- /count -->", count, text), encoding="utf-8")


def write_picture(stored: dict[str, Any]) -> None:
    """Draw coverage against size, a panel per contrast, bars of two Monte-Carlo standard errors."""
    frame = pd.DataFrame(stored["records"])
    panels = [key for key in TITLES if ((frame["design"] == key[0]) & (frame["contrast"] == key[1])).any()][
        :4
    ]
    with sns.axes_style("ticks"), sns.plotting_context("notebook", font_scale=0.85):
        figure, axes = plt.subplots(2, 2, figsize=(10.5, 8.0), sharey=True)
        for axis, key in zip(axes.flat, panels, strict=False):
            _panel(axis, frame[(frame["design"] == key[0]) & (frame["contrast"] == key[1])], key)
        for axis in list(axes.flat)[len(panels) :]:
            axis.set_visible(False)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False)
        sns.despine(figure)
        figure.tight_layout(rect=(0, 0.05, 1, 1))
        figure.savefig(PICTURE, dpi=120)
        plt.close(figure)


def _panel(axis: plt.Axes, rows: pd.DataFrame, key: tuple[str, str]) -> None:
    sizes = sorted(rows["size"].unique())
    places = {size: at for at, size in enumerate(sizes)}
    methods = [m for m in COLOURS if (rows["ddf"] == m).any()]
    axis.axhline(95.0, color="#3a4046", linewidth=1.0)
    for at, method in enumerate(methods):
        own = rows[rows["ddf"] == method].sort_values("size")
        x = [places[s] + 0.07 * (at - (len(methods) - 1) / 2) for s in own["size"]]
        axis.errorbar(
            x, 100 * own["coverage"], yerr=200 * own["coverage_mcse"], color=COLOURS[method], label=method,
            marker="o", markersize=5, linewidth=1.6, capsize=0,
        )  # fmt: skip
    axis.set_xticks(range(len(sizes)), [str(s) for s in sizes])
    axis.set(xlabel=key[0], ylabel="coverage of 95 % intervals, %")
    axis.set_title(TITLES[key], loc="left", fontsize="medium")


def _cell(record: dict[str, Any] | None) -> str:
    if record is None:
        return ""
    text = f"{100 * record['coverage']:.1f} ± {100 * record['coverage_mcse']:.1f}"
    refused = record["fits"] - record["answers"]
    return f"{text} ({refused} refused)" if refused else text

"""Seconds against rows, ours and the peers', one panel per model."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from benchmarks.mixed_models.cohorts import MODELS
from benchmarks.mixed_models.roster import ENTRANTS, OURS
from benchmarks.mixed_models.store import Store

PANELS = ("M1", "M2", "M2x")
# Fits that are variants of another line, or no fits of the same model.
LEFT_OUT = frozenset({"studypkg refit", "studypkg KR", "lme4"})
_OURS, _FLOOR, _PEER = "#0b6e75", "#c08a2d", "#8a9299"


def scaling_plot(store: Store, path: Path) -> None:
    """Draw the scaling picture; every line carries its name at its end instead of a legend."""
    table = pd.DataFrame([r for r in store.records if r["status"] == "ok" and r["model"] in PANELS])
    table = table[~table["entrant"].isin(LEFT_OUT)]
    with sns.axes_style("ticks"), sns.plotting_context("notebook", font_scale=0.85):
        models = [m for m in PANELS if (table["model"] == m).any()]
        figure, axes = plt.subplots(
            1, len(models), figsize=(5.2 * len(models), 6.2), sharey=True, squeeze=False
        )
        for axis, model in zip(axes[0], models, strict=True):
            _panel(axis, table[table["model"] == model], model)
        axes[0][0].set_ylabel("seconds per fit, log scale")
        sns.despine(figure)
        figure.tight_layout()
        figure.savefig(path, dpi=120)
        plt.close(figure)


def _panel(axis: plt.Axes, table: pd.DataFrame, model: str) -> None:
    palette = {name: _PEER for name in table["entrant"].unique()} | {OURS: _OURS, "numpy floor": _FLOOR}
    sizes = {name: 2.8 if name == OURS else 1.2 for name in palette}
    sns.lineplot(
        table, x="rows", y="seconds", hue="entrant", size="entrant", sizes=sizes, palette=palette, marker="o",
        markersize=5, markeredgewidth=0, legend=False, ax=axis,
    )  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="rows, log scale", ylabel="")
    axis.set_title(f"{model}: {MODELS[model].says}", loc="left", fontsize="medium")
    axis.grid(True, which="major", color="#e8eaec", linewidth=0.8)
    ends = table.loc[table.groupby("entrant")["rows"].idxmax()].sort_values("seconds")
    low, high = float(table["rows"].min()), float(table["rows"].max())
    axis.set_xlim(low / 1.6, high * (high / low) ** 0.42)
    last: dict[float, float] = {}
    for rows, seconds, name in zip(ends["rows"], ends["seconds"], ends["entrant"], strict=True):
        # Labels at one place are pushed apart, upwards in order of time.
        place = max(float(seconds), last.get(float(rows), 0.0) * 1.45)
        last[float(rows)] = place
        text = name.replace(" without derivative check", ", no check")
        if ENTRANTS[name].other_model and name != "numpy floor":
            text += "*"
        axis.annotate(
            text, (rows, place), xytext=(6, -3), textcoords="offset points", fontsize="small",
            color=palette[name], fontweight="bold" if name == OURS else "normal",
        )  # fmt: skip

"""Figures that check a model: bins, quantiles and ranks only, so no mark is a person with a name.

Each takes a frame of `studypkg.inference.diagnostics`. A bin with fewer rows than ``min_cell`` is not drawn.
The figures of ranks draw one mark per level: they belong in a researcher's notebook, not on a released page.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from studypkg.errors import ConfigError
from studypkg.reports.elements import Html
from studypkg.reports.figures import figure
from studypkg.reports.theme import CLINIC, NETWORK, QUIET
from studypkg.reports.words import number


def residuals_by_fitted(bins: pd.DataFrame, *, min_cell: int = 10) -> Html:
    """Draw the middle and the spread of residuals along the fitted values.

    Parameters
    ----------
    bins
        What `residual_spread` returns.
    min_cell
        Bins with fewer rows are left out.
    """
    shown = bins[bins["n"] >= min_cell]
    if shown.empty:
        raise ConfigError(f"No bin of residuals holds {min_cell} rows: ask for fewer bins.")

    def draw(ax: Axes, narrow: bool) -> None:
        x = shown["fitted"].to_numpy()
        low, high = shown["lower"].to_numpy(), shown["upper"].to_numpy()
        ax.fill_between(x, low, high, color=CLINIC.colour, alpha=0.16, linewidth=0)
        ax.plot(x, shown["mean"], color=CLINIC.colour, marker=CLINIC.marker, markersize=5, linewidth=1.8)
        ax.plot(x, shown["sd"], color=NETWORK.colour, marker=NETWORK.marker, markersize=5, linewidth=1.4)
        ax.axhline(0, color=QUIET, linewidth=1)
        ax.axhline(1, color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
        for name, column, series in (("mean", "mean", CLINIC), ("SD", "sd", NETWORK)):
            end = (x[-1], float(shown[column].iloc[-1]))
            ax.annotate(name, end, (8, 0), textcoords="offset points", va="center", color=series.colour,
                        fontweight="bold", fontsize=10)  # fmt: skip
        ax.margins(x=0.12 if narrow else 0.08)
        ax.set(xlabel="Fitted value", ylabel="Residual, in SD")

    furthest = float(shown["mean"].abs().max())
    least, most = float(shown["sd"].min()), float(shown["sd"].max())
    title = "Residuals along the fitted values"
    told = (
        f"{title}, {len(shown)} bins. The mean of a bin is at most {number(furthest, 2)} SD from zero; "
        f"the SD runs from {number(least, 2)} to {number(most, 2)}."
    )
    subtitle = (
        "Bins of equal number: mean, middle half (shaded), SD. Shrunken effects tilt the mean a little."
    )
    return figure(title, subtitle, told, draw, 3.0)


def normal_quantiles(points: pd.DataFrame, what: str = "residuals") -> Html:
    """Draw quantiles against those of a normal distribution.

    Parameters
    ----------
    points
        What `quantiles` returns; at most 99 quantiles.
    what
        Whose quantiles: residuals, or the random effects of a group.
    """

    def draw(ax: Axes, narrow: bool) -> None:
        ends = np.array([points["expected"].min(), points["expected"].max()])
        ax.plot(ends, ends, color=QUIET, linewidth=1)
        ax.plot(points["expected"], points["observed"], linestyle="", marker=CLINIC.marker,
                markersize=3.5 if narrow else 4.5, color=CLINIC.colour, alpha=0.8)  # fmt: skip
        ax.set(xlabel="Normal quantile", ylabel="Quantile, in SD")

    apart = (points["observed"] - points["expected"]).abs()
    at = int(np.argmax(apart.to_numpy()))
    title = f"Normal quantiles of the {what}"
    distance, share = float(apart.iloc[at]), 100 * float(points["probability"].iloc[at])
    told = (
        f"{title}: {len(points)} quantiles. The largest distance from the line is {number(distance, 2)} SD, "
        f"at the {number(share, 0)}% quantile."
    )
    return figure(title, "Points on the line: a normal distribution.", told, draw, (3.4, 3.2))


def influence_by_rank(ranked: pd.DataFrame, group: str, *, top: int = 15) -> Html:
    """Draw Cook's distances of the most influential levels, by rank. For a notebook.

    Parameters
    ----------
    ranked
        What `Influence.ranked` returns: ranks, no levels.
    group
        The name of the grouping factor.
    top
        How many to draw.
    """
    if "level" in ranked.columns:
        raise ConfigError("A figure of influence shows ranks, not levels: give Influence.ranked().")
    known = ranked.dropna(subset=["cooks_distance"])
    shown = known.head(top)
    middle, most = float(known["cooks_distance"].median()), float(known["cooks_distance"].max())

    def draw(ax: Axes, narrow: bool) -> None:
        ax.vlines(shown["rank"], 0, shown["cooks_distance"], color=CLINIC.colour, alpha=0.5, linewidth=2.2)
        ax.plot(shown["rank"], shown["cooks_distance"], linestyle="", marker=CLINIC.marker, markersize=6,
                color=CLINIC.colour)  # fmt: skip
        ax.axhline(middle, color=QUIET, linewidth=1, linestyle=(0, (4, 2)))
        ax.set_xticks(shown["rank"].to_list()[:: 2 if narrow else 1])
        ax.set_ylim(bottom=0)
        ax.grid(axis="x", visible=False)
        ax.set(xlabel="Rank", ylabel="Cook's distance")

    title = f"What leaving out one {group} changes"
    told = (
        f"{title}: the largest Cook's distance is {number(most, 3)}, the median of "
        f"{len(known)} is {number(middle, 3)}."
    )
    return figure(
        title,
        f"The {len(shown)} most influential of {len(known)}, by rank; dashed: the median of all.",
        told,
        draw,
        2.8,
    )


def effects_by_rank(effects: pd.DataFrame, group: str, term: str) -> Html:
    """Draw the random effects of one term from smallest to largest, with 95% intervals. For a notebook.

    Parameters
    ----------
    effects
        What `Fit.ranef` returns; levels are not drawn.
    group, term
        Which random effects.
    """
    part = effects[(effects["group"] == group) & (effects["term"] == term)].sort_values("value")
    if part.empty:
        raise ConfigError(f'There are no random effects "{term}" of "{group}".')
    value, half = part["value"].to_numpy(), 1.96 * part["sd"].to_numpy()
    rank = np.arange(1, len(part) + 1)
    clear = int((np.abs(value) > half).sum())

    def draw(ax: Axes, narrow: bool) -> None:
        thin = len(part) > (60 if narrow else 120)
        ax.vlines(
            rank, value - half, value + half, color=CLINIC.colour, alpha=0.35, linewidth=0.6 if thin else 1.6
        )
        ax.plot(
            rank, value, linestyle="", marker=CLINIC.marker, markersize=2 if thin else 4, color=CLINIC.colour
        )
        ax.axhline(0, color=QUIET, linewidth=1)
        ax.grid(axis="x", visible=False)
        ax.set(xlabel="Rank", ylabel=term)

    title = f"Random effects of {group}: {term}"
    told = (
        f"{title}: {len(part)} from {number(float(value.min()), 2)} to {number(float(value.max()), 2)}; the "
        f"intervals of {clear} leave out zero."
    )
    return figure(title, "From smallest to largest, with 95% intervals.", told, draw, 2.8)

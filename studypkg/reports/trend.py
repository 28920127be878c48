"""A mean month by month: dots with their intervals, beside the months before and the other clinics."""

from __future__ import annotations

from collections.abc import Sequence

import seaborn as sns
from matplotlib.axes import Axes

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import has_interval, is_shown
from studypkg.reports.elements import Html
from studypkg.reports.figures import figure
from studypkg.reports.theme import CLINIC, NETWORK, PAST, QUIET, Series
from studypkg.reports.words import month_name, statistic_interval, value_text


def trend_figure(
    title: str,
    subtitle: str,
    own: Sequence[tuple[str, Statistic | None]],
    others: Sequence[tuple[str, Statistic | None]],
    *,
    past: Statistic | None,
    own_name: str,
    unit: str,
) -> Html:
    """Draw a mean month by month with its intervals, beside the other clinics.

    Parameters
    ----------
    title, subtitle
        Words above the figure.
    own, others
        Month and number, oldest first; a month that is not shown keeps its place and says so.
    past
        The mean over the months before, drawn as a thin line.
    own_name
        What to call the clinic on the figure.
    unit
        Unit of the vertical scale.
    """
    shown = [(i, m, s) for i, (m, s) in enumerate(own) if s is not None and is_shown(s)]
    around = [(i, m, s) for i, (m, s) in enumerate(others) if s is not None and is_shown(s)]
    few = [(i, m) for i, (m, s) in enumerate(own) if s is None or not is_shown(s)]
    last = len(own) - 1

    def draw(ax: Axes, narrow: bool) -> None:
        if around:
            sns.lineplot(
                x=[i for i, _, _ in around], y=[float(s.value) for _, _, s in around], ax=ax,
                color=NETWORK.colour, linestyle=(0, (4, 2)), linewidth=1.6, marker=NETWORK.marker,
                markersize=4.5, markeredgewidth=0, errorbar=None, legend=False,
            )  # fmt: skip
        if past is not None and is_shown(past):
            ax.plot([-0.3, last - 0.6], [float(past.value)] * 2, color=PAST.colour, linewidth=1.4)
        for i, _, s in shown:
            if has_interval(s):
                ax.plot([i, i], [float(s.low), float(s.high)], color=CLINIC.colour, linewidth=2, alpha=0.45)
        ax.plot(
            [i for i, _, _ in shown], [float(s.value) for _, _, s in shown],
            linestyle="", marker="o", markersize=7, color=CLINIC.colour, zorder=3,
        )  # fmt: skip
        ends = [float(v) for _, _, s in (*shown, *around) for v in (s.low, s.high) if v is not None]
        low, high = min([0.0, *ends]), max([1.0, *ends])
        ax.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))
        ax.axhline(0, color=QUIET, linewidth=1)
        for i, _ in few:
            ax.text(i, 0.03 * (high - low), "few", ha="center", color=QUIET, fontsize=9, style="italic")
        ax.set_xlim(-0.5, last + (0.5 if narrow else 3.1))
        every = 3 if narrow and len(own) > 6 else 1
        marks = [i for i in range(last + 1) if (last - i) % every == 0]
        ax.set_xticks(marks, [_tick(own[i][0], i == marks[0]) for i in marks])
        ax.grid(axis="x", visible=False)
        ax.set_ylabel(unit)
        labels = [(PAST, "own past", past)] if past is not None and is_shown(past) else []
        labels += [(CLINIC, own_name, shown[-1][2])] if shown and shown[-1][0] == last else []
        labels += [(NETWORK, NETWORK.name, around[-1][2])] if around and around[-1][0] == last else []
        _name_lines(ax, labels, last, 0.1 * (high - low), narrow)

    told = "; ".join(f"{month_name(m)} {value_text(s)} ({statistic_interval(s)})" for _, m, s in shown)
    told = f"{own_name}: {told or 'no month can be shown'}."
    if few:
        told += f" Too few patients to show: {', '.join(month_name(m) for _, m in few)}."
    if around:
        told += f" {NETWORK.name.capitalize()}: " + "; ".join(
            f"{month_name(m)} {value_text(s)}" for _, m, s in around
        )
        told += "."
    return figure(title, subtitle, f"{title}. {told}", draw, (2.9, 2.8))


def _tick(month: str, first: bool) -> str:
    short, year = month_name(month, short=True).split()
    return f"{short}\n20{year}" if first or month.endswith("-01") else short


def _name_lines(
    ax: Axes, labels: Sequence[tuple[Series, str, Statistic]], last: int, gap: float, narrow: bool
) -> None:
    """Name the lines at their right end; on a telephone above the figure, where there is room."""
    if narrow:
        at = 0.0
        for series, name, s in labels:
            text = f"{name} {value_text(s)}"
            ax.text(
                at, 1.03, text, transform=ax.transAxes, color=series.colour, fontweight="bold", fontsize=9.5
            )
            at += 0.036 * len(text) * 0.62 + 0.045
        return
    ordered = sorted(labels, key=lambda item: float(item[2].value))
    places = _apart([float(s.value) for _, _, s in ordered], gap)
    for y, (series, name, s) in zip(places, ordered, strict=True):
        ax.text(
            last + 0.35, y, f"{name} {value_text(s)}", color=series.colour, va="center", fontweight="bold"
        )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Move sorted labels apart until none covers its neighbour, and keep their middle."""
    if not places:
        return []
    moved = [places[0]]
    for place in places[1:]:
        moved.append(max(place, moved[-1] + gap))
    shift = (sum(moved) - sum(places)) / len(places)
    return [place - shift for place in moved]

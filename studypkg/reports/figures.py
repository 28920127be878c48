"""Figures with a sentence as their title, words on the marks, and the numbers in the alternative text."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.ticker as ticker
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import has_interval, is_shown
from studypkg.reports.elements import Html, markup, tag
from studypkg.reports.theme import CLINIC, INK, NETWORK, PAST, QUIET, Series, theme
from studypkg.reports.words import month_name, statistic_interval, value_text

WIDE, NARROW = 7.4, 3.7
NARROW_SCREEN = "(max-width: 600px)"
Draw = Callable[[Axes, bool], None]


def figure(title: str, subtitle: str, alternative: str, draw: Draw, height: float | tuple[float, float]) -> Html:
    """Draw a figure twice, for a screen and for a telephone, and describe it in words.

    Parameters
    ----------
    title
        A sentence that says what the figure shows.
    subtitle
        What is drawn, on what scale, and what the bars mean.
    alternative
        The same in numbers, for who cannot see it.
    draw
        Draws on the axes; the second argument is True for the narrow drawing.
    height
        In inches; a pair if the narrow drawing needs another one.
    """
    tall = height if isinstance(height, tuple) else (height, height)
    wide, narrow = (_source(draw, size, h, size == NARROW) for size, h in zip((WIDE, NARROW), tall, strict=True))
    picture = tag(
        "picture",
        Html(f'<source media="{NARROW_SCREEN}" srcset="{narrow}">'),
        Html(f'<img src="{wide}" alt="{markup(alternative)}">'),
    )
    caption = tag("figcaption", tag("strong", title), tag("span", subtitle))
    return tag("figure", caption, picture)


def trend(
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


@dataclass(frozen=True)
class Row:
    """One line of a figure of intervals: a name and up to one number per series."""

    name: str
    numbers: tuple[tuple[Series, Statistic | None], ...]


def intervals(
    title: str,
    subtitle: str,
    rows: Sequence[Row],
    *,
    share: bool,
    unit: str = "",
    zero: bool = True,
    direct: bool = True,
) -> Html:
    """Draw numbers with their intervals below each other, each named on the mark.

    Parameters
    ----------
    title, subtitle
        Words above the figure.
    rows
        Lines, the first on top; a number that is not shown is left out and said in the text.
    share
        The scale runs from 0 to 100%.
    unit
        Unit of the horizontal scale.
    zero
        Draw a line at zero.
    direct
        Name the series beside the marks of the first row.
    """
    drawn = [(r, [(s, n) for s, n in r.numbers if n is not None and is_shown(n)]) for r in rows]
    step = 0.26
    several = max((len(numbers) for _, numbers in drawn), default=1) > 1

    def draw(ax: Axes, narrow: bool) -> None:
        for place, (_, numbers) in enumerate(drawn):
            for turn, (series, n) in enumerate(numbers):
                y = place + (turn - (len(numbers) - 1) / 2) * step
                value = float(n.value)
                if has_interval(n):
                    ax.plot([float(n.low), float(n.high)], [y, y], color=series.colour, linewidth=2.2, alpha=0.5)
                ax.plot([value], [y], marker=series.marker, markersize=7, color=series.colour)
                end = float(n.high) if has_interval(n) else value
                text = value_text(n)
                if several and direct and not (narrow and place):
                    text += f"  {series.name}" if place == 0 else ""
                ax.annotate(text, (end, y), (7, 0), textcoords="offset points", va="center",
                            color=series.colour, fontsize=10, fontweight="bold")  # fmt: skip
        ax.set_yticks(range(len(drawn)), [_wrap(r.name, 16 if narrow else 30) for r, _ in drawn], color=INK)
        ax.set_ylim(len(drawn) - 0.45, -0.55)
        ax.grid(axis="y", visible=False)
        if zero:
            ax.axvline(0, color=QUIET, linewidth=1)
        if share:
            ax.set_xlim(0, 1.28 if narrow else 1.14)
            ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
            ax.xaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0))
        else:
            ax.margins(x=0.16)
            ax.set_xlabel(unit)

    told = [
        f"{r.name}: "
        + (", ".join(f"{s.name} {value_text(n)} ({statistic_interval(n)})" for s, n in numbers) or "not shown")
        for r, numbers in drawn
    ]
    each = 0.34 + (0.26 * (max((len(n) for _, n in drawn), default=1) - 1))
    names = [r.name for r in rows]
    heights = (0.6 + _height(names, 30, each), 0.65 + _height(names, 16, each))
    return figure(title, subtitle, f"{title}. {'; '.join(told)}.".replace("\n", ", "), draw, heights)


def bars(
    title: str, subtitle: str, rows: Sequence[tuple[str, Statistic | None]], *, share: bool, labels: Sequence[str]
) -> Html:
    """Draw counts or shares as bars with the number at the end.

    Parameters
    ----------
    title, subtitle
        Words above the figure.
    rows
        Name and number; only numbers that are shown have a bar.
    share
        The bars are shares of one.
    labels
        What to write at the end of each bar.
    """
    found = [
        (name, float(s.value), text)
        for (name, s), text in zip(rows, labels, strict=True)
        if s is not None and is_shown(s)
    ]

    def draw(ax: Axes, narrow: bool) -> None:
        names = [_wrap(name, 17 if narrow else 34) for name, _, _ in found]
        sns.barplot(x=[v for _, v, _ in found], y=names, ax=ax, color=CLINIC.colour, width=0.62, orient="h", errorbar=None, saturation=1)
        for place, (_, value, text) in enumerate(found):
            ax.annotate(text, (value, place), (6, 0), textcoords="offset points", va="center", color=INK)
        ax.set(xlabel="", ylabel="")
        ax.tick_params(axis="y", labelcolor=INK)
        top = 1.0 if share else max((v for _, v, _ in found), default=1.0)
        ax.set_xlim(0, top * (1.45 if narrow else 1.2))
        ax.set_xticks([])
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
        ax.axvline(0, color=QUIET, linewidth=1)

    told = "; ".join(f"{name} {text}" for name, _, text in found)
    names = [name for name, _, _ in found]
    return figure(title, subtitle, f"{title}. {told}.", draw, (0.2 + _height(names, 34, 0.36), 0.2 + _height(names, 17, 0.4)))


def _source(draw: Draw, width: float, height: float, narrow: bool) -> str:
    with theme():
        drawing = Figure(figsize=(width, height), layout="constrained")
        ax = drawing.add_subplot()
        draw(ax, narrow)
        text = io.StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return "data:image/svg+xml;base64," + base64.b64encode(text.getvalue().encode("utf-8")).decode("ascii")


def _tick(month: str, first: bool) -> str:
    short, year = month_name(month, short=True).split()
    return f"{short}\n20{year}" if first or month.endswith("-01") else short


def _wrap(name: str, width: int) -> str:
    if "\n" in name:
        return "\n".join(_wrap(part, width) for part in name.split("\n"))
    lines, line = [], ""
    for word in name.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def _name_lines(
    ax: Axes, labels: Sequence[tuple[Series, str, Statistic]], last: int, gap: float, narrow: bool
) -> None:
    """Name the lines at their right end; on a telephone above the figure, where there is room."""
    if narrow:
        at = 0.0
        for series, name, s in labels:
            text = f"{name} {value_text(s)}"
            ax.text(at, 1.03, text, transform=ax.transAxes, color=series.colour, fontweight="bold", fontsize=9.5)
            at += 0.036 * len(text) * 0.62 + 0.045
        return
    ordered = sorted(labels, key=lambda item: float(item[2].value))
    places = _apart([float(s.value) for _, _, s in ordered], gap)
    for y, (series, name, s) in zip(places, ordered, strict=True):
        ax.text(last + 0.35, y, f"{name} {value_text(s)}", color=series.colour, va="center", fontweight="bold")


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Move sorted labels apart until none covers its neighbour, and keep their middle."""
    if not places:
        return []
    moved = [places[0]]
    for place in places[1:]:
        moved.append(max(place, moved[-1] + gap))
    shift = (sum(moved) - sum(places)) / len(places)
    return [place - shift for place in moved]


def _height(names: Sequence[str], width: int, each: float) -> float:
    """Give all rows the height of the one with most lines of text."""
    lines = max((_wrap(name, width).count("\n") + 1 for name in names), default=1)
    return max(1, len(names)) * max(each, 0.12 + 0.165 * lines)

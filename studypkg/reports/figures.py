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
from studypkg.reports.theme import CLINIC, INK, PAST, QUIET, Series, theme
from studypkg.reports.words import statistic_interval, value_text

WIDE, NARROW = 7.4, 3.7
NARROW_SCREEN = "(max-width: 600px)"
Draw = Callable[[Axes, bool], None]


def figure(
    title: str, subtitle: str, alternative: str, draw: Draw, height: float | tuple[float, float]
) -> Html:
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
    wide, narrow = (
        _source(draw, size, h, size == NARROW) for size, h in zip((WIDE, NARROW), tall, strict=True)
    )
    picture = tag(
        "picture",
        Html(f'<source media="{NARROW_SCREEN}" srcset="{narrow}">'),
        Html(f'<img src="{wide}" alt="{markup(alternative)}">'),
    )
    caption = tag("figcaption", tag("strong", title), tag("span", subtitle))
    return tag("figure", caption, picture)


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
    line: tuple[str, float] | None = None,
    digits: int = 1,
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
    line
        A name and a value to compare every row with, drawn from top to bottom.
    digits
        Decimals of the numbers.
    """
    drawn = [(r, [(s, n) for s, n in r.numbers if n is not None and is_shown(n)]) for r in rows]
    step = 0.26
    first: dict[str, int] = {}
    for place, (_, numbers) in enumerate(drawn):
        for series, _ in numbers:
            first.setdefault(series.name, place)

    def draw(ax: Axes, narrow: bool) -> None:
        for place, (_, numbers) in enumerate(drawn):
            for turn, (series, n) in enumerate(numbers):
                y = place + (turn - (len(numbers) - 1) / 2) * step
                value = float(n.value)
                if has_interval(n):
                    ax.plot(
                        [float(n.low), float(n.high)], [y, y], color=series.colour, linewidth=2.2, alpha=0.5
                    )
                ax.plot([value], [y], marker=series.marker, markersize=7, color=series.colour)
                end = float(n.high) if has_interval(n) else value
                named = direct and len(first) > 1 and first[series.name] == place
                text = value_text(n, digits) + (f"  {series.name}" if named else "")
                ax.annotate(text, (end, y), (7, 0), textcoords="offset points", va="center",
                            color=series.colour, fontsize=10, fontweight="bold")  # fmt: skip
        ax.set_yticks(range(len(drawn)), [_wrap(r.name, 16 if narrow else 30) for r, _ in drawn], color=INK)
        ax.set_ylim(len(drawn) - 0.45, -0.55)
        ax.grid(axis="y", visible=False)
        if zero:
            ax.axvline(0, color=QUIET, linewidth=1)
        if line is not None:
            ax.axvline(line[1], color=PAST.colour, linewidth=1.3, linestyle=(0, (4, 2)), zorder=0)
            ax.text(line[1], -0.62, line[0], color=QUIET, ha="center", va="bottom", fontsize=9.5)
        if share:
            ax.set_xlim(0, 1.28 if narrow else 1.14)
            ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
            ax.xaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0))
        else:
            ax.margins(x=0.16)
            ax.set_xlabel(unit)

    told = [
        f"{r.name}: "
        + (
            ", ".join(
                f"{s.name} {value_text(n, digits)} ({statistic_interval(n, digits)})" for s, n in numbers
            )
            or "not shown"
        )
        for r, numbers in drawn
    ]
    each = 0.34 + (0.26 * (max((len(n) for _, n in drawn), default=1) - 1))
    names = [r.name for r in rows]
    heights = (0.6 + _height(names, 30, each), 0.65 + _height(names, 16, each))
    return figure(title, subtitle, f"{title}. {'; '.join(told)}.".replace("\n", ", "), draw, heights)


def bars(
    title: str,
    subtitle: str,
    rows: Sequence[tuple[str, Statistic | None]],
    *,
    share: bool,
    labels: Sequence[str],
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
        sns.barplot(
            x=[v for _, v, _ in found],
            y=names,
            ax=ax,
            color=CLINIC.colour,
            width=0.62,
            orient="h",
            errorbar=None,
            saturation=1,
        )
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
    return figure(
        title,
        subtitle,
        f"{title}. {told}.",
        draw,
        (0.2 + _height(names, 34, 0.36), 0.2 + _height(names, 17, 0.4)),
    )


def _source(draw: Draw, width: float, height: float, narrow: bool) -> str:
    with theme():
        drawing = Figure(figsize=(width, height), layout="constrained")
        ax = drawing.add_subplot()
        draw(ax, narrow)
        text = io.StringIO()
        drawing.savefig(
            text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return "data:image/svg+xml;base64," + base64.b64encode(text.getvalue().encode("utf-8")).decode("ascii")


def _told(statistic: Statistic, digits: int) -> str:
    interval = statistic_interval(statistic, digits)
    return value_text(statistic, digits) + (f" ({interval})" if interval else "")


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


def _height(names: Sequence[str], width: int, each: float) -> float:
    """Give all rows the height of the one with most lines of text."""
    lines = max((_wrap(name, width).count("\n") + 1 for name in names), default=1)
    return max(1, len(names)) * max(each, 0.12 + 0.165 * lines)

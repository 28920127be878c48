"""Small marks that stand in a line of text or a table: a dot and its interval on a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import has_interval, is_shown
from studypkg.reports.elements import Html, tag
from studypkg.reports.words import statistic_interval, value_text, why_absent

HEIGHT = 18


@dataclass(frozen=True)
class Scale:
    """The stretch of numbers that a row of marks covers."""

    low: float
    high: float

    def position(self, value: float) -> float:
        """Where a value lies, in percent of the width, kept inside the edges."""
        share = (value - self.low) / (self.high - self.low)
        return 3 + 94 * min(1.0, max(0.0, share))


def scale_for(statistics: Sequence[Statistic | None], *, zero: bool) -> Scale:
    """Choose a scale that holds every number with its interval.

    Parameters
    ----------
    statistics
        Numbers that will stand below each other.
    zero
        Keep zero on the scale, as a change needs it.
    """
    ends: list[float] = [0.0] if zero else []
    for s in statistics:
        if s is not None and is_shown(s):
            ends += [float(v) for v in (s.low, s.value, s.high) if v is not None]
    if not ends:
        return Scale(0.0, 1.0)
    low, high = min(ends), max(ends)
    return Scale(low, high) if high > low else Scale(low - 0.5, high + 0.5)


def mark(statistic: Statistic | None, scale: Scale, look: str, *, zero: bool = False) -> Html:
    """Draw one dot with its interval; the numbers stand beside it, so it is silent to a screen reader.

    Parameters
    ----------
    statistic
        The number; nothing but the rule is drawn if it is not shown.
    scale
        Where the dot goes.
    look
        ``clinic``, ``past`` or ``network``: circle, diamond or square.
    zero
        Draw a tick at zero.
    """
    middle = HEIGHT / 2
    parts = [f'<line class="rule" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>']
    if (zero and scale.low < 0 < scale.high) or (zero and scale.low == 0):
        at = f"{scale.position(0):.2f}%"
        parts.append(f'<line class="zero" x1="{at}" x2="{at}" y1="2" y2="{HEIGHT - 2}"/>')
    if statistic is not None and is_shown(statistic):
        if has_interval(statistic):
            ends = [f"{scale.position(float(v)):.2f}%" for v in (statistic.low, statistic.high)]
            parts.append(f'<line class="span" x1="{ends[0]}" x2="{ends[1]}" y1="{middle}" y2="{middle}"/>')
        at = f"{scale.position(float(statistic.value)):.2f}%"
        parts.append(_shape(look, at))
    inner = "".join(parts)
    return Html(
        f'<svg class="mark {look}" width="100%" height="{HEIGHT}" aria-hidden="true" '
        f'focusable="false">{inner}</svg>'
    )


def strips(rows: Sequence[tuple[str, str, Statistic | None]], min_cell: int, *, zero: bool) -> Html:
    """Set numbers below each other on one scale: whose, the mark, and the number.

    Parameters
    ----------
    rows
        Name, look and number of each row.
    min_cell
        For the words where a number is not shown.
    zero
        Keep zero on the scale and mark it.
    """
    scale = scale_for([s for _, _, s in rows], zero=zero)
    drawn = []
    for name, look, statistic in rows:
        shown = statistic is not None and is_shown(statistic)
        text = value_text(statistic) if statistic is not None and shown else "not shown"
        limits = statistic_interval(statistic) if statistic is not None and shown else ""
        hint = None if shown else why_absent(statistic, min_cell)
        picture = tag("dd", mark(statistic, scale, look, zero=zero), class_="drawn") if shown else None
        drawn.append(
            tag(
                "div",
                tag("dt", name),
                picture or Html(""),
                tag("dd", text, class_="number" if shown else "number absent", title=hint or limits or None),
                class_="strip",
            )
        )
    return tag("dl", *drawn, class_="strips")


def _shape(look: str, at: str) -> str:
    middle = HEIGHT / 2
    if look == "clinic":
        return f'<circle class="dot" cx="{at}" cy="{middle}" r="5"/>'
    if look == "past":
        # A nested drawing gives the diamond a corner to turn around, wherever the page puts it.
        return (
            f'<svg x="{at}" y="{middle}" overflow="visible">'
            '<path class="dot" d="M0,-5 L5,0 L0,5 L-5,0 Z"/></svg>'
        )
    return (
        f'<svg x="{at}" y="{middle}" overflow="visible">'
        '<rect class="dot" x="-4" y="-4" width="8" height="8"/></svg>'
    )

"""One look for every figure: few colours, told apart in grey and by shape, and no trace left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import seaborn as sns

INK = "#1c2733"
QUIET = "#5b6875"
RULE = "#d5dbe1"


@dataclass(frozen=True)
class Series:
    """Whose numbers a mark stands for, and how it looks.

    Parameters
    ----------
    name
        Word beside the mark.
    colour
        Told apart by lightness too, so that grey print keeps the order dark, middle, light.
    marker
        Shape of the dot; shapes alone tell the series apart.
    """

    name: str
    colour: str
    marker: str


CLINIC = Series("this month", "#0b4f7d", "o")
PAST = Series("own past", "#5b6773", "D")
NETWORK = Series("other clinics", "#a8671a", "s")
SERIES = (CLINIC, PAST, NETWORK)

_RC = {
    "font.family": "sans-serif",
    # The first three have the same widths, so a label fits wherever the page is opened.
    "font.sans-serif": ["Liberation Sans", "Arial", "Helvetica", "DejaVu Sans"],
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 10.5,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    # Without a fixed salt every run would name its clip paths anew, and equal pages would differ.
    "svg.hashsalt": "studypkg",
}


@contextmanager
def theme() -> Iterator[None]:
    """Draw with the look of the pages; the reader's own settings are put back afterwards."""
    with mpl.rc_context():
        mpl.rcParams.update(sns.axes_style("whitegrid"))
        mpl.rcParams.update(_RC)
        yield

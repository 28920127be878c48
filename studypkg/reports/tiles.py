"""The four numbers that matter, each beside the months before and the other clinics."""

from __future__ import annotations

from studypkg.reports.compare import is_shown
from studypkg.reports.document import Page, min_cell
from studypkg.reports.elements import Html, paragraph, tag
from studypkg.reports.marks import strips
from studypkg.reports.view import View, view
from studypkg.reports.words import period_name, statistic_interval, value_text, why_absent

SAID = {
    "higher": "Clearly higher than own past",
    "lower": "Clearly lower than own past",
    "unclear": "No clear change from own past",
}


def tiles(document: Page) -> Html:
    """Show average improvement, who got better, who got worse, and how many have both scores."""
    seen = view(document)
    made = [
        _tile(seen, "Average improvement", "improvement", f"{document.outcome.unit}; more is better"),
        _tile(seen, "Got clearly better", "responder", "of patients with both scores; more is better"),
        _tile(seen, "Got worse", "worsened", "of patients with both scores; less is better"),
        _tile(seen, "Score at both ends", "capture", "of patients whose care ended; more is better"),
    ]
    return tag("div", *made, class_="tiles")


def _tile(seen: View, name: str, measure: str, unit: str) -> Html:
    few = min_cell(seen.document)
    month, past, others = seen.month(measure), seen.before(measure), seen.others(measure)
    said, quiet = SAID.get(seen.against_past(measure).verdict), False
    if month is not None and is_shown(month):
        big = tag("p", value_text(month), class_="big")
        sure = f"likely {statistic_interval(month)}" if statistic_interval(month) else ""
    elif past is not None and is_shown(past) and seen.past:
        # A month is often too small for a share; the months before it still answer the question.
        big = tag("p", value_text(past), class_="big before")
        sure = f"in {period_name(seen.past, short=True)}, likely {statistic_interval(past)}"
        quiet = True
        said = "This month: " + why_absent(month, few).removeprefix("not shown, ")
    else:
        big = tag("p", "not shown", class_="big absent")
        sure = why_absent(month, few).removeprefix("not shown, ")
    rows = [("this month", "clinic", month), ("own past", "past", past)]
    if seen.scope == "clinic":
        rows.append(("others", "network", others))
    return tag(
        "div",
        tag("h3", name),
        paragraph(unit, class_="unit"),
        big,
        paragraph(sure, class_="sure"),
        strips(rows, few, zero=True),
        paragraph(said, class_="said quiet" if quiet else "said") if said else Html(""),
        class_="tile",
    )

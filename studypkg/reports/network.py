"""The network's page: all clinics side by side with their uncertainty, and no league table."""

from __future__ import annotations

from studypkg.privacy.suppression import Statistic
from studypkg.reports import figures
from studypkg.reports.compare import difference, is_shown
from studypkg.reports.document import NetworkDocument, get, min_cell
from studypkg.reports.elements import Html, bullets, details, join, masthead, note, paragraph, strong, tag
from studypkg.reports.figures import Row
from studypkg.reports.tables import cell, numbers_table, patients, table
from studypkg.reports.theme import CLINIC
from studypkg.reports.tiles import tiles
from studypkg.reports.trend import trend_figure
from studypkg.reports.view import View, view
from studypkg.reports.words import (
    change_sentence,
    comparison_sentence,
    counted,
    day_name,
    month_name,
    period_name,
    sureness,
    value_text,
    why_absent,
)

MEASURES = {
    "improvement": "Average improvement",
    "responder": "Got clearly better",
    "acceptable": "Well enough at the end",
    "worsened": "Got worse",
    "capture": "Score at both ends",
}

#: What a clinic may stand apart in on the first screen; the table has the rest.
HEADLINE = ("improvement", "worsened", "capture")


def title(document: NetworkDocument) -> Html:
    """Name the network, the month and the data it rests on."""
    line = (
        f"{month_name(document.month)} · patients whose care ended in the month · "
        f"data up to {day_name(document.data_cutoff)} · issue {document.issue}"
    )
    return masthead(document.study, "All clinics: how patients did", line)


def headline(document: NetworkDocument) -> Html:
    """Say how the patients of all clinics did, how sure that is, and which clinics stand apart."""
    seen = view(document)
    result = seen.month("improvement")
    if result is not None and is_shown(result):
        past = seen.before("improvement")
        said = comparison_sentence(
            seen.against_past("improvement"), "the months before", past, document.outcome.unit
        )
        answer = [
            paragraph(change_sentence(result, document.outcome), class_="answer"),
            paragraph(
                f"This is the average of {counted(int(result.n or 0), 'patient')} of the clinics "
                "that are large "
                f"enough to be shown. {sureness(result, document.outcome)}"
            ),
            paragraph(said),
        ]
    else:
        answer = [
            paragraph("Too few patients to say how this month went.", class_="answer"),
            paragraph(f"Average change this month: {why_absent(result, min_cell(document))}."),
        ]
    return join(
        [tag("div", tag("div", *answer, class_="lead"), _apart(seen), class_="brief"), tiles(document)]
    )


def clearly_apart(document: NetworkDocument, period: str) -> list[tuple[str, str, str]]:
    """List the clinics whose number is clearly above or below that of all clinics together.

    Parameters
    ----------
    document
        The network's document.
    period
        A month, or a stretch of months.

    Returns
    -------
    list of tuple
        Measure, clinic, and ``higher`` or ``lower``.

    Notes
    -----
    A clinic is part of the total it is compared with, so the interval of the difference is somewhat
    too wide: fewer clinics stand apart than a perfect comparison would find, never more.
    """
    found = []
    for measure in MEASURES:
        together = get(document, measure, period, scope="network")
        for clinic in document.clinics:
            verdict = difference(get(document, measure, period, group=clinic), together).verdict
            if verdict in ("higher", "lower"):
                found.append((measure, clinic, verdict))
    return found


def _apart(seen: View) -> Html:
    document = seen.document
    parts: list[Html] = []
    for period in (document.month, seen.past):
        lines = _apart_lines(document, period) if period else []
        if lines:
            parts += [paragraph(strong(f"{period_name(period)}:"), class_="when"), bullets(lines)]
    if not parts:
        words = "No clinic is clearly apart from the others, in this month or in the months before."
        parts = [paragraph(words)]
    why = note(
        "Clinics see different patients. A clinic that stands apart is a question to ask, not a verdict."
    )
    return tag("aside", tag("h3", "Which clinics stand apart"), *parts, why, class_="attention")


def _apart_lines(document: NetworkDocument, period: str) -> list[str]:
    """Write one line per measure: who is clearly lower, and who is clearly higher."""
    found = clearly_apart(document, period)
    lines = []
    for measure in HEADLINE:
        said = []
        for verdict in ("lower", "higher"):
            names = [document.clinics[c] for m, c, v in found if (m, v) == (measure, verdict)]
            if names:
                said.append(f"clearly {verdict} in {', '.join(sorted(names))}")
        if said:
            lines.append(f"{MEASURES[measure]}: {'; '.join(said)}.")
    return lines


def side_by_side(document: NetworkDocument) -> Html:
    """Show every clinic's average improvement with its interval, in the order of their names."""
    seen = view(document)
    parts = [_forest(document, document.month)]
    if seen.past:
        parts.append(_forest(document, seen.past))
    parts.append(
        note(
            "Clinics stand in the order of their names. Where bars overlap widely, the clinics may "
            "not differ."
        )
    )
    return join(parts)


def _forest(document: NetworkDocument, period: str) -> Html:
    found = [(name, get(document, "improvement", period, group=c)) for c, name in _by_name(document)]
    shown = [(name, s) for name, s in found if s is not None and is_shown(s)]
    hidden = [name for name, s in found if not is_shown(s)]
    left = f"Not assessed, too few patients: {', '.join(hidden)}." if hidden else None
    if not shown:
        return paragraph(f"{period_name(period)}: no clinic has enough patients to be shown.")
    together = get(document, "improvement", period, scope="network")
    line = ("all clinics", float(together.value)) if together is not None and is_shown(together) else None
    drawn = figures.intervals(
        f"Average improvement, {period_name(period)}",
        f"{document.outcome.unit.capitalize()}; bars are 95% intervals.",
        [Row(f"{name}\n{counted(int(s.n or 0), 'patient')}", ((CLINIC, s),)) for name, s in shown],
        share=False,
        unit=f"improvement ({document.outcome.unit})",
        line=line,
    )
    return join([drawn, note(left) if left else None])


def clinics_table(document: NetworkDocument) -> Html:
    """List each clinic's month in numbers."""
    month = document.month
    rows = []
    for clinic, name in _by_name(document):
        numbers: list[Statistic | None] = [get(document, m, month, group=clinic) for m in MEASURES]
        rows.append([name, patients(numbers[0]), *[cell(s) for s in numbers]])
    made = table(
        f"The clinics in {month_name(month)}",
        ["Clinic", "Patients", *MEASURES.values()],
        rows,
        remark="Patients: those with a score at both ends. Ranges are 95% intervals.",
    )
    return made


def trend(document: NetworkDocument) -> Html:
    """Show the average improvement of all clinics month by month."""
    seen = view(document)
    own = [(m, get(document, "improvement", m, scope="network")) for m in seen.months]
    if not any(is_shown(s) for _, s in own):
        return paragraph("No month has enough patients to be drawn.")
    month = own[-1][1]
    sentence = {
        "higher": "Patients improved more this month than in the months before",
        "lower": "Patients improved less this month than in the months before",
        "unclear": "This month is in line with the months before",
        "absent": "Average improvement, month by month",
    }[seen.against_past("improvement").verdict]
    drawn = trend_figure(
        sentence,
        f"Average improvement in {document.outcome.unit}, by month of the end of care. Lines up and "
        "down: 95% intervals.",
        own,
        [],
        past=seen.before("improvement"),
        own_name="all clinics" if month is not None and is_shown(month) else "",
        unit=f"improvement ({document.outcome.unit})",
    )
    rows = [(month_name(m), s) for m, s in reversed(own)]
    numbers = numbers_table("Average improvement by month", rows, min_cell(document))
    return join([drawn, details("The numbers behind this figure", numbers)])


def key_figure(document: NetworkDocument) -> str:
    """Give the one number of the month for the index of all pages."""
    result = view(document).month("improvement")
    return value_text(result) if result is not None and is_shown(result) else "too few patients"


def _by_name(document: NetworkDocument) -> list[tuple[str, str]]:
    return sorted(document.clinics.items(), key=lambda item: item[1])

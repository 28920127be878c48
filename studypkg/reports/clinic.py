"""The clinic owner's page: how patients did this month, how sure that is, and what to look at."""

from __future__ import annotations

from studypkg.privacy.suppression import Statistic
from studypkg.reports import figures
from studypkg.reports.attention import attention
from studypkg.reports.compare import is_shown
from studypkg.reports.document import ClinicDocument, get, label, min_cell
from studypkg.reports.elements import Html, details, join, masthead, note, paragraph, tag
from studypkg.reports.figures import Row
from studypkg.reports.tables import numbers_table
from studypkg.reports.theme import CLINIC, NETWORK, PAST
from studypkg.reports.tiles import tiles
from studypkg.reports.trend import trend_figure
from studypkg.reports.view import View, view
from studypkg.reports.words import (
    change_sentence,
    comparison_sentence,
    counted,
    day_name,
    month_name,
    percent,
    period_name,
    shown_or_reason,
    sureness,
    value_text,
    why_absent,
)

PAST_WORDS, OTHER_WORDS = "your own past", "the other clinics"


def title(document: ClinicDocument) -> Html:
    """Name the clinic, the month and the data it rests on."""
    line = (
        f"{month_name(document.month)} · patients whose care ended in the month · "
        f"data up to {day_name(document.data_cutoff)} · issue {document.issue}"
    )
    until = document.provenance.get("late_scores_awaited_until")
    if until:
        line += f" · late scores can still change it until {day_name(until)}"
    return masthead(document.study, f"{document.clinic_name}: how patients did", line)


def headline(document: ClinicDocument) -> Html:
    """Answer in two minutes: how did our patients do, how sure is it, what needs attention."""
    seen = view(document)
    return join([tag("div", _answer(seen), attention(document), class_="brief"), tiles(document)])


def _answer(seen: View) -> Html:
    document, result = seen.document, seen.month("improvement")
    few = min_cell(document)
    if result is not None and is_shown(result):
        who = counted(int(result.n), "patient") if result.n else "the patients"
        lines = [
            paragraph(change_sentence(result, document.outcome), class_="answer"),
            paragraph(
                f"This is the average of {who} with a score at both ends. "
                f"{sureness(result, document.outcome)}"
            ),
        ]
        unit = document.outcome.unit
        past, others = seen.before("improvement"), seen.others("improvement")
        compared = [
            (
                "Against your own past",
                comparison_sentence(seen.against_past("improvement"), PAST_WORDS, past, unit),
            ),
            (
                "Against the others",
                comparison_sentence(seen.against_others("improvement"), OTHER_WORDS, others, unit),
            ),
        ]
        rows = [tag("div", tag("dt", name), tag("dd", text)) for name, text in compared]
        return tag("div", *lines, tag("dl", *rows, class_="compared"), class_="lead")
    past = seen.before("improvement")
    lines = [
        paragraph("Too few patients to say how this month went.", class_="answer"),
        paragraph(f"Average change this month: {why_absent(result, few)}."),
    ]
    if past is not None and is_shown(past) and seen.past:
        lines.append(
            paragraph(
                f"Over the months before, {period_name(seen.past)}: "
                f"{change_sentence(past, document.outcome)} "
                f"{sureness(past, document.outcome)}"
            )
        )
    else:
        lines.append(
            paragraph(
                "The months before are too small to show as well. That is no judgement of the care: "
                "a number "
                "from so few patients would say little, and could tell who they are."
            )
        )
    return tag("div", *lines, class_="lead")


def trend(document: ClinicDocument) -> Html:
    """Show the average improvement month by month, by the month in which care ended."""
    seen = view(document)
    own = [(m, get(document, "improvement", m)) for m in seen.months]
    others = [(m, get(document, "improvement", m, scope="network")) for m in seen.months]
    shown = [(m, s) for m, s in own if s is not None and is_shown(s)]
    if not shown:
        return paragraph(
            f"No month has {min_cell(document)} patients with a score at both ends, so no month is drawn."
        )
    found = seen.against_past("improvement")
    sentence = {
        "higher": "Patients improved more this month than in the months before",
        "lower": "Patients improved less this month than in the months before",
        "unclear": "This month is in line with the months before",
        "absent": "Average improvement, month by month",
    }[found.verdict]
    drawn = trend_figure(
        sentence,
        f"Average improvement in {document.outcome.unit}, by month of the end of care. Lines up and "
        "down: 95% intervals.",
        own,
        others,
        past=seen.before("improvement"),
        own_name="this clinic",
        unit=f"improvement ({document.outcome.unit})",
    )
    rows = [(month_name(m), s) for m, s in reversed(own)]
    return join(
        [
            drawn,
            note(
                "One month moves by chance. A dot alone means little; look for several months that "
                "move together."
            ),
            details(
                "The numbers behind this figure",
                numbers_table("Average improvement by month", rows, min_cell(document)),
            ),
        ]
    )


def flow(document: ClinicDocument) -> Html:
    """Show how many patients the results rest on."""
    seen, few = view(document), min_cell(document)
    measured, when = seen.month, month_name(document.month)
    ends = [seen.month("flow", step) for step in ("ended", "paired")]
    hidden = seen.past is not None and not all(is_shown(s) for s in ends)
    if hidden:
        measured, when = seen.before, period_name(str(seen.past))
    steps = [
        ("Care ended", measured("flow", "ended")),
        ("with a score at intake", measured("flow", "intake_score")),
        ("with a score at both ends", measured("flow", "paired")),
    ]
    capture = measured("capture")
    sentence = (
        f"The results speak for {percent(float(capture.value))} of the patients whose care ended"
        if capture is not None and is_shown(capture)
        else "How many patients the results speak for"
    )
    parts: list[Html] = []
    if any(is_shown(s) for _, s in steps):
        labels = ["" if s is None else value_text(s) for _, s in steps]
        parts.append(
            figures.bars(sentence, f"{when}; number of patients.", steps, share=False, labels=labels)
        )
    missing = [name[0].lower() + name[1:] for name, s in steps if not is_shown(s)]
    if missing:
        parts.append(
            paragraph(f"Not shown, it would reveal a group of fewer than {few}: {'; '.join(missing)}.")
        )
    if hidden and parts:
        parts.append(note("The month alone would reveal a small group, so the months before it are shown."))
    compared = [
        comparison_sentence(found, words, other, "%")
        for words, found, other in (
            (PAST_WORDS, seen.against_past("capture"), seen.before("capture")),
            (OTHER_WORDS, seen.against_others("capture"), seen.others("capture")),
        )
        if found.verdict != "absent"
    ]
    if compared:
        parts.append(paragraph("Share with a score at both ends. ", " ".join(compared)))
    baseline = seen.month("baseline")
    if baseline is not None and is_shown(baseline):
        said = comparison_sentence(
            seen.against_others("baseline"), OTHER_WORDS, seen.others("baseline"), document.outcome.unit
        )
        parts.append(paragraph(f"Average score at intake: {shown_or_reason(baseline, few)}. {said}"))
    parts.append(
        note("Patients without a final score are not in the averages. They may have done better, or worse.")
    )
    return join(parts)


def results(document: ClinicDocument) -> Html:
    """Show who got clearly better, who is well enough, who got worse, and by diagnosis."""
    seen, few = view(document), min_cell(document)
    names = {
        "responder": "Got clearly better",
        "acceptable": "Well enough at the end",
        "worsened": "Got worse",
    }
    rows = [
        Row(name, ((CLINIC, seen.month(m)), (PAST, seen.before(m)), (NETWORK, seen.others(m))))
        for m, name in names.items()
    ]
    shown = [r for r in rows if any(is_shown(s) for _, s in r.numbers)]
    parts: list[Html] = []
    responder = seen.month("responder")
    if shown:
        sentence = (
            f"{percent(float(responder.value))} got clearly better"
            if responder is not None and is_shown(responder)
            else "Shares of patients by result"
        )
        parts.append(
            figures.intervals(
                sentence,
                "Share of patients with a score at both ends; bars are 95% intervals.",
                shown,
                share=True,
            )
        )
    table_rows: list[tuple[str, Statistic | None]] = []
    for measure, name in names.items():
        table_rows.append((f"{name}, this month", seen.month(measure)))
        table_rows.append((f"{name}, own past", seen.before(measure)))
        table_rows.append((f"{name}, other clinics", seen.others(measure)))
    numbers = numbers_table("Results by share of patients", table_rows, few, what="Share")
    parts.append(details("The numbers behind this figure", numbers) if shown else numbers)
    parts.append(_by_condition(seen))
    return join(parts)


def _by_condition(seen: View) -> Html:
    document = seen.document
    found = [
        (label(document, g), seen.whole("improvement", g)) for g in seen.groups("improvement", seen.window)
    ]
    shown = [(name, s) for name, s in found if s is not None and is_shown(s)]
    if not shown:
        return paragraph("No diagnosis has enough patients to be shown.")
    parts = [
        figures.intervals(
            "Average improvement by diagnosis",
            f"{period_name(seen.window)}; {document.outcome.unit}, bars are 95% intervals. Where "
            "bars overlap widely, the diagnoses may not differ.",
            [Row(f"{name}\n{counted(int(s.n or 0), 'patient')}", ((CLINIC, s),)) for name, s in shown],
            share=False,
            unit=f"improvement ({document.outcome.unit})",
        )
    ]
    hidden = [name for name, s in found if not is_shown(s)]
    if hidden:
        parts.append(note(f"Not shown, too few patients: {', '.join(hidden)}."))
    return join(parts)

"""At most three things to look at, each from a number on the page and tied to its section."""

from __future__ import annotations

from dataclasses import dataclass

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import is_shown
from studypkg.reports.document import ClinicDocument, label, min_cell
from studypkg.reports.elements import Html, anchor, link, numbered, paragraph, strong, tag
from studypkg.reports.view import View, view
from studypkg.reports.words import number, percent

MOST_LINES = 3
#: Below this share of pairs the results of the others are in doubt (benchmark of US registries).
ENOUGH_CAPTURE = 0.70
#: Below this share a result does not stand for the clinic's patients (rule of the FOTO registry).
POOR_CAPTURE = 0.50
MUCH_NO_REPORT = 0.30


@dataclass(frozen=True)
class Line:
    """One thing to look at: what was found, what to do, and the section that shows it."""

    finding: str
    action: str
    section: str


def attention_lines(document: ClinicDocument) -> list[Line]:
    """Choose what deserves attention, the gravest first.

    Parameters
    ----------
    document
        A clinic's document.

    Returns
    -------
    list of Line
        At most three; empty if no number gives cause. A difference counts only if its interval
        leaves out zero, so chance alone seldom makes a line.
    """
    seen = view(document)
    grave, small = _safety(seen)
    return [*grave, *_results(seen), *_capture(seen), *_exercise(seen), *small][:MOST_LINES]


def attention(document: ClinicDocument) -> Html:
    """Show what deserves attention."""
    lines = attention_lines(document)
    if not lines:
        body = paragraph(
            "Nothing stands out beyond what chance can do. Keep asking every patient for a score at the "
            "first and the last visit: that is what makes next month's page surer.",
            class_="calm",
        )
    else:
        body = numbered(
            [tag("span", strong(line.finding), " ", line.action, " ", _where(line)) for line in lines],
            class_="actions",
        )
    return tag("aside", tag("h3", "What needs attention"), body, class_="attention")


def _where(line: Line) -> Html:
    return link("#" + anchor(line.section), f"See {line.section.lower()}", class_="see")


def _safety(seen: View) -> tuple[list[Line], list[Line]]:
    """Give the line on events that are many, and the line on events too few to print."""
    document = seen.document
    counts = [
        (kind, seen.month("safety", kind)) for kind in seen.groups("safety", document.month) if kind != "any"
    ]
    many = [label(document, kind) for kind, s in counts if is_shown(s) and float(s.value) > 0]
    few = [label(document, kind) for kind, s in counts if s is not None and s.status == "withheld"]
    read = "Read these patients' records and check that the stop rules were followed."
    grave = [Line(f"Safety events in number: {_listed(many)}.", read, "Safety")] if many else []
    small = [Line(f"Safety events, too few to print: {_listed(few)}.", read, "Safety")] if few else []
    return grave, small


def _capture(seen: View) -> list[Line]:
    capture = seen.month("capture") if is_shown(seen.month("capture")) else seen.before("capture")
    if not is_shown(capture):
        return []
    share = float(capture.value)
    if share >= ENOUGH_CAPTURE:
        return []
    lost = seen.month("flow", "no_final")
    which = "the last" if _more(lost, seen.month("flow", "no_intake")) else "the first or the last"
    doubt = " The results below may not stand for all patients." if share < POOR_CAPTURE else ""
    return [
        Line(
            f"Only {percent(share)} of patients have a score at both ends.{doubt}",
            f"Ask for {which} score during a visit that is already planned, not after it.",
            "Whose results these are",
        )
    ]


def _more(first: Statistic | None, second: Statistic | None) -> bool:
    return (
        first is not None
        and is_shown(first)
        and (second is None or not is_shown(second) or float(first.value) > float(second.value))
    )


def _results(seen: View) -> list[Line]:
    lines = []
    section = "Who got better, who got worse"
    for words, found in (
        ("your own past", seen.against_past("worsened")),
        ("the other clinics", seen.against_others("worsened")),
    ):
        if found.verdict == "higher":
            lines.append(
                Line(
                    f"More patients got worse than in {words}.",
                    "Review the plans of those who got worse, and look for what they share.",
                    section,
                )
            )
            break
    for words, found in (
        ("your own past", seen.against_past("improvement")),
        ("the other clinics", seen.against_others("improvement")),
    ):
        if found.verdict == "lower":
            easier = seen.against_past("baseline") if "past" in words else seen.against_others("baseline")
            why = (
                "Intake scores are alike, so look at visits, exercise and who left early."
                if easier.verdict == "unclear"
                else "Intake scores differ too, so other patients may explain it."
            )
            lines.append(Line(f"Patients improved less than in {words}.", why, "Month by month"))
            break
    return lines


def _exercise(seen: View) -> list[Line]:
    silent = seen.whole("no_report")
    done = seen.whole("adherence")
    section = "Exercise at home"
    if is_shown(silent) and float(silent.value) > MUCH_NO_REPORT:
        return [
            Line(
                f"No report on {percent(float(silent.value))} of the sessions due.",
                "Agree with each patient how sessions are noted; without reports adherence is guesswork.",
                section,
            )
        ]
    if is_shown(done) and float(done.value) < 0.5:
        return [
            Line(
                f"Half of the patients did less than {number(100 * float(done.value), 0)}% of their "
                "exercise.",
                "Ask what stands in the way, and consider fewer exercises.",
                section,
            )
        ]
    return []


def _listed(names: list[str]) -> str:
    shown = names[:3]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(shown) + more


def attention_note(document: ClinicDocument) -> str:
    """Say in one line when a thing is listed."""
    return (
        f"At most {MOST_LINES} lines. A difference is listed only if chance is an unlikely explanation; "
        f"counts below {min_cell(document)} are never printed."
    )

"""What care was like: exercise at home, hands-on modalities, visits, endings and safety."""

from __future__ import annotations

from studypkg.privacy.suppression import Statistic
from studypkg.reports import figures
from studypkg.reports.compare import is_shown
from studypkg.reports.document import Page, label, min_cell
from studypkg.reports.elements import Html, details, facts, heading, join, note, paragraph
from studypkg.reports.figures import Row
from studypkg.reports.tables import cell, numbers_table, table
from studypkg.reports.theme import CLINIC
from studypkg.reports.view import View, view
from studypkg.reports.words import (
    percent,
    period_name,
    shown_or_reason,
    value_text,
    why_absent,
)

#: Exercises that differ by less than this share of their dose are called alike.
WORTH_A_WORD = 0.10


def exercise(document: Page) -> Html:
    """Show how much of the prescribed exercise was reported done, and how much is not known."""
    seen, few = view(document), min_cell(document)
    done, silent = seen.whole("adherence"), seen.whole("no_report")
    if done is None and silent is None:
        return paragraph("This study records no exercise at home.")
    parts: list[Html] = [_dose_sentence(done, few)]
    if silent is not None and is_shown(silent):
        parts.append(
            paragraph(
                f"For {percent(float(silent.value))} of the sessions due there is no report. "
                "No report is not counted as not done: what happened then is not known."
            )
        )
    rows = [(label(document, g), seen.whole("adherence", g)) for g in seen.groups("adherence", seen.window)]
    shown = [(name, s) for name, s in rows if s is not None and is_shown(s)]
    if shown:
        ordered = sorted(shown, key=lambda row: -float(row[1].value))
        parts.append(
            figures.intervals(
                _most_and_least(ordered),
                f"{period_name(seen.window)}; share of the prescribed dose. Dot: the middle "
                "patient. Bar: the middle half of patients.",
                [Row(name, ((CLINIC, s),)) for name, s in ordered],
                share=True,
            )
        )
        parts.append(
            details(
                "The numbers behind this figure",
                numbers_table(
                    "Share of the prescribed dose reported done; the range is the middle half of patients",
                    rows,
                    few,
                ),
            )
        )
    parts.append(
        note(
            "Diaries tend to say more than was done. More done and less pain going together does "
            "not show which comes first."
        )
    )
    return join(parts)


def _most_and_least(ordered: list[tuple[str, Statistic]]) -> str:
    """Name the exercises at both ends, if they are far enough apart to be worth a word."""
    (most, high), (least, low) = ordered[0], ordered[-1]
    if len(ordered) == 1:
        return f"How much of the {most} was done"
    if float(high.value) - float(low.value) < WORTH_A_WORD:
        return "All exercises were done about equally"
    return f"Most was done of {most}, least of {least}"


def _dose_sentence(done: Statistic | None, few: int) -> Html:
    if done is None or not is_shown(done):
        return paragraph(f"Share of the prescribed exercise that was done: {why_absent(done, few)}.")
    text = f"The middle patient did {value_text(done)} of the prescribed exercise"
    if done.low is not None and done.high is not None:
        text += (
            f"; half of the patients lie between {percent(float(done.low))} and {percent(float(done.high))}"
        )
    return paragraph(f"{text}.")


def treatment(document: Page) -> Html:
    """Show which hands-on modalities were used, how visits went, and why care ended."""
    seen = view(document)
    return join([modalities(document), _visits(seen), _endings(seen)])


def modalities(document: Page) -> Html:
    """Show in what share of the episodes each hands-on modality was used."""
    seen = view(document)
    rows = [(label(document, g), seen.whole("modality", g)) for g in seen.groups("modality", seen.window)]
    if not rows:
        return paragraph("This study records no hands-on modalities.")
    shown = [(name, s) for name, s in rows if s is not None and is_shown(s)]
    hidden = [name for name, s in rows if not is_shown(s)]
    parts: list[Html] = []
    if shown:
        ordered = sorted(shown, key=lambda row: -float(row[1].value))
        first = ordered[0]
        parts.append(
            figures.bars(
                f"{first[0].capitalize()} was used in {value_text(first[1])} of episodes",
                f"{period_name(seen.window)}; share of ended episodes with the modality at least once.",
                ordered,
                share=True,
                labels=[value_text(s) for _, s in ordered],
            )
        )
    if hidden:
        parts.append(note(f"Not shown, because a count is too small: {', '.join(hidden)}."))
    parts.append(
        note(
            "What was given follows from how patients were. The mix describes care; it does not "
            "show what worked."
        )
    )
    return join(parts)


def _visits(seen: View) -> Html:
    few = min_cell(seen.document)
    named = {
        "Visits attended per episode": seen.whole("visits_per_episode"),
        "Scheduled visits cancelled": seen.whole("cancelled"),
        "Scheduled visits missed without notice": seen.whole("no_show"),
    }
    if all(s is None for s in named.values()):
        return paragraph("This study records no visits.")
    pairs = {name: shown_or_reason(s, few) for name, s in named.items() if s is not None}
    return join([heading("Visits"), facts(pairs)])


def _endings(seen: View) -> Html:
    document = seen.document
    groups = seen.groups("end_reason", seen.window)
    if not groups:
        return paragraph("This study records no reasons for the end of care.")
    rows = sorted(
        ((label(document, g), seen.whole("end_reason", g)) for g in groups),
        key=lambda row: -float(row[1].value) if row[1] is not None and is_shown(row[1]) else 0.0,
    )
    body = [[name, cell(s) if is_shown(s) else "too few to print"] for name, s in rows]
    shown = table(f"Why care ended, {period_name(seen.window)}", ["Reason", "Episodes"], body)
    return shown


def safety(document: Page) -> Html:
    """Show how often a stop rule, an adverse event or a referral was recorded; zero is a result."""
    seen, few = view(document), min_cell(document)
    groups = seen.groups("safety", document.month) or seen.groups("safety", seen.window)
    if not groups:
        return paragraph(
            "This study records no clinical events. Their absence here does not mean that there were none."
        )
    columns = _safety_columns(seen, groups)
    rows = [(label(document, g), [numbers[g] for _, numbers in columns]) for g in groups]
    known = [s for _, numbers in rows for s in numbers if s is not None]
    loud = [(name, numbers) for name, numbers in rows if not all(_is_none(s) for s in numbers)]
    quiet = [name for name, numbers in rows if all(_is_none(s) for s in numbers)]
    parts: list[Html] = []
    if not loud:
        parts.append(paragraph("No event was recorded in any of the kinds that this study counts."))
    if loud:
        heads = ["Event", *[name for name, _ in columns]]
        body = [[name, *[_count(s) for s in numbers]] for name, numbers in loud]
        parts.append(table("Episodes with an event, by kind", heads, body))
    if quiet and loud:
        parts.append(paragraph(f"None recorded: {', '.join(quiet)}."))
    if any(s.status == "withheld" for s in known):
        parts.append(
            note(
                f"Counts of 1 to {few - 1} are not printed, nor those that would give one away. "
                "Your own records name the patients."
            )
        )
    return join(parts)


def _safety_columns(seen: View, groups: list[str]) -> list[tuple[str, dict[str, Statistic | None]]]:
    """List the stretches of time that have any safety count: the month, and what came before it."""
    month = {g: seen.month("safety", g) for g in groups}
    before = {g: seen.before("safety", g) for g in groups}
    whole = {g: seen.whole("safety", g) for g in groups}
    found = [("This month", month)] if any(month.values()) else []
    if any(before.values()) and seen.past:
        return [*found, (period_name(seen.past), before)]
    return found if seen.window == seen.document.month else [*found, (period_name(seen.window), whole)]


def _is_none(statistic: Statistic | None) -> bool:
    return statistic is not None and is_shown(statistic) and float(statistic.value) == 0


def _count(statistic: Statistic | None) -> str:
    if statistic is None:
        return "not recorded"
    if not is_shown(statistic):
        return "too few to print" if statistic.status == "withheld" else "not known"
    n = int(float(statistic.value))
    return "none" if n == 0 else f"{n:,}"

"""Further parts of the data-quality page: the way of the rows, who is left out, odd clinics, old data."""

from __future__ import annotations

import seaborn as sns
from matplotlib.axes import Axes

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import is_shown
from studypkg.reports.elements import Html, bullets, join, note, paragraph, strong, tag
from studypkg.reports.figures import figure
from studypkg.reports.run_documents import IngestDocument
from studypkg.reports.tables import Column, cell, patients, table
from studypkg.reports.theme import CLINIC, INK, QUIET
from studypkg.reports.words import month_name, percent, value_text
from studypkg.review import HABITS, TRAITS, out_of_pattern, standardised_difference

#: A clinic silent for longer than this has probably stopped sending.
STALE_DAYS = 35
#: Standardised differences above this are called an imbalance.
IMBALANCE = 0.1
_STEPS = (
    ("ended", "Care ended"),
    ("intake_score", "… with a score at the start"),
    ("paired", "… and one at the end: these count"),
)


def rows_flow(document: IngestDocument) -> Html:
    """Draw what share of each table's rows was set aside."""
    tables = list(dict.fromkeys(s.table for s in document.sources))
    counts = {
        name: (
            sum(s.quarantined for s in document.sources if s.table == name),
            sum(s.read for s in document.sources if s.table == name),
        )
        for name in tables
    }
    shares = [aside / read if read else 0.0 for aside, read in counts.values()]
    labels = [f"{aside:,} of {read:,} rows" for aside, read in counts.values()]

    def draw(ax: Axes, narrow: bool) -> None:
        names = [name.replace("_", " ") for name in tables]
        sns.barplot(x=shares, y=names, ax=ax, color=CLINIC.colour, width=0.6, orient="h", saturation=1)
        for place, (share, text) in enumerate(zip(shares, labels, strict=True)):
            said = percent(share, 1) if narrow else f"{percent(share, 1)}, {text}"
            ax.annotate(said, (share, place), (6, 0), textcoords="offset points", va="center", color=INK)
        ax.set(xlabel="", ylabel="")
        ax.tick_params(axis="y", labelcolor=INK)
        ax.set_xlim(0, max(*shares, 0.01) * (1.5 if narrow else 1.7))
        ax.set_xticks([])
        ax.grid(visible=False)
        ax.spines["bottom"].set_visible(False)
        ax.axvline(0, color=QUIET, linewidth=1)

    told = "; ".join(
        f"{name}: {percent(share, 1)}, {text}"
        for name, share, text in zip(tables, shares, labels, strict=True)
    )
    return figure(
        _worst(counts),
        "Share of the rows of each table that were set aside with a reason.",
        f"Rows set aside by table. {told}.",
        draw,
        0.3 + 0.36 * len(tables),
    )


def _worst(counts: dict[str, tuple[int, int]]) -> str:
    """Say which table has the largest share of bad rows."""
    shares = {name: aside / read for name, (aside, read) in counts.items() if read}
    if not shares or max(shares.values()) == 0.0:
        return "No row was set aside"
    name = max(shares, key=lambda table: shares[table])
    return f"Most often rows of {name.replace('_', ' ')} were set aside"


def patients_flow(document: IngestDocument) -> Html:
    """Say how many patients the results rest on, and how those without a pair differ."""
    found = {group: _network(document, "flow", group) for group, _ in _STEPS}
    if not any(is_shown(s) for s in found.values()):
        return paragraph("Too few episodes have ended to say who is left out of the results.")
    rows = []
    whole = found["ended"]
    for group, name in _STEPS:
        s = found[group]
        share = (
            percent(float(s.value) / float(whole.value))
            if s is not None and whole is not None and is_shown(s) and is_shown(whole) and whole.value
            else ""
        )
        rows.append([name, value_text(s) if s is not None and is_shown(s) else "not shown", share])
    shown = table(
        f"From the end of care to a result, {_window(document)}",
        ["", Column("Patients"), Column("Share")],
        rows,
    )
    return join([shown, _extremes(document)])


def exclusions(document: IngestDocument) -> Html:
    """Compare patients with and without scores at both ends."""
    rows = []
    apart = []
    for trait, name in {**TRAITS, "female": "Women"}.items():
        pair = [_network(document, trait, group) for group in ("paired", "not_paired")]
        distance = standardised_difference(*pair)
        if distance is not None and abs(distance) > IMBALANCE:
            apart.append(name.casefold())
        far = "" if distance is None else f"{distance:+.2f}".replace("-", "−")
        rows.append([name, cell(pair[0]), patients(pair[0]), cell(pair[1]), patients(pair[1]), far])
    said = (
        f"They differ in: {', '.join(apart)}. Results describe those with both scores, and need not hold "
        "for the others."
        if apart
        else "On what is known at the start the two groups are alike. They may still differ in how care went."
    )
    columns = ["", Column("With both scores"), Column("Patients"), Column("Without"), Column("Patients")]
    return join(
        [
            paragraph(said),
            table(
                "Who is counted and who is not",
                [*columns, Column("Difference in SD")],
                rows,
                remark="A difference of more than 0.1 standard deviations is usually called an imbalance.",
            ),
        ]
    )


def _extremes(document: IngestDocument) -> Html | None:
    """Say what share got better if nobody, or everybody, of those left out had."""
    ours, least = _network(document, "responder", "all"), _network(document, "better_if_none", "all")
    if ours is None or least is None or not (is_shown(ours) and is_shown(least)):
        return None
    n, paired, k = least.n or 0, ours.n or 0, least.k or 0
    most = (k + n - paired) / n if n else 0.0
    return paragraph(
        f"Of those with both scores {percent(float(ours.value))} got clearly better. Had none of the others, "
        f"it would be {percent(float(least.value))} of all; had all of them, {percent(most)}. "
        "The truth lies between."
    )


def patterns(document: IngestDocument) -> Html:
    """Name the clinics whose records are unlike the others', and show every clinic's habits."""
    released = document.released
    if released is None:
        return paragraph("Habits of the clinics are not known yet: no episode has ended.")
    odd = out_of_pattern(released, HABITS, document.window)
    by = {
        (s.measure, s.group): s
        for s in released.statistics
        if s.scope == "clinic" and s.period == document.window and s.measure in HABITS
    }
    measures = [m for m in HABITS if any(key[0] == m for key in by)]
    clinics = sorted({group for _, group in by}, key=lambda c: document.clinics.get(c, c))
    marked = {(o.measure, o.clinic) for o in odd}
    rows = [
        [
            document.clinics.get(c, c),
            *[_habit(by.get((m, c)), (m, c) in marked) for m in measures],
        ]
        for c in clinics
    ]
    lines = [
        paragraph(
            strong(document.clinics.get(o.clinic, o.clinic)),
            f": {HABITS[o.measure][0].lower()}{HABITS[o.measure][1:]} in {percent(o.share)}, in all clinics "
            f"together {percent(o.others)}.",
        )
        for o in odd
    ]
    said = (
        bullets(lines)
        if lines
        else paragraph("No clinic stands out from the others, or there are too few clinics to compare.")
    )
    shown = table(
        f"Habits of record keeping, {_window(document)}, share of ended episodes",
        ["Clinic", *[Column(HABITS[m]) for m in measures]],
        rows,
        remark="A dash stands where too few patients would be shown. ◆ is more than three standard "
        "deviations from the others, their usual scatter counted in. It is a reason to ask, not a fault.",
    )
    return join([said, shown])


def freshness(document: IngestDocument) -> Html:
    """Show how many days ago each clinic's newest row is, by table."""
    if not document.fresh:
        return paragraph("No clinic has enough patients to say how fresh its records are.")
    tables = list(document.fresh[0].days)
    silent = [
        document.clinics.get(f.clinic, f.clinic)
        for f in document.fresh
        if min((d for d in f.days.values() if d is not None), default=STALE_DAYS + 1) > STALE_DAYS
    ]
    said = (
        paragraph(
            strong("Nothing new for over five weeks: "),
            ", ".join(silent),
            ". Ask whether the export still runs.",
        )
        if silent
        else paragraph("Every clinic sent something within the last five weeks.")
    )
    rows = [
        [
            document.clinics.get(f.clinic, f.clinic),
            *["none" if f.days[t] is None else f"{f.days[t]:,}" for t in tables],
        ]
        for f in document.fresh
    ]
    return join(
        [
            said,
            table(
                "Days between a clinic's newest row and the data cut-off",
                ["Clinic", *[Column(f"{t.replace('_', ' ')}, days") for t in tables]],
                rows,
            ),
        ]
    )


def remarks(document: IngestDocument) -> Html | None:
    """List what was done to good rows, and what was noticed in the files."""
    told = [(s.source, s.notes) for s in document.sources if s.notes]
    if not told:
        return None
    return join(
        [note("What was noticed in the files, none of it a fault:")]
        + [bullets([join([strong(f"{file}: "), text], "") for text in notes]) for file, notes in told]
    )


def _network(document: IngestDocument, measure: str, group: str) -> Statistic | None:
    released = document.released
    if released is None:
        return None
    return released.get(measure, scope="network", group=group, period=document.window)


def _habit(statistic: Statistic | None, odd: bool) -> Html | str:
    if statistic is None or not is_shown(statistic):
        return "–"
    text = value_text(statistic)
    return tag("strong", f"{text} ◆") if odd else text


def _window(document: IngestDocument) -> str:
    first, last = document.window.split("..")
    return f"{month_name(first)} to {month_name(last)}"

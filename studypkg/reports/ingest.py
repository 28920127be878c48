"""The data-quality page: which rows came in, which were set aside and why, and what is late."""

from __future__ import annotations

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import is_shown
from studypkg.reports.document import label
from studypkg.reports.elements import Html, join, masthead, paragraph, tag, with_code
from studypkg.reports.run_documents import IngestDocument
from studypkg.reports.tables import Column, table
from studypkg.reports.words import counted, day_name, month_name, percent, value_text

MOST_MONTHS = 12
#: Missing shares at which the ground of a cell gets darker.
_GROUNDS = (0.2, 0.3, 0.4, 0.5)


def title(document: IngestDocument) -> Html:
    """Name the study, the month and the cut-off."""
    line = (
        f"{month_name(document.month)} · data up to {day_name(document.data_cutoff)} · issue {document.issue}"
    )
    return masthead(document.study, "Data quality: what came in", line)


def headline(document: IngestDocument) -> Html:
    """Say whether every row is accounted for, and how many were set aside."""
    total = document.counts
    aside = total.quarantined / total.read if total.read else 0.0
    words = (
        "Every row was accepted."
        if total.accepted == total.read
        else f"{percent(total.accepted / total.read, 1)} of {total.read:,} rows were accepted."
        if total.read
        else "No row came in."
    )
    balance = total.read - total.accepted - total.duplicate - total.quarantined
    account = (
        f"All rows are accounted for: {total.read:,} read = {total.accepted:,} accepted + "
        f"{total.duplicate:,} repeated + {total.quarantined:,} set aside."
        if balance == 0
        else f"{counted(abs(balance), 'row')} cannot be accounted for. Do not use this month before "
        "that is mended."
    )
    said = [paragraph(words, class_="answer"), paragraph(account)]
    if total.quarantined:
        said.append(
            paragraph(
                f"{percent(aside, 1)} of the rows were set aside with a reason; nothing was mended "
                "or guessed. "
                "They wait in the quarantine folder, and come in once the source is corrected."
            )
        )
    return tag("div", *said, class_="lead")


def sources(document: IngestDocument) -> Html:
    """List each raw file with its rows and the newest day in it."""
    rows = [
        [
            s.table,
            s.source,
            f"{s.read:,}",
            f"{s.accepted:,}",
            f"{s.duplicate:,}",
            f"{s.quarantined:,}",
            day_name(s.newest) if s.newest else "no date",
            tag("code", (s.sha256 or "")[:12]),
        ]
        for s in document.sources
    ]
    columns = ["Table", Column("File", numeric=False), "Read", "Accepted", "Repeated", "Set aside"]
    ends = [Column("Newest day", numeric=False), Column("Fingerprint", numeric=False)]
    return table("Rows by source", [*columns, *ends], rows)


def reasons(document: IngestDocument) -> Html:
    """List why rows were set aside, the most frequent first."""
    if not document.reasons:
        return paragraph("No row was set aside.")
    ordered = sorted(document.reasons, key=lambda r: (-r.rows, r.table, r.rule))
    rows = [[r.table, label(document, r.rule), with_code(r.advice), f"{r.rows:,}"] for r in ordered]
    columns = ["Table", Column("Reason", numeric=False), Column("What to do", numeric=False), Column("Rows")]
    remark = "The quarantine names file, row and column of each; values are not printed on pages."
    return table("Rows set aside, by reason", columns, rows, remark=remark)


def completeness(document: IngestDocument) -> Html:
    """Show the share of ended episodes with a score at both ends, by clinic and month."""
    found = {
        (s.group, s.period): s
        for s in (document.released.statistics if document.released is not None else ())
        if s.measure == "capture" and s.scope == "clinic" and ".." not in s.period
    }
    months = sorted({month for _, month in found})[-MOST_MONTHS:]
    if not months:
        return paragraph("Completeness by clinic is not known yet: no episode has ended.")
    rows = []
    for clinic in sorted({clinic for clinic, _ in found}, key=lambda c: document.clinics.get(c, c)):
        cells = [_share(found.get((clinic, month))) for month in months]
        rows.append([document.clinics.get(clinic, clinic), *cells])
    heads = [month_name(month, short=True) for month in months]
    return table(
        "Episodes with a score at both ends, by clinic and month of the end of care",
        ["Clinic", *heads],
        rows,
        remark="A dash stands where too few episodes ended to show a share. The darker, the more is missing; "
        "recent months may still fill up.",
    )


def _share(statistic: Statistic | None) -> Html | str:
    """Write a share on a ground that is the darker the more is missing."""
    if statistic is None or not is_shown(statistic):
        return "–"
    lacking = 1.0 - float(statistic.value or 0.0)
    step = sum(lacking > limit for limit in _GROUNDS)
    return tag("span", value_text(statistic), class_=f"ground-{step}")


def late(document: IngestDocument) -> Html:
    """List rows that came in for months whose pages had been issued."""
    if not document.late:
        return paragraph("No row arrived for a month that had been reported.")
    few = f"fewer than {document.provenance.get('min_cell', 11)}"
    rows = [[n.table, month_name(n.month), few if n.rows is None else f"{n.rows:,}"] for n in document.late]
    shown = table("Late rows", ["Table", Column("Month", numeric=False), "Rows"], rows)
    said = (
        "These rows are new or corrected since the first pages of their month, and can change what those "
        "say. Make the pages again with `study report --month` and the month; the first ones can be rebuilt "
        "with `--as-of`."
    )
    return join([shown, paragraph(with_code(said))])

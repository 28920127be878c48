"""The index of all pages: months by clinics, the latest month first, each with its state and key figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studypkg.reports.elements import Content, Html, bullets, join, link, masthead, note, paragraph, tag
from studypkg.reports.export import CONTENT_POLICY, stylesheet
from studypkg.reports.publish import publish_text
from studypkg.reports.tables import Column, table
from studypkg.reports.words import counted, month_name

Status = Literal["ok", "failed", "kept", "too_small"]
STATES: dict[Status, str] = {
    "ok": "",
    "too_small": "too few patients this month",
    "kept": "this run failed; the earlier issue stands",
    "failed": "no page: the run failed",
}
#: Pages that are of a month and of no clinic: what they are called, in this order.
WHOLE = {"network": "All clinics", "ingest": "Data quality", "research": "Research report"}


@dataclass(frozen=True)
class IndexEntry:
    """One page of the index.

    Parameters
    ----------
    month
        ``YYYY-MM``.
    clinic
        Id of the clinic; or ``network``, ``ingest`` or ``research`` for a page of all of them.
    clinic_name
        What to call it.
    status
        ``ok``, ``too_small``, ``kept`` (an earlier issue still stands) or ``failed`` (there is no page).
    key_figure
        The one number of the month in words, from released numbers only.
    href
        Path of the page from the folder of the index; None if there is none.
    n_withheld
        How many numbers of the page are withheld.
    """

    month: str
    clinic: str
    clinic_name: str
    status: Status = "ok"
    key_figure: str = ""
    href: str | None = None
    n_withheld: int = 0


def write_index(reports_dir: Path, entries: Sequence[IndexEntry], study_name: str) -> Path:
    """Write the index of all pages.

    Parameters
    ----------
    reports_dir
        Folder of all pages.
    entries
        Every page of every month.
    study_name
        Above the title.

    Returns
    -------
    Path
        ``index.html`` in that folder, replaced as a whole.
    """
    return publish_text(reports_dir / "index.html", index_html(entries, study_name))


def index_html(entries: Sequence[IndexEntry], study_name: str) -> str:
    """Make the index as a whole HTML document."""
    months = sorted({e.month for e in entries}, reverse=True)
    clinics = {e.clinic: e.clinic_name for e in entries if e.clinic not in WHOLE}
    by_place = {(e.month, e.clinic): e for e in entries}
    if months:
        sizes = f"{counted(len(clinics), 'clinic')} · {counted(len(months), 'month')}"
        line = f"{sizes} · latest {month_name(months[0])}"
    else:
        line = "no page has been made yet"
    parts: list[Html] = [masthead(study_name, "Reports", line)]
    if not months:
        parts.append(paragraph("`study monthly` makes the first month."))
    for month in months[:1]:
        parts.append(_latest(month, by_place))
    if clinics:
        parts.append(_grid(months, clinics, by_place))
    if any(e.status == "failed" or e.status == "kept" for e in entries):
        parts.append(
            note("Where a run failed, the copy of its notebook that stands in the folder says in which cell.")
        )
    return _document(study_name, join(parts))


def _latest(month: str, by_place: dict[tuple[str, str], IndexEntry]) -> Html:
    found = [by_place[(month, kind)] for kind in WHOLE if (month, kind) in by_place]
    if not found:
        return Html("")
    items = [tag("span", _page_link(e, WHOLE[e.clinic]), _state(e), class_="page") for e in found]
    return tag("section", tag("h2", month_name(month)), bullets(items, class_="links"), class_="whole")


def _grid(
    months: Sequence[str], clinics: dict[str, str], by_place: dict[tuple[str, str], IndexEntry]
) -> Html:
    ordered = sorted(clinics.items(), key=lambda item: item[1])
    whole = [kind for kind in WHOLE if any((m, kind) in by_place for m in months)]
    rows: list[list[Content]] = []
    for month in months:
        cells: list[Content] = [month_name(month)]
        cells += [_cell(by_place.get((month, clinic))) for clinic, _ in ordered]
        cells += [_page(by_place.get((month, kind))) for kind in whole]
        rows.append(cells)
    heads = [Column("Month", numeric=False), *[Column(name, numeric=False) for _, name in ordered]]
    heads += [Column(WHOLE[kind], numeric=False) for kind in whole]
    return table("Clinics by month of the end of care", heads, rows)


def _cell(entry: IndexEntry | None) -> Content:
    if entry is None:
        return tag("span", "–", class_="absent", title="not due in this month")
    return tag("span", _page_link(entry, entry.key_figure or "open"), _state(entry), class_=_class(entry))


def _page(entry: IndexEntry | None) -> Content:
    if entry is None:
        return tag("span", "–", class_="absent")
    return tag("span", _page_link(entry, entry.key_figure or "open"), _state(entry), class_=_class(entry))


def _page_link(entry: IndexEntry, text: str) -> Html:
    if entry.href is None:
        return tag("span", text if entry.status != "failed" else "none", class_="absent")
    name = f"{entry.clinic_name}, {month_name(entry.month)}: {text}"
    return tag("a", text, href=entry.href, aria_label=name)


def _state(entry: IndexEntry) -> Html:
    stands = entry.status == "failed" and entry.href is not None
    state = STATES["kept" if stands else entry.status]
    said = [state] if state else []
    if entry.n_withheld:
        said.append(f"{entry.n_withheld} withheld")
    return tag("span", "; ".join(said), class_="state") if said else Html("")


def _class(entry: IndexEntry) -> str | None:
    return "failed" if entry.status in ("failed", "kept") else None


def _document(study_name: str, body: Html) -> str:
    head = join(
        [
            Html('<meta charset="utf-8"/>'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}"/>'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1"/>'),
            Html('<meta name="referrer" content="no-referrer"/>'),
            tag("title", f"Reports of {study_name}"),
            Html(f"<style>\n{stylesheet()}\n</style>"),
        ]
    )
    skip = link("#content", "Skip to the reports", class_="skip")
    main = tag("main", body, id="content", class_="index")
    shown = f"<body>\n{skip.text}\n{main.text}\n</body>"
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head.text}\n</head>\n{shown}\n</html>\n'

"""Late rows: those that came in for a month after its pages had been issued."""

from __future__ import annotations

from collections.abc import Collection

from studypkg.config import Study
from studypkg.pipeline.opening import open_store
from studypkg.pipeline.runs import read_run
from studypkg.reports.run_documents import LateNote
from studypkg.schema import TABLES

#: Day that says which month's pages a row counts for, where it is not the day of the event: care is
#: reported in the month in which it ends.
_DAYS = {"episodes": "end_date"}


def first_issues(study: Study) -> dict[str, int]:
    """Give for each month whose pages stand the number of the batch that they were first made from."""
    found = {}
    for path in (study.root / study.study.reports).glob("*/manifest.json"):
        run = read_run(path)
        if run.get("first_batch") is not None:
            found[path.parent.name] = int(run["first_batch"])
    return found


def first_batch(study: Study, month: str) -> int | None:
    """Give the number of the batch that a month's first pages were made from, or of the latest batch."""
    head = open_store(study).head()
    return first_issues(study).get(month, int(head.partition("-")[0]) if head else None)


def late_notes(study: Study, months: Collection[str]) -> tuple[LateNote, ...]:
    """Count the new and corrected rows that came in after a month's pages had first been issued.

    Parameters
    ----------
    study
        The study, now or as it was known.
    months
        Months that the page tells of; others are left out.

    Returns
    -------
    tuple of LateNote
        By table, the latest month first. Fewer rows than the study's smallest cell are not counted out.
    """
    issued = {month: batch for month, batch in first_issues(study).items() if month in months}
    if not issued:
        return ()
    store, notes = open_store(study), []
    for name, table in TABLES.items():
        day = _DAYS.get(name, table.event_date)
        if day is None:
            continue
        late: dict[str, int] = {}
        for month, batch, rows in store.came(name, day, after=min(issued.values())):
            if batch > issued.get(month, batch):
                late[month] = late.get(month, 0) + rows
        notes += [
            LateNote(name, month, rows if rows >= study.privacy.min_cell else None)
            for month, rows in sorted(late.items(), reverse=True)
        ]
    return tuple(notes)

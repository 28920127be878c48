"""Tests of the list of rows that came late for a month."""

from dataclasses import replace

from sample_pages import ingest_document

from studypkg.reports import ingest
from studypkg.reports.run_documents import LateNote


def late(*notes: LateNote) -> str:
    document = replace(ingest_document(), late=notes)
    return str(ingest.late(document))


def test_no_late_row_is_said() -> None:
    assert "No row arrived for a month that had been reported." in late()


def test_late_rows_are_counted_by_table_and_month_and_few_are_not_counted_out() -> None:
    text = late(LateNote("assessments", "2026-08", 1200), LateNote("events", "2026-07", None))
    assert "August 2026" in text
    assert "1,200" in text
    assert "fewer than 11" in text
    assert "study report --month" in text

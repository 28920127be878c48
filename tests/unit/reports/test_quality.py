"""The data-quality page says which clinics to ask, who is left out, and what has stopped coming."""

import html
import re

from sample_pages import WINDOW, ingest_document

from studypkg.privacy import release
from studypkg.reports import ingest, quality
from studypkg.reports.run_documents import FreshNote, SourceNote
from studypkg.review.summaries import Place, share

CLINICS = {f"c{i}": f"Clinic {i}" for i in range(7)}


def words(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def habits(**shares):
    numbers = [
        share(Place("clinic", clinic, WINDOW), measure, round(s * 300), 300, cell="ended", group=clinic)
        for measure, by_clinic in shares.items()
        for clinic, s in zip(CLINICS, by_clinic, strict=True)
    ]
    return ingest_document(released=release(numbers), clinics=CLINICS)


def test_an_odd_clinic_is_named_with_its_share_and_that_of_all():
    document = habits(capture=[0.7] * 6 + [0.3])
    said = words(quality.patterns(document).text)
    assert "Clinic 6 : a score at both ends of care in 30%" in said
    assert "30% ◆" in said


def test_no_clinic_is_named_where_all_are_alike():
    assert "No clinic stands out" in words(quality.patterns(habits(capture=[0.7] * 7)).text)


def test_a_clinic_that_stopped_sending_is_named():
    fresh = (FreshNote("c1", {"visits": 40, "events": None}), FreshNote("c2", {"visits": 2, "events": 1}))
    document = ingest_document(clinics=CLINICS, fresh=fresh)
    said = words(quality.freshness(document).text)
    assert "Nothing new for over five weeks: Clinic 1. Ask" in said
    assert "none" in said


def test_the_worst_table_is_the_title_of_the_figure():
    assert "Most often rows of assessments were set aside" in words(quality.rows_flow(ingest_document()).text)
    clean = ingest_document(sources=(SourceNote("a.csv", "visits", 10, 10),))
    assert "No row was set aside" in words(quality.rows_flow(clean).text)


def test_without_ended_episodes_the_page_says_so_and_does_not_fail():
    empty = ingest_document(released=None, fresh=())
    for part in (quality.patients_flow, quality.patterns, quality.freshness):
        assert words(part(empty).text)


def test_advice_stands_beside_each_reason_with_its_keys_as_code():
    made = ingest.reasons(ingest_document()).text
    assert "Mend the cell, or declare <code>scale</code>." in made


def test_what_was_noticed_in_a_file_is_told():
    document = ingest_document(
        sources=(SourceNote("a.csv", "visits", 10, 10, notes=("3 blank lines left out",)),)
    )
    assert "a.csv: 3 blank lines left out" in words(quality.remarks(document).text)
    assert quality.remarks(ingest_document()) is None

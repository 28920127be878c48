"""The index lists months by clinics, the latest month first."""

import re

import pytest

from studypkg.reports.publish import publish_text
from studypkg.reports.site import IndexEntry, index_html, write_index

ENTRIES = (
    IndexEntry(
        "2026-08",
        "clinic_01",
        "Abbey Road",
        "ok",
        "+2.4 points (2.0 to 2.8)",
        "2026-08/clinic_01/clinic_01.html",
    ),
    IndexEntry(
        "2026-09",
        "clinic_01",
        "Abbey Road",
        "ok",
        "+2.9 points (2.2 to 3.6)",
        "2026-09/clinic_01/clinic_01.html",
        7,
    ),
    IndexEntry("2026-09", "clinic_02", "Brook <End>", "failed", "no page this time", None),
    IndexEntry(
        "2026-08",
        "clinic_02",
        "Brook <End>",
        "failed",
        "no page this time",
        "2026-08/clinic_02/clinic_02.html",
    ),
    IndexEntry("2026-09", "network", "Network report", "ok", "+2.6 points", "2026-09/network/network.html"),
    IndexEntry("2026-09", "ingest", "Data quality", "ok", "", "2026-09/ingest/ingest.html"),
)


def test_the_latest_month_comes_first():
    months = re.findall(r'<th scope="row">([^<]+)', index_html(ENTRIES, "A study"))
    assert months == ["September 2026", "August 2026"]


def test_links_are_relative_and_named():
    html = index_html(ENTRIES, "A study")
    links = re.findall(r'<a href="([^"#][^"]*)" aria-label="([^"]*)"', html)
    assert (
        "2026-09/clinic_01/clinic_01.html",
        "Abbey Road, September 2026: +2.9 points (2.2 to 3.6)",
    ) in links
    assert not any(href.startswith(("http", "/", "file:")) for href, _ in links)


def test_a_failure_is_visible_and_an_earlier_issue_stands():
    html = index_html(ENTRIES, "A study")
    assert "no page: the run failed" in html
    assert "this run failed; the earlier issue stands" in html
    assert "7 withheld" in html


def test_names_are_escaped():
    html = index_html(ENTRIES, "<b>A study</b>")
    assert "Brook &lt;End&gt;" in html
    assert "<b>" not in html


def test_an_empty_index_says_what_to_do():
    assert "study monthly" in index_html((), "A study")


def test_the_index_is_replaced_as_a_whole(tmp_path):
    path = write_index(tmp_path, ENTRIES, "A study")
    write_index(tmp_path, ENTRIES[:1], "A study")
    assert path == tmp_path / "index.html"
    assert [p.name for p in tmp_path.iterdir()] == ["index.html"]
    assert "Brook" not in path.read_text(encoding="utf-8")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = publish_text(tmp_path / "a.html", "old")
    with pytest.raises(UnicodeEncodeError):
        publish_text(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]

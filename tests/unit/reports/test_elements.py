"""Words from outside are escaped; tables can be walked through by a screen reader."""

from xml.etree import ElementTree

from studypkg.reports.elements import details, tag
from studypkg.reports.tables import Column, table

HOSTILE = '<script>alert(1)</script> & "quotes"'


def parsed(piece):
    """Read a piece as XML, which forgives nothing."""
    return ElementTree.fromstring(piece.text)


def test_text_is_escaped_in_content_and_attributes():
    made = parsed(tag("p", HOSTILE, title=HOSTILE))
    assert (made.text, made.get("title")) == (HOSTILE, HOSTILE)


def test_text_is_escaped_in_tables_and_details():
    page = table(HOSTILE, [HOSTILE, "n"], [[HOSTILE, HOSTILE]]).text + details(HOSTILE, HOSTILE).text
    assert "<script" not in page


def test_a_table_has_a_caption_and_scoped_headings():
    made = parsed(table("Scores", ["Clinic", "n"], [["A", "12"], ["B", "20"]]))
    assert made.find(".//caption").text == "Scores"
    assert [h.get("scope") for h in made.iter("th")] == ["col", "col", "row", "row"]
    assert [(c.text, c.get("class")) for c in made.iter("td")] == [("12", "number"), ("20", "number")]


def test_a_wide_table_scrolls_and_the_keyboard_reaches_it():
    box = parsed(table("Scores", ["Clinic", "n"], [["A", "12"]])).find("div")
    assert (box.get("tabindex"), box.get("role"), box.get("aria-label")) == ("0", "region", "Scores")


def test_a_text_column_is_not_set_as_numbers():
    made = parsed(table("Limits", ["Limit", Column("Source", numeric=False)], [["a", "b"]]))
    assert made.find(".//td").get("class") is None

"""Figures tell their numbers in words, look the same every time, and leave no setting behind."""

import base64
import re
from itertools import pairwise

import matplotlib as mpl
from sample_pages import mean, share

from studypkg.reports import clinic
from studypkg.reports.figures import Row, bars, intervals
from studypkg.reports.theme import CLINIC, NETWORK, SERIES


def test_the_alternative_text_states_the_numbers():
    rows = [
        Row(
            "Got clearly better",
            ((CLINIC, share("responder", 24, 37)), (NETWORK, share("responder", 131, 210))),
        )
    ]
    made = intervals("65% got clearly better", "Share.", rows, share=True).text
    alt = re.search(r'alt="([^"]*)"', made).group(1)
    assert "this month 65% (49% to 78%)" in alt
    assert "other clinics 62% (56% to 69%)" in alt


def test_a_figure_has_a_sentence_a_picture_for_screens_and_one_for_telephones():
    made = bars(
        "Most came back", "Number.", [("ended", mean("x", 12.0, 20))], share=False, labels=["12"]
    ).text
    assert "<figcaption><strong>Most came back</strong>" in made
    assert made.count("data:image/svg+xml;base64,") == 2
    assert "http" not in made


def test_the_same_numbers_give_the_same_bytes(ordinary):
    assert clinic.trend(ordinary).text == clinic.trend(ordinary).text


def test_no_setting_stays_behind(ordinary):
    before = dict(mpl.rcParams)
    clinic.results(ordinary)
    assert dict(mpl.rcParams) == before


def test_pictures_hold_no_moment_and_no_request(ordinary):
    for text in re.findall(r"base64,([A-Za-z0-9+/=]+)", clinic.trend(ordinary).text):
        svg = base64.b64decode(text).decode("utf-8")
        assert "<dc:date>" not in svg
        assert not re.search(r'(href|src)="https?:', svg)


def test_series_differ_in_shape_and_in_grey():
    assert len({s.marker for s in SERIES}) == len(SERIES)
    greys = sorted(grey(s.colour) for s in SERIES)
    assert all(b - a > 0.04 for a, b in pairwise(greys))


def grey(colour):
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

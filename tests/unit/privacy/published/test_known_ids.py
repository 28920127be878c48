"""Ids of the records are found in text, whatever stands between their parts."""

import pytest

from studypkg.privacy.published.known_ids import KnownIds

IDS = KnownIds(["P-2026-0013", "PGKGNPPBMPHHP", "t_tspjkp", "153", "8123456"])


@pytest.mark.parametrize(
    "text",
    [
        "P-2026-0013", "see p_2026_0013.html", '{"id":"P20260013"}', "…/PGKGNPPBMPHHP/…", "pgkgnppbmphhp",
        "patient 153 came", "patient_id=153", "8123456",
    ],
)  # fmt: skip
def test_an_id_is_found(text):
    assert IDS.found(text) == 1


@pytest.mark.parametrize(
    "text", ["153 patients", "P-2026-001", "P-2026-00135", "XPGKGNPPBMPHHP", "2026-0013", ""]
)
def test_what_only_resembles_one_is_not(text):
    assert IDS.found(text) == 0


def test_how_many_look_like_any_number_is_said():
    assert (len(IDS), IDS.plain) == (5, 2)

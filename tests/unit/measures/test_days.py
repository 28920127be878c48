from __future__ import annotations

import pandas as pd

from studypkg.measures.days import FAR_AHEAD, as_dates, codes_of, day_number, day_numbers


def test_time_of_day_is_dropped_and_empty_becomes_the_stand_in():
    stamps = pd.Series(pd.to_datetime(["2026-03-29 23:59", "2026-03-29 00:00", None]))
    first, second, missing = day_numbers(stamps, missing=FAR_AHEAD)
    assert first == second == day_number(pd.Timestamp("2026-03-29 12:00"))
    assert missing == FAR_AHEAD
    assert pd.isna(as_dates(day_numbers(stamps, missing=FAR_AHEAD))).tolist() == [False, False, True]


def test_unknown_words_get_numbers_after_the_known_ones():
    known, other = codes_of(pd.Series(["a", "b"]), pd.Series(["b", "z", None]))
    assert known.tolist() == [0, 1]
    assert other.tolist() == [1, 2, -1]

"""The months that a page looks back over."""

import pytest

from studypkg.errors import ConfigError
from studypkg.review import periods


def test_a_year_ends_with_the_month_of_the_page():
    when = periods("2026-09", 12)
    assert (when.months[0], when.months[-1], len(when.months)) == ("2025-10", "2026-09", 12)
    assert when.past == "2025-10..2026-08"
    assert when.window == "2025-10..2026-09"


def test_the_trend_does_not_start_before_the_records():
    assert periods("2026-02", 12, earliest="2025-12").months == ("2025-12", "2026-01", "2026-02")


def test_there_is_always_a_month_before():
    assert periods("2026-02", 12, earliest="2026-02").months == ("2026-01", "2026-02")


@pytest.mark.parametrize("month", ["2026", "2026-13", "September", "2026-9", "2026-09-01"])
def test_what_is_not_a_month_is_refused(month):
    with pytest.raises(ConfigError, match="YYYY-MM"):
        periods(month, 12)

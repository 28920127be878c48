"""Two shares or means are compared by the interval of their difference."""

import pytest

from studypkg.measures import wilson_interval
from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import difference


def shown(value, low, high, kind="share"):
    return Statistic("responder", "clinic", "all", "2026-09", kind, 50, value=value, low=low, high=high)


def test_newcombes_first_example_56_of_70_against_48_of_80():
    # Newcombe 1998, Stat Med 17:873, table II (a), method 10: 0.20 with 0.0524 to 0.3339.
    first = shown(56 / 70, *wilson_interval(56, 70))
    second = shown(48 / 80, *wilson_interval(48, 80))
    found = difference(first, second)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert found.verdict == "higher"
    assert difference(second, first).verdict == "lower"


def test_overlap_of_the_two_intervals_is_not_the_rule():
    # 2.0 (1.5 to 2.5) and 2.9 (2.4 to 3.4) overlap, yet the difference 0.9 (0.19 to 1.61) leaves out zero.
    found = difference(shown(2.9, 2.4, 3.4, "mean"), shown(2.0, 1.5, 2.5, "mean"))
    assert found.low == pytest.approx(0.9 - 0.5 * 2**0.5)
    assert found.verdict == "higher"


def test_nothing_is_compared_with_a_withheld_number():
    withheld = Statistic(
        "responder", "clinic", "all", "2026-09", "share", None, status="withheld", reason="few"
    )
    assert difference(shown(0.6, 0.5, 0.7), withheld).verdict == "absent"
    assert difference(None, shown(0.6, 0.5, 0.7)).verdict == "absent"

from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from studypkg.measures import counted_adherence, wilson_interval


@pytest.mark.parametrize("level", [0.8, 0.95, 0.998])
def test_agrees_with_statsmodels(level):
    for n in (1, 7, 22, 300):
        for k in range(0, n + 1, max(n // 7, 1)):
            expected = proportion_confint(k, n, alpha=1 - level, method="wilson")
            assert wilson_interval(k, n, level) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("k", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0)])
def test_impossible_counts_are_refused(k, n, level):
    with pytest.raises(ValueError, match=r"a share needs|level must"):
        wilson_interval(k, n, level)


def test_more_than_was_due_counts_as_all_of_it():
    found = counted_adherence([12, 5], [10, 10])
    assert (found.above_due, found.done, found.pooled, found.highest) == (1, 15, 0.75, 1.0)


def test_counts_must_belong_to_the_same_persons():
    with pytest.raises(ValueError, match="one count per person"):
        counted_adherence([1, 2], [3])

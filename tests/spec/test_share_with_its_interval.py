"""A share is shown with Wilson's interval, and counts per person are summarised by name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from studypkg.measures import counted_adherence, wilson_interval

DPEX = Path(__file__).parent / "data" / "exercise_adherence_dpex"


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (14, 22, 0.430, 0.803),
        (0, 12, 0.0, 0.242),
        (12, 12, 0.758, 1.0),
    ],
)
def test_wilson_interval(k, n, low, high):
    found = wilson_interval(k, n, 0.95)
    assert found == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_nothing_counted_is_no_share():
    with pytest.raises(ValueError, match="at least one case"):
        wilson_interval(0, 0)


@pytest.mark.parametrize(
    ("file", "done", "due", "pooled", "mean", "mean_of_stored"),
    [
        # 24/24, 29/30, 26/30: their mean is 0.944. The file stores them as 1, 0.97, 0.87, mean 0.947.
        ("adherence_phase0a.tsv", 79, 84, 0.940, 0.944, 0.947),
        ("adherence_phase0b.tsv", 294, 333, 0.883, 0.887, 0.886),
    ],
)
def test_pooled_share_and_mean_of_shares_differ(file, done, due, pooled, mean, mean_of_stored):
    table = pd.read_csv(DPEX / file, sep="\t")
    found = counted_adherence(table["Completed.Ex.sessions"], table["Total.planned.sessions"])
    assert (found.done, found.due) == (done, due)
    assert round(found.pooled, 3) == pooled
    assert round(found.mean, 3) == mean

    # The published check value is the mean of the rounded shares; counts of 100 give it back exactly.
    rounded = counted_adherence(100 * table["Attendance.Percent"], pd.Series(100, index=table.index))
    assert round(rounded.mean, 3) == mean_of_stored


def test_middle_and_range_of_the_thirteen_patients():
    table = pd.read_csv(DPEX / "adherence_phase0b.tsv", sep="\t")
    found = counted_adherence(table["Completed.Ex.sessions"], table["Total.planned.sessions"])
    assert found.persons == 13
    assert (round(found.median, 2), round(found.lowest, 2), found.highest) == (0.93, 0.71, 1.0)


def test_a_missing_count_leaves_the_person_out_and_is_not_zero():
    found = counted_adherence([5, None, 4], [10, 10, 0])
    assert (found.persons, found.not_counted, found.pooled) == (1, 2, 0.5)
    assert counted_adherence([None], [10]).status == "not_computable:no_counts"

"""A trial's arms side by side in the raw scores."""

import pandas as pd
import pytest
from scipy import stats

from studypkg.review import arm_table


def changes(arm, improvements):
    return pd.DataFrame(
        {
            "arm": arm, "status": "paired", "improvement": improvements, "baseline": 6.0,
            "final": [6.0 - i for i in improvements], "responder": [i >= 2 for i in improvements],
        }
    )  # fmt: skip


def test_the_difference_is_welchs():
    one, two = [3.0, 2.0, 4.0, 1.0, 0.0], [1.0, 0.0, 2.0, -1.0]
    table = arm_table(pd.concat([changes("new", one), changes("old", two)])).set_index("arm")
    welch = stats.ttest_ind(one, two, equal_var=False).confidence_interval()
    row = table.loc["new minus old"]
    assert row["improvement"] == pytest.approx(1.5)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((welch.low, welch.high))
    assert list(table["n"]) == [5, 4, 9]
    assert list(table["responders"].dropna()) == [3, 1]


def test_persons_without_a_pair_do_not_count():
    lost = changes("new", [9.0]).assign(status="no_final")
    table = arm_table(pd.concat([changes("new", [1.0, 2.0]), lost]))
    assert list(table["n"]) == [2]

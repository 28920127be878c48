from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.measures import attenuation


def rows(groups: dict[str, list[float]]) -> pd.DataFrame:
    return pd.DataFrame([{"patient": p, "adherence": a} for p, values in groups.items() for a in values])


def test_moments_worked_by_hand():
    # Means 0.3 and 0.7. MSW = (4 × 0.01)/2 = 0.02; MSB = 2·2·0.04/1 = 0.16; σ²_B = 0.14/2 = 0.07.
    # λ = 0.07/(0.07 + 0.02/2) = 0.875
    found = attenuation(rows({"a": [0.2, 0.4], "b": [0.6, 0.8]}))
    assert found.status == "ok"
    assert (found.var_within, found.var_between) == (pytest.approx(0.02), pytest.approx(0.07))
    assert found.factor == pytest.approx(0.875)


def test_recovers_the_truth_of_unequal_groups():
    rng = np.random.default_rng(7)
    sizes = rng.integers(2, 9, 3000)
    persons = np.repeat(np.arange(3000), sizes)
    values = rng.normal(0.6, 0.2, 3000)[persons] + rng.normal(0, 0.1, len(persons))
    found = attenuation(pd.DataFrame({"patient": persons, "adherence": values}))
    assert found.var_between == pytest.approx(0.04, rel=0.06)
    assert found.var_within == pytest.approx(0.01, rel=0.04)
    assert found.lowest == pytest.approx(0.04 / (0.04 + 0.01 / 2), abs=0.01)


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        ({"a": [0.2, 0.8], "b": [0.8, 0.2]}, "no_between_variance"),
        ({"a": [0.2], "b": [0.8]}, "not_computable:too_few"),
        ({"a": [0.2, 0.3]}, "not_computable:too_few"),
        ({"a": [np.nan, np.nan], "b": [np.nan]}, "not_computable:too_few"),
    ],
)
def test_no_factor_without_a_status_ok(groups, status):
    found = attenuation(rows(groups))
    assert (found.status, found.factor) == (status, None)

"""Degrees of freedom by strata."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ModelError
from studypkg.inference import coefficient_table, contrast, joint_test
from studypkg.models import Fit, fit_lmm, fit_mmrm


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(5)
    who = np.repeat(np.arange(24), 4)
    table = pd.DataFrame({"who": who, "clinic": who // 6, "room": draw.integers(0, 3, 96)})
    table["week"] = np.tile(range(4), 24)
    table["new"] = (who % 2).astype(float)
    table["city"] = (table["clinic"] < 2).astype(float)
    table["pain"] = draw.normal(size=24)[who] + draw.normal(size=4)[table["clinic"]] + draw.normal(size=96)
    return table


def test_a_column_counts_the_units_it_varies_between(rows):
    table = coefficient_table(
        fit_lmm("pain ~ week + new + city + (1 | clinic/who)", rows), ddf="between-within"
    )
    # 96 rows − (24 patients + 1 column); 24 patients − (4 clinics + 1); 4 clinics − (1 + 1).
    assert table["df"].to_dict() == {"Intercept": 71, "week": 71, "new": 19, "city": 2}


def test_a_combination_has_the_least_of_its_coefficients(rows):
    fit = fit_lmm("pain ~ week * new + (1 | who)", rows)
    assert contrast(fit, "new + 2*week:new", ddf="between-within")["df"].iloc[0] == 22
    assert joint_test(fit, ["week", "new"], ddf="between-within")["den_df"].iloc[0] == 22


def test_repeated_measures_have_the_patients_as_stratum(rows):
    fit = fit_mmrm("pain ~ C(week) + new", rows, subject="who", visit="week")
    df = coefficient_table(fit, ddf="between-within")["df"]
    assert df["new"] == 24 - 2
    assert df["C(week)[T.1]"] == 96 - (24 + 3)


def test_what_has_no_strata(rows):
    with pytest.raises(ModelError, match="these cross"):
        coefficient_table(fit_lmm("pain ~ week + (1 | who) + (1 | room)", rows), ddf="between-within")
    stored = Fit.from_dict(fit_lmm("pain ~ week + (1 | who)", rows).to_dict())
    with pytest.raises(ModelError, match="need the rows"):
        coefficient_table(stored, ddf="between-within")

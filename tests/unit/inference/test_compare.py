"""Two models side by side: what is tested, what is refitted, what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import compare
from studypkg.models import Fit, fit_lmm, fit_mmrm


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(3)
    who = np.repeat(np.arange(20), 5)
    table = pd.DataFrame({"who": who, "week": np.tile(range(5), 20), "age": draw.normal(50, 9, 20)[who]})
    table["pain"] = 6 - 0.4 * table["week"] + draw.normal(size=20)[who] + draw.normal(0, 0.7, 100)
    return table


def test_different_fixed_parts_are_fitted_again_by_maximum_likelihood(rows):
    small, large = fit_lmm("pain ~ week + (1 | who)", rows), fit_lmm("pain ~ week + age + (1 | who)", rows)
    table = compare(small, large)
    again = [fit_lmm(f.formula, rows, reml=False) for f in (small, large)]
    chi_sq = 2 * (again[1].loglik - again[0].loglik)
    assert table.loc["larger", "chi_sq"] == pytest.approx(chi_sq, rel=1e-6)
    assert table.loc["larger", "p_value"] == pytest.approx(stats.chi2.sf(chi_sq, 1), rel=1e-6)
    assert "fitted again by maximum likelihood" in table.loc["larger", "note"]


def test_a_variance_is_tested_at_the_edge_of_its_range(rows):
    small, large = fit_lmm("pain ~ week + (1 | who)", rows), fit_lmm("pain ~ week + (1 + week | who)", rows)
    last = compare(large, small).loc["larger"]
    assert last["df"] == 2
    chi_sq = 2 * (large.loglik - small.loglik)
    assert last["p_value_boundary"] == pytest.approx(
        (stats.chi2.sf(chi_sq, 1) + stats.chi2.sf(chi_sq, 2)) / 2
    )
    assert last["p_value_boundary"] < last["p_value"]
    assert "conservative" in last["note"]


def test_models_that_are_not_nested_get_no_test(rows):
    one = fit_lmm("pain ~ week + (1 | who)", rows)
    other = fit_lmm("pain ~ age + I(age**2) + (1 | who)", rows)
    last = compare(one, other).loc["larger"]
    assert np.isnan(last["p_value"])
    assert "no test" in last["note"]


def test_what_cannot_be_compared(rows):
    fit = fit_lmm("pain ~ week + (1 | who)", rows)
    with pytest.raises(ModelError, match="same rows"):
        compare(fit, fit_lmm("pain ~ week + (1 | who)", rows.iloc[:-1]))
    with pytest.raises(ModelError, match="stored fit"):
        compare(fit, Fit.from_dict(fit.to_dict()))
    with pytest.raises(ConfigError, match="do not compare"):
        compare(fit, fit_mmrm("pain ~ C(week)", rows, subject="who", visit="week"))

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
    assert table.loc[2, "chi_sq"] == pytest.approx(chi_sq, rel=1e-6)
    assert table.loc[2, "p_value"] == pytest.approx(stats.chi2.sf(chi_sq, 1), rel=1e-6)
    assert "fitted again by maximum likelihood" in table.loc[2, "note"]


def test_a_variance_is_tested_at_the_edge_of_its_range(rows):
    small, large = fit_lmm("pain ~ week + (1 | who)", rows), fit_lmm("pain ~ week + (1 + week | who)", rows)
    last = compare(large, small).loc[2]
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
    last = compare(one, other).loc[2]
    assert np.isnan(last["p_value"])
    assert "no test" in last["note"]


def test_a_model_in_between_gets_its_own_row(rows):
    formulas = [
        f"pain ~ week + {rest}" for rest in ("age + (1 + week | who)", "(1 | who)", "age + (1 | who)")
    ]
    table = compare(*(fit_lmm(f, rows, reml=False) for f in formulas))
    assert table["n_par"].tolist() == [4, 5, 7]
    assert table["df"].tolist()[1:] == [1, 2]


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("pain ~ week + (1 | who)", "pain ~ week + (1 + week | sex)"),
        ("pain ~ week + age * sex + (1 | who)", "pain ~ week + (1 + week | who) + (1 | sex)"),
    ],
)
def test_random_parts_that_are_not_nested_get_no_test(rows, small, large):
    rows = rows.assign(sex=np.arange(len(rows)) // 5 % 4)
    last = compare(fit_lmm(small, rows, reml=False), fit_lmm(large, rows, reml=False)).loc[2]
    assert np.isnan(last["p_value"])
    assert "no test" in last["note"]


@pytest.mark.parametrize(("few", "many", "nested"), [("ar1", "toep", True), ("csh", "toep", False)])
def test_covariances_over_visits(rows, few, many, nested):
    fits = [fit_mmrm("pain ~ week", rows, subject="who", visit="week", cov=cov) for cov in (few, many)]
    last = compare(*fits).loc[2]
    assert np.isfinite(last["p_value"]) == nested
    assert "edge of its range" not in last["note"]


def test_what_cannot_be_compared(rows):
    fit = fit_lmm("pain ~ week + (1 | who)", rows)
    with pytest.raises(ModelError, match="same rows"):
        compare(fit, fit_lmm("pain ~ week + (1 | who)", rows.iloc[:-1]))
    weights = [fit_lmm("pain ~ week + (1 | who)", rows, weights=1.0 + rows[w]) for w in ("week", "age")]
    with pytest.raises(ModelError, match="different weights"):
        compare(*weights)
    with pytest.raises(ModelError, match="stored fit"):
        compare(fit, Fit.from_dict(fit.to_dict()))
    with pytest.raises(ConfigError, match="do not compare"):
        compare(fit, fit_mmrm("pain ~ C(week)", rows, subject="who", visit="week"))

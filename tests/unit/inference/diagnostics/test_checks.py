"""Residuals, random effects, shares, inflation and the report on small fits with known answers."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError
from studypkg.inference.diagnostics import (
    collinearity,
    convergence_report,
    covariate_correlations,
    icc,
    icc_at,
    quantiles,
    r_squared,
    random_effects_check,
    residual_shape,
    residual_spread,
    residuals,
    spread_by_group,
)
from studypkg.models import cross_check, fit_glmm, fit_lmm


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(8)
    who = np.repeat(np.arange(60), 6)
    table = pd.DataFrame({"who": [f"p{k}" for k in who], "site": [f"s{k // 10}" for k in who]})
    table["x"] = draw.normal(0, 1, 360)
    table["z"] = table["x"] + draw.normal(0, 0.5, 360)
    table["y"] = 2 + table["x"] + draw.normal(0, 1, 60)[who] * (1 + 0.4 * table["x"]) + draw.normal(0, 1, 360)
    table["falls"] = draw.poisson(np.exp(0.5 + 0.3 * table["x"] + draw.normal(0, 0.5, 60)[who]))
    return table


@pytest.fixture(scope="module")
def fit(rows):
    return fit_lmm("y ~ x + z + (1 + x | who) + (1 | site)", rows)


def test_scaled_residuals_have_the_length_that_the_likelihood_sees(rows, fit):
    table = residuals(fit)
    # r'V⁻¹r / σ² = n − p at the REML optimum.
    assert (table["scaled"] ** 2).sum() == pytest.approx(fit.n - 3, rel=1e-9)
    np.testing.assert_allclose(table["pearson"], fit.residuals / fit.sigma)
    np.testing.assert_allclose(table["marginal"], rows["y"] - fit.predict(rows))


def test_counts_have_pearson_residuals(rows):
    counts = fit_glmm("falls ~ x + (1 | who)", rows, family="poisson")
    table = residuals(counts)
    np.testing.assert_allclose(table["pearson"], counts.residuals / np.sqrt(counts.fitted))


def test_quantiles_of_normal_quantiles_lie_on_the_line():
    from_normal = quantiles(np.random.default_rng(1).normal(3, 2, 200_000), points=19)
    np.testing.assert_allclose(from_normal["observed"], from_normal["expected"], atol=0.03)


def test_shape_and_spread_add_up(fit):
    told, bins = residual_shape(fit), residual_spread(fit, bins=6)
    assert told["n"] == 360
    assert list(bins["n"]) == [60] * 6
    assert bins["fitted"].is_monotonic_increasing
    assert spread_by_group(fit, "site")["n"].sum() == 360
    with pytest.raises(ConfigError, match="pearson"):
        residual_shape(fit, "pearsn")


def test_random_effects_have_the_spread_the_model_expects(fit):
    told, drawn = random_effects_check(fit)
    line = told.set_index(["group", "term"]).loc[("who", "Intercept")]
    assert line["sd"] == pytest.approx(1.0, abs=0.15)
    assert "level" not in drawn


def test_a_covariate_that_differs_between_persons_shows_in_the_random_effects():
    draw = np.random.default_rng(3)
    who = np.repeat(np.arange(80), 5)
    between = draw.normal(0, 1, 80)
    x = between[who] + draw.normal(0, 1, 400)
    y = 0.2 * x + 2 * between[who] + draw.normal(0, 1, 400)
    fit = fit_lmm("y ~ x + (1 | who)", pd.DataFrame({"y": y, "x": x, "who": who.astype(str)}))
    found = covariate_correlations(fit).set_index("column")
    assert found.loc["x", "correlation"] > 0.7


def test_shares_follow_from_the_variance_components(rows):
    fit = fit_lmm("y ~ x + (1 | who)", rows)
    between, within = fit.varcomp["variance"]
    fixed = np.var(fit.params["x"] * rows["x"], ddof=1)
    r2, shares = r_squared(fit), icc(fit).set_index("group")
    assert r2["marginal"] == pytest.approx(fixed / (fixed + between + within))
    assert r2["conditional"] == pytest.approx((fixed + between) / (fixed + between + within))
    assert shares.loc["who", "adjusted"] == pytest.approx(between / (between + within))


def test_the_correlation_within_persons_depends_on_where_a_slope_is_read(fit):
    v = fit.varcomp
    a, b, r = v["sd"][0], v["sd"][1], v["corr_1"][1]
    at = icc_at(fit, {"x": [0.0, 2.0]})
    who = at[at["group"] == "who"].set_index("x")["variance"]
    assert who[0.0] == pytest.approx(a**2)
    assert who[2.0] == pytest.approx(a**2 + 4 * b**2 + 4 * r * a * b)
    with pytest.raises(ConfigError, match="x"):
        icc_at(fit, {"z": 1.0})


def test_counts_on_the_log_link_have_the_variance_of_their_mean(rows):
    fit = fit_glmm("falls ~ x + (1 | who)", rows, family="poisson")
    assert r_squared(fit)["rest"] == pytest.approx(np.log1p(1 / rows["falls"].mean()))


def test_two_columns_inflate_each_other_by_their_correlation(rows, fit):
    found = collinearity(fit)
    r = fit.vcov.loc["x", "z"] / (fit.bse["x"] * fit.bse["z"])
    np.testing.assert_allclose(found.coefficients["vif"], 1 / (1 - r**2))
    np.testing.assert_allclose(found.terms["gvif"], 1 / (1 - r**2))
    scaled = fit.rows.fixed / np.sqrt((fit.rows.fixed**2).sum(axis=0))
    assert found.condition_number == pytest.approx(np.linalg.cond(scaled))
    np.testing.assert_allclose(found.indices[["Intercept", "x", "z"]].sum(), 1.0)


def test_the_report_says_how_the_fit_was_found(rows):
    table = rows.assign(twice=2 * rows["x"])
    table.loc[3, "y"] = np.nan
    fit = fit_lmm("y ~ x + twice + (1 | who)", table)
    told = convergence_report(fit, cross_check(fit, table)).set_index("item")
    assert told.loc["code", "said"].startswith("converged")
    assert told.loc["aliased", "said"] == "left out as repeats: twice"
    assert told.loc["dropped", "said"] == "1 of 360 rows left out (missing: y 1)"
    assert told.loc["second opinion", "said"].startswith("agrees")
    assert list(told.index[told["concern"]]) == ["aliased", "dropped"]

"""Answers: estimate, spread, degrees of freedom, test and interval."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import DDF_METHODS, coefficient_table, contrast, joint_test
from studypkg.models import Fit, fit_lmm

COLUMNS = ["estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high"]


@pytest.fixture(scope="module")
def one_way():
    """Groups (4, 6), (5, 7), (9, 11): grand mean 7, mean squares 14 between and 2 within."""
    rows = pd.DataFrame({"who": list("aabbcc"), "score": [4.0, 6.0, 5.0, 7.0, 9.0, 11.0]})
    return fit_lmm("score ~ 1 + (1 | who)", rows)


@pytest.fixture(scope="module")
def fit():
    draw = np.random.default_rng(11)
    who = np.repeat(np.arange(12), 5)
    rows = pd.DataFrame({"who": who, "x": draw.normal(size=60), "z": draw.normal(size=12)[who]})
    rows["arm"] = np.array(["a", "b", "c"])[who % 3]
    rows["y"] = 1 + rows["x"] + draw.normal(size=12)[who] + draw.normal(size=60)
    return fit_lmm("y ~ x + z + arm + (1 + x | who)", rows)


def test_a_balanced_one_way_mean_has_groups_less_one_degrees_of_freedom(one_way):
    answer = contrast(one_way, "Intercept = 5").iloc[0]
    half = stats.t.ppf(0.975, 2) * np.sqrt(14 / 6)
    assert answer["df"] == pytest.approx(2.0, abs=1e-4)
    assert answer["statistic"] == pytest.approx(2 / np.sqrt(14 / 6), rel=1e-6)
    assert answer["p_value"] == pytest.approx(2 * stats.t.sf(2 / np.sqrt(14 / 6), 2), rel=1e-4)
    assert [answer["ci_low"], answer["ci_high"]] == pytest.approx([7 - half, 7 + half], rel=1e-4)


def test_the_columns_and_the_labels(fit):
    table = contrast(fit, {"slope": "x", "arms": "arm[T.c] - arm[T.b]"})
    assert list(table.columns) == COLUMNS
    assert list(table.index) == ["slope", "arms"]
    assert table.loc["arms", "estimate"] == pytest.approx(fit.params["arm[T.c]"] - fit.params["arm[T.b]"])


def test_every_coefficient(fit):
    table = coefficient_table(fit)
    pd.testing.assert_series_equal(table["estimate"], fit.params, check_names=False, check_index_type=False)
    np.testing.assert_allclose(table["se"], fit.bse)
    # What varies between persons only has fewer degrees of freedom than rows, by far.
    assert (table.loc[["z", "arm[T.b]", "arm[T.c]"], "df"] < 15).all()


def test_degrees_of_freedom_do_not_depend_on_the_size_of_the_weights(fit):
    one, many = contrast(fit, ["x + z", "1e6*x + 1e6*z"])["df"]
    assert one == pytest.approx(many, rel=1e-9)


def test_satterthwaite_against_its_formula(fit):
    weights = np.array([0.0, 1.0, 0.5, 0.0, 0.0])
    gradient = np.array([weights @ j @ weights for j in fit.vcov_jacobian])
    variance = weights @ fit.vcov.to_numpy() @ weights
    expected = 2 * variance**2 / (gradient @ fit.parameter_cov @ gradient)
    assert contrast(fit, weights)["df"].iloc[0] == pytest.approx(expected)


def test_a_stored_fit_gives_the_same_answers(fit):
    pd.testing.assert_frame_equal(coefficient_table(Fit.from_dict(fit.to_dict())), coefficient_table(fit))


def test_the_other_methods(fit):
    assert contrast(fit, "x", ddf="residual")["df"].iloc[0] == 55
    answer = contrast(fit, "x", ddf="asymptotic", level=0.9).iloc[0]
    assert np.isinf(answer["df"])
    assert answer["ci_high"] - answer["estimate"] == pytest.approx(1.6448536 * answer["se"])
    assert set(DDF_METHODS) == {"satterthwaite", "kenward-roger", "between-within", "residual", "asymptotic"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("satterthwait", 'Did you mean "satterthwaite"'),
        ("magic", "Available: satterthwaite, kenward-roger, between-within, residual, asymptotic"),
    ],
)
def test_other_methods_are_refused_not_replaced(fit, name, says):
    with pytest.raises(ConfigError, match=says):
        contrast(fit, "x", ddf=name)


def test_nothing_is_put_in_the_place_of_degrees_of_freedom_that_cannot_be_had(fit):
    broken = dataclasses.replace(fit, df_problem="the deviance curves downwards")
    with pytest.raises(ModelError, match="cannot be computed: the deviance curves downwards"):
        contrast(broken, "x")
    flat = dataclasses.replace(fit, vcov_jacobian=np.zeros_like(fit.vcov_jacobian))
    with pytest.raises(ModelError, match="does not depend on any variance parameter"):
        coefficient_table(flat)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        contrast(fit, "x", level=95)


def test_one_combination_gives_the_square_of_its_t(fit):
    t = contrast(fit, "x - z = 0.3").iloc[0]
    f = joint_test(fit, "x - z = 0.3").iloc[0]
    assert f["statistic"] == pytest.approx(t["statistic"] ** 2)
    assert (f["num_df"], f["den_df"]) == (1, pytest.approx(t["df"]))
    assert f["p_value"] == pytest.approx(t["p_value"])


def test_joint_test_by_hand(fit):
    l = np.eye(5)[[1, 2]]  # noqa: E741
    covariance = l @ fit.vcov.to_numpy() @ l.T
    distance = l @ fit.params.to_numpy()
    statistic = distance @ np.linalg.solve(covariance, distance) / 2
    _, axes = np.linalg.eigh(covariance)
    df = np.array([contrast(fit, axis @ l)["df"].iloc[0] for axis in axes.T])
    e = (df / (df - 2)).sum()
    answer = joint_test(fit, ["x", "z"]).iloc[0]
    assert answer["statistic"] == pytest.approx(statistic)
    assert answer["den_df"] == pytest.approx(2 * e / (e - 2))
    assert answer["p_value"] == pytest.approx(stats.f.sf(statistic, 2, 2 * e / (e - 2)))


def test_a_combination_twice_counts_once(fit):
    once, twice = joint_test(fit, ["x", "z"]).iloc[0], joint_test(fit, ["x", "z", "x + z"]).iloc[0]
    assert twice["num_df"] == 2
    assert twice["statistic"] == pytest.approx(once["statistic"], rel=1e-6)
    with pytest.raises(ConfigError, match="contradict"):
        joint_test(fit, ["x = 1", "x = 2"])


def test_joint_test_of_the_normal_limit_is_a_chi_squared_test(fit):
    answer = joint_test(fit, ["x", "z"], ddf="asymptotic").iloc[0]
    assert np.isinf(answer["den_df"])
    assert answer["p_value"] == pytest.approx(stats.chi2.sf(2 * answer["statistic"], 2))


def test_a_fit_gives_its_table_itself(fit):
    pd.testing.assert_frame_equal(fit.table(ddf="kenward-roger"), coefficient_table(fit, ddf="kenward-roger"))


def test_kenward_and_roger_widen_standard_errors(fit):
    ours, plain = coefficient_table(fit, ddf="kenward-roger"), coefficient_table(fit)
    np.testing.assert_allclose(ours["se"] ** 2, np.diag(fit.kenward_roger.vcov))
    assert (ours["se"] >= plain["se"] * (1 - 1e-9)).all()
    by_ml = fit.by_ml()
    with pytest.raises(ModelError, match="fit with reml=True"):
        coefficient_table(by_ml, ddf="kenward-roger")

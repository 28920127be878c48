"""What an ordinal fit says and how it behaves when the data are written differently."""

import json

import numpy as np
import pandas as pd
import pytest
from statsmodels.miscmodels.ordinal_model import OrderedModel

from studypkg.inference import coefficient_table
from studypkg.models import Fit, category_probabilities, fit_glmm, fit_ordinal

FORMULA = "grade ~ week + arm + (1 | patient)"


def same(one, other, rtol=1e-7):
    assert one.loglik == pytest.approx(other.loglik, abs=1e-8)
    np.testing.assert_allclose(one.params, other.params, rtol=rtol, atol=1e-7)
    np.testing.assert_allclose(one.bse, other.bse, rtol=1e-5)
    np.testing.assert_allclose(one.varcomp["sd"], other.varcomp["sd"], rtol=1e-5, atol=1e-7)


def test_thresholds_come_first_and_are_ascending(fitted):
    fit = fitted()
    assert list(fit.params.index) == ["0|1", "1|2", "2|3", "week", "arm[T.usual]"]
    assert fit.params.iloc[:3].is_monotonic_increasing
    assert (fit.kind, fit.family, fit.link, fit.sigma) == ("ordinal", "cumulative", "logit", 1.0)
    assert fit.varcomp["group"].tolist() == ["patient"]
    assert fit.groups == {"patient": 60}


def test_aic_and_bic_count_thresholds_coefficients_and_variances(fitted):
    fit = fitted()
    assert fit.aic == pytest.approx(-2 * fit.loglik + 2 * 6)
    assert fit.bic == pytest.approx(-2 * fit.loglik + 6 * np.log(300))


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_reversed_categories_reverse_the_signs(visits, fitted, link):
    formula = "grade ~ week + arm + (1 + week | patient)"
    turned = fit_ordinal(formula, visits.assign(grade=3 - visits["grade"]), link=link)
    fit = fitted(formula, link=link)
    assert turned.loglik == pytest.approx(fit.loglik, abs=1e-9)
    np.testing.assert_allclose(turned.params.iloc[3:], -fit.params.iloc[3:], rtol=1e-6)
    np.testing.assert_allclose(turned.params.iloc[:3], -fit.params.iloc[2::-1], rtol=1e-6)
    np.testing.assert_allclose(turned.bse.iloc[3:], fit.bse.iloc[3:], rtol=1e-5)


def test_order_of_rows_and_names_of_groups_change_nothing(visits, fitted):
    names = {name: f"x{37 * k % 61}" for k, name in enumerate(visits["patient"].unique())}
    other = visits.assign(patient=visits["patient"].map(names)).sample(frac=1.0, random_state=4)
    same(fit_ordinal(FORMULA, other), fitted())


def test_units_and_origin_of_a_predictor_change_only_its_own_numbers(visits, fitted):
    fit = fitted()
    other = fit_ordinal(FORMULA, visits.assign(week=1e5 + 1e3 * visits["week"]))
    assert other.loglik == pytest.approx(fit.loglik, abs=1e-8)
    assert other.params["week"] == pytest.approx(fit.params["week"] / 1e3, rel=1e-6)
    shifted = other.params["0|1"] - 1e5 * other.params["week"]
    assert shifted == pytest.approx(fit.params["0|1"], rel=1e-5)


def test_codes_of_categories_do_not_matter(visits, fitted):
    words = ["none", "mild", "moderate", "severe"]
    column = pd.Categorical.from_codes(visits["grade"], words, ordered=True)
    same(fit_ordinal(FORMULA, visits.assign(grade=column)), fitted())
    text = visits.assign(grade=np.array(words)[visits["grade"]])
    fit = fit_ordinal(FORMULA, text, levels=words)
    same(fit, fitted())
    assert list(fit.params.index[:3]) == ["none|mild", "mild|moderate", "moderate|severe"]
    offset = fit_ordinal(FORMULA, visits.assign(grade=visits["grade"] + 3.0))
    same(offset, fitted())
    assert list(offset.params.index[:3]) == ["3|4", "4|5", "5|6"]


@pytest.mark.parametrize(("link", "quadrature"), [("logit", 1), ("logit", 9), ("probit", 1)])
def test_two_categories_are_a_binomial_model(visits, link, quadrature):
    two = visits.assign(grade=(visits["grade"] > 1).astype(int))
    ordinal = fit_ordinal(FORMULA, two, link=link, quadrature=quadrature)
    binomial = fit_glmm(FORMULA, two, link=link, quadrature=quadrature)
    assert ordinal.loglik == pytest.approx(binomial.loglik, abs=1e-7)
    np.testing.assert_allclose(ordinal.params, binomial.params * [-1, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(ordinal.bse, binomial.bse, rtol=1e-4)
    assert ordinal.varcomp["sd"].iloc[0] == pytest.approx(binomial.varcomp["sd"].iloc[0], rel=1e-5)


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("quadrature", [1, 7])
def test_without_variance_between_groups_it_is_the_ordered_model(visits, link, quadrature):
    fit = fit_ordinal("luck ~ week + (1 | patient)", visits, link=link, quadrature=quadrature)
    assert fit.is_singular
    assert fit.singular_terms == ("Intercept | patient: variance 0",)
    assert fit.varcomp["sd"].tolist() == [0.0]
    peer = OrderedModel(visits["luck"], visits[["week"]], distr=link).fit(method="newton", disp=False)
    assert fit.loglik == pytest.approx(peer.llf, abs=1e-8)
    assert fit.params["week"] == pytest.approx(peer.params["week"], abs=1e-6)
    assert fit.bse["week"] == pytest.approx(peer.bse["week"], rel=1e-4)
    np.testing.assert_allclose(
        fit.params.iloc[:2], peer.model.transform_threshold_params(peer.params)[1:-1], atol=1e-6
    )


def test_weights_count_rows_several_times(visits):
    times = np.random.default_rng(8).integers(1, 4, len(visits))
    repeated = visits.loc[visits.index.repeat(times)].reset_index(drop=True)
    weighted = fit_ordinal(FORMULA, visits.assign(times=times), weights="times")
    full = fit_ordinal(FORMULA, repeated)
    same(weighted, full)
    assert weighted.bic == pytest.approx(full.bic)
    assert weighted.weighted


@pytest.mark.parametrize("structure", ["symmetric", "equidistant"])
def test_bound_thresholds_keep_their_pattern_and_fit_no_better(visits, fitted, structure):
    bound = fit_ordinal(FORMULA, visits, thresholds=structure)
    between = np.diff(bound.params.iloc[:3])
    assert between[0] == pytest.approx(between[1])
    assert bound.loglik < fitted().loglik
    assert bound.aic == pytest.approx(-2 * bound.loglik + 2 * 5)
    assert np.linalg.matrix_rank(bound.vcov, tol=1e-8) == 4
    assert structure in bound.notes[-1]


def test_more_random_terms_never_fit_worse(fitted):
    one, slopes = fitted(), fitted("grade ~ week + arm + (1 + week | patient)")
    crossed = fitted("grade ~ week + arm + (1 + week | patient) + (1 | therapist)")
    assert one.loglik < slopes.loglik <= crossed.loglik + 1e-9
    assert crossed.varcomp["group"].tolist() == ["patient", "patient", "therapist"]


def test_more_nodes_approach_the_integral(fitted):
    values = [fitted(quadrature=q).loglik for q in (1, 5, 15, 31)]
    assert abs(values[1] - values[3]) < abs(values[0] - values[3])
    assert values[2] == pytest.approx(values[3], abs=1e-6)


def test_missing_values_are_left_out_and_counted(visits):
    holes = visits.assign(grade=visits["grade"].astype("Int64"))
    holes.loc[[3, 50], "grade"] = pd.NA
    holes.loc[[50, 60, 70], "week"] = np.nan
    fit = fit_ordinal(FORMULA, holes)
    assert (fit.n, fit.n_read, fit.dropped) == (296, 300, {"grade": 2, "week": 3})
    same(fit, fit_ordinal(FORMULA, visits.drop(index=[3, 50, 60, 70])))


def test_a_category_without_rows_is_left_out_and_named(visits, fitted):
    fit = fit_ordinal(FORMULA, visits, levels=[0, 1, 2, 3, 4])
    same(fit, fitted())
    assert fit.notes[0] == "Categories without a row, left out: 4."
    gap = fit_ordinal(FORMULA, visits.assign(grade=visits["grade"].map({0: 0, 1: 1, 2: 2, 3: 9})))
    assert list(gap.params.index[:3]) == ["0|1", "1|2", "2|9"]
    assert "3, 4, 5, 6, 7, 8" in gap.notes[0]


def test_fitted_values_are_expected_scores(visits, fitted):
    fit = fitted()
    shares = category_probabilities(fit, random=True)
    np.testing.assert_allclose(fit.fitted, shares.to_numpy() @ [0, 1, 2, 3], rtol=1e-12)
    np.testing.assert_allclose(fit.fitted + fit.residuals, visits["grade"])


def test_ranef_has_modes_and_their_spread(fitted):
    table = fitted("grade ~ week + arm + (1 + week | patient)").ranef()
    assert list(table.columns) == ["group", "level", "term", "value", "sd"]
    assert len(table) == 120
    assert (table["sd"] > 0).all()


def test_a_simulated_response_can_be_fitted_again(fitted):
    fit = fitted()
    drawn = fit.simulate(7)
    assert set(drawn) == {0.0, 1.0, 2.0, 3.0}
    again = fit.refit(drawn)
    assert list(again.params.index) == list(fit.params.index)
    assert (again.params - fit.params).abs().max() < 6 * fit.bse.max()
    same(fit.refit(fit.rows.y), fit)


def test_inference_is_asymptotic_only(fitted):
    fit = fitted()
    assert "asymptotic" in fit.df_problem
    table = coefficient_table(fit, ddf="asymptotic")
    np.testing.assert_allclose(table["se"], fit.bse)
    assert np.isinf(table["df"]).all()


def test_a_fit_survives_being_stored(fitted):
    fit = fitted()
    stored = Fit.from_dict(json.loads(json.dumps(fit.to_dict())))
    pd.testing.assert_series_equal(stored.params, fit.params)
    pd.testing.assert_frame_equal(stored.vcov, fit.vcov)
    assert (stored.kind, stored.family, stored.link) == ("ordinal", "cumulative", "logit")
    assert "Ordinal mixed model" in stored.summary()


def test_the_summary_says_what_was_done(fitted):
    text = fitted(quadrature=5).summary()
    assert "link logit" in text
    assert "quadrature with 5 nodes" in text
    assert "2|3" in text

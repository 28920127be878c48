"""Fits of repeated visits: closed forms, what must not change them, and what travels with them."""

import json

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ModelError
from studypkg.inference import coefficient_table, joint_test
from studypkg.models import Fit, fit_lmm, fit_mmrm
from studypkg.models.mmrm import COVARIANCES

FORMULA = "pain ~ arm * C(visit) + age"


def fit(data, cov="un", formula=FORMULA, **more):
    visit = "day" if cov == "sp_exp" else "visit"
    return fit_mmrm(formula, data, subject="patient", visit=visit, cov=cov, **more)


@pytest.fixture(scope="module")
def complete():
    """30 patients, four visits each, two arms of 15."""
    draw = np.random.default_rng(4)
    sigma = np.array([[2, 1, 0.5, 0.4], [1, 3, 1.2, 0.6], [0.5, 1.2, 2.5, 1], [0.4, 0.6, 1, 1.5]])
    y = 5 + draw.normal(size=(30, 4)) @ np.linalg.cholesky(sigma).T
    return pd.DataFrame(
        {
            "patient": np.repeat(np.arange(30), 4),
            "visit": np.tile(np.arange(4), 30),
            "arm": np.repeat(np.tile(["a", "b"], 15), 4),
            "pain": y.ravel(),
        }
    )


@pytest.mark.parametrize("reml", [True, False])
def test_unstructured_and_complete_is_multivariate_regression(complete, reml):
    got = fit(complete, formula="pain ~ 0 + arm:C(visit)", reml=reml)
    wide = complete["pain"].to_numpy().reshape(30, 4)
    arm = complete["arm"].to_numpy()[::4]
    left = wide - np.where(arm[:, None] == "a", wide[arm == "a"].mean(axis=0), wide[arm == "b"].mean(axis=0))
    sigma = left.T @ left / (28 if reml else 30)
    np.testing.assert_allclose(got.varcomp["variance"], np.diag(sigma), rtol=1e-7)
    assert got.varcomp["corr_2"][3] == pytest.approx(
        sigma[3, 1] / np.sqrt(sigma[1, 1] * sigma[3, 3]), rel=1e-9
    )
    assert got.params["arm[a]:C(visit)[2]"] == pytest.approx(wide[arm == "a", 2].mean())
    assert got.bse["arm[a]:C(visit)[2]"] == pytest.approx(np.sqrt(sigma[2, 2] / 15), rel=1e-9)
    if reml:
        # A mean of one visit and arm: its variance has the 28 degrees of freedom of the two-sample t test.
        assert coefficient_table(got)["df"].to_numpy() == pytest.approx(28.0, abs=1e-6)


def kenward_roger_f(fit, contrast):
    """F, its denominator degrees of freedom and the factor on F, written out from the paper of 1997."""
    q, kr, phi = len(contrast), fit.kenward_roger, fit.vcov.to_numpy()
    theta = contrast.T @ np.linalg.inv(contrast @ phi @ contrast.T) @ contrast
    moved = [theta @ change for change in kr.vcov_jacobian]
    a1 = sum(w * np.trace(moved[i]) * np.trace(moved[j]) for (i, j), w in np.ndenumerate(kr.parameter_cov))
    a2 = sum(w * np.trace(moved[i] @ moved[j]) for (i, j), w in np.ndenumerate(kr.parameter_cov))
    b, g = (a1 + 6 * a2) / (2 * q), ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    c1, c2, c3 = (c / (3 * q + 2 * (1 - g)) for c in (g, q - g, q + 2 - g))
    mean = 1 / (1 - a2 / q)
    rho = (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b)) / (q * mean**2)
    df = 4 + (q + 2) / (q * rho - 1)
    estimate = contrast @ fit.params
    f = estimate @ np.linalg.solve(contrast @ kr.vcov @ contrast.T, estimate) / q
    return f * df / (mean * (df - 2)), df


def test_kenward_and_roger_is_hotelling_where_nothing_is_missing(complete):
    got = fit(complete, formula="pain ~ 0 + C(visit) + C(visit):arm")
    at = [f"C(visit)[{k}]:arm[T.b]" for k in range(4)]
    wide, arm = complete["pain"].to_numpy().reshape(30, 4), complete["arm"].to_numpy()[::4]
    means = [wide[arm == one].mean(axis=0) for one in "ab"]
    left = wide - np.where(arm[:, None] == "a", *means)
    difference = means[1] - means[0]
    t2 = 7.5 * difference @ np.linalg.solve(left.T @ left / 28, difference)
    f, df = kenward_roger_f(got, np.array([got.params.index == name for name in at], dtype=float))
    assert (f, df) == pytest.approx(((28 - 4 + 1) / (28 * 4) * t2, 25.0), rel=1e-7)
    door = joint_test(got, [f"`{name}`" for name in at], ddf="kenward-roger").iloc[0]
    assert (door["statistic"], door["den_df"]) == pytest.approx((f, df), rel=1e-9)
    np.testing.assert_allclose(got.kenward_roger.vcov, got.vcov, rtol=1e-8, atol=1e-12)
    # The term of second derivatives would make these exact standard errors too small.
    full = fit(complete, formula="pain ~ 0 + C(visit) + C(visit):arm", kenward_roger="full")
    assert (np.diag(full.kenward_roger.vcov) < 0.99 * np.diag(got.vcov))[1:].all()


@pytest.mark.parametrize("reml", [True, False])
def test_compound_symmetry_is_the_random_intercept(visits, reml):
    repeated = fit(visits, "cs", reml=reml)
    mixed = fit_lmm(f"{FORMULA} + (1 | patient)", visits, reml=reml)
    assert repeated.loglik == pytest.approx(mixed.loglik, rel=1e-10)
    np.testing.assert_allclose(repeated.params, mixed.params, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(repeated.bse, mixed.bse, rtol=1e-5)
    np.testing.assert_allclose(coefficient_table(repeated)["df"], coefficient_table(mixed)["df"], rtol=1e-3)
    between, within = mixed.varcomp["variance"]
    rho = repeated.varcomp.set_index("term")["value"]["rho"]
    assert rho == pytest.approx(between / (between + within), rel=1e-4)


def test_negative_correlation_is_possible_with_compound_symmetry():
    draw = np.random.default_rng(1)
    errors = draw.normal(size=(60, 3))
    errors -= 0.8 * errors.mean(axis=1, keepdims=True)
    rows = pd.DataFrame({"patient": np.repeat(range(60), 3), "visit": np.tile(range(3), 60)})
    rows["pain"] = errors.ravel()
    rho = fit(rows, "cs", "pain ~ 1").varcomp.set_index("term")["value"]["rho"]
    assert -0.5 < rho < -0.2


def test_regular_days_by_distance_are_autoregressive(visits):
    regular = visits.assign(day=28.0 * visits["visit"].cat.codes)
    by_day, by_visit = fit(regular, "sp_exp"), fit(regular, "ar1")
    assert by_day.loglik == pytest.approx(by_visit.loglik, rel=1e-12)
    rho = [f.varcomp.set_index("term")["value"]["rho"] for f in (by_day, by_visit)]
    assert rho[0] ** 28 == pytest.approx(rho[1], rel=1e-6)
    np.testing.assert_allclose(coefficient_table(by_day)["df"], coefficient_table(by_visit)["df"], rtol=1e-6)


def test_a_group_alone_has_the_covariance_it_has_among_others(visits):
    both = fit(visits, "ar1h", "pain ~ 0 + arm:C(visit)", group="arm")
    alone = fit(visits[visits["arm"] == "new"], "ar1h", "pain ~ 0 + C(visit)")
    mine = both.varcomp[both.varcomp["group"] == "new"]
    np.testing.assert_allclose(mine["sd"].dropna(), alone.varcomp["sd"].dropna(), rtol=1e-7)
    assert both.groups == {"patient": 39, "arm": 2}
    assert both.bic - both.deviance == pytest.approx(2 * 5 * np.log(39))


def test_weights_scale_the_residuals(visits):
    once, twice = fit(visits), fit(visits, weights=np.full(len(visits), 4.0))
    np.testing.assert_allclose(twice.varcomp["sd"], 2.0 * once.varcomp["sd"], rtol=1e-8)
    np.testing.assert_allclose(twice.bse, once.bse, rtol=1e-8)
    assert twice.loglik == pytest.approx(once.loglik, rel=1e-12)
    assert twice.weighted


@pytest.mark.parametrize("cov", COVARIANCES)
def test_order_of_rows_and_names_of_patients_do_not_matter(visits, cov):
    one = fit(visits, cov)
    shuffled = visits.sample(frac=1.0, random_state=3)
    names = {p: f"person {k}" for k, p in enumerate(reversed(sorted(set(visits["patient"]))))}
    other = fit(shuffled.assign(patient=shuffled["patient"].map(names)), cov)
    assert other.loglik == pytest.approx(one.loglik, abs=1e-9)
    np.testing.assert_allclose(other.params, one.params, atol=1e-7)
    np.testing.assert_allclose(other.bse, one.bse, rtol=1e-7)
    pd.testing.assert_series_equal(other.fitted.sort_index(), one.fitted, atol=1e-7)


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (-7.3, 12.5), (1e6, -1e7), (1.0, 1e9)])
def test_units_of_the_response_change_nothing_else(visits, scale, shift):
    one, other = fit(visits), fit(visits.assign(pain=scale * visits["pain"] + shift))
    rounding = 1e-6 + 1e-14 * abs(shift / scale)
    np.testing.assert_allclose(other.bse, abs(scale) * one.bse, rtol=rounding)
    expected = scale * one.params.to_numpy()
    expected[0] += shift
    assert np.abs(other.params - expected).max() < 1e-4 * other.bse.min()
    np.testing.assert_allclose(coefficient_table(other)["df"], coefficient_table(one)["df"], rtol=1e-3)


def test_visits_come_in_category_order_or_sorted(visits):
    assert list(fit(visits).varcomp["term"]) == ["base", "week 4", "week 8", "end"]
    numbers = visits.assign(visit=visits["visit"].cat.codes.map({0: 0, 1: 4, 2: 8, 3: 12}))
    assert list(fit(numbers).varcomp["term"]) == ["0", "4", "8", "12"]
    texts = visits.assign(visit="week " + numbers["visit"].sub(4).astype(str))
    got = fit(texts, "ar1h")
    assert list(got.varcomp["term"][:4]) == ["week -4", "week 0", "week 4", "week 8"]
    assert "Visits in this order: week -4, week 0, week 4, week 8." in got.notes
    assert got.loglik == pytest.approx(fit(numbers, "ar1h").loglik, rel=1e-10)


def test_missing_rows_are_counted_by_variable(visits):
    holes = visits.astype({"arm": object, "patient": object, "visit": object})
    holes.loc[[0, 1], "pain"] = np.nan
    holes.loc[[5], "arm"] = None
    holes.loc[[9], "visit"] = None
    holes.loc[[12], "patient"] = None
    got = fit(holes, "ar1")
    assert got.dropped == {"patient": 1, "visit": 1, "arm": 1, "pain": 2}
    assert (got.n, got.n_read) == (len(visits) - 5, len(visits))


def test_a_patient_without_a_complete_row_is_not_counted(visits):
    gone = visits.copy()
    gone.loc[gone["patient"] == "p03", "pain"] = np.nan
    assert fit(gone, "ar1").groups == {"patient": 38}


def test_a_column_twice_is_left_out_and_named(visits):
    got = fit(visits.assign(months=visits["age"] * 12), "ar1", f"{FORMULA} + months")
    assert got.aliased == ("months",)
    np.testing.assert_allclose(got.params, fit(visits, "ar1").params, rtol=1e-9)


def test_theta_and_information_criteria(visits):
    got = fit(visits, "ar1h")
    assert len(got.optimisation.theta) == 5
    np.testing.assert_allclose(np.exp(got.optimisation.theta[:4]), got.varcomp["sd"][:4])
    assert got.aic == pytest.approx(got.deviance + 2 * 5)
    assert got.bic == pytest.approx(got.deviance + 5 * np.log(39))
    assert got.kind == "mmrm"


def test_kenward_and_roger_is_there_or_says_why_not(visits):
    full, linear = fit(visits, kenward_roger="full"), fit(visits)
    assert full.kenward_roger.problem == linear.kenward_roger.problem == ""
    assert (np.diag(linear.kenward_roger.vcov) > np.diag(full.vcov)).all()
    assert not np.allclose(linear.kenward_roger.vcov, full.kenward_roger.vcov, rtol=1e-4)
    assert "reml=True" in fit(visits, reml=False).kenward_roger.problem
    assert 'vcov="model"' in fit(visits, vcov="empirical").kenward_roger.problem


def test_through_json_and_back(visits):
    for got in (fit(visits, "toeph", group="arm"), fit(visits, "ar1", vcov="empirical")):
        back = Fit.from_dict(json.loads(json.dumps(got.to_dict(), allow_nan=False)))
        assert back.summary() == got.summary()
        pd.testing.assert_frame_equal(back.varcomp, got.varcomp, check_dtype=False)
        np.testing.assert_array_equal(back.kenward_roger.vcov, got.kenward_roger.vcov)
        assert (back.vcov_expected is None) == (got.vcov_expected is None)
        assert not any(patient in json.dumps(got.to_dict()) for patient in visits["patient"])


def test_fitted_values_predictions_and_no_random_effects(visits):
    got = fit(visits)
    np.testing.assert_allclose(got.fitted + got.residuals, visits["pain"])
    np.testing.assert_allclose(got.predict(visits, random=True), got.fitted)
    assert len(got.ranef()) == 0


def test_refit_and_maximum_likelihood_of_the_same_rows(visits):
    got = fit(visits)
    again = got.refit(visits["pain"].to_numpy())
    assert again.loglik == pytest.approx(got.loglik, rel=1e-12)
    assert got.rows.by_ml().loglik == pytest.approx(fit(visits, reml=False).loglik, rel=1e-12)


@pytest.mark.parametrize("cov", ["un", "sp_exp"])
def test_simulated_responses_have_the_covariance_of_the_fit(visits, cov):
    got = fit(visits, cov, weights="w")
    first = got.rows.frame.index[:0].append(
        pd.Index(np.flatnonzero(visits["patient"] == visits["patient"][0]))
    )
    draws = np.array([got.simulate(seed) for seed in range(800)]) - got.fitted.to_numpy()
    scaled = draws * np.sqrt(visits["w"].to_numpy())
    sd = scaled.std(axis=0) / (got.sigma if cov == "sp_exp" else 1.0)
    table = got.varcomp.set_index("term")
    expected = (
        np.ones(len(visits)) if cov == "sp_exp" else visits["visit"].astype(str).map(table["sd"]).to_numpy()
    )
    np.testing.assert_allclose(sd, expected, rtol=0.12)
    a, b = first[0], first[1]
    if cov == "sp_exp":
        rho = table["value"]["rho"] ** abs(visits["day"][a] - visits["day"][b])
    else:
        i, j = (int(visits["visit"].cat.codes[k]) for k in (a, b))
        rho = got.varcomp[f"corr_{i + 1}"][j]
    assert np.corrcoef(scaled[:, a], scaled[:, b])[0, 1] == pytest.approx(rho, abs=0.1)


def test_the_summary_says_what_should_be_known(visits):
    text = fit(visits, "toeph", group="arm").summary()
    for part in ("Mixed model for repeated measures by REML", "toeph", "39 patient", "Covariance between"):
        assert part in text
    assert "empirical" in fit(visits, "ar1", vcov="empirical").summary()


def test_covariance_that_cannot_be_found_gives_no_number():
    # Every patient's two scores are the same: a correlation of one.
    draw = np.random.default_rng(2)
    rows = pd.DataFrame({"patient": np.repeat(range(20), 2), "visit": np.tile([1, 2], 20)})
    rows["pain"] = np.repeat(draw.normal(size=20), 2)
    with pytest.raises(ModelError, match=r"edge of what its structure can hold|did not converge"):
        fit(rows, "un", "pain ~ C(visit)")


def test_one_patient_more_than_visits_is_enough_and_as_many_are_not(complete):
    few = complete[complete["patient"] < 5]
    got = fit(few, formula="pain ~ C(visit)")
    sigma = np.cov(few["pain"].to_numpy().reshape(5, 4).T)
    np.testing.assert_allclose(got.varcomp["variance"], np.diag(sigma), rtol=1e-6)
    last = got.varcomp[["corr_1", "corr_2", "corr_3"]].to_numpy()[3]
    sd = np.sqrt(np.diag(sigma))
    np.testing.assert_allclose(last, (sigma[3] / (sd[3] * sd))[:3], atol=1e-6)
    with pytest.raises(ModelError, match="edge of what its structure can hold"):
        fit(complete[complete["patient"] < 4], formula="pain ~ C(visit)")


def test_levels_of_visits_that_nobody_has_and_columns_that_say_nothing(visits):
    wider = visits.assign(visit=visits["visit"].cat.add_categories(["late"]), dose=2.0)
    got = fit(wider, formula="pain ~ arm * visit + age + dose")
    assert got.aliased == ("dose",)
    assert got.loglik == pytest.approx(fit(visits, formula="pain ~ arm * visit + age").loglik, rel=1e-12)
    assert len(got.varcomp) == 4


def test_patients_seen_once_inform_the_means(visits):
    once = visits[visits["patient"] < "p20"].drop_duplicates("patient")
    more = pd.concat([once, visits[visits["patient"] >= "p20"]])
    got = fit(more, "ar1")
    assert got.groups == {"patient": visits["patient"].nunique()}
    assert got.n == len(more)


def test_the_adjustment_with_second_derivatives_is_announced(visits):
    assert "Kenward and Roger's adjustment: full." in fit(visits, kenward_roger="full").notes
    assert not any("Kenward" in note for note in fit(visits).notes)


def test_a_formula_without_columns(visits):
    got = fit(visits, "ar1h", "pain ~ 0", reml=True)
    assert len(got.params) == 0
    assert got.loglik == pytest.approx(fit(visits, "ar1h", "pain ~ 0", reml=False).loglik, rel=1e-12)

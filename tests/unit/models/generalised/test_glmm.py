"""What a fitted generalised mixed model is and can do."""

import json

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import coefficient_table
from studypkg.models import Fit, fit_glmm

CROSSED = "responder ~ week + (1 | patient) + (1 | therapist)"


@pytest.fixture(scope="module")
def crossed(visits):
    return fit_glmm(CROSSED, visits)


def test_a_fit_says_what_it_is(crossed):
    assert (crossed.kind, crossed.family, crossed.link, crossed.sigma) == ("glmm", "binomial", "logit", 1.0)
    assert crossed.groups == {"patient": 50, "therapist": 6}
    assert crossed.deviance == -2.0 * crossed.loglik
    assert crossed.aic == pytest.approx(crossed.deviance + 2 * 4)
    assert list(crossed.varcomp["group"]) == ["patient", "therapist"]
    assert "Generalised mixed model by maximum likelihood" in crossed.summary()
    assert "family binomial, link logit" in crossed.summary()
    assert crossed.kenward_roger is None
    assert "asymptotic" in crossed.df_problem


def test_the_rows_may_come_in_any_order(visits, crossed):
    shuffled = fit_glmm(CROSSED, visits.sample(frac=1.0, random_state=3))
    assert shuffled.loglik == pytest.approx(crossed.loglik, rel=1e-12)
    assert shuffled.params.to_numpy() == pytest.approx(crossed.params.to_numpy(), rel=1e-7)
    assert shuffled.fitted.sort_index().to_numpy() == pytest.approx(crossed.fitted.to_numpy(), rel=1e-7)


def test_units_of_columns_do_not_matter(visits, crossed):
    days = fit_glmm(
        "responder ~ seconds + (1 | patient) + (1 | therapist)",
        visits.assign(seconds=visits["week"] * 604800 + 1.7e9),
    )
    assert days.loglik == pytest.approx(crossed.loglik, rel=1e-10)
    assert days.params["seconds"] * 604800 == pytest.approx(crossed.params["week"], rel=1e-6)
    assert days.bse["seconds"] * 604800 == pytest.approx(crossed.bse["week"], rel=1e-6)


def test_fitted_values_are_means_and_residuals_what_is_left(visits, crossed):
    assert crossed.fitted.between(0, 1).all()
    assert (crossed.fitted + crossed.residuals).to_numpy() == pytest.approx(visits["responder"].to_numpy())
    counted = fit_glmm("days_done ~ week + (1 | patient)", visits, trials="days")
    proportion = (visits["days_done"] / visits["days"]).to_numpy()
    assert (counted.fitted + counted.residuals).to_numpy() == pytest.approx(proportion)


def test_predictions_on_both_scales(visits, crossed):
    link = crossed.predict(visits, random=True, scale="link")
    assert (1 / (1 + np.exp(-link))).to_numpy() == pytest.approx(crossed.fitted.to_numpy(), rel=1e-12)
    assert crossed.predict(visits, random=True).to_numpy() == pytest.approx(
        crossed.fitted.to_numpy(), rel=1e-12
    )
    new = visits.head(2).assign(patient="unknown", therapist="unknown")
    assert crossed.predict(new, random=True).to_numpy() == pytest.approx(crossed.predict(new).to_numpy())


def test_an_offset_is_part_of_predictions(visits):
    fit = fit_glmm("falls ~ week + offset(log(days)) + (1 | patient)", visits, family="poisson")
    assert fit.predict(visits, random=True).to_numpy() == pytest.approx(fit.fitted.to_numpy(), rel=1e-12)
    twice = fit.predict(visits.assign(days=2 * visits["days"]))
    assert twice.to_numpy() == pytest.approx(2 * fit.predict(visits).to_numpy())
    by_argument = fit_glmm("falls ~ week + (1 | patient)", visits, family="poisson", offset="log(days)")
    assert by_argument.params.to_numpy() == pytest.approx(fit.params.to_numpy(), rel=1e-12)


@pytest.mark.parametrize("shift", [50.0, 500.0, -500.0])
def test_a_large_offset_moves_the_intercept_only(visits, shift):
    plain = fit_glmm("falls ~ week + (1 | patient)", visits, family="poisson")
    moved = fit_glmm("falls ~ week + (1 | patient)", visits, family="poisson", offset=[shift] * 300)
    assert moved.loglik == pytest.approx(plain.loglik, rel=1e-9)
    assert moved.params["Intercept"] == pytest.approx(plain.params["Intercept"] - shift)
    assert moved.params["week"] == pytest.approx(plain.params["week"], rel=1e-6)


def test_random_effects_carry_their_spread(crossed, visits):
    table = crossed.ranef()
    assert len(table) == 56
    assert (table["sd"] > 0).all()
    patient_sd = crossed.varcomp["sd"].iloc[0]
    assert (table.loc[table["group"] == "patient", "sd"] < patient_sd).all()


def test_every_way_to_write_trials_is_one_model(visits):
    ways = [
        fit_glmm("days_done ~ week + (1 | patient)", visits, trials="days"),
        fit_glmm("cbind(days_done, days - days_done) ~ week + (1 | patient)", visits),
        fit_glmm("days_done / days ~ week + (1 | patient)", visits, trials="days"),
        fit_glmm("days_done / days ~ week + (1 | patient)", visits, weights="days"),
        fit_glmm("days_done ~ week + (1 | patient)", visits, trials=visits["days"].tolist()),
    ]
    assert {round(fit.loglik, 8) for fit in ways} == {round(ways[0].loglik, 8)}


def test_every_way_to_write_a_binary_response_is_one_model(visits):
    yes = visits["responder"] == 1
    plain = fit_glmm("responder ~ week + (1 | patient)", visits)
    for values in (
        yes,
        yes.astype(object),
        np.where(yes, "yes", "no"),
        pd.Categorical(np.where(yes, "b", "a")),
    ):
        fit = fit_glmm("y ~ week + (1 | patient)", visits.assign(y=values))
        assert fit.loglik == pytest.approx(plain.loglik, rel=1e-12)
    assert fit.notes[0] == 'Success is the category "b" of y.'
    turned = fit_glmm(
        "y ~ week + (1 | patient)", visits.assign(y=pd.Categorical(np.where(yes, "b", "a"), ["b", "a"]))
    )
    assert turned.params.to_numpy() == pytest.approx(-plain.params.to_numpy(), rel=1e-6)


def test_a_row_twice_is_a_row_of_weight_two(visits):
    twice = pd.concat([visits, visits], ignore_index=True)
    weighted = fit_glmm("responder ~ week + (1 | patient)", visits.assign(w=2.0), weights="w")
    repeated = fit_glmm("responder ~ week + (1 | patient)", twice)
    assert weighted.loglik == pytest.approx(repeated.loglik, rel=1e-10)
    assert weighted.bse.to_numpy() == pytest.approx(repeated.bse.to_numpy(), rel=1e-5)


def test_missing_rows_are_counted(visits):
    holes = visits.copy()
    holes.loc[[1, 2], "responder"] = np.nan
    holes.loc[[5], "week"] = np.nan
    fit = fit_glmm("responder ~ week + (1 | patient)", holes)
    assert (fit.n, fit.n_read, fit.dropped) == (297, 300, {"responder": 2, "week": 1})
    assert list(fit.fitted.index) == [k for k in range(300) if k not in (1, 2, 5)]


def test_repeated_columns_are_left_out_by_name(visits):
    fit = fit_glmm("responder ~ week + again + (1 | patient)", visits.assign(again=2 * visits["week"] + 1))
    assert fit.aliased == ("again",)


@pytest.mark.parametrize("quadrature", [1, 7])
def test_a_variance_of_zero_is_exactly_zero(visits, quadrature):
    even = visits.assign(y=np.tile([0, 1, 1], 100))
    fit = fit_glmm("y ~ week + (1 | patient)", even, quadrature=quadrature)
    assert fit.varcomp["variance"].tolist() == [0.0]
    assert fit.singular_terms == ("Intercept | patient: variance 0",)
    assert (fit.ranef()["value"] == 0).all()


def test_simulated_responses_are_fitted_again(crossed):
    drawn = crossed.simulate(seed=5)
    assert set(drawn) == {0.0, 1.0}
    again = crossed.refit(drawn)
    assert again.formula == crossed.formula
    assert again.loglik != crossed.loglik
    assert crossed.refit(crossed.rows.y).loglik == pytest.approx(crossed.loglik, rel=1e-12)
    assert crossed.by_ml() is crossed


def test_simulation_gives_back_what_it_was_drawn_from(visits):
    fit = fit_glmm("attacks ~ week + (1 | patient)", visits, family="negative-binomial")
    draws = np.array([fit.simulate(seed=k) for k in range(400)])
    sd = fit.varcomp["sd"].iloc[0]
    expected = fit.predict(visits).to_numpy() * np.exp(0.5 * sd**2)
    assert draws.mean() == pytest.approx(expected.mean(), rel=0.05)


def test_a_fit_is_stored_without_rows(visits):
    fit = fit_glmm("attacks ~ week + (1 | patient)", visits, family="negative-binomial")
    again = Fit.from_dict(json.loads(json.dumps(fit.to_dict())))
    assert again.size == fit.size
    assert again.params.to_dict() == fit.params.to_dict()
    assert "p07" not in json.dumps(fit.to_dict())


def test_inference_is_asymptotic(crossed):
    table = coefficient_table(crossed, ddf="asymptotic")
    assert np.isinf(table["df"]).all()


@pytest.mark.parametrize(
    ("formula", "more"),
    [
        ("responder ~ week + (1 | patient) + (1 | therapist)", {}),
        ("falls ~ week + (1 + week | patient)", {"family": "poisson"}),
        ("attacks ~ week + (1 | patient)", {"family": "negative-binomial"}),
        ("days_done ~ week + (1 | patient)", {"trials": "days", "link": "probit", "quadrature": 5}),
    ],
)
def test_both_engines_agree(visits, formula, more):
    own, other = (fit_glmm(formula, visits, engine=engine, **more) for engine in ("own", "glmm"))
    assert other.loglik == pytest.approx(own.loglik, rel=1e-9)
    assert np.abs((other.params - own.params) / own.bse).max() < 1e-3
    assert other.bse.to_numpy() == pytest.approx(own.bse.to_numpy(), rel=1e-3)

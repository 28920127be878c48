"""Models at the edge of what rows can carry, against lme4, lmerTest and pbkrtest with tight tolerances.

`r/lmm_hard_cases.R` wrote data and answers.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import coefficient_table
from studypkg.models import fit_lmm

DATA = Path(__file__).parent / "data"
CASES = json.loads((DATA / "lmm_hard_cases.json").read_text())
CASES.pop("session")
BOTH = [(name, reml) for name in CASES for reml in (True, False)]


def table(name):
    return pd.read_csv(DATA / f"hard_{name}.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def fits():
    known = {}

    def get(name, reml=True):
        if (name, reml) not in known:
            case = CASES[name]
            formula = case["formula"].replace("^", "**")
            known[name, reml] = fit_lmm(formula, table(case["data"]), reml=reml, weights=case.get("weights"))
        return known[name, reml]

    return get


def answer(name, reml):
    return CASES[name]["reml" if reml else "ml"]


@pytest.mark.parametrize(("name", "reml"), BOTH)
def test_log_likelihood_and_estimates(fits, name, reml):
    fit, expected = fits(name, reml), answer(name, reml)
    assert fit.loglik >= expected["loglik"] - 1e-8 * abs(expected["loglik"])
    assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-9)
    se = np.array(expected["se"])
    np.testing.assert_allclose((fit.params - expected["estimate"]) / se, 0.0, atol=1e-5)
    np.testing.assert_allclose(fit.bse, se, rtol=2e-5)
    assert fit.is_singular == expected["singular"]


@pytest.mark.parametrize(("name", "reml"), BOTH)
def test_variance_components(fits, name, reml):
    ours = fits(name, reml).varcomp
    theirs = pd.DataFrame(answer(name, reml)["varcomp"])
    variances = theirs[theirs["var2"].isna()]
    largest = variances["vcov"].max()
    np.testing.assert_allclose(
        np.sort(ours["variance"]), np.sort(variances["vcov"]), rtol=1e-4, atol=1e-8 * largest
    )


@pytest.mark.parametrize("name", [name for name in CASES if "df" in CASES[name]["reml"]])
def test_satterthwaite_degrees_of_freedom(fits, name):
    np.testing.assert_allclose(coefficient_table(fits(name))["df"], answer(name, True)["df"], rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in CASES if "kenward_roger" in CASES[name]["reml"]])
def test_kenward_roger(fits, name):
    ours = coefficient_table(fits(name), ddf="kenward-roger")
    theirs = answer(name, True)["kenward_roger"]
    np.testing.assert_allclose(ours["se"], theirs["se"], rtol=1e-4)
    np.testing.assert_allclose(ours["df"], theirs["df"], rtol=1e-3)


def test_a_date_and_the_same_date_in_units_of_20_000_days():
    visits = table("visits")
    small = fit_lmm("pain ~ day20 + (1 | therapist) + (0 + day20 | patient)", visits)
    large = fit_lmm("pain ~ day + (1 | therapist) + (0 + day | patient)", visits)
    assert large.loglik == pytest.approx(small.loglik - np.log(20000), rel=1e-10)
    assert large.params["day"] * 20000 == pytest.approx(small.params["day20"], rel=1e-7)
    assert large.bse["day"] * 20000 == pytest.approx(small.bse["day20"], rel=1e-7)


def test_units_of_a_billionth_and_of_a_hundred_million():
    visits = table("visits")
    plain = fit_lmm("pain ~ weeks + age + (1 + weeks | patient)", visits)
    units = fit_lmm("pain_tiny ~ weeks_tiny + age_huge + (1 + weeks_tiny | patient)", visits)
    factors = np.array([1e-9, 1e-9 / 1e-7, 1e-9 / 1e8])
    np.testing.assert_allclose(units.params / factors, plain.params, rtol=1e-7)
    np.testing.assert_allclose(units.bse / factors, plain.bse, rtol=1e-7)
    np.testing.assert_allclose(coefficient_table(units)["df"], coefficient_table(plain)["df"], rtol=1e-5)


def test_columns_that_repeat_others_are_named(fits):
    assert fits("collinear").aliased == ("double", "sum_of")


def test_a_hundred_thousand_patients_seen_once_among_some_seen_again():
    """Patients seen once or five times: the likelihood written down by size of group, without the engine."""
    random = np.random.default_rng(4)
    once, often, visits = 100_000, 300, 5
    sizes = np.repeat([1, visits], [once, often])
    patient = np.repeat(np.arange(len(sizes)), sizes)
    y = random.normal(4.0, 1.0, len(sizes))[patient] + random.normal(0.0, 1.5, len(patient))
    fit = fit_lmm("pain ~ 1 + (1 | patient)", pd.DataFrame({"pain": y, "patient": patient}), reml=False)
    variance = dict(zip(fit.varcomp["group"], fit.varcomp["variance"], strict=True))
    between, within = variance["patient"], variance["Residual"]
    means = np.bincount(patient, y) / sizes
    inside = float(((y - means[patient]) ** 2).sum())
    spread = within + sizes * between

    def loglik(mu, between, within):
        spread = within + sizes * between
        quadratic = inside / within + (sizes * (means - mu) ** 2 / spread).sum()
        logs = ((sizes - 1) * np.log(within) + np.log(spread)).sum()
        return -0.5 * (len(y) * np.log(2 * np.pi) + logs + quadratic)

    mu = float((sizes * means / spread).sum() / (sizes / spread).sum())
    assert fit.params["Intercept"] == pytest.approx(mu, rel=1e-10)
    assert fit.loglik == pytest.approx(loglik(mu, between, within), rel=1e-12)
    for step in (1.001, 0.999):
        assert loglik(mu, between * step, within) < fit.loglik
        assert loglik(mu, between, within * step) < fit.loglik

"""Shares of variance, inflation and case deletion against performance, car and lme4 at full precision."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference.diagnostics import collinearity, icc, influence, r_squared
from studypkg.models import fit_glmm, fit_lmm

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "diagnostics.json").read_text(encoding="utf-8"))
CASES = {
    "sleepstudy": ("sleepstudy_slope", "Reaction ~ Days + (1 + Days | Subject)"),
    "cake": ("cake_splitplot", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
    "carrots": ("carrots", "Preference ~ sens2 * Homesize + (1 + sens2 | Consumer) + (1 | Product)"),
    "pastes": ("pastes_nested", "strength ~ 1 + (1 | batch) + (1 | batch:cask)"),
    "cbpp": ("cbpp_binomial", "cbind(incidence, size - incidence) ~ period + (1 | herd)"),
}
TEXT = dict.fromkeys(["Subject", "temperature", "replicate", "Consumer", "Homesize", "herd", "period"], str)


@pytest.fixture(scope="module")
def fits():
    made = {}

    def get(case):
        if case not in made:
            file, formula = CASES[case]
            rows = pd.read_csv(DATA / f"{file}.csv", dtype=TEXT)
            made[case] = (
                fit_glmm(formula, rows, family="binomial") if case == "cbpp" else fit_lmm(formula, rows)
            )
        return made[case]

    return get


@pytest.mark.parametrize("case", CASES)
def test_shares_of_variance_are_those_of_performance(fits, case):
    told, r2, shares = REFERENCES[case], r_squared(fits(case)), icc(fits(case)).set_index("group")
    close = {"rel": 1e-5}
    assert r2["marginal"] == pytest.approx(told["r2_marginal"], **close, abs=1e-12)
    assert r2["conditional"] == pytest.approx(told["r2_conditional"], **close)
    assert shares.loc["all", "adjusted"] == pytest.approx(told["icc_adjusted"], **close)
    assert shares.loc["all", "unadjusted"] == pytest.approx(told["icc_unadjusted"], **close)
    for group, value in told.get("icc_by_group", {}).items():
        assert shares.loc[group, "adjusted"] == pytest.approx(value, **close)


@pytest.mark.parametrize("case", ["cake", "carrots"])
def test_inflation_is_that_of_car(fits, case):
    told = pd.DataFrame(REFERENCES[case]["vif"])
    ours = collinearity(fits(case)).terms
    assert list(ours["term"]) == list(told["term"])
    assert list(ours["df"]) == list(told["df"])
    np.testing.assert_allclose(ours["gvif"], told["gvif"], rtol=1e-6)


@pytest.mark.parametrize(("case", "group"), [("sleepstudy", "Subject"), ("carrots", "Product")])
def test_refitting_without_each_level_is_that_of_lme4(fits, case, group):
    told = REFERENCES[case]["refit"]
    found = influence(fits(case), group, refit=True)
    beta = fits(case).params.to_numpy() - found.changes.loc[told["level"]].to_numpy()
    np.testing.assert_allclose(beta, told["beta"], rtol=2e-4)

"""The acupuncture trial: a practice variance that is exactly zero, and the published difference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import coefficient_table, contrast
from studypkg.models import cross_check, fit_lmm

FORMULA = "pk5 ~ group + age + sex + migraine + chronicity + pk1 + (1 | practice_id)"


@pytest.fixture(scope="module")
def trial():
    return pd.read_csv(Path(__file__).parent / "data" / "acupuncture.csv", encoding="utf-8-sig")


@pytest.fixture(scope="module")
def fit(trial):
    return fit_lmm(FORMULA, trial)


def test_the_practice_variance_is_exactly_zero_and_said_so(fit):
    assert fit.varcomp["variance"][0] == 0.0
    assert fit.is_singular
    assert fit.singular_terms == ("Intercept | practice_id: variance 0",)
    assert (fit.n, fit.dropped) == (301, {"pk5": 100})


def test_the_answer_is_the_least_squares_answer(trial, fit):
    # Worked out from the normal equations, without any part of the package.
    whole = trial.dropna(subset=["pk5"])
    x = np.column_stack([np.ones(301), whole[["group", "age", "sex", "migraine", "chronicity", "pk1"]]])
    beta = np.linalg.solve(x.T @ x, x.T @ whole["pk5"])
    residual = whole["pk5"] - x @ beta
    se = np.sqrt(residual @ residual / (301 - 7) * np.diag(np.linalg.inv(x.T @ x)))
    np.testing.assert_allclose(fit.params, beta, rtol=1e-9)
    np.testing.assert_allclose(fit.bse, se, rtol=1e-9)
    np.testing.assert_allclose(coefficient_table(fit)["df"], 294.0, atol=1e-6)


def test_the_published_difference(fit):
    # Printed in the article: 4.6 (2.2 to 7.0), P = 0.0002. This file gives 7.08 for the upper limit.
    answer = contrast(fit, "-group").iloc[0]
    assert answer["estimate"] == pytest.approx(4.64, abs=0.005)
    assert answer["ci_low"] == pytest.approx(2.20, abs=0.005)
    assert answer["ci_high"] == pytest.approx(7.08, abs=0.005)
    assert round(answer["p_value"], 4) == 0.0002


def test_a_second_opinion_agrees(trial, fit):
    check = cross_check(fit, trial)
    assert check.status == "agrees"
    assert check.against.startswith("least squares")

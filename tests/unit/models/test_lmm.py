"""Fitting: what comes back, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ModelError
from studypkg.models import fit_lmm


def dummies(labels):
    return pd.get_dummies(pd.Series(labels)).to_numpy(dtype=float)


@pytest.mark.parametrize("reml", [True, False])
def test_the_likelihood_is_that_of_the_dense_covariance_matrix(study, dense_loglik, reml):
    weights = np.linspace(0.5, 2.0, len(study))
    fit = fit_lmm(
        "pain ~ weeks + adherence + (1 + weeks | patient) + (1 | therapist)",
        study,
        reml=reml,
        weights=weights,
    )
    part = fit.varcomp.set_index(["group", "term"])["variance"]
    between = fit.varcomp["corr_1"][1] * np.sqrt(part["patient", "Intercept"] * part["patient", "weeks"])
    p, t = dummies(study["patient"]), dummies(study["therapist"])
    slope = p * study["weeks"].to_numpy()[:, None]
    v = (
        part["patient", "Intercept"] * p @ p.T + part["patient", "weeks"] * slope @ slope.T
        + between * (p @ slope.T + slope @ p.T) + part["therapist", "Intercept"] * t @ t.T
        + part["Residual", ""] * np.diag(1 / weights)
    )  # fmt: skip
    x = np.column_stack([np.ones(len(study)), study["weeks"], study["adherence"]])
    y = study["pain"].to_numpy()
    assert fit.loglik == pytest.approx(dense_loglik(y, x, v, reml=reml), rel=1e-9)
    inverse = np.linalg.inv(v)
    np.testing.assert_allclose(fit.vcov, np.linalg.inv(x.T @ inverse @ x), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fit.params, fit.vcov.to_numpy() @ x.T @ inverse @ y, rtol=1e-7)
    # No neighbouring variance does better: the likelihood falls on both sides of the estimate.
    for factor in (0.97, 1.03):
        moved = v + (factor - 1) * part["therapist", "Intercept"] * t @ t.T
        assert dense_loglik(y, x, moved, reml=reml) < fit.loglik


def test_balanced_one_way_layout_by_hand():
    # Groups (4, 6), (5, 7), (9, 11): mean squares 14 between and 2 within.
    rows = pd.DataFrame({"who": list("aabbcc"), "score": [4.0, 6.0, 5.0, 7.0, 9.0, 11.0]})
    fit = fit_lmm("score ~ 1 + (1 | who)", rows)
    assert fit.params["Intercept"] == pytest.approx(7.0)
    assert fit.varcomp["variance"].tolist() == pytest.approx([(14 - 2) / 2, 2.0], rel=1e-6)
    assert fit.bse["Intercept"] == pytest.approx(np.sqrt(14 / 6), rel=1e-6)


def test_nested_crossed_and_slopes_alone_are_all_fitted(study):
    for random, rows in [
        ("(1 | clinic/therapist)", 3),
        ("(1 | patient) + (1 | dose)", 3),
        ("(0 + weeks | patient)", 2),
        ("(1 + weeks || patient) + (1 | therapist)", 4),
        ("(1 + adherence | patient)", 3),
        ("(0 + C(sex) | therapist)", 3),
    ]:
        fit = fit_lmm(f"pain ~ weeks + {random}", study)
        assert len(fit.varcomp) == rows, random
        assert (fit.varcomp["variance"] >= 0).all()


def test_a_column_twice_is_left_out_and_named(study):
    fit = fit_lmm("pain ~ weeks + doubled + (1 | patient)", study.assign(doubled=2 * study["weeks"]))
    assert fit.aliased == ("doubled",)
    assert list(fit.params.index) == ["Intercept", "weeks"]


def test_no_patient_variance_at_all_leaves_the_between_effect_right():
    # 40 patients × 6 visits without between-patient variance, true between effect −3. The published
    # failure of the common Python optimiser gives about +3.7 here, and reports convergence.
    errors = []
    for seed in range(8):
        draw = np.random.default_rng(seed)
        patient = np.repeat(np.arange(40), 6)
        adherence = np.clip(draw.uniform(0.2, 0.9, 40)[patient] + draw.normal(0, 0.15, 240), 0, 1)
        rows = pd.DataFrame({"patient": patient, "week": np.tile(np.arange(6.0), 40), "a": adherence})
        rows["between"] = rows.groupby("patient")["a"].transform("mean")
        rows["within"] = rows["a"] - rows["between"]
        rows["pain"] = 6 - 0.2 * rows["week"] - rows["within"] - 3 * rows["between"] + draw.normal(0, 1, 240)
        fit = fit_lmm("pain ~ week + within + between + (1 | patient)", rows)
        errors.append((fit.params["between"] + 3.0) / fit.bse["between"])
        assert fit.is_singular == (fit.varcomp["variance"][0] == 0.0)
    assert np.abs(errors).max() < 3.0
    assert abs(np.mean(errors)) < 3.0 / np.sqrt(8)


def test_weights_of_two_are_not_two_rows(study):
    # Residual variance σ²/2 in every row: the same fit with σ² doubled.
    once = fit_lmm("pain ~ weeks + (1 | patient)", study)
    twice = fit_lmm("pain ~ weeks + (1 | patient)", study.assign(w=2.0), weights="w")
    np.testing.assert_allclose(once.params, twice.params, rtol=1e-6)
    np.testing.assert_allclose(once.bse, twice.bse, rtol=1e-5)
    assert twice.sigma**2 == pytest.approx(2 * once.sigma**2, rel=1e-5)
    assert twice.loglik == pytest.approx(once.loglik, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "change", "says"),
    [
        ("flat ~ weeks + (1 | patient)", {"flat": 5.0}, "is the same in all 240"),
        ("pain ~ weeks + (1 | one)", {"one": "here"}, "has one level"),
        ("pain ~ weeks + (1 | row)", {"row": range(240)}, "240 random effects for 240 rows"),
        ("pain ~ weeks + (1 + weeks | pair)", {"pair": [k // 2 for k in range(240)]}, "cannot be told apart"),
        ("exact ~ weeks + (1 | patient)", {"exact": "2 * weeks"}, r"explain .* exactly"),
        ("pain ~ C(patient) + (1 | patient)", {}, "already hold every level"),
        ("pain ~ weeks + (weeks + twice | patient)", {"twice": "2 * weeks"}, "repeat each other"),
        ("tiny ~ weeks + (1 | patient)", {"tiny": "weeks * 1e-200"}, "use another unit"),
        ("pain ~ weeks + (1 | patient/one)", {"one": "here"}, "have the same levels"),
    ],
)
def test_models_the_rows_cannot_carry(study, formula, change, says):
    rows = study.copy()
    for name, value in change.items():
        rows[name] = rows.eval(value) if isinstance(value, str) and "*" in value else value
    with pytest.raises(ModelError, match=says):
        fit_lmm(formula, rows)


def test_no_rows_at_all(study):
    with pytest.raises(ModelError, match="no rows"):
        fit_lmm("pain ~ weeks + (1 | patient)", study.iloc[:0])


def test_fewer_rows_than_parameters():
    rows = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [1.0, 2.0, 3.0, 5.0], "g": list("aabb")})
    with pytest.raises(ModelError, match="4 complete rows for 4 parameters"):
        fit_lmm("y ~ x + (1 | g)", rows)


def test_groups_that_explain_everything_give_no_number():
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"g": np.repeat(list("abcdefgh"), 4)})
    rows["y"] = rows["g"].map(dict(zip("abcdefgh", draw.normal(size=8), strict=True)))
    with pytest.raises(ModelError, match=r"residual variance|did not converge"):
        fit_lmm("y ~ 1 + (1 | g)", rows)


def test_messages_hold_no_value_of_the_data(study):
    secret = study.assign(patient="Jane Roe 1950")
    with pytest.raises(ModelError) as fault:
        fit_lmm("pain ~ weeks + (1 | patient)", secret)
    assert "Jane" not in str(fault.value)

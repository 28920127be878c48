"""Intervals of predictions against a dense inverse of Henderson's equations."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError
from studypkg.models import fit_lmm

FORMULA = "pain ~ weeks * sex + (1 + weeks | patient) + (1 | therapist)"


@pytest.fixture(scope="module")
def weighted(study):
    return fit_lmm(FORMULA, study, weights="dose")


def henderson(study, fit, new):
    """Var(x'β̂ + z'(b̃ − b)) from the inverse of [[X'WX, X'WZ], [Z'WX, Z'WZ + G⁻¹]], all levels dense."""

    def fixed(rows):
        male = (rows["sex"] == "male").to_numpy(float)
        weeks = rows["weeks"].to_numpy()
        return np.column_stack([np.ones(len(rows)), male, weeks, weeks * male])

    patients, therapists = sorted(study["patient"].unique()), sorted(study["therapist"].unique())

    def random(rows):
        z = np.zeros((len(rows), 2 * len(patients) + len(therapists)))
        for at, (who, by, week) in enumerate(
            zip(rows["patient"], rows["therapist"], rows["weeks"], strict=True)
        ):
            if who in patients:
                z[at, 2 * patients.index(who) + np.arange(2)] = 1.0, week
            if by in therapists:
                z[at, 2 * len(patients) + therapists.index(by)] = 1.0
        return z

    comp = fit.varcomp.set_index(["group", "term"])
    a, b = comp.loc[("patient", "Intercept"), "sd"], comp.loc[("patient", "weeks"), "sd"]
    rho = comp.loc[("patient", "weeks"), "corr_1"]
    block = np.array([[a * a, rho * a * b], [rho * a * b, b * b]])
    g = np.zeros((2 * len(patients) + len(therapists),) * 2)
    for k in range(len(patients)):
        g[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = block
    last = np.arange(2 * len(patients), len(g))
    g[last, last] = comp.loc[("therapist", "Intercept"), "variance"]
    both = np.hstack([fixed(study), random(study)])
    left = both.T @ (both * (study["dose"].to_numpy() / fit.sigma**2)[:, None])
    left[4:, 4:] += np.linalg.inv(g)
    row = np.hstack([fixed(new), random(new)])
    return np.einsum("ri,ij,rj->r", row, np.linalg.inv(left), row), block, g[-1, -1]


def test_known_levels_by_hendersons_equations(study, weighted):
    new = study.iloc[[0, 7, 100, 239]].copy()
    # A patient seen by a therapist they never met: their effects are correlated only through the data.
    new.loc[new.index[1], "therapist"] = "t7"
    expected, _, _ = henderson(study, weighted, new)
    found = weighted.predict(new, random=True, interval="confidence")
    assert found["se"].to_numpy() ** 2 == pytest.approx(expected, rel=1e-7)
    assert found["estimate"].to_numpy() == pytest.approx(weighted.predict(new, random=True).to_numpy())
    observed = weighted.predict(new, random=True, interval="prediction", weights=[1.0, 2.0, 4.0, 1.0])
    residual = weighted.sigma**2 / np.array([1.0, 2.0, 4.0, 1.0])
    assert observed["se"].to_numpy() ** 2 == pytest.approx(expected + residual, rel=1e-7)


def test_a_new_level_adds_its_whole_variance(study, weighted):
    new = study.iloc[[3, 10]].assign(patient="somebody new")
    expected, block, _ = henderson(study, weighted, new)
    z = np.column_stack([np.ones(2), new["weeks"]])
    expected += np.einsum("ri,ij,rj->r", z, block, z)
    found = weighted.predict(new, random=True, interval="confidence")
    assert found["se"].to_numpy() ** 2 == pytest.approx(expected, rel=1e-7)


def test_without_random_effects(study):
    fit = fit_lmm("pain ~ weeks + (1 + weeks | patient)", study)
    new = pd.DataFrame({"weeks": [0.0, 3.0, np.nan]})
    x = np.array([[1.0, 0.0], [1.0, 3.0]])
    confidence = fit.predict(new, interval="confidence", level=0.9)
    fixed = np.einsum("ri,ij,rj->r", x, fit.vcov.to_numpy(), x)
    assert confidence["se"].to_numpy()[:2] ** 2 == pytest.approx(fixed)
    assert (confidence["high"] - confidence["estimate"]).to_numpy()[:2] == pytest.approx(
        1.6448536269514722 * np.sqrt(fixed)
    )
    assert confidence.iloc[2].isna().all()
    comp = fit.varcomp
    a, b, rho = comp["sd"][0], comp["sd"][1], comp["corr_1"][1]
    block = np.array([[a * a, rho * a * b], [rho * a * b, b * b]])
    prediction = fit.predict(new, interval="prediction")["se"].to_numpy()[:2] ** 2
    assert prediction == pytest.approx(fixed + np.einsum("ri,ij,rj->r", x, block, x) + fit.sigma**2)


def test_a_singular_fit_has_no_variance_to_add(study):
    flat = study.assign(noise=np.tile([1.0, -1.0, 2.0, -2.0, 0.5, -0.5], 40))
    fit = fit_lmm("noise ~ 1 + (1 | clinic)", flat)
    assert fit.is_singular
    found = fit.predict(flat.head(1), random=True, interval="confidence")
    assert found["se"].iloc[0] == pytest.approx(fit.bse["Intercept"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": "confidense"}, "Available: confidence, prediction"),
        ({"interval": "confidence", "level": 95}, "between 0 and 1"),
        ({"interval": "prediction"}, "was weighted"),
        ({"interval": "prediction", "weights": [1.0, -1.0]}, "2 positive numbers"),
        ({"level": 0.9}, "belong to an interval"),
    ],
)
def test_refusals(study, weighted, arguments, message):
    with pytest.raises(ConfigError, match=message):
        weighted.predict(study.head(2), **arguments)


@pytest.fixture(scope="module")
def shifted(study):
    rows = study.assign(known=1e5 + 3.0 * study["weeks"] ** 2)
    rows["total"] = rows["pain"] + rows["known"]
    return rows


def test_an_offset_is_what_is_subtracted(shifted):
    plain = fit_lmm("pain ~ weeks + (1 | patient)", shifted)
    for fit in (
        fit_lmm("total ~ weeks + offset(known) + (1 | patient)", shifted),
        fit_lmm("total ~ weeks + (1 | patient)", shifted, offset="known"),
        fit_lmm("total ~ weeks + (1 | patient)", shifted, offset=shifted["known"].to_numpy()),
    ):
        assert fit.params.to_numpy() == pytest.approx(plain.params.to_numpy(), rel=1e-8)
        assert fit.loglik == pytest.approx(plain.loglik, rel=1e-9)
        assert (fit.fitted - shifted["known"]).to_numpy() == pytest.approx(plain.fitted.to_numpy(), abs=1e-7)
        assert fit.residuals.to_numpy() == pytest.approx(plain.residuals.to_numpy(), abs=1e-7)
        drawn = fit.simulate(4)
        again = plain.refit(plain.simulate(4))
        assert (drawn - shifted["known"]).to_numpy() == pytest.approx(plain.simulate(4).to_numpy(), abs=1e-7)
        assert fit.refit(drawn).params.to_numpy() == pytest.approx(again.params.to_numpy(), rel=1e-7)
        assert fit.by_ml().loglik == pytest.approx(plain.by_ml().loglik, rel=1e-9)


def test_new_rows_bring_their_offset(shifted):
    fit = fit_lmm("total ~ weeks + offset(known) + (1 | patient)", shifted)
    plain = fit_lmm("pain ~ weeks + (1 | patient)", shifted)
    new = shifted.head(3)
    expected = plain.predict(new, random=True) + new["known"]
    assert fit.predict(new, random=True).to_numpy() == pytest.approx(expected.to_numpy())
    with_interval = fit.predict(new, random=True, interval="prediction")
    assert with_interval["estimate"].to_numpy() == pytest.approx(expected.to_numpy())
    with pytest.raises(ConfigError, match="known"):
        fit.predict(new.drop(columns="known"))
    numbers = fit_lmm("total ~ weeks + (1 | patient)", shifted, offset=shifted["known"].to_numpy())
    with pytest.raises(ConfigError, match="given as numbers"):
        numbers.predict(new)


def test_rows_without_an_offset_are_left_out(shifted):
    holes = shifted.assign(known=shifted["known"].where(shifted.index >= 5))
    fit = fit_lmm("total ~ weeks + (1 | patient)", holes, offset="known")
    assert (fit.n, fit.dropped) == (len(shifted) - 5, {"offset": 5})
    with pytest.raises(ConfigError, match="twice"):
        fit_lmm("total ~ weeks + offset(known) + (1 | patient)", shifted, offset="known")

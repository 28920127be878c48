"""Intervals of all kinds through one door."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import coefficient_table, intervals
from studypkg.models import Fit, fit_lmm


@pytest.fixture(scope="module")
def visits():
    draw = np.random.default_rng(8)
    who = np.arange(30).repeat(4)
    weeks = np.tile(np.arange(4.0), 30)
    own = draw.normal(0, [1.0, 0.4], (30, 2))[who]
    pain = 5 - 0.5 * weeks + own[:, 0] + own[:, 1] * weeks + draw.normal(0, 0.6, 120)
    return pd.DataFrame(
        {"who": who, "weeks": weeks, "pain": pain, "flat": np.tile([1.0, -1.0, 2.0, -2.0], 30)}
    )


@pytest.fixture(scope="module")
def fit(visits):
    return fit_lmm("pain ~ weeks + (1 + weeks | who)", visits)


def test_every_parameter_has_a_row(fit):
    found = intervals(fit)
    assert list(found.index) == [
        "Intercept", "weeks", "sd | who | Intercept", "sd | who | weeks", "corr | who | Intercept, weeks",
        "sigma",
    ]  # fmt: skip
    table = coefficient_table(fit)
    assert found.loc["weeks", ["low", "high"]].tolist() == table.loc["weeks", ["ci_low", "ci_high"]].tolist()
    assert (found["low"] < found["estimate"]).all()
    assert (found["estimate"] < found["high"]).all()
    sd = found.loc["sd | who | weeks"]
    assert sd["low"] * sd["high"] == pytest.approx(sd["estimate"] ** 2)


def test_a_chosen_level_and_parameter(fit):
    found = intervals(fit, method="profile", level=0.5, parameters=["sigma"])
    assert list(found.index) == ["sigma"]
    wide = intervals(fit, method="profile", parameters=["sigma"])
    assert wide.loc["sigma", "low"] < found.loc["sigma", "low"] < found.loc["sigma", "high"]


def test_the_restricted_profile_knows_variances_only(fit):
    found = intervals(fit, method="profile", reml=True)
    assert "weeks" not in found.index
    both = intervals(fit, method="profile")
    name = "sd | who | Intercept"
    assert found.loc[name, "high"] > both.loc[name, "high"]
    with pytest.raises(ConfigError, match="restricted"):
        intervals(fit, method="profile", reml=True, parameters=["weeks"])
    with pytest.raises(ConfigError, match="no restricted profile"):
        intervals(fit.by_ml(), method="profile", reml=True)


def test_no_wald_interval_at_the_boundary(visits):
    singular = fit_lmm("flat ~ 1 + (1 | who)", visits)
    found = intervals(singular)
    assert found.loc["sd | who | Intercept", ["low", "high"]].isna().all()
    assert "zero" in found.loc["sd | who | Intercept", "note"]
    profile = intervals(singular, method="profile")
    assert profile.loc["sd | who | Intercept", "low"] == 0.0


def test_bootstrap_does_not_depend_on_the_workers(fit):
    alone = intervals(fit, method="bootstrap", n_boot=40, seed=5)
    with ThreadPoolExecutor(2) as pool:
        together = intervals(fit, method="bootstrap", n_boot=40, seed=5, executor=pool)
    pd.testing.assert_frame_equal(alone, together)
    assert alone.loc["weeks", "note"] == "percentile, 40 fits, 0 failed"
    basic = intervals(fit, method="bootstrap", n_boot=40, seed=5, kind="basic")
    assert basic.loc["weeks", "low"] == pytest.approx(2 * fit.params["weeks"] - alone.loc["weeks", "high"])


def test_bootstrap_agrees_with_wald_where_both_hold(fit):
    drawn = intervals(fit, method="bootstrap", n_boot=400, seed=1, parameters=["weeks", "sigma"])
    wald = intervals(fit, parameters=["weeks", "sigma"])
    width = wald["high"] - wald["low"]
    assert ((drawn["low"] - wald["low"]).abs() < 0.15 * width).all()
    assert ((drawn["high"] - wald["high"]).abs() < 0.15 * width).all()


def test_too_many_failures_give_no_interval(fit, monkeypatch):
    calls = iter(range(1000))

    def refit(self, y):
        if next(calls) % 10 == 0:
            raise ModelError("no convergence")
        return self

    monkeypatch.setattr(Fit, "refit", refit)
    found = intervals(fit, method="bootstrap", n_boot=40, parameters=["weeks"])
    assert found.loc["weeks", ["low", "high"]].isna().all()
    assert found.loc["weeks", "note"] == "4 of 40 fits failed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "walt"}, "Available: wald, profile, bootstrap"),
        ({"level": 95}, "between 0 and 1"),
        ({"parameters": ["week"]}, "weeks"),
        ({"method": "bootstrap", "n_boot": 5}, "too few"),
        ({"method": "bootstrap", "kind": "bca"}, "percentile, basic"),
    ],
)
def test_refusals(fit, arguments, message):
    with pytest.raises(ConfigError, match=message):
        intervals(fit, **arguments)


def test_stored_fits_have_no_profile(fit):
    stored = Fit.from_dict(fit.to_dict())
    with pytest.raises(ModelError, match="holds no rows"):
        intervals(stored, method="profile")
    assert intervals(stored).loc["sigma", ["low", "high"]].isna().all()

"""Profiles: exact derivatives, closed forms, boundaries."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from studypkg.errors import ConfigError
from studypkg.models import fit_lmm
from studypkg.models.linear.profile import Profile
from studypkg.models.linear.profile_curvature import wald_scales


def profile(fit):
    return Profile(fit.rows.sums, fit.rows.point, list(fit.params.index), fit.rows.terms, reml=fit.reml)


@pytest.fixture(scope="module")
def likelihood(study):
    return profile(fit_lmm("pain ~ weeks + (1 + weeks | patient) + (1 | therapist)", study, reml=False))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weeks", -0.3),
        ("sigma", 0.9),
        ("sd | patient | weeks", 0.2),
        ("sd | patient | Intercept", 0.0),
        ("corr | patient | Intercept, weeks", 0.5),
        ("corr | patient | Intercept, weeks", -1.0),
    ],
)
def test_gradient_and_hessian(likelihood, name, value):
    held = likelihood.parameter(name)
    x = likelihood.start(held) + 0.07 * np.arange(1, len(likelihood.start(held)) + 1) / 5
    here = likelihood.at(x, held, value)
    for k, h in enumerate(1e-5 * np.eye(len(x))):
        after, before = likelihood.at(x + h, held, value), likelihood.at(x - h, held, value)
        assert (after.value - before.value) / 2e-5 == pytest.approx(here.gradient[k], rel=1e-5, abs=1e-5)
        assert (after.gradient - before.gradient) / 2e-5 == pytest.approx(
            here.curvature[k], rel=1e-4, abs=1e-3
        )


def test_a_held_coefficient_is_another_response(study, likelihood):
    """Holding the slope at b is fitting y − b·weeks without the slope."""
    rest = fit_lmm(
        "rest ~ 1 + (1 + weeks | patient) + (1 | therapist)",
        study.assign(rest=study["pain"] + 0.3 * study["weeks"]),
        reml=False,
    )
    assert likelihood.deviance("weeks", -0.3) == pytest.approx(rest.deviance, abs=1e-7)


def test_a_variance_held_at_zero_is_a_smaller_model(study, likelihood):
    smaller = fit_lmm("pain ~ weeks + (1 + weeks | patient)", study, reml=False)
    assert likelihood.deviance("sd | therapist | Intercept", 0.0) == pytest.approx(smaller.deviance, abs=1e-7)


@pytest.mark.parametrize("reml", [True, False])
def test_balanced_one_way_layout_in_closed_form(reml):
    """−2 log L of a balanced layout with the between-group SD held, minimised over the residual variance."""
    draw = np.random.default_rng(3)
    m, n = 12, 5
    y = 2.0 + draw.normal(0, 0.8, m).repeat(n) + draw.normal(0, 1.0, m * n)
    fit = fit_lmm("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": np.arange(m).repeat(n)}), reml=reml)
    groups = y.reshape(m, n)
    inside = ((groups - groups.mean(axis=1, keepdims=True)) ** 2).sum()
    between = n * ((groups.mean(axis=1) - y.mean()) ** 2).sum()

    def least(sd):
        def deviance(log_variance):
            s2 = np.exp(log_variance)
            whole = s2 + n * sd**2
            lost = m - 1 if reml else m
            return m * (n - 1) * np.log(s2) + inside / s2 + lost * np.log(whole) + between / whole

        return optimize.minimize_scalar(deviance, bracket=(-1, 1), tol=1e-12).fun

    found = profile(fit)
    sd = "sd | g | Intercept"
    centre = found.estimate(sd)
    low, high = found.interval(sd)
    cut = stats.chi2.ppf(0.95, 1)
    for end in (low, high):
        assert least(end) - least(centre) == pytest.approx(cut, abs=1e-5)
    assert found.deviance(sd, 0.3) - found.deviance(sd, 0.9) == pytest.approx(
        least(0.3) - least(0.9), abs=1e-7
    )


def test_ends_at_the_boundary(study):
    flat = study.assign(noise=np.tile([1.0, -1.0, 2.0, -2.0, 0.5, -0.5], 40))
    found = profile(fit_lmm("noise ~ 1 + (1 | clinic)", flat, reml=False))
    low, high = found.interval("sd | clinic | Intercept")
    assert low == 0.0
    assert 0.0 < high < 1.0
    scales = wald_scales(found)
    assert np.isnan(scales["sd | clinic | Intercept"].se)
    assert "zero" in scales["sd | clinic | Intercept"].problem
    # With every group alike the residual SD is that of a sample: Var(log σ̂) = 1 / 2n.
    assert scales["sigma"].se == pytest.approx(1 / np.sqrt(480), rel=1e-6)


@pytest.mark.parametrize("reml", [True, False])
def test_standard_errors_are_the_curvature_of_profiles(study, reml):
    """Var = 2 / (second derivative of the profiled deviance), by differences on the parameter's own scale."""
    found = profile(fit_lmm("pain ~ weeks + (1 + weeks | patient) + (1 | therapist)", study, reml=reml))
    scales = wald_scales(found)
    h = 0.02
    for name in ("sigma", "sd | patient | weeks", "sd | therapist | Intercept"):
        points = [found.estimate(name) * np.exp(s) for s in (-h, 0.0, h)]
        below, here, above = (found.deviance(name, v) for v in points)
        assert 2 * h**2 / (above + below - 2 * here) == pytest.approx(scales[name].se ** 2, rel=5e-3)
    name = "corr | patient | Intercept, weeks"
    z = np.arctanh(found.estimate(name))
    below, here, above = (found.deviance(name, np.tanh(z + s)) for s in (-h, 0.0, h))
    assert 2 * h**2 / (above + below - 2 * here) == pytest.approx(scales[name].se ** 2, rel=5e-3)


def test_units_do_not_matter(study, likelihood):
    other = study.assign(pain=1e4 * study["pain"], weeks=study["weeks"] / 50)
    found = profile(fit_lmm("pain ~ weeks + (1 + weeks | patient) + (1 | therapist)", other, reml=False))
    for name, factor in (("weeks", 5e5), ("sd | patient | weeks", 5e5), ("sigma", 1e4)):
        expected = factor * np.array(likelihood.interval(name))
        assert found.interval(name) == pytest.approx(expected, rel=1e-5)


def test_refusals(likelihood, study):
    with pytest.raises(ConfigError, match="no parameter"):
        likelihood.interval("sd | patients | weeks")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        likelihood.interval("sigma", 95)
    with pytest.raises(ConfigError, match="restricted"):
        profile(fit_lmm("pain ~ weeks + (1 | patient)", study)).interval("weeks")

"""Every derivative against differences of the one before it, and probabilities far out in the tails."""

import numpy as np
import pytest
from scipy import integrate, stats

from studypkg.models.ordinal.densities import CUMULATIVE_LINKS

LINKS = sorted(CUMULATIVE_LINKS)
A = np.array([-1.0, 0.4, 2.0, np.inf, np.inf, -3.0, 0.1])
C = np.array([-np.inf, -0.7, 1.5, 0.3, -2.0, -3.5, 0.0])
STEP = 1e-6
DISTRIBUTIONS = {"logit": stats.logistic, "probit": stats.norm, "cloglog": stats.gumbel_l}


def slope(function, a, c, da, dc):
    return (function(a + da, c + dc) - function(a - da, c - dc)) / (2 * STEP)


@pytest.mark.parametrize("link", LINKS)
def test_the_value_is_the_log_probability_of_the_category(link):
    known = DISTRIBUTIONS[link]
    with np.errstate(all="ignore"):
        value = CUMULATIVE_LINKS[link].inner(A, C).value
    np.testing.assert_allclose(value, np.log(known.cdf(A) - known.cdf(C)), rtol=1e-12)


@pytest.mark.parametrize("link", LINKS)
def test_derivatives_are_those_of_the_value(link):
    one = CUMULATIVE_LINKS[link]
    with np.errstate(all="ignore"):
        inner, outer = one.inner(A, C), one.outer(A, C)

        def value(a, c):
            return one.inner(a, c).value

        def score(a, c):
            return one.inner(a, c).score

        def weight(a, c):
            return one.inner(a, c).weight

        close = {"rtol": 1e-6, "atol": 1e-8}
        np.testing.assert_allclose(outer.upper, slope(value, A, C, STEP, 0), **close)
        np.testing.assert_allclose(outer.lower, slope(value, A, C, 0, STEP), **close)
        # A larger linear predictor lowers both ends.
        np.testing.assert_allclose(inner.score, slope(value, A, C, -STEP, -STEP), **close)
        np.testing.assert_allclose(inner.weight, -slope(score, A, C, -STEP, -STEP), **close)
        np.testing.assert_allclose(outer.score_upper, slope(score, A, C, STEP, 0), **close)
        np.testing.assert_allclose(outer.score_lower, slope(score, A, C, 0, STEP), **close)
        np.testing.assert_allclose(outer.weight_upper, slope(weight, A, C, STEP, 0), **close)
        np.testing.assert_allclose(outer.weight_lower, slope(weight, A, C, 0, STEP), **close)


def test_a_normal_probability_far_out_keeps_its_digits():
    value = CUMULATIVE_LINKS["probit"].inner(np.array([-40.0, 41.0]), np.array([-41.0, 40.0])).value
    # The mass between 40 and 41, its largest density taken out.
    mass = integrate.quad(lambda t: np.exp(-40.0 * t - 0.5 * t**2), 0.0, 1.0)[0]
    expected = -800.0 - 0.5 * np.log(2 * np.pi) + np.log(mass)
    np.testing.assert_allclose(value, [expected, expected], rtol=1e-10)


@pytest.mark.parametrize("link", LINKS)
def test_quantile_undoes_the_distribution_function(link):
    p = np.array([0.02, 0.4, 0.93])
    one = CUMULATIVE_LINKS[link]
    np.testing.assert_allclose(one.below(one.quantile(p)), p, rtol=1e-12)

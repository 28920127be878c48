"""Covariance structures: what Σ is made of, and derivatives that are derivatives."""

import numpy as np
import pytest

from studypkg.errors import ConfigError
from studypkg.models.mmrm.structures import STRUCTURES, covariance_name

FIVE_VISITS = {
    "un": 15, "ar1": 2, "ar1h": 6, "cs": 2, "csh": 6, "toep": 5, "toeph": 9, "ad": 5, "adh": 9,
}  # fmt: skip
NAMES = sorted(STRUCTURES)


def theta_of(name, t=5):
    draw = np.random.default_rng(7)
    return 0.4 * draw.normal(size=STRUCTURES[name].n_parameters(t))


@pytest.mark.parametrize("name", NAMES)
def test_number_of_parameters(name):
    assert STRUCTURES[name].n_parameters(5) == FIVE_VISITS[name]


def test_elements_by_hand():
    # σ = e^0.5 everywhere; θ = 0.75 is the correlation 0.75 / √(1 + 0.75²) = 0.6.
    assert STRUCTURES["ar1"].at(np.array([0.5, 0.75]), 4).value[0, 3] == pytest.approx(np.e * 0.6**3)
    ad = STRUCTURES["ad"].at(np.array([0.5, 0.75, 0.0, -0.75]), 4).value
    assert [ad[0, 1], ad[0, 2], ad[2, 3]] == pytest.approx([np.e * 0.6, 0.0, -np.e * 0.6])
    toeph = STRUCTURES["toeph"].at(np.array([0.0, 1.0, 2.0, 0.75, 0.0]), 3).value
    assert [toeph[0, 1], toeph[1, 2], toeph[0, 2]] == pytest.approx([0.6 * np.e, 0.6 * np.e**3, 0.0])
    # Compound symmetry ends at −1/(t − 1): θ = 0 is the middle of (−1/3, 1).
    assert STRUCTURES["cs"].at(np.zeros(2), 4).value[0, 1] == pytest.approx(1 / 3)


def test_unstructured_is_the_scaled_cholesky_factor():
    sigma = np.array([[4.0, 2.0, 1.0], [2.0, 9.0, 3.0], [1.0, 3.0, 16.0]])
    theta = STRUCTURES["un"].start_from(sigma)
    lower = np.linalg.cholesky(sigma)
    assert theta[:3] == pytest.approx(np.log(np.diag(lower)))
    assert theta[3] == pytest.approx(lower[1, 0] / lower[1, 1])
    np.testing.assert_allclose(STRUCTURES["un"].at(theta, 3).value, sigma, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_matrix_of_the_structure_is_found_again(name):
    theta = theta_of(name)
    back = STRUCTURES[name].start_from(STRUCTURES[name].at(theta, 5).value)
    np.testing.assert_allclose(back, theta, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name):
    structure, theta, h = STRUCTURES[name], theta_of(name), 1e-5
    here = structure.at(theta, 5)
    k = len(theta)
    steps = h * np.eye(k)
    first = [(structure.at(theta + s, 5).value - structure.at(theta - s, 5).value) / (2 * h) for s in steps]
    np.testing.assert_allclose(here.first(), first, atol=1e-8)
    second = np.array(
        [(structure.at(theta + s, 5).first() - structure.at(theta - s, 5).first()) / (2 * h) for s in steps]
    )
    draw = np.random.default_rng(1)
    of_visits, of_parameters = draw.normal(size=(5, 5)), draw.normal(size=(k, k))
    of_visits, of_parameters = of_visits + of_visits.T, of_parameters + of_parameters.T
    np.testing.assert_allclose(
        here.curvature(of_visits), np.einsum("ab,klab->kl", of_visits, second), atol=1e-7
    )
    np.testing.assert_allclose(
        here.second_mean(of_parameters), np.einsum("kl,klab->ab", of_parameters, second), atol=1e-7
    )


def test_names():
    assert covariance_name(" US ") == "un"
    with pytest.raises(ConfigError, match=r'no covariance structure "ar".*Available: un, ar1'):
        covariance_name("ar")

"""The fast sums say what the dense n × n matrix says, and their derivatives are derivatives."""

import numpy as np
import pandas as pd
import pytest

from studypkg.models.mmrm.likelihood import Point
from studypkg.models.mmrm.patterns import compress
from studypkg.models.mmrm.small_sample import coefficients, kenward_roger_vcov
from studypkg.models.mmrm.start import starting_values
from studypkg.models.mmrm.structures import COVARIANCES

CASES = [(cov, None, None) for cov in COVARIANCES] + [
    ("un", "arm", None), ("toeph", "arm", "w"), ("sp_exp", "arm", "w"),
]  # fmt: skip


@pytest.fixture
def point(visits, prepare):
    def make(cov, group, weights, reml=True, shift=0.1):
        visit = "day" if cov == "sp_exp" else "visit"
        sums, schedule, design = prepare(
            "pain ~ arm * C(visit) + age", visits, cov=cov, visit=visit, group=group, weights=weights
        )
        theta = starting_values(sums, schedule)
        theta = theta + shift * np.random.default_rng(3).normal(size=len(theta))
        return Point(sums, theta, reml=reml), schedule, design

    return make


def sigmas(point):
    unit2 = point.sums.unit**2
    return [
        state.covariance.value * unit2
        if hasattr(state, "covariance")
        else lambda d, s=state: unit2 * float(s.correlation(np.array([d]))[0]) / s.scale
        for state in point.states
    ]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("cov", "group", "weights"), CASES)
def test_the_dense_likelihood(point, visits, dense_loglik, whole_covariance, cov, group, weights, reml):
    at, schedule, design = point(cov, group, weights, reml)
    v = whole_covariance(schedule, sigmas(at), design.weights)
    assert at.loglik == pytest.approx(dense_loglik(design.y, design.fixed, v, reml=reml), rel=1e-10)
    found = coefficients(at)
    precision = np.linalg.inv(v)
    np.testing.assert_allclose(
        found.vcov, np.linalg.inv(design.fixed.T @ precision @ design.fixed), rtol=1e-8, atol=1e-10
    )
    np.testing.assert_allclose(found.beta, found.vcov @ design.fixed.T @ precision @ design.y, rtol=1e-7)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("cov", "group", "weights"), CASES)
def test_gradient_and_hessian(point, cov, group, weights, reml):
    at = point(cov, group, weights, reml)[0]
    h, steps = 1e-5, np.eye(len(at.theta))

    def ask(theta):
        return Point(at.sums, theta, reml=reml)

    ends = [(ask(at.theta + h * s), ask(at.theta - h * s)) for s in steps]
    gradient = [(up.deviance - down.deviance) / (2 * h) for up, down in ends]
    hessian = [(up.gradient - down.gradient) / (2 * h) for up, down in ends]
    np.testing.assert_allclose(at.gradient, gradient, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(at.hessian, hessian, rtol=1e-6, atol=1e-6)
    change = [(coefficients(up).vcov - coefficients(down).vcov) / (2 * h) for up, down in ends]
    np.testing.assert_allclose(coefficients(at).vcov_jacobian, change, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("cov", "group"), [("un", None), ("ar1h", "arm"), ("sp_exp", None)])
def test_kenward_and_roger_by_the_dense_formula(point, whole_covariance, cov, group):
    at, schedule, design = point(cov, group, None, shift=0.0)
    x, h, k = design.fixed, 1e-3, len(at.theta)

    def dense(theta):
        return whole_covariance(schedule, sigmas(Point(at.sums, theta, reml=True)))

    v, steps = dense(at.theta), h * np.eye(k)
    first = [(dense(at.theta + s) - dense(at.theta - s)) / (2 * h) for s in steps]
    w = np.linalg.inv(v)
    found = coefficients(at)
    phi, weight = found.vcov, found.parameter_cov
    p = [-x.T @ w @ f @ w @ x for f in first]
    linear, bent = np.zeros_like(phi), np.zeros_like(phi)
    for i in range(k):
        for j in range(k):
            q = x.T @ w @ first[i] @ w @ first[j] @ w @ x
            linear += weight[i, j] * (q - p[i] @ phi @ p[j])
            up, down = dense(at.theta + steps[i] + steps[j]), dense(at.theta - steps[i] - steps[j])
            left, right = dense(at.theta + steps[i] - steps[j]), dense(at.theta - steps[i] + steps[j])
            bent += weight[i, j] * x.T @ w @ ((up + down - left - right) / (4 * h**2)) @ w @ x
    for is_linear, inside in ((True, linear), (False, linear - bent / 4)):
        np.testing.assert_allclose(
            kenward_roger_vcov(at, found, linear=is_linear),
            phi + 2 * phi @ inside @ phi,
            rtol=1e-4,
            atol=1e-6,
        )


def test_compressed_rows_have_the_same_products():
    stack = np.random.default_rng(8).normal(size=(5000, 6))
    stack[:, 5] = stack[:, 0] - 2.0 * stack[:, 3]
    few = compress(stack)
    assert len(few) == 5
    np.testing.assert_allclose(few.T @ few, stack.T @ stack, rtol=1e-12, atol=1e-9)


def test_many_subjects_become_few_rows(visits, prepare):
    sums = prepare("pain ~ arm", visits, cov="un")[0]
    again = visits.assign(patient=visits["patient"] + " again")
    doubled = prepare("pain ~ arm", pd.concat([visits, again]), cov="un")[0]
    rows = sum(one.rows.shape[0] * one.rows.shape[2] for one in doubled.parts[0].bins)
    assert rows < doubled.n / 2
    assert sum(one.counts.sum() for one in doubled.parts[0].bins) == 2 * visits["patient"].nunique()
    theta = np.zeros(10)
    assert Point(doubled, theta, reml=False).deviance == pytest.approx(
        2 * Point(sums, theta, reml=False).deviance, rel=1e-12
    )

"""The profiled deviance at any θ, with its derivatives, against the dense covariance matrix."""

import numpy as np
import pytest
from scipy import linalg

from studypkg.models.design import build_design
from studypkg.models.formula import parse_formula
from studypkg.models.linear.covariances import unpack
from studypkg.models.linear.crossproducts import gather
from studypkg.models.linear.deviance import evaluate
from studypkg.models.linear.grouping import gather_factors

SHAPES = {
    "one factor": "pain ~ weeks + adherence + (1 + weeks | patient)",
    "nested": "pain ~ weeks + adherence + (1 + weeks | patient) + (1 | therapist) + (1 | clinic)",
    "nested slopes": "pain ~ weeks + (1 | patient) + (1 + adherence | therapist) + (1 + weeks | clinic)",
    "crossed": "pain ~ weeks + (1 | patient) + (1 + adherence | dose)",
    "crossed and nested": "pain ~ weeks + (1 + weeks | patient) + (1 | dose) + (1 | clinic)",
    "uncorrelated": "pain ~ weeks + (weeks || patient) + (1 | therapist)",
    "three columns": "pain ~ weeks + (1 + weeks + adherence | patient) + (1 | clinic)",
}


def case(shape, study, weights=None):
    design = build_design(parse_formula(SHAPES[shape]), study, weights)
    sums = gather(design, gather_factors(design))
    theta = np.random.default_rng(5).uniform(0.2, 1.5, len(sums.layout.order))
    return design, sums, theta


def relative_covariance(design, sums, theta):
    weights = np.ones(sums.n) if design.weights is None else design.weights
    relative = np.diag(1.0 / weights)
    for factor, triangle in zip(sums.factors, unpack(theta, sums), strict=True):
        same = factor.codes[:, None] == factor.codes[None, :]
        relative += same * (factor.columns @ triangle @ triangle.T @ factor.columns.T)
    return relative


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_deviance_and_estimates_at_an_arbitrary_point(study, dense_loglik, shape, reml):
    design, sums, theta = case(shape, study)
    point = evaluate(theta, sums, reml=reml)
    v = point.sigma2 * relative_covariance(design, sums, theta)
    expected = dense_loglik(design.y, design.fixed, v, reml=reml)
    assert -point.deviance / 2 == pytest.approx(expected, rel=1e-10)
    weight = linalg.inv(v)
    vcov = linalg.inv(design.fixed.T @ weight @ design.fixed)
    np.testing.assert_allclose(point.vcov, vcov, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(point.beta, vcov @ design.fixed.T @ weight @ design.y, rtol=1e-8)


def test_weights_divide_the_residual_variance(study, dense_loglik):
    weights = np.random.default_rng(3).uniform(0.5, 3.0, len(study))
    design, sums, theta = case("nested", study, weights)
    point = evaluate(theta, sums, reml=True)
    v = point.sigma2 * relative_covariance(design, sums, theta)
    assert -point.deviance / 2 == pytest.approx(dense_loglik(design.y, design.fixed, v, reml=True), rel=1e-10)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_derivatives_are_those_of_the_deviance(study, shape, reml):
    _, sums, theta = case(shape, study)
    point = evaluate(theta, sums, reml=reml)
    step = 1e-5
    for k in range(len(theta)):
        move = np.eye(len(theta))[k] * step
        above = evaluate(theta + move, sums, reml=reml)
        below = evaluate(theta - move, sums, reml=reml)
        scale = np.abs(point.curvature).max()
        assert point.gradient[k] == pytest.approx(
            (above.deviance - below.deviance) / (2 * step), abs=1e-5 * scale
        )
        np.testing.assert_allclose(
            point.curvature[k], (above.gradient - below.gradient) / (2 * step), rtol=1e-5, atol=1e-6 * scale
        )
        np.testing.assert_allclose(
            point.vcov_slopes[k], (above.vcov - below.vcov) / (2 * step), rtol=1e-4, atol=1e-8
        )


def test_order_leaves_out_what_was_not_asked_for(study):
    _, sums, theta = case("nested", study)
    whole = evaluate(theta, sums, reml=True)
    alone = evaluate(theta, sums, reml=True, order=0)
    assert alone.deviance == pytest.approx(whole.deviance, rel=1e-14)
    assert alone.gradient.size == 0 and alone.curvature.size == 0

"""The profiled deviance at any θ, against the dense covariance matrix."""

import numpy as np
import pytest
from scipy import linalg

from studypkg.models.crossproducts import gather
from studypkg.models.design import build_design
from studypkg.models.formula import parse_formula
from studypkg.models.profiled import evaluate, theta_shape, unpack

SHAPES = {
    "nested": "pain ~ weeks + adherence + (1 + weeks | patient) + (1 | therapist) + (1 | clinic)",
    "crossed": "pain ~ weeks + (1 | patient) + (1 + adherence | dose)",
    "uncorrelated": "pain ~ weeks + (weeks || patient) + (1 | therapist)",
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_deviance_and_estimates_at_an_arbitrary_point(study, dense_loglik, shape, reml):
    design = build_design(parse_formula(SHAPES[shape]), study)
    sums = gather(design)
    theta = np.random.default_rng(5).uniform(0.2, 1.5, len(theta_shape(sums.factors)))
    relative = np.eye(sums.n)
    for factor, triangle in zip(sums.factors, unpack(theta, sums.factors), strict=True):
        for level in range(factor.n_levels):
            block = factor.columns * (factor.codes == level)[:, None] @ triangle
            relative += block @ block.T
    point = evaluate(theta, sums, reml=reml)
    expected = dense_loglik(design.y, design.fixed, point.sigma2 * relative, reml=reml)
    assert -point.deviance / 2 == pytest.approx(expected, rel=1e-10)
    weight = linalg.inv(point.sigma2 * relative)
    vcov = linalg.inv(design.fixed.T @ weight @ design.fixed)
    np.testing.assert_allclose(point.vcov, vcov, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(point.beta, vcov @ design.fixed.T @ weight @ design.y, rtol=1e-8)

"""The likelihood against integrals done by brute force, and its gradient against differences."""

import numpy as np
import pytest
from scipy import integrate, stats

from studypkg.models.design import build_design
from studypkg.models.formula import parse_formula
from studypkg.models.laplace.quadrature import quadrature_rule
from studypkg.models.ordinal.densities import CUMULATIVE_LINKS
from studypkg.models.ordinal.likelihood import evaluate
from studypkg.models.ordinal.problem import set_up
from studypkg.models.ordinal.start import first_guess
from studypkg.models.ordinal.thresholds import threshold_map

FORMULAS = [
    ("grade ~ week + arm + (1 | patient)", 1),
    ("grade ~ week + arm + (1 | patient)", 7),
    ("grade ~ arm + (1 + week | patient) + (1 | therapist)", 1),
]


def problem_of(formula, data, link="logit", structure="flexible", quadrature=1, weights=None):
    design = build_design(parse_formula(formula), data, weights)
    at = design.names.index("Intercept")
    design = type(design)(**{**vars(design), "fixed": np.delete(design.fixed, at, axis=1)})
    codes = design.y.astype(int)
    return set_up(
        design,
        codes,
        CUMULATIVE_LINKS[link],
        threshold_map(structure, codes.max()),
        quadrature_rule(quadrature),
    )


@pytest.mark.parametrize("link", sorted(CUMULATIVE_LINKS))
@pytest.mark.parametrize(("formula", "quadrature"), FORMULAS)
def test_the_gradient_is_exact(visits, formula, quadrature, link):
    weights = np.random.default_rng(1).integers(1, 4, len(visits))
    problem = problem_of(formula, visits, link, "symmetric", quadrature, weights)
    psi = first_guess(problem) + np.random.default_rng(2).normal(0, 0.05, problem.size)
    steps = 1e-5 * np.eye(problem.size)
    measured = [(evaluate(psi + h, problem).value - evaluate(psi - h, problem).value) / 2e-5 for h in steps]
    np.testing.assert_allclose(evaluate(psi, problem).gradient, measured, atol=1e-6)


def test_quadrature_gives_the_integral_over_the_random_effect(visits):
    some = visits[visits["patient"] < "p06"].reset_index(drop=True)
    problem = problem_of("grade ~ week + (1 | patient)", some, quadrature=25)
    psi = np.array([-2.0, -0.3, 0.9, -0.5, 1.3])
    alpha = np.concatenate([[-np.inf], psi[:3], [np.inf]])
    eta = problem.fixed[:, 0] * psi[3]
    total = 0.0
    for level in range(6):
        mine = problem.levels.codes[0] == level

        def density(b, mine=mine):
            ends = [alpha[problem.category[mine] + j] - eta[mine] - 1.3 * b for j in (1, 0)]
            return np.prod(stats.logistic.cdf(ends[0]) - stats.logistic.cdf(ends[1])) * stats.norm.pdf(b)

        total += np.log(integrate.quad(density, -9, 9, epsabs=0, epsrel=1e-11)[0])
    assert evaluate(psi, problem).value == pytest.approx(total, abs=1e-8)


def test_laplace_is_the_height_and_the_curvature_at_the_mode(visits):
    """Crossed factors and a slope, with dense matrices and a Hessian by differences."""
    some = visits.iloc[:60].reset_index(drop=True)
    problem = problem_of("grade ~ week + (1 + week | patient) + (1 | therapist)", some)
    psi = np.array([-1.5, -0.2, 1.1, -0.4, 0.9, 0.2, 0.5, 0.7])
    point = evaluate(psi, problem)
    alpha = np.concatenate([[-np.inf], psi[:3], [np.inf]])
    blocks = []
    for codes, columns, t in zip(
        problem.levels.codes, problem.levels.columns, problem.triangles(psi), strict=True
    ):
        block = np.zeros((len(codes), (codes.max() + 1), len(t)))
        block[np.arange(len(codes)), codes] = columns.T @ t
        blocks.append(block.reshape(len(codes), -1))
    z = np.hstack(blocks)

    def slopes(u):
        eta = problem.fixed[:, 0] * psi[3] + z @ u
        upper, lower = (stats.logistic.cdf(alpha[problem.category + j] - eta) for j in (1, 0))
        return z.T @ (upper + lower - 1.0) - u, np.log(upper - lower).sum() - 0.5 * u @ u

    mode = np.concatenate([u.ravel() for u in point.modes.effects])
    slope, height = slopes(mode)
    np.testing.assert_allclose(slope, 0.0, atol=1e-8)
    hessian = np.array([(slopes(mode - h)[0] - slopes(mode + h)[0]) / 2e-5 for h in 1e-5 * np.eye(len(mode))])
    expected = height - 0.5 * np.linalg.slogdet(hessian)[1]
    assert point.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("link", sorted(CUMULATIVE_LINKS))
@pytest.mark.parametrize("quadrature", [1, 7])
def test_the_covariance_of_estimates_inverts_differences_of_the_likelihood(fitted, link, quadrature):
    fit = fitted(link=link, quadrature=quadrature)
    problem, psi = fit.rows.problem, fit.rows.point.psi
    k = problem.size

    def information(width):
        steps = width * np.eye(k)

        def corner(a, b):
            return evaluate(psi + a + b, problem).value

        return -np.array(
            [[corner(a, b) - corner(a, -b) - corner(-a, b) + corner(-a, -b) for b in steps] for a in steps]
        ) / (4 * width**2)

    # Two widths, so that the error of fourth order goes.
    exact = (4 * information(2e-3) - information(4e-3)) / 3
    back = problem.to_data()
    expected = back @ np.linalg.inv(exact)[: k - 1, : k - 1] @ back.T
    np.testing.assert_allclose(fit.vcov, expected, rtol=1e-4, atol=1e-6)


def test_thresholds_out_of_order_have_no_likelihood(visits):
    problem = problem_of("grade ~ week + (1 | patient)", visits)
    with pytest.raises(np.linalg.LinAlgError):
        evaluate(np.array([0.5, 0.4, 1.0, 0.0, 0.5]), problem)

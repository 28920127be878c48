"""Two optimisers that share no code must find the same optimum and the same curvature."""

import numpy as np
import pytest

from studypkg.models.compiled import compiled_solution
from studypkg.models.crossproducts import gather
from studypkg.models.design import build_design
from studypkg.models.engine import solve
from studypkg.models.formula import parse_formula
from studypkg.models.search import search
from studypkg.models.solution import fixed_curvature

FORMULAS = [
    "pain ~ weeks + adherence + (1 | patient)",
    "pain ~ weeks + adherence + sex + (1 + weeks | patient)",
    "pain ~ weeks + adherence + (1 + weeks + adherence | therapist)",
]


def design(formula, data):
    return build_design(parse_formula(formula), data)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_the_compiled_and_the_own_search_agree(study, formula, reml):
    made = design(formula, study)
    sums = gather(made)
    theirs, problem = compiled_solution(made, sums, reml=reml)
    ours = search(sums, reml=reml)
    assert theirs is not None, problem
    assert ours.converged
    assert theirs.loglik == pytest.approx(-ours.at.deviance / 2, rel=1e-8)
    np.testing.assert_allclose(theirs.beta, ours.at.beta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(theirs.vcov, ours.at.vcov, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("formula", FORMULAS[:2])
def test_both_give_the_same_degrees_of_freedom(study, formula):
    made = design(formula, study)
    sums = gather(made)
    theirs, _ = compiled_solution(made, sums, reml=True)
    found = search(sums, reml=True)
    nu = sums.n - sums.p
    jacobian, covariance, problem = fixed_curvature(
        found.curvature, found.vcov_jacobian, found.at.vcov, found.at.sigma2, nu
    )
    assert problem == ""
    for column in range(sums.p):
        ours = jacobian[:, column, column]
        other = theirs.vcov_jacobian[:, column, column]
        spread = ours @ covariance @ ours
        assert other @ theirs.parameter_cov @ other == pytest.approx(spread, rel=1e-3)


@pytest.mark.parametrize(
    "random",
    ["(0 + weeks | patient)", "(weeks || patient)", "(1 | patient) + (1 | clinic)", "(1 + dose | patient)"],
)
def test_shapes_the_compiled_search_does_not_take_are_solved_all_the_same(study, random):
    made = design(f"pain ~ weeks + {random}", study)
    assert compiled_solution(made, gather(made), reml=True) == (None, "")
    assert solve(made, reml=True).solution.code == "converged"


def test_units_do_not_change_the_search(study):
    large = study.assign(pain=1e7 + 1e5 * study["pain"], weeks=study["weeks"] / 52)
    one, other = (solve(design(FORMULAS[1], d), reml=False).solution for d in (study, large))
    assert other.sigma2 == pytest.approx(1e10 * one.sigma2, rel=1e-4)
    assert other.beta[1] == pytest.approx(52e5 * one.beta[1], rel=1e-5)


def test_a_curvature_that_points_down_is_reported():
    _, _, problem = fixed_curvature(np.diag([4.0, -1.0]), np.zeros((2, 1, 1)), np.eye(1), 1.0, 10.0)
    assert "no minimum" in problem


def test_a_flat_direction_is_left_out():
    _, covariance, problem = fixed_curvature(np.diag([4.0, 0.0]), np.zeros((2, 1, 1)), np.eye(1), 1.0, 10.0)
    assert problem == ""
    np.testing.assert_allclose(covariance, np.diag([0.5, 0.0, 0.2]))

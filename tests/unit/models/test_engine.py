"""Two optimisers that share no code must find the same optimum and the same curvature."""

import numpy as np
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import fit_lmm

FORMULAS = [
    "pain ~ weeks + adherence + (1 | patient)",
    "pain ~ weeks + adherence + sex + (1 + weeks | patient)",
    "pain ~ weeks + adherence + (1 + weeks + adherence | therapist)",
    "pain ~ weeks + (1 | clinic) + (1 + weeks | patient)",
]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_the_compiled_and_the_own_engine_agree(study, formula, reml):
    theirs = fit_lmm(formula, study, reml=reml, engine="glmm")
    ours = fit_lmm(formula, study, reml=reml)
    assert theirs.loglik == pytest.approx(ours.loglik, rel=1e-8)
    assert ours.loglik >= theirs.loglik - 1e-7
    np.testing.assert_allclose(theirs.params, ours.params, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(theirs.vcov, ours.vcov, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(theirs.ranef()["value"], ours.ranef()["value"], atol=2e-3)


@pytest.mark.parametrize("formula", FORMULAS[:2])
def test_both_give_the_same_degrees_of_freedom(study, formula):
    theirs, ours = fit_lmm(formula, study, engine="glmm"), fit_lmm(formula, study)
    for column in range(len(ours.params)):
        slope, other = ours.vcov_jacobian[:, column, column], theirs.vcov_jacobian[:, column, column]
        spread = slope @ ours.parameter_cov @ slope
        assert other @ theirs.parameter_cov @ other == pytest.approx(spread, rel=1e-3)


@pytest.mark.parametrize(
    "random",
    ["(0 + weeks | patient)", "(weeks || patient)", "(1 + dose | patient)"],
)
def test_the_compiled_engine_says_what_it_does_not_take(study, random):
    with pytest.raises(ModelError, match='"glmm" does not answer this model'):
        fit_lmm(f"pain ~ weeks + {random}", study, engine="glmm")


def test_an_unknown_engine_is_refused_with_the_known_ones(study):
    with pytest.raises(ConfigError, match="Available: own, glmm"):
        fit_lmm(FORMULAS[0], study, engine="lme4")


@pytest.mark.parametrize("random", ["(1 + weeks | patient)", "(weeks || patient) + (1 | clinic)"])
def test_a_start_shortens_the_way_and_changes_nothing(study, random):
    formula = f"pain ~ weeks + {random}"
    cold = fit_lmm(formula, study)
    warm = fit_lmm(formula, study, start=cold.optimisation.theta)
    assert warm.optimisation.evaluations <= 3 < cold.optimisation.evaluations
    assert warm.loglik == pytest.approx(cold.loglik, rel=1e-12)


def test_a_start_of_the_wrong_length_is_refused(study):
    with pytest.raises(ConfigError, match="3 finite numbers"):
        fit_lmm("pain ~ weeks + (1 + weeks | patient)", study, start=[1.0])

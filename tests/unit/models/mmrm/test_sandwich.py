"""Empirical covariances: subject by subject, as the formulas are written."""

import numpy as np
import pytest
from scipy import linalg

from studypkg.errors import ModelError
from studypkg.models import fit_mmrm
from studypkg.models.mmrm.likelihood import Point
from studypkg.models.mmrm.sandwich import sandwich
from studypkg.models.mmrm.small_sample import coefficients
from studypkg.models.mmrm.start import starting_values

POWERS = {"empirical": 0.0, "empirical-jackknife": -1.0, "empirical-bias-reduced": -0.5}


def power_of(matrix, power):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**power) @ vectors.T


@pytest.mark.parametrize("vcov", POWERS)
@pytest.mark.parametrize(("cov", "group"), [("un", None), ("ar1h", "arm"), ("sp_exp", None)])
def test_covariance_and_degrees_of_freedom_by_the_dense_formulas(
    visits, prepare, whole_covariance, vcov, cov, group
):
    visit = "day" if cov == "sp_exp" else "visit"
    sums, schedule, design = prepare(
        "pain ~ arm * C(visit) + age", visits, cov=cov, visit=visit, group=group, weights="w"
    )
    point = Point(sums, starting_values(sums, schedule), reml=True)
    found = coefficients(point)
    got = sandwich(point, schedule, found, POWERS[vcov])
    unit2 = sums.unit**2
    sigmas = [
        unit2 * s.covariance.value
        if cov != "sp_exp"
        else lambda d, s=s: unit2 * float(s.correlation(np.array([d]))[0]) / s.scale
        for s in point.states
    ]
    v = whole_covariance(schedule, sigmas, design.weights)
    root = np.linalg.cholesky(v)
    x = linalg.solve_triangular(root, design.fixed, lower=True)
    e = linalg.solve_triangular(root, design.y - design.fixed @ found.beta, lower=True)
    hat = np.eye(len(x)) - x @ found.vcov @ x.T
    meat, moved = 0.0, []
    contrast = np.linspace(-1.0, 1.0, x.shape[1])
    for patient in visits["patient"].unique():
        mine = np.flatnonzero(visits["patient"] == patient)
        # Rows of a patient are one block of V, so whitening by a dense or by a small factor is the same.
        corrected = power_of(hat[np.ix_(mine, mine)], POWERS[vcov]) @ x[mine]
        score = corrected.T @ e[mine]
        meat = meat + np.outer(score, score)
        moved.append(hat[:, mine] @ corrected @ found.vcov @ contrast)
    np.testing.assert_allclose(got.vcov, found.vcov @ meat @ found.vcov, rtol=1e-7, atol=1e-10)
    gram = np.array(moved) @ np.array(moved).T
    gradient = np.einsum("i,kij,j->k", contrast, got.jacobian, contrast)
    mean = contrast @ got.expected @ contrast
    assert mean == pytest.approx(np.trace(gram), rel=1e-9)
    df = 2.0 * mean**2 / (gradient @ got.spread @ gradient)
    assert df == pytest.approx(np.trace(gram) ** 2 / (gram**2).sum(), rel=1e-8)


def test_bias_reduced_means_unbiased_where_the_model_is_right(visits):
    ask = {"subject": "patient", "visit": "visit", "cov": "un"}
    reduced = fit_mmrm("pain ~ arm * C(visit) + age", visits, vcov="empirical-bias-reduced", **ask)
    model = fit_mmrm("pain ~ arm * C(visit) + age", visits, **ask)
    np.testing.assert_allclose(reduced.vcov_expected, model.vcov, rtol=1e-9, atol=1e-12)
    assert "empirical" in reduced.df_problem


def test_a_subject_that_alone_carries_a_coefficient_cannot_be_left_out(visits):
    rows = visits.assign(odd=(visits["patient"] == "p05").astype(float))
    ask = {"subject": "patient", "visit": "visit", "cov": "ar1"}
    with pytest.raises(ModelError, match="1 subjects cannot be left out"):
        fit_mmrm("pain ~ arm + odd", rows, vcov="empirical-jackknife", **ask)
    reduced = fit_mmrm("pain ~ arm + odd", rows, vcov="empirical-bias-reduced", **ask)
    assert np.isfinite(reduced.bse).all()

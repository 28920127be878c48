"""The eliminated curvature against the same matrix written out."""

import numpy as np
import pytest

from studypkg.models.design import build_design
from studypkg.models.formula import parse_formula
from studypkg.models.laplace import levels as levels_module
from studypkg.models.laplace.curvature import eliminate, small_inverses
from studypkg.models.laplace.levels import arrange
from studypkg.models.linear.grouping import gather_factors

SHAPES = [
    "responder ~ week + (1 | patient)",
    "responder ~ week + (1 + week | patient)",
    "responder ~ week + (1 | patient) + (1 | therapist)",
    "responder ~ week + (1 + week | patient) + (1 + week | therapist)",
    "responder ~ week + (1 + week | patient) + (1 | team) + (1 | clinic)",
    "responder ~ week + (1 | patient) + (1 + week | team)",
]


def written_out(factors, weights, triangles):
    """H, and ΛZ' of every row, as whole matrices."""
    columns = []
    for factor, triangle in zip(factors, triangles, strict=True):
        z = np.zeros((len(weights), factor.n_levels, factor.size))
        z[np.arange(len(weights)), factor.codes] = factor.columns @ triangle
        columns.append(z.reshape(len(weights), -1))
    whole = np.hstack(columns)
    return np.eye(whole.shape[1]) + whole.T @ (weights[:, None] * whole), whole


@pytest.mark.parametrize("pairs", [True, False], ids=["pairs", "dense"])
@pytest.mark.parametrize("formula", SHAPES)
def test_every_answer_is_that_of_the_whole_matrix(visits, formula, pairs, monkeypatch):
    monkeypatch.setattr(levels_module, "_DENSE_GAIN", 0 if pairs else 10**9)
    patient = visits["patient"].str[1:].astype(int)
    table = visits.assign(team=(patient // 5).astype(str), clinic=(patient // 25).astype(str))
    factors = gather_factors(build_design(parse_formula(formula), table))
    levels = arrange(factors, np.arange(300))
    if levels.rest:
        assert (levels.left is not None) == pairs
    draw = np.random.default_rng(8)
    weights = draw.uniform(0.1, 2.0, 300)
    triangles = [np.tril(draw.normal(size=(f.size, f.size))) for f in factors]
    h, whole = written_out(factors, weights, triangles)
    found = eliminate(levels, weights, triangles)
    assert found.logdet == pytest.approx(np.linalg.slogdet(h)[1], rel=1e-12)
    right = draw.normal(size=len(h))
    ends = np.cumsum([f.n_levels * f.size for f in factors])[:-1]
    shaped = [
        part.reshape(f.n_levels, f.size) for part, f in zip(np.split(right, ends), factors, strict=True)
    ]
    solved = np.concatenate([part.ravel() for part in found.solve(shaped)])
    assert solved == pytest.approx(np.linalg.solve(h, right), rel=1e-9, abs=1e-12)
    quadratics = np.einsum("ij,jk,ik->i", whole, np.linalg.inv(h), whole)
    assert found.row_quadratics() == pytest.approx(quadratics, rel=1e-9)


def test_nested_factors_fall_into_parts(visits):
    patient = visits["patient"].str[1:].astype(int)
    table = visits.assign(team=(patient // 5).astype(str), clinic=(patient // 25).astype(str))

    def parts(formula):
        factors = gather_factors(build_design(parse_formula(formula), table))
        return [p.shape for p in arrange(factors, np.arange(300)).parts]

    assert parts("responder ~ (1 | patient) + (1 | team)") == [(10, 1)]
    assert parts("responder ~ (1 | patient) + (1 | team) + (1 | clinic)") == [(2, 6)]
    assert parts("responder ~ (1 | patient) + (1 | therapist)") == [(1, 6)]


@pytest.mark.parametrize("q", [1, 2, 3])
def test_small_matrices_that_are_not_positive_definite_are_refused(q):
    good = np.eye(q)[None] * 2.0
    inverse, logdet = small_inverses(good)
    assert inverse == pytest.approx(good / 4.0)
    assert logdet == pytest.approx(q * np.log(2.0))
    with pytest.raises(np.linalg.LinAlgError):
        small_inverses(-good)

"""What must not change a mixed model: the order of rows, names of groups, units of the response."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studypkg.inference import coefficient_table
from studypkg.models import fit_lmm

FORMULA = "y ~ x + (1 + x | g)"
FEW = settings(max_examples=15, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def rows(seed):
    draw = np.random.default_rng(seed)
    g = np.repeat(np.arange(8), 5)
    between = draw.normal(0, [1.0, 0.6], (8, 2))[g]
    table = pd.DataFrame({"g": g, "h": draw.integers(0, 4, 40), "x": draw.normal(size=40)})
    table["y"] = 2 + between[:, 0] + (1 + between[:, 1]) * table["x"] + draw.normal(0, 0.7, 40)
    return table


def same(one, other, *, scale=1.0, shift=0.0):
    """Compare two fits whose responses differ by ``shift + scale * y``."""
    n_free = one.n - len(one.params)
    assert other.loglik == pytest.approx(one.loglik - n_free * np.log(abs(scale)), rel=1e-9, abs=1e-8)
    np.testing.assert_allclose(other.bse, abs(scale) * one.bse, rtol=1e-5)
    expected = scale * one.params.to_numpy()
    expected[0] += shift
    assert np.abs(other.params.to_numpy() - expected).max() < 1e-5 * other.bse.min() + 1e-9 * abs(shift)
    np.testing.assert_allclose(
        other.varcomp["sd"], abs(scale) * one.varcomp["sd"], rtol=1e-4, atol=1e-4 * abs(scale) * one.sigma
    )


@FEW
@given(seed=seeds, order=st.randoms(use_true_random=False))
def test_the_order_of_rows(seed, order):
    table = rows(seed)
    places = list(range(len(table)))
    order.shuffle(places)
    same(fit_lmm(FORMULA, table), fit_lmm(FORMULA, table.iloc[places]))


@FEW
@given(seed=seeds, names=st.permutations([f"person {k}" for k in range(8)]))
def test_the_names_of_groups(seed, names):
    table = rows(seed)
    same(fit_lmm(FORMULA, table), fit_lmm(FORMULA, table.assign(g=[names[k] for k in table["g"]])))


@FEW
@given(
    seed=seeds,
    scale=st.sampled_from([-1.0, 1e-6, 0.1, 7.3, 1e6]),
    shift=st.sampled_from([0.0, -1e3, 12.5, 1e6]),
)
def test_the_units_of_the_response(seed, scale, shift):
    table = rows(seed)
    same(
        fit_lmm(FORMULA, table),
        fit_lmm(FORMULA, table.assign(y=scale * (table["y"] + shift))),
        scale=scale,
        shift=scale * shift,
    )


@FEW
@given(seed=seeds, unit=st.sampled_from([1e-4, 0.5, 52.0, 1e5]))
def test_the_units_of_a_column_change_its_own_numbers_only(seed, unit):
    table = rows(seed)
    one, other = (coefficient_table(fit_lmm(FORMULA, t)) for t in (table, table.assign(x=unit * table["x"])))
    np.testing.assert_allclose(other["statistic"], one["statistic"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(other["df"], one["df"], rtol=1e-4)


@FEW
@given(seed=seeds)
def test_the_order_of_crossed_terms(seed):
    table = rows(seed)
    one = fit_lmm("y ~ x + (1 | g) + (1 | h)", table)
    other = fit_lmm("y ~ x + (1 | h) + (1 | g)", table)
    assert other.loglik == pytest.approx(one.loglik, rel=1e-10)
    assert sorted(other.varcomp["sd"]) == pytest.approx(sorted(one.varcomp["sd"]), rel=1e-4, abs=1e-5)

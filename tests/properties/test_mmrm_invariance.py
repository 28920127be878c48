"""What must not change a model of repeated visits, and which structure can never fit worse than which."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studypkg.errors import ModelError
from studypkg.inference import coefficient_table
from studypkg.models import fit_lmm, fit_mmrm
from studypkg.models.mmrm import COVARIANCES

FORMULA = "y ~ arm * C(visit)"
FEW = settings(max_examples=12, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)
structures = st.sampled_from(COVARIANCES)
# On the left a structure that holds the one on the right as a special case.
NESTED = [
    ("un", "toeph"), ("un", "adh"), ("un", "csh"), ("toeph", "ar1h"), ("toeph", "csh"), ("toeph", "toep"),
    ("adh", "ar1h"), ("adh", "ad"), ("ar1h", "ar1"), ("csh", "cs"), ("toep", "ar1"), ("toep", "cs"),
    ("ad", "ar1"),
]  # fmt: skip


def rows(seed, patients=36):
    draw = np.random.default_rng(seed)
    rho = draw.uniform(0.2, 0.8)
    sd = draw.uniform(0.7, 1.6, 4)
    sigma = rho ** np.abs(np.subtract.outer(range(4), range(4))) * np.outer(sd, sd)
    y = 5 + draw.normal(size=(patients, 4)) @ np.linalg.cholesky(sigma).T
    patient, visit = np.repeat(np.arange(patients), 4), np.tile(np.arange(4), patients)
    table = pd.DataFrame(
        {
            "patient": patient,
            "visit": visit,
            "day": 28.0 * visit + draw.integers(-6, 7, len(visit)),
            "arm": np.where(patient % 2, "new", "usual"),
            "y": y.ravel(),
        }
    )
    return table[(draw.uniform(size=len(table)) > 0.15) | (visit == 0)].reset_index(drop=True)


def fit(table, cov, formula=FORMULA, **more):
    visit = "day" if cov == "sp_exp" else "visit"
    return fit_mmrm(formula, table, subject="patient", visit=visit, cov=cov, **more)


def same(one, other, *, scale=1.0, shift=0.0):
    """Compare two fits whose responses differ by ``shift + scale * y``."""
    free = one.n - len(one.params)
    assert other.loglik == pytest.approx(one.loglik - free * np.log(abs(scale)), abs=1e-6)
    expected = scale * one.params.to_numpy()
    expected[0] += shift
    assert np.abs(other.params.to_numpy() - expected).max() < 1e-5 * other.bse.min() + 1e-9 * abs(shift)
    np.testing.assert_allclose(other.bse, abs(scale) * one.bse, rtol=1e-5)
    np.testing.assert_allclose(other.varcomp["sd"], abs(scale) * one.varcomp["sd"], rtol=1e-5)
    np.testing.assert_allclose(coefficient_table(other)["df"], coefficient_table(one)["df"], rtol=1e-4)
    np.testing.assert_allclose(
        other.kenward_roger.vcov,
        scale**2 * one.kenward_roger.vcov,
        rtol=1e-4,
        atol=1e-6 * other.bse.max() ** 2,
    )


@FEW
@given(seed=seeds, cov=structures, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_names_of_patients(seed, cov, order):
    table = rows(seed)
    places, names = list(range(len(table))), [f"person {k}" for k in range(36)]
    order.shuffle(places)
    order.shuffle(names)
    other = table.iloc[places].assign(patient=[names[k] for k in table["patient"].iloc[places]])
    same(fit(table, cov), fit(other, cov))


@FEW
@given(
    seed=seeds,
    cov=structures,
    scale=st.sampled_from([-1.0, 1e-8, 0.1, 7.3, 1e8]),
    shift=st.sampled_from([0.0, -1e3, 12.5, 1e6]),
)
def test_the_units_of_the_response(seed, cov, scale, shift):
    table = rows(seed)
    other = fit(table.assign(y=scale * (table["y"] + shift)), cov)
    same(fit(table, cov), other, scale=scale, shift=scale * shift)


@FEW
@given(seed=seeds, unit=st.sampled_from([1 / 365.25, 24.0, 86_400.0]), start=st.sampled_from([0.0, 19_000.0]))
def test_the_units_and_the_origin_of_time(seed, unit, start):
    table = rows(seed)
    same(fit(table, "sp_exp"), fit(table.assign(day=unit * (table["day"] + start)), "sp_exp"))


@FEW
@given(seed=seeds, cov=st.sampled_from(["un", "cs", "csh"]), order=st.permutations([0, 1, 2, 3]))
def test_the_order_of_visits_where_it_has_no_meaning(seed, cov, order):
    table = rows(seed)
    other = table.assign(visit=table["visit"].map(dict(enumerate(order))))
    one, two = (fit(t, cov, "y ~ arm") for t in (table, other))
    assert two.loglik == pytest.approx(one.loglik, abs=1e-7)
    np.testing.assert_allclose(two.bse, one.bse, rtol=1e-5)
    np.testing.assert_allclose(two.kenward_roger.vcov, one.kenward_roger.vcov, rtol=1e-5)


@FEW
@given(seed=seeds, reml=st.booleans())
def test_a_special_case_never_fits_better(seed, reml):
    table, found = rows(seed), {}
    for cov in COVARIANCES:
        try:
            found[cov] = fit(table, cov, reml=reml).loglik
        except ModelError:
            continue
    assert {"un", "ar1", "cs"} <= set(found)
    for wide, narrow in NESTED:
        if wide in found and narrow in found:
            assert found[wide] >= found[narrow] - 1e-8 * abs(found[narrow])


@FEW
@given(seed=seeds, reml=st.booleans())
def test_compound_symmetry_is_a_random_intercept(seed, reml):
    table = rows(seed)
    repeated = fit(table, "cs", reml=reml)
    assert repeated.varcomp.set_index("term")["value"]["rho"] > 0.0
    mixed = fit_lmm(f"{FORMULA} + (1 | patient)", table, reml=reml)
    assert repeated.loglik == pytest.approx(mixed.loglik, rel=1e-8)
    assert (np.abs(repeated.params - mixed.params) / mixed.bse).max() < 1e-4
    np.testing.assert_allclose(repeated.bse, mixed.bse, rtol=1e-4)

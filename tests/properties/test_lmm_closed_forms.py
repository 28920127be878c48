"""Balanced designs have their answer in the table of mean squares; the engine must find the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from studypkg.inference import coefficient_table
from studypkg.models import fit_lmm


def components(fit):
    return dict(zip(fit.varcomp["group"], fit.varcomp["variance"], strict=True))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(3, 12), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_one_way(groups, size, seed):
    random = np.random.default_rng(seed)
    y = random.normal(size=(groups, 1)) + random.normal(size=(groups, size))
    between = size * y.mean(axis=1).var(ddof=1)
    within = float(((y - y.mean(axis=1, keepdims=True)) ** 2).sum()) / (groups * (size - 1))
    rows = pd.DataFrame({"pain": y.ravel(), "patient": np.repeat(np.arange(groups), size)})
    fit = fit_lmm("pain ~ 1 + (1 | patient)", rows)
    if between <= within:
        total = float(y.var(ddof=1))
        assert fit.is_singular
        assert components(fit) == {"patient": 0.0, "Residual": pytest.approx(total, rel=1e-9)}
        return
    assume(between > 1.001 * within)
    assert components(fit) == {
        "patient": pytest.approx((between - within) / size, rel=1e-5),
        "Residual": pytest.approx(within, rel=1e-5),
    }
    assert fit.bse["Intercept"] == pytest.approx(np.sqrt(between / y.size), rel=1e-5)
    # The variance of the mean is one mean square, so its degrees of freedom are those of that mean square.
    for method in ("satterthwaite", "kenward-roger"):
        assert coefficient_table(fit, ddf=method)["df"].iloc[0] == pytest.approx(groups - 1, rel=1e-4)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(3, 7), st.integers(2, 4), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_nested(clinics, therapists, visits, seed):
    random = np.random.default_rng(seed)
    shape = (clinics, therapists, visits)
    y = random.normal(0, 1.5, (clinics, 1, 1)) + random.normal(0, 1.5, (clinics, therapists, 1))
    y = y + random.normal(size=shape)
    cell, clinic = y.mean(axis=2), y.mean(axis=(1, 2))
    ms_clinic = therapists * visits * clinic.var(ddof=1)
    ms_therapist = visits * ((cell - clinic[:, None]) ** 2).sum() / (clinics * (therapists - 1))
    ms_visit = ((y - cell[:, :, None]) ** 2).sum() / (clinics * therapists * (visits - 1))
    assume(ms_clinic > 1.01 * ms_therapist > 1.02 * ms_visit)
    where = np.indices(shape).reshape(3, -1)
    rows = pd.DataFrame({"pain": y.ravel(), "clinic": where[0], "therapist": where[1]})
    fit = fit_lmm("pain ~ 1 + (1 | clinic/therapist)", rows)
    found = components(fit)
    assert found["clinic"] == pytest.approx((ms_clinic - ms_therapist) / (therapists * visits), rel=1e-4)
    assert found["therapist:clinic" if "therapist:clinic" in found else "clinic:therapist"] == pytest.approx(
        (ms_therapist - ms_visit) / visits, rel=1e-4
    )
    assert found["Residual"] == pytest.approx(ms_visit, rel=1e-5)
    table = coefficient_table(fit)
    assert table["se"].iloc[0] == pytest.approx(np.sqrt(ms_clinic / y.size), rel=1e-5)
    assert table["df"].iloc[0] == pytest.approx(clinics - 1, rel=1e-3)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(4, 9), st.integers(3, 6), st.integers(0, 2**32 - 1))
def test_crossed(patients, therapists, seed):
    """Two crossed factors, one row a cell: the interaction is the residual."""
    random = np.random.default_rng(seed)
    y = random.normal(0, 2, (patients, 1)) + random.normal(0, 2, (1, therapists))
    y = y + random.normal(size=(patients, therapists))
    by_patient, by_therapist = y.mean(axis=1), y.mean(axis=0)
    ms_patient, ms_therapist = therapists * by_patient.var(ddof=1), patients * by_therapist.var(ddof=1)
    left = y - by_patient[:, None] - by_therapist[None] + y.mean()
    ms_left = (left**2).sum() / ((patients - 1) * (therapists - 1))
    assume(min(ms_patient, ms_therapist) > 1.01 * ms_left)
    where = np.indices(y.shape).reshape(2, -1)
    rows = pd.DataFrame({"pain": y.ravel(), "patient": where[0], "therapist": where[1]})
    found = components(fit_lmm("pain ~ 1 + (1 | patient) + (1 | therapist)", rows))
    assert found["patient"] == pytest.approx((ms_patient - ms_left) / therapists, rel=1e-4)
    assert found["therapist"] == pytest.approx((ms_therapist - ms_left) / patients, rel=1e-4)
    assert found["Residual"] == pytest.approx(ms_left, rel=1e-5)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_a_split_plot_is_a_paired_comparison(seed):
    """Each patient before and after: the change is the paired t test."""
    random = np.random.default_rng(seed)
    start = random.normal(6.0, 1.5, 15)
    end = start - 1.0 + random.normal(0.0, 1.0, 15)
    change = end - start
    assume(np.cov(start, end)[0, 1] > 0.05)
    rows = pd.DataFrame(
        {"pain": np.concatenate([start, end]), "after": np.repeat([0, 1], 15), "patient": list(range(15)) * 2}
    )
    table = coefficient_table(fit_lmm("pain ~ after + (1 | patient)", rows))
    row = table.loc["after"]
    assert row["estimate"] == pytest.approx(change.mean(), rel=1e-9)
    assert row["se"] == pytest.approx(change.std(ddof=1) / np.sqrt(15), rel=1e-6)
    assert row["df"] == pytest.approx(14, rel=1e-4)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_nested_labels_and_labels_of_their_own_are_one_model(seed):
    random = np.random.default_rng(seed)
    clinic, therapist = random.integers(0, 5, 150), random.integers(0, 4, 150)
    rows = pd.DataFrame({"clinic": clinic, "therapist": therapist, "own": clinic * 4 + therapist})
    rows["x"] = random.normal(size=150)
    rows["pain"] = (
        random.normal(size=5)[clinic] + random.normal(size=20)[rows["own"]] + random.normal(size=150)
    )
    inside = fit_lmm("pain ~ x + (1 | clinic/therapist)", rows)
    apart = fit_lmm("pain ~ x + (1 | own) + (1 | clinic)", rows)
    assert inside.loglik == pytest.approx(apart.loglik, rel=1e-10)
    np.testing.assert_allclose(inside.params, apart.params, rtol=1e-6)
    np.testing.assert_allclose(inside.bse, apart.bse, rtol=1e-6)

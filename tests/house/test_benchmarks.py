"""The benchmarks measure what they say: cohorts as described, agreement judged, ratios of one run only."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.parametrize("kind", ["nested", "crossed", "free", "trial"])
def test_a_cohort_is_the_same_for_the_same_seed_and_has_its_rows(kind):
    from benchmarks.mixed_models.cohorts import cohort

    one = cohort(kind, 1_003, seed=3)
    assert len(one) == 1_003
    assert one.equals(cohort(kind, 1_003, seed=3))
    assert not one["pain"].equals(cohort(kind, 1_003, seed=4)["pain"])


def test_patients_have_one_therapist_when_nested_and_several_of_one_clinic_when_crossed():
    from benchmarks.mixed_models.cohorts import cohort

    nested, crossed = (cohort(kind, 4_000).groupby("patient") for kind in ("nested", "crossed"))
    assert (nested[["therapist", "clinic"]].nunique() == 1).all(axis=None)
    assert (crossed["clinic"].nunique() == 1).all()
    assert (crossed["therapist"].nunique() > 1).mean() > 0.9


def test_the_model_finds_the_variances_that_made_the_cohort():
    from benchmarks.mixed_models.cohorts import MODELS, PATIENT_SD, RESIDUAL_SD, cohort
    from studypkg.models import fit_lmm

    fit = fit_lmm(MODELS["M2"].formula, cohort("nested", 16_000))
    assert fit.sigma == pytest.approx(RESIDUAL_SD, rel=0.03)
    assert fit.varcomp["sd"].iloc[0] == pytest.approx(PATIENT_SD, rel=0.05)


def test_names_of_coefficients_meet_and_another_optimum_is_seen():
    from benchmarks.mixed_models.agreement import agrees, compare

    ours = {
        "loglik": -10.0,
        "estimates": {"Intercept": 1.0, "arm[T.b]:x": 2.0},
        "se": {"Intercept": 0.1, "arm[T.b]:x": 0.1},
    }
    same = {
        "loglik": -10.0,
        "estimates": {"(Intercept)": 1.0, "x:armb": 2.0},
        "se": {"(Intercept)": 0.1, "x:armb": 0.1},
    }
    found = compare(same, ours, same_ddf=True)
    assert found["estimates"] == 0.0
    assert agrees(found)
    assert not agrees(compare(same | {"loglik": -10.01}, ours, same_ddf=True))


def test_figures_of_two_runs_are_not_divided_by_each_other(tmp_path):
    from benchmarks.mixed_models.store import Store
    from benchmarks.mixed_models.tables import model_table

    def record(name, seconds):
        return {
            "model": "M1", "rows": 1000, "entrant": name, "status": "ok", "seconds": seconds,
            "iqr": [seconds, seconds], "repetitions": 5,
        }  # fmt: skip

    store = Store(tmp_path / "results.json")
    for run, records in {
        "a": [record("studypkg", 0.01), record("lme4", 0.05)],
        "b": [record("glmm", 0.02)],
    }.items():
        store.begin(run, {})
        store.add(run, records)
    table = Store(tmp_path / "results.json")
    lines = model_table(table, "M1").splitlines()
    assert any("lme4" in line and "× 5.00" in line for line in lines)
    assert any("glmm" in line and "20 ms (another run)" in line for line in lines)


def test_an_engine_far_over_the_limit_is_not_tried_again_on_more_rows(tmp_path):
    from benchmarks.mixed_models.store import Store

    store = Store(tmp_path / "results.json")
    slow = {"model": "M1", "rows": 1000, "entrant": "nlme", "status": "ok", "seconds": 60.0}
    store.add("a", [slow])
    assert store.hopeless("M1", 10_000, "nlme", limit=240.0) == "60 s at 1,000 rows"
    assert store.hopeless("M1", 3_000, "nlme", limit=240.0) == ""


def test_a_cell_of_the_coverage_study_counts_every_data_set_the_same_way_twice():
    from benchmarks.coverage import DESIGNS, run_cell

    first, second = (list(run_cell(DESIGNS[0], 8, data_sets=20, seed=1).records(8)) for _ in range(2))
    assert first == second
    assert all(r["fits"] + r["not_fitted"] == 20 for r in first)
    narrow, wide = (
        next(r for r in first if r["ddf"] == m)["coverage"] for m in ("asymptotic", "satterthwaite")
    )
    assert narrow <= wide
    assert np.isfinite(first[0]["se_over_spread"])

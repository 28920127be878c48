"""Streamed sums are the sums: every kind of model gives the digits it gives in memory."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from studypkg.models import fit_lmm

NESTED = "(1 + weeks | patient) + (1 | therapist) + (1 | clinic)"


@pytest.mark.parametrize(
    "formula",
    [
        "pain ~ weeks * adherence + sex + (1 + weeks | patient)",
        f"pain ~ weeks * adherence + sex + {NESTED}",
        "pain ~ weeks + (1 | clinic/therapist/patient)",
        "pain ~ weeks + (1 + weeks || patient) + (1 | device)",
        "pain ~ weeks + (1 | patient) + (1 + weeks | device) + (1 | clinic)",
        "pain ~ C(dose) * treated + np.log(1 + weeks) + (1 | patient)",
        "pain ~ C(dose, contr.sum) + I(weeks ** 2) + (0 + C(sex) | therapist)",
        "np.log(pain + 20) ~ 0 + weeks + I(weeks > 2) + (0 + weeks | patient)",
        "pain ~ weeks + (1 | device)",
    ],
)
def test_every_kind_of_model(visits, visits_file, same_digits, formula):
    streamed = fit_lmm(formula, visits_file, partition_rows=300)
    same_digits(streamed, fit_lmm(formula, visits))


def test_one_partition_is_enough_for_few_rows(visits, visits_file, same_digits):
    formula = f"pain ~ weeks * adherence + sex + {NESTED}"
    same_digits(fit_lmm(formula, visits_file), fit_lmm(formula, visits))


def test_weights_with_gaps_among_them(visits, tmp_path, same_digits):
    rows = visits.copy()
    rows.loc[::50, "sureness"] = np.nan
    rows.to_parquet(tmp_path / "v.parquet")
    formula = f"pain ~ weeks + sex + {NESTED}"
    streamed = fit_lmm(formula, tmp_path / "v.parquet", weights="sureness", partition_rows=450)
    same_digits(streamed, fit_lmm(formula, rows, weights="sureness"))
    assert streamed.weighted
    assert streamed.dropped["weights of the rows"] == 18


def test_maximum_likelihood_and_a_start(visits, visits_file, same_digits):
    formula = f"pain ~ weeks + {NESTED}"
    whole = fit_lmm(formula, visits, reml=False)
    start = whole.optimisation.theta
    streamed = fit_lmm(formula, visits_file, reml=False, start=start, partition_rows=450)
    same_digits(streamed, fit_lmm(formula, visits, reml=False, start=start))


def test_far_from_zero_and_nearly_repeating_columns_lose_no_digits(visits, tmp_path, same_digits):
    # A date as a large number and a column that almost copies another: products alone would not do.
    rows = visits.assign(
        day=738_000.0 + 7 * visits["weeks"], copy=visits["adherence"] * (1 + 1e-5 * visits["weeks"])
    )
    rows.to_parquet(tmp_path / "v.parquet")
    formula = "pain ~ day + adherence + copy + (1 | patient)"
    whole = fit_lmm(formula, rows)
    streamed = fit_lmm(formula, tmp_path / "v.parquet", partition_rows=450)
    np.testing.assert_allclose(streamed.params, whole.params, rtol=1e-6)
    np.testing.assert_allclose(streamed.bse, whole.bse, rtol=1e-6)
    assert streamed.loglik == pytest.approx(whole.loglik, rel=1e-12)


def test_aliased_columns_are_the_same_ones(visits, tmp_path, same_digits):
    rows = visits.assign(double=2 * visits["weeks"], none=0.0)
    rows.to_parquet(tmp_path / "v.parquet")
    formula = "pain ~ weeks + none + double + sex + (1 | patient)"
    streamed = fit_lmm(formula, tmp_path / "v.parquet", partition_rows=450)
    same_digits(streamed, fit_lmm(formula, rows))
    assert streamed.aliased == ("none", "double")


def test_several_files_a_folder_a_glob_and_a_relation(visits, tmp_path, same_digits):
    for at in range(3):
        visits[at::3].to_parquet(tmp_path / f"part-{at}.parquet")
    formula = f"pain ~ weeks * adherence + {NESTED}"
    whole = fit_lmm(formula, visits)
    relation = duckdb.connect().read_parquet(str(tmp_path / "*.parquet"))
    for source in (tmp_path, str(tmp_path / "part-*.parquet"), relation):
        same_digits(fit_lmm(formula, source, partition_rows=300), whole)


def test_a_folder_whose_names_hold_a_column(visits, tmp_path, same_digits):
    for clinic, rows in visits.groupby("clinic"):
        (tmp_path / f"clinic={clinic}").mkdir()
        rows.drop(columns="clinic").to_parquet(tmp_path / f"clinic={clinic}" / "rows.parquet")
    formula = f"pain ~ weeks + {NESTED}"
    same_digits(fit_lmm(formula, tmp_path, partition_rows=450), fit_lmm(formula, visits))


def test_neither_the_order_of_rows_nor_the_cut_into_files_changes_a_bit(visits, visits_file, tmp_path):
    visits.sample(frac=1.0, random_state=5).to_parquet(tmp_path / "other.parquet")
    formula = f"pain ~ weeks * adherence + sex + {NESTED}"
    one, other = (
        fit_lmm(formula, path, partition_rows=450) for path in (visits_file, tmp_path / "other.parquet")
    )
    assert one.params.equals(other.params)
    assert one.vcov.equals(other.vcov)


def test_many_levels_start_from_a_sample(tmp_path):
    draw = np.random.default_rng(3)
    patient = np.repeat(np.arange(21_000), 4)
    rows = pd.DataFrame(
        {"patient": patient, "therapist": patient // 300, "weeks": np.tile(np.arange(4.0), 21_000)}
    )
    rows["pain"] = (
        5 - 0.3 * rows["weeks"] + draw.normal(0, 1, 21_000)[patient] + draw.normal(0, 0.5, 70)[patient // 300]
        + draw.normal(0, 1, len(rows))
    )  # fmt: skip
    rows.to_parquet(tmp_path / "v.parquet")
    formula = "pain ~ weeks + (1 | patient) + (1 | therapist)"
    streamed, whole = fit_lmm(formula, tmp_path / "v.parquet", partition_rows=30_000), fit_lmm(formula, rows)
    np.testing.assert_allclose(streamed.params, whole.params, rtol=1e-7)
    np.testing.assert_allclose(streamed.varcomp["variance"], whole.varcomp["variance"], rtol=1e-4)

"""Marginal means: the mean of every level when everything else is the same."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import special

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import contrast, marginal_means
from studypkg.models import fit_lmm, fit_mmrm

ASYMPTOTIC = {"ddf": "asymptotic"}


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(8)
    rows = pd.DataFrame({"who": np.repeat(np.arange(20), 6), "age": draw.uniform(20, 70, 120)})
    rows["arm"] = np.array(["new", "sham", "usual"])[draw.integers(3, size=120)]
    rows["site"] = np.array(["north", "south"])[draw.integers(2, size=120)]
    rows["late"] = draw.uniform(size=120) < 0.3
    rows["grade"] = draw.integers(1, 4, size=120)
    rows["y"] = 5 + (rows["arm"] == "new") - 0.05 * rows["age"] + draw.normal(size=120)
    return rows


@pytest.fixture(scope="module")
def fit(rows):
    return fit_lmm("y ~ arm * site + late + C(grade) + arm:age + (1 | who)", rows)


@pytest.fixture(scope="module")
def hole(rows):
    return fit_lmm("y ~ arm * site + (1 | who)", rows[~((rows["arm"] == "sham") & (rows["site"] == "south"))])


def test_a_mean_is_the_mean_of_the_predictions_over_the_grid(fit, rows):
    table = marginal_means(fit, "arm", **ASYMPTOTIC).table
    for arm, estimate in zip(table["arm"], table["estimate"], strict=True):
        cells = [
            {"arm": arm, "site": s, "late": late, "grade": g, "age": rows["age"].mean()}
            for s in ("north", "south") for late in (False, True) for g in (1, 2, 3)
        ]  # fmt: skip
        assert estimate == pytest.approx(fit.predict(pd.DataFrame(cells)).mean())


def test_the_linear_functions_give_the_same_answers_through_contrast(fit):
    means = marginal_means(fit, ["arm", "site"])
    again = contrast(fit, means.linear.to_numpy())
    columns = ["estimate", "se", "df", "ci_low", "ci_high"]
    np.testing.assert_allclose(means.table[columns], again[columns])
    assert list(means.linear.columns) == list(fit.params.index)


@pytest.mark.parametrize(
    "arm", ["C(arm, contr.sum)", "C(arm, contr.helmert)", 'C(arm, contr.treatment(base="usual"))']
)
def test_the_coding_of_a_factor_does_not_matter(rows, arm):
    plain = marginal_means(fit_lmm("y ~ arm + age + (1 | who)", rows), "arm")
    coded = marginal_means(fit_lmm(f"y ~ {arm} + age + (1 | who)", rows), "arm")
    np.testing.assert_allclose(coded.table.iloc[:, 1:], plain.table.iloc[:, 1:], rtol=1e-4)
    assert coded.table["arm"].tolist() == plain.table["arm"].tolist()


def test_families_and_the_order_of_rows(fit):
    table = marginal_means(fit, "arm", by="site", **ASYMPTOTIC).table
    assert list(table.columns) == ["arm", "site", "estimate", "se", "df", "ci_low", "ci_high"]
    assert table["arm"].tolist() == ["new", "sham", "usual"] * 2
    assert table["site"].tolist() == ["north"] * 3 + ["south"] * 3


def test_yes_and_no_and_numbers_as_levels(fit):
    assert marginal_means(fit, "late", **ASYMPTOTIC).table["late"].tolist() == [False, True]
    assert marginal_means(fit, "grade", **ASYMPTOTIC).table["grade"].tolist() == [1, 2, 3]


def test_cells_weights_recover_what_was_seen(rows):
    fit = fit_lmm("y ~ arm * site + (1 | who)", rows)
    table = marginal_means(fit, "arm", weights="cells", **ASYMPTOTIC).table.set_index("arm")
    fitted = pd.Series(fit.rows.fixed @ fit.params.to_numpy(), index=rows.index)
    for arm, mean in fitted.groupby(rows["arm"]).mean().items():
        assert table.loc[arm, "estimate"] == pytest.approx(mean)


def test_over_the_rows_is_the_mean_of_what_every_row_would_be(rows):
    fit = fit_lmm("y ~ arm * poly(age, 2) + late + arm:site + (1 | who)", rows)
    means = marginal_means(fit, "arm", weights="rows", **ASYMPTOTIC)
    for arm, estimate in zip(means.table["arm"], means.table["estimate"], strict=True):
        assert estimate == pytest.approx(fit.predict(rows.assign(arm=arm)).mean())
    assert any("rows used" in note for note in means.notes)
    held = marginal_means(fit, "arm", weights="rows", at={"late": True}, **ASYMPTOTIC).table
    assert held["estimate"][0] == pytest.approx(fit.predict(rows.assign(arm="new", late=True)).mean())
    with pytest.raises(ConfigError, match="set to one value for all rows"):
        marginal_means(fit, "arm", weights="rows", at={"late": [True, False]})
    with pytest.raises(ConfigError, match="is not built here"):
        marginal_means(dataclasses.replace(fit, link="logit"), "arm", weights="rows", scale="response")


def test_an_empty_cell_is_not_estimable(hole):
    table = marginal_means(hole, ["arm", "site"], **ASYMPTOTIC).table.set_index(["arm", "site"])
    assert hole.aliased
    assert table.loc[("sham", "south"), "reason"] == "not estimable"
    assert table.loc[("sham", "south"), ["estimate", "se", "df", "ci_low"]].isna().all()
    assert (table["reason"] == "not estimable").sum() == 1


def test_the_reason_is_kept_apart_from_the_numbers(hole):
    means = marginal_means(hole, "site", **ASYMPTOTIC)
    assert means.table["reason"].tolist() == ["", "not estimable"]
    assert means.linear.isna().all(axis=1).tolist() == [False, True]
    assert any("cannot tell apart" in note for note in means.notes)
    assert means.joint()["reason"].tolist() == ["not estimable"]
    assert means.pairwise().table["reason"].tolist() == ["not estimable"]


def test_an_empty_cell_has_no_weight_of_its_own(hole):
    table = marginal_means(hole, ["arm", "site"], weights="cells", **ASYMPTOTIC).table
    assert table["reason"].tolist().count("not estimable") == 1
    narrow = marginal_means(hole, "arm", at={"site": "south"}, weights="cells", **ASYMPTOTIC).table
    assert narrow["reason"].tolist() == ["", "no rows to weigh by", ""]


def test_which_columns_were_left_out_does_not_matter(rows):
    some = rows[~((rows["arm"] == "sham") & (rows["site"] == "south"))].copy()
    fits = []
    for order in (["new", "sham", "usual"], ["sham", "usual", "new"]):
        some["arm"] = pd.Categorical(some["arm"], categories=order)
        fits.append(fit_lmm("y ~ arm * site + (1 | who)", some))
    one, other = (
        marginal_means(f, ["arm", "site"], **ASYMPTOTIC).table.set_index(["arm", "site"]) for f in fits
    )
    for column, rtol in (("estimate", 1e-6), ("se", 1e-4)):
        np.testing.assert_allclose(one[column], [other.loc[cell, column] for cell in one.index], rtol=rtol)


def test_repeated_covariates_can_only_move_together(rows):
    both = rows.assign(months=12.0 * rows["age"])
    fit = fit_lmm("y ~ arm + age + months + (1 | who)", both)
    assert fit.aliased == ("months",)
    alone = marginal_means(fit, "arm", at={"age": 50}, **ASYMPTOTIC).table
    assert (alone["reason"] == "not estimable").all()
    together = marginal_means(fit, "arm", at={"age": 50, "months": 600}, **ASYMPTOTIC).table
    without = marginal_means(
        fit_lmm("y ~ arm + age + (1 | who)", rows), "arm", at={"age": 50}, **ASYMPTOTIC
    ).table
    np.testing.assert_allclose(together["estimate"], without["estimate"], rtol=1e-6)


def test_a_difference_may_be_estimable_where_the_means_are_not(rows):
    both = rows.assign(months=12.0 * rows["age"])
    means = marginal_means(
        fit_lmm("y ~ arm + age + months + (1 | who)", both), "arm", at={"age": 50}, **ASYMPTOTIC
    )
    assert means.table["estimate"].isna().all()
    assert means.pairwise().table["estimate"].notna().all()
    assert means.joint()["num_df"].tolist() == [2.0]


def test_repeated_measures(rows):
    visits = rows.drop_duplicates(["who", "grade"])
    fit = fit_mmrm("y ~ arm * C(grade)", visits, subject="who", visit="grade", cov="cs")
    means = marginal_means(fit, "arm", by="grade")
    assert len(means.table) == 9
    assert means.pairwise().table.groupby("grade").size().tolist() == [3, 3, 3]


def test_on_the_response_scale_ends_are_transformed_and_the_spread_is_scaled(fit):
    logit = dataclasses.replace(fit, link="logit")
    link = marginal_means(logit, "arm", **ASYMPTOTIC).table
    table = marginal_means(logit, "arm", scale="response", **ASYMPTOTIC).table
    p = special.expit(link["estimate"])
    np.testing.assert_allclose(table["estimate"], p)
    np.testing.assert_allclose(table["se"], link["se"] * p * (1 - p), rtol=1e-9)
    np.testing.assert_allclose(table[["ci_low", "ci_high"]], special.expit(link[["ci_low", "ci_high"]]))


def test_the_response_scale_of_an_identity_link_is_the_link_scale(fit):
    pd.testing.assert_frame_equal(
        marginal_means(fit, "arm", scale="response").table, marginal_means(fit, "arm").table
    )


def test_notes_say_what_was_done(fit):
    notes = " ".join(marginal_means(fit, "arm", at={"late": True}).notes)
    assert "Averaged over site, grade (weights: equal)." in notes
    assert "late = True" in notes
    assert "(mean)" in notes
    assert "interaction with site, which was averaged over" in notes
    assert "interaction with age, held at one value" in notes
    assert "95% intervals, each by itself." in notes


def test_a_notebook_shows_the_table_and_the_notes(fit):
    shown = marginal_means(fit, "arm")._repr_html_()
    assert "<caption>Estimates: mean, link scale</caption>" in shown
    assert "Averaged over" in shown
    assert "usual" in repr(marginal_means(fit, "arm"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"specs": "amr"}, r'specs: "amr" is not a variable of the fixed part\. Did you mean "arm"'),
        ({"specs": []}, "name at least one variable"),
        ({"specs": None}, "name at least one variable"),
        ({"specs": ["arm", "arm"]}, "named twice"),
        ({"specs": "who"}, '"who" is not a variable'),
        ({"specs": "arm", "by": "arm"}, "in specs and in by"),
        ({"specs": "arm", "by": "sites"}, 'by: "sites"'),
        ({"specs": "arm", "weights": "cell"}, 'Did you mean "cells"'),
        ({"specs": "arm", "scale": "responce"}, 'Did you mean "response"'),
        ({"specs": "arm", "ddf": "satterthwait"}, "satterthwaite"),
        ({"specs": "arm", "level": 95}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_asked(fit, asked, message):
    with pytest.raises(ConfigError, match=message):
        marginal_means(fit, **asked)


def test_a_formula_without_a_value_there(rows):
    fit = fit_lmm("y ~ arm + np.log(age) + (1 | who)", rows)
    with pytest.raises(ConfigError, match="is not a finite number somewhere in the reference grid"):
        marginal_means(fit, "arm", at={"age": 0})
    fit = fit_lmm("y ~ arm + bs(age, df=4) + (1 | who)", rows)
    with pytest.raises(ConfigError, match="boundary knots of a spline"):
        marginal_means(fit, "arm", at={"age": 99})


def test_a_variable_named_like_a_column_of_the_result(rows):
    fit = fit_lmm("y ~ contrast + (1 | who)", rows.rename(columns={"arm": "contrast"}))
    with pytest.raises(ConfigError, match="give the variable another name"):
        marginal_means(fit, "contrast")


def test_an_unknown_link_has_no_way_back(fit):
    with pytest.raises(ModelError, match='ask for scale="link"'):
        marginal_means(dataclasses.replace(fit, link="cauchit"), "arm", scale="response", **ASYMPTOTIC)

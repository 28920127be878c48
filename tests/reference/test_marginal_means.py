"""Marginal means, slopes, comparisons and adjustments against emmeans at full precision."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from studypkg.inference import adjust_p_values, marginal_means, marginal_trends
from studypkg.inference.adjust_range import range_quantile, range_tail
from studypkg.models import fit_lmm, fit_mmrm

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "marginal_means.json").read_text(encoding="utf-8"))
TEXTBOOK = json.loads((DATA / "lmm_references.json").read_text(encoding="utf-8"))
FEV = json.loads((DATA / "mmrm_references.json").read_text(encoding="utf-8"))["fev"]
EXACT = {"none": "none", "holm": "holm", "bonferroni": "bonferroni", "fdr": "bh"}
JOINT = {"tukey": "tukey", "sidak": "sidak", "scheffe": "scheffe"}
FORMULAS = {
    "cake": "angle ~ recipe * temperature + (1 | recipe:replicate)",
    "carrots": "Preference ~ sens2 * Homesize + (1 + sens2 | Consumer) + (1 | Product)",
    "looms": "breaks ~ wool * tension + tension * load + late + (1 | mill)",
    "curved": "breaks ~ wool + tension * poly(load, 2) + np.log(load) + (1 | mill)",
    "spline": "breaks ~ wool * bs(load, knots=[3, 6], lower_bound=1, upper_bound=9) + (1 | mill)",
    "hole": "breaks ~ wool * tension + load + (1 | mill)",
}


def looms():
    rows = pd.read_csv(DATA / "marginal_looms.csv", true_values=["TRUE"], false_values=["FALSE"])
    rows["tension"] = pd.Categorical(rows["tension"], categories=["L", "M", "H"])
    return rows


def rows_of(case):
    if case == "cake":
        return pd.read_csv(DATA / "cake_splitplot.csv", dtype={"temperature": str, "replicate": str})
    if case == "carrots":
        return pd.read_csv(DATA / "carrots.csv", dtype={"Homesize": str, "Consumer": str})
    rows = looms()
    return rows if case != "hole" else rows[~((rows["wool"] == "B") & (rows["tension"] == "H"))]


@pytest.fixture(scope="module")
def fits():
    made = {}

    def get(case):
        if case not in made:
            made[case] = fit_lmm(FORMULAS[case], rows_of(case))
        return made[case]

    return get


def columns(records):
    return pd.DataFrame(records).to_dict("list").items()


def assert_means(table, expected, df=1e-2):
    expected = pd.DataFrame(expected).astype({"estimate": float})
    scale = expected["SE"].min()
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-6, atol=1e-6 * scale)
    np.testing.assert_allclose(table["se"], expected["SE"].astype(float), rtol=1e-5)
    np.testing.assert_allclose(table["df"], expected["df"].astype(float), atol=df)
    np.testing.assert_allclose(table["ci_low"], expected["lower.CL"], rtol=2e-5, atol=2e-5 * scale)
    np.testing.assert_allclose(table["ci_high"], expected["upper.CL"], rtol=2e-5, atol=2e-5 * scale)


def assert_comparisons(table, expected, p_value=1e-6):
    """Estimates and standard errors to five digits, p-values to ``p_value``."""
    expected = pd.DataFrame(expected)
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table["se"], expected["SE"], rtol=1e-5)
    np.testing.assert_allclose(table["p_value"], expected["p.value"], atol=p_value)


def assert_intervals(table, expected, rtol=1e-5):
    expected = pd.DataFrame(expected)
    half = (expected["upper.CL"] - expected["lower.CL"]) / 2.0
    np.testing.assert_allclose((table["ci_high"] - table["ci_low"]) / 2.0, half, rtol=rtol)


def test_cells_of_a_split_plot(fits):
    means = marginal_means(fits("cake"), "temperature", by="recipe", ddf="satterthwaite")
    assert_means(means.table, REFERENCES["cake"]["means"])
    assert list(means.table.columns[:2]) == ["temperature", "recipe"]
    assert means.table["temperature"].tolist() == REFERENCES["cake"]["means"]["temperature"]


@pytest.mark.parametrize(
    ("case", "variable", "more"),
    [
        ("sleepstudy_slope", "Days", {"at": {"Days": [0, 5, 9]}}),
        ("machines_nested", "Machine", {}),
        ("beets_splitplot", "harvest", {}),
        ("orthodont_slope", "Sex", {"by": "age", "at": {"age": [8, 14]}}),
    ],
)
def test_textbook_cases(case, variable, more):
    expected = TEXTBOOK[case]["emmeans_satterthwaite"]
    rows = pd.read_csv(DATA / f"{case}.csv")
    if "Sex" in rows:
        rows["Sex"] = pd.Categorical(rows["Sex"], categories=["Male", "Female"])
    means = marginal_means(fit_lmm(TEXTBOOK[case]["formula"], rows), variable, **more)
    assert_means(
        means.table, {("estimate" if k == "emmean" else k): v for k, v in columns(expected["emmeans"])}
    )
    assert_comparisons(means.pairwise("tukey").table, dict(columns(expected["pairs_tukey"])))


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_repeated_measures(ddf):
    expected = FEV[f"emmeans_{ddf.replace('-', '_')}"]
    fit = fit_mmrm(
        "FEV1 ~ RACE + SEX + ARMCD * AVISIT",
        pd.read_csv(DATA / "mmrm_fev.csv"),
        subject="USUBJID",
        visit="AVISIT",
        kenward_roger="full",
    )
    means = marginal_means(fit, "ARMCD", by="AVISIT", ddf=ddf)
    # Their search stopped a little earlier than ours: five digits in common.
    for table, key in ((means.table, "emmeans"), (means.pairwise("none", reverse=True).table, "diff")):
        theirs = pd.DataFrame(expected[key]).rename(columns={"emmean": "estimate"})
        np.testing.assert_allclose(table["estimate"], theirs["estimate"], rtol=1e-4)
        np.testing.assert_allclose(table["se"], theirs["SE"], rtol=1e-4)
        np.testing.assert_allclose(table["df"], theirs["df"], atol=2e-2)


@pytest.mark.parametrize("adjust", [*EXACT, *JOINT, "mvt"])
def test_adjustments_within_families_of_fifteen(fits, adjust):
    expected = REFERENCES["cake"]["pairs"][adjust]
    means = marginal_means(fits("cake"), "temperature", by="recipe", ddf="satterthwaite")
    found = means.pairwise({**EXACT, **JOINT}.get(adjust, adjust))
    assert_comparisons(found.table, expected, 1e-3 if adjust == "mvt" else 1e-6)
    if found.simultaneous:
        assert_intervals(found.table, expected, 2e-3 if adjust == "mvt" else 1e-5)


@pytest.mark.parametrize("adjust", [*EXACT, *JOINT, "mvt"])
def test_adjustments_with_unequal_cells(fits, adjust):
    expected = REFERENCES["looms"]["cells_compared"][adjust]
    means = marginal_means(fits("looms"), ["wool", "tension"], ddf="satterthwaite")
    found = means.pairwise({**EXACT, **JOINT}.get(adjust, adjust))
    assert_comparisons(found.table, expected, 1e-3 if adjust == "mvt" else 2e-6)
    if found.simultaneous:
        assert_intervals(found.table, expected, 2e-3 if adjust == "mvt" else 1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("polynomial", "poly"), ("effects", "effects"), ("consec", "consecutive")]
)
def test_contrasts_by_name(fits, ours, theirs):
    means = marginal_means(fits("cake"), "temperature", by="recipe", ddf="satterthwaite")
    assert_comparisons(means.contrast(ours, "none").table, REFERENCES["cake"][theirs])


def test_comparisons_with_a_control(fits):
    means = marginal_means(fits("cake"), "temperature", by="recipe", ddf="satterthwaite")
    found = means.contrast("trt.vs.ctrl", "mvt", reference="185")
    assert_comparisons(found.table, REFERENCES["cake"]["control"], 1e-3)


def test_differences_of_differences(fits):
    means = marginal_means(fits("cake"), ["recipe", "temperature"], ddf="satterthwaite")
    found = means.contrast({"recipe": "pairwise", "temperature": "consecutive"}, "bonferroni").table
    assert_comparisons(found, REFERENCES["cake"]["interaction"])
    assert found["contrast"].iloc[0] == "A - B, 185 - 175"


def test_joint_tests_of_equality(fits):
    means = marginal_means(fits("cake"), "temperature", by="recipe", ddf="satterthwaite")
    expected = REFERENCES["cake"]["joint"]
    # emmeans rounds F to three decimals.
    np.testing.assert_allclose(means.joint()["statistic"], expected["F.ratio"], atol=5.1e-4)
    np.testing.assert_allclose(means.joint()["p_value"], expected["p.value"], rtol=1e-5)


@pytest.mark.parametrize("weights", ["equal", "proportional", "outer", "cells", "flat"])
def test_weights_of_what_is_averaged_over(fits, weights):
    expected = REFERENCES["looms"][weights]
    means = marginal_means(fits("looms"), "tension", weights=weights, ddf="satterthwaite")
    assert_means(means.table, expected["means"])
    for adjust, p_value in (("none", 1e-6), ("tukey", 2e-6), ("mvt", 1e-3)):
        assert_comparisons(means.pairwise(adjust).table, expected["pairs"][adjust], p_value)


def test_kenward_roger_brings_its_own_covariance(fits):
    expected = REFERENCES["looms"]["kenward_roger"]
    means = marginal_means(fits("looms"), ["wool", "tension"], ddf="kenward-roger")
    assert_means(means.table, expected["means"])
    for adjust, p_value in (("none", 1e-6), ("tukey", 2e-6), ("holm", 2e-6), ("mvt", 1e-3)):
        assert_comparisons(means.pairwise(adjust).table, expected["pairs"][adjust], p_value)


def test_kenward_roger_with_some_levels_only(fits):
    expected = REFERENCES["cake_kenward_roger"]
    at = {"temperature": ["175", "205"]}
    means = marginal_means(fits("cake"), ["recipe", "temperature"], at=at, ddf="kenward-roger")
    assert_means(means.table, expected["means"])
    for adjust, p_value in (("none", 1e-6), ("tukey", 1e-6), ("scheffe", 1e-6), ("mvt", 1e-3)):
        assert_comparisons(means.pairwise(adjust).table, expected["pairs"][adjust], p_value)


def test_covariates_at_chosen_values(fits):
    means = marginal_means(fits("looms"), "tension", at={"load": [2, 4, 8], "wool": "B"}, ddf="satterthwaite")
    assert_means(means.table, REFERENCES["looms"]["at"]["means"])


def test_crossed_random_effects_and_an_interaction_with_a_covariate(fits):
    expected = REFERENCES["carrots"]
    means = marginal_means(
        fits("carrots"), "Homesize", by="sens2", at={"sens2": [-2, 0, 3]}, ddf="satterthwaite"
    )
    assert_means(means.table, expected["means"], df=5e-2)
    assert_comparisons(means.pairwise("none").table, expected["pairs"]["none"], 1e-5)
    trends = marginal_trends(fits("carrots"), "sens2", "Homesize", ddf="satterthwaite")
    assert_means(trends.table, expected["trends"], df=5e-2)
    assert_comparisons(trends.pairwise("none").table, expected["trend_pairs"]["none"], 1e-5)


def test_slopes_by_level(fits):
    expected = REFERENCES["looms"]["trends"]
    trends = marginal_trends(fits("looms"), "load", "tension", ddf="satterthwaite")
    assert_means(trends.table, expected["means"])
    for adjust, p_value in (("none", 1e-6), ("tukey", 2e-6), ("mvt", 1e-3)):
        assert_comparisons(trends.pairwise(adjust).table, expected["pairs"][adjust], p_value)
    assert trends.joint()["statistic"].tolist() == pytest.approx(
        [expected["joint"]["F.ratio"][0]], abs=5.1e-4
    )


def test_polynomials_and_logarithms_are_taken_at_the_mean(fits):
    expected = REFERENCES["curved"]
    means = marginal_means(fits("curved"), "tension", ddf="satterthwaite")
    assert_means(means.table, expected["means"])
    assert_comparisons(means.pairwise("none").table, expected["pairs"]["none"])
    # Theirs are differences over one step, so they agree to fewer digits.
    slopes = marginal_trends(fits("curved"), "load", "tension", ddf="satterthwaite").table
    np.testing.assert_allclose(slopes["estimate"], expected["trends"]["estimate"], rtol=1e-4)
    np.testing.assert_allclose(slopes["se"], expected["trends"]["SE"], rtol=1e-4)


def test_splines(fits):
    expected = REFERENCES["spline"]
    means = marginal_means(fits("spline"), "wool", by="load", at={"load": [2, 5]}, ddf="satterthwaite")
    assert_means(means.table, expected["means"])
    assert_comparisons(means.pairwise("none").table, expected["pairs"]["none"])
    slopes = marginal_trends(fits("spline"), "load", "wool", ddf="satterthwaite").table
    np.testing.assert_allclose(slopes["estimate"], expected["trends"]["estimate"], rtol=1e-4)


def test_an_empty_cell_has_no_mean(fits):
    expected = pd.DataFrame(REFERENCES["hole"]["means"])
    means = marginal_means(fits("hole"), ["wool", "tension"], ddf="satterthwaite").table
    known = expected["estimate"].notna().to_numpy()
    assert known.tolist() == [True] * 5 + [False]
    np.testing.assert_array_equal(means["estimate"].notna(), known)
    assert means["reason"].tolist() == [""] * 5 + ["not estimable"]
    assert_means(
        means[known], {k: np.array(v)[known].tolist() for k, v in REFERENCES["hole"]["means"].items()}
    )


def test_means_over_an_empty_cell(fits):
    tension = marginal_means(fits("hole"), "tension", ddf="satterthwaite").table
    expected = pd.DataFrame(REFERENCES["hole"]["tension"])
    assert tension["estimate"].isna().tolist() == expected["estimate"].isna().tolist() == [False, False, True]
    wool = marginal_means(fits("hole"), "wool", weights="cells", ddf="satterthwaite").table
    assert_means(wool, REFERENCES["hole"]["wool_flat"])


@pytest.mark.parametrize("method", ["holm", "hochberg", "bonferroni", "BH", "BY"])
def test_p_values_alone(method):
    reference = REFERENCES["p_values"]
    p = np.array(reference["p"], dtype=float)
    np.testing.assert_allclose(
        adjust_p_values(p, method), np.array(reference[method], dtype=float), rtol=1e-12
    )


def test_the_studentised_range():
    table = pd.DataFrame(REFERENCES["studentised_range"])
    ours = [range_tail(r.q, int(r.means), r.df) for r in table.itertuples()]
    # R's own is good to four or five digits where few degrees of freedom are left; two means are Student's t.
    few = table["df"] < 5.0
    np.testing.assert_allclose(np.array(ours)[few], table["p"][few], atol=3e-5)
    np.testing.assert_allclose(np.array(ours)[~few], table["p"][~few], atol=1e-7)
    students = 2.0 * special.stdtr(table["df"], -table["q"] / np.sqrt(2.0))
    pair = table["means"] == 2
    np.testing.assert_allclose(np.array(ours)[pair], students[pair], rtol=1e-10)
    assert range_quantile(0.95, 3, 10.0) == pytest.approx(3.877676, abs=1e-3)

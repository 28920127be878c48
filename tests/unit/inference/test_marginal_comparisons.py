"""Contrasts of marginal means, by name and by weight."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studypkg.errors import ConfigError
from studypkg.inference import adjust_p_values, marginal_means
from studypkg.inference.comparison_weights import weighting
from studypkg.models import fit_lmm

ABC = ["a", "b", "c"]


@pytest.fixture(scope="module")
def fit():
    draw = np.random.default_rng(2)
    rows = pd.DataFrame({"who": np.repeat(np.arange(16), 6)})
    rows["arm"] = np.array(["new", "sham", "usual"])[draw.integers(3, size=96)]
    rows["visit"] = np.tile([1, 2, 3], 32)
    rows["y"] = 5 + (rows["arm"] == "new") - 0.5 * rows["visit"] + draw.normal(size=96)
    return fit_lmm("y ~ arm * C(visit) + (1 | who)", rows)


@pytest.fixture(scope="module")
def means(fit):
    return marginal_means(fit, "arm", by="visit")


@pytest.mark.parametrize(
    ("name", "labels", "weights"),
    [
        ("pairwise", ["a - b", "a - c", "b - c"], [[1, -1, 0], [1, 0, -1], [0, 1, -1]]),
        ("revpairwise", ["b - a", "c - a", "c - b"], [[-1, 1, 0], [-1, 0, 1], [0, -1, 1]]),
        ("trt.vs.ctrl", ["b - a", "c - a"], [[-1, 1, 0], [-1, 0, 1]]),
        ("consecutive", ["b - a", "c - b"], [[-1, 1, 0], [0, -1, 1]]),
        ("polynomial", ["linear", "quadratic"], [[-1, 0, 1], [1, -2, 1]]),
        ("identity", ["a", "b", "c"], np.eye(3)),
        ("effects", [f"{x} - mean of all" for x in ABC], np.eye(3) - 1 / 3),
        ({"a against the others": [2, -1, -1]}, ["a against the others"], [[2, -1, -1]]),
        ({"ends": {"a": 1, "c": -1}}, ["ends"], [[1, 0, -1]]),
        ([[1, -0.5, -0.5]], ["a - 0.5*b - 0.5*c"], [[1, -0.5, -0.5]]),
    ],
)
def test_contrasts_of_three_means(name, labels, weights):
    made = weighting(name, ABC)
    assert list(made.labels) == labels
    np.testing.assert_allclose(made.weights, weights)


def test_polynomials_of_five_are_the_tabled_whole_numbers():
    assert weighting("poly", list("abcde")).weights.tolist() == [
        [-2, -1, 0, 1, 2], [2, -1, -2, -1, 2], [-1, 2, 0, -2, 1], [1, -4, 6, -4, 1]
    ]  # fmt: skip


@pytest.mark.parametrize("reference", ["c", 2, -1])
def test_the_control_is_named_or_counted(reference):
    assert weighting("dunnett", ABC, reference=reference).labels == ("a - c", "b - c")


@pytest.mark.parametrize(
    ("asked", "more", "message"),
    [
        ("pairwize", {}, 'Did you mean "pairwise"'),
        ({"x": [1, -1]}, {}, '"x" has 2 weights for 3 means: a, b, c'),
        ({"x": {"d": 1}}, {}, 'no mean "d"'),
        ({"x": [0, 0, 0]}, {}, "all zero"),
        ({}, {}, "No contrast"),
        ({"x": "pairwise", "y": [1, -1, 0]}, {}, '"x": weights are numbers'),
        ([[1, -1]], {}, "3 columns"),
        ([[0, 0, 0]], {}, "no weight on any mean"),
        ("trt.vs.ctrl", {"reference": "z"}, 'no mean "z"'),
        ("trt.vs.ctrl", {"reference": 3}, "counted from 0"),
        ("pairwise", {"reference": "a"}, "belongs to"),
    ],
)
def test_contrasts_that_cannot_be(asked, more, message):
    with pytest.raises(ConfigError, match=message):
        weighting(asked, ABC, **more)


def test_a_family_for_every_visit(means):
    table = means.pairwise("holm").table
    assert table["visit"].tolist() == [1] * 3 + [2] * 3 + [3] * 3
    raw = means.pairwise("none").table
    for _, part in table.groupby("visit"):
        expected = adjust_p_values(raw.loc[part.index, "p_value"], "holm")
        np.testing.assert_allclose(part["p_value"], expected)


def test_families_may_be_joined(means):
    joined = means.pairwise("none", by=[])
    assert len(joined.table) == 9 * 8 // 2
    assert joined.table["contrast"].iloc[0] == "new visit 1 - sham visit 1"
    assert means.pairwise(by="arm").table["contrast"].iloc[0] == "visit 1 - visit 2"


def test_a_difference_may_be_compared_between_visits(means):
    at = means.pairwise("none").table.set_index(["contrast", "visit"])["estimate"]
    found = means.contrast({"arm": "trt.vs.ctrl", "visit": "consecutive"}, "none", reference="usual").table
    assert found["contrast"].tolist()[:2] == [
        "new - usual, visit 2 - visit 1", "sham - usual, visit 2 - visit 1"
    ]  # fmt: skip
    expected = at["new - usual", 2] - at["new - usual", 1]
    assert found["estimate"].iloc[0] == pytest.approx(expected)
    within = means.contrast({"arm": "pairwise"}, "none").table
    np.testing.assert_allclose(within["estimate"], means.pairwise("none").table["estimate"])


@pytest.mark.parametrize(
    ("contrasts", "more", "message"),
    [
        ({"amr": "pairwise"}, {}, 'Did you mean "arm"'),
        ({"arm": "pairwise"}, {"by": []}, "say what to do with visit"),
        ({"arm": "pairs", "visit": "pairs"}, {"reference": "new"}, 'belongs to "trt.vs.ctrl"'),
        ("trt.vs.ctrl", {"reference": {"arm": "new"}}, "name one mean"),
    ],
)
def test_contrasts_of_contrasts_that_cannot_be(means, contrasts, more, message):
    with pytest.raises(ConfigError, match=message):
        means.contrast(contrasts, **more)


def test_a_reversed_pair_changes_its_sign_only(means):
    one, other = means.pairwise("tukey").table, means.pairwise("tukey", reverse=True).table
    np.testing.assert_allclose(one["estimate"], -other["estimate"])
    np.testing.assert_allclose(one["p_value"], other["p_value"])
    np.testing.assert_allclose(one["ci_low"], -other["ci_high"])


@pytest.mark.parametrize("adjust", ["tukey", "mvt", "bonferroni", "sidak", "scheffe"])
def test_simultaneous_intervals_are_wider_and_said_so(means, adjust):
    alone, together = means.pairwise("none"), means.pairwise(adjust)
    assert together.simultaneous
    assert any("simultaneous" in note for note in together.notes)
    assert (together.table["ci_low"] < alone.table["ci_low"]).all()
    np.testing.assert_allclose(together.table["estimate"], alone.table["estimate"])


@pytest.mark.parametrize("adjust", ["holm", "bh", "hochberg"])
def test_intervals_stay_each_by_itself_where_the_method_has_none(means, adjust):
    alone, found = means.pairwise("none"), means.pairwise(adjust)
    assert not found.simultaneous
    assert any("each by itself" in note and "defines no simultaneous" in note for note in found.notes)
    np.testing.assert_allclose(found.table["ci_low"], alone.table["ci_low"])


def test_the_weights_of_the_coefficients_give_the_estimates(fit, means):
    found = means.contrast("trt.vs.ctrl", "mvt", reference="usual")
    np.testing.assert_allclose(found.linear.to_numpy() @ fit.params.to_numpy(), found.table["estimate"])


def test_equality_of_two_means_is_the_square_of_t(fit):
    two = marginal_means(fit, "arm", at={"arm": ["new", "usual"]})
    joint, pair = two.joint().iloc[0], two.pairwise().table.iloc[0]
    assert joint["statistic"] == pytest.approx(pair["statistic"] ** 2)
    assert joint["p_value"] == pytest.approx(pair["p_value"])


def test_equality_in_every_family(means):
    found = means.joint()
    assert found["visit"].tolist() == [1, 2, 3]
    assert found["num_df"].tolist() == [2.0] * 3


def test_odds_ratios(fit):
    logit = dataclasses.replace(fit, link="logit")
    link = marginal_means(logit, "arm").pairwise("tukey").table
    ratio = marginal_means(logit, "arm", scale="response").pairwise("tukey")
    assert ratio.measure == "odds ratio"
    for column in ("estimate", "ci_low", "ci_high"):
        np.testing.assert_allclose(ratio.table[column], np.exp(link[column]))
    np.testing.assert_allclose(ratio.table["se"], np.exp(link["estimate"]) * link["se"])
    np.testing.assert_allclose(ratio.table["p_value"], link["p_value"])
    with pytest.raises(ConfigError, match="must sum to zero"):
        marginal_means(logit, "arm", scale="response").contrast("identity")


def test_a_margin_of_non_inferiority(means):
    plain = means.contrast("trt.vs.ctrl", "none", reference="usual").table
    found = means.contrast("trt.vs.ctrl", "none", reference="usual", null=-0.5, side="greater")
    t = (plain["estimate"] + 0.5) / plain["se"]
    np.testing.assert_allclose(found.table["statistic"], t)
    np.testing.assert_allclose(found.table["p_value"], stats.t.sf(t, plain["df"]))
    np.testing.assert_allclose(
        found.table["ci_low"], plain["estimate"] - stats.t.ppf(0.95, plain["df"]) * plain["se"]
    )
    assert np.isinf(found.table["ci_high"]).all()
    assert any("Tested against -0.5, greater." in note for note in found.notes)


def test_a_bound_meets_the_margin_where_the_p_value_is_its_level(means):
    first = means.contrast("trt.vs.ctrl", "bonferroni", side="less").table
    for at, row in first.iterrows():
        again = means.contrast("trt.vs.ctrl", "bonferroni", side="less", null=row["ci_high"]).table
        assert again.loc[at, "p_value"] == pytest.approx(0.05)


def test_a_margin_in_both_directions_keeps_the_interval(means):
    plain, found = means.pairwise("tukey").table, means.contrast("pairwise", "tukey", null=0.3).table
    np.testing.assert_allclose(found["ci_low"], plain["ci_low"])
    np.testing.assert_allclose(found["statistic"], (plain["estimate"] - 0.3) / plain["se"])


def test_a_margin_of_a_ratio(fit):
    logit = dataclasses.replace(fit, link="logit")
    ratio = marginal_means(logit, "arm", scale="response").contrast(
        "pairwise", "holm", null=0.8, side="greater"
    )
    link = marginal_means(logit, "arm").contrast("pairwise", "holm", null=np.log(0.8), side="greater")
    np.testing.assert_allclose(ratio.table["p_value"], link.table["p_value"])
    np.testing.assert_allclose(ratio.table["ci_low"], np.exp(link.table["ci_low"]))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"side": "grater"}, 'Did you mean "greater"'),
        ({"side": "less", "adjust": "mvt"}, 'ask for "holm"'),
        ({"null": np.nan}, "not a finite number"),
    ],
)
def test_questions_that_cannot_be(means, asked, message):
    with pytest.raises(ConfigError, match=message):
        means.contrast("pairwise", **asked)


def test_a_probit_difference_has_no_way_back(fit):
    probit = marginal_means(dataclasses.replace(fit, link="probit"), "arm", scale="response").pairwise()
    assert probit.measure == "difference"
    assert any("probit scale" in note for note in probit.notes)


def test_what_cannot_be_asked(means, fit):
    with pytest.raises(ConfigError, match="for all pairs of means"):
        means.contrast("consecutive", "tukey")
    with pytest.raises(ConfigError, match=r'by: "visits".* Did you mean "visit"'):
        means.pairwise(by="visits")
    with pytest.raises(ConfigError, match="there is only one"):
        means.pairwise(by=["arm", "visit"])
    with pytest.raises(ConfigError, match="at least two means"):
        marginal_means(fit, "arm", at={"arm": "new"}).joint()


def test_a_notebook_shows_the_table_and_the_notes(means):
    found = means.pairwise("tukey")
    assert "<caption>Contrasts: difference</caption>" in found._repr_html_()
    assert "P-values: Tukey, 3 tests, for each visit by itself." in repr(found)

"""What has no honest answer gets none."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import fit_ordinal


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"link": "cauchit"}, "Available: logit, probit, cloglog"),
        ({"thresholds": "free"}, "Available: flexible, symmetric, equidistant"),
        ({"quadrature": 0}, "between 1 and"),
        ({"quadrature": 2.5}, "whole number"),
        ({"levels": "none"}, "list of categories"),
        ({"levels": [0]}, "fewer than two"),
        ({"levels": [0, 1, 1.0, 2, 3]}, "twice"),
        ({"levels": [0, 1, 2]}, "1 categories that levels= does not name"),
    ],
)
def test_wrong_arguments(visits, more, message):
    with pytest.raises(ConfigError, match=message):
        fit_ordinal("grade ~ week + (1 | patient)", visits, **more)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("grade ~ week", "no random term"),
        ("grade ~ 0 + week + (1 | patient)", "thresholds of an ordinal model are its intercepts"),
        ("grade ~ grade + (1 | patient)", "both sides"),
        ("grad ~ week + (1 | patient)", 'Did you mean "grade"'),
        ("arm ~ week + (1 | patient)", "text, which has no order"),
    ],
)
def test_formulas_that_are_no_ordinal_model(visits, formula, message):
    with pytest.raises(ConfigError, match=message):
        fit_ordinal(formula, visits)


def test_several_nodes_are_for_one_column(visits):
    for formula in ("grade ~ 1 + (1 + week | patient)", "grade ~ 1 + (1 | patient) + (1 | therapist)"):
        with pytest.raises(ConfigError, match="quadrature=1"):
            fit_ordinal(formula, visits, quadrature=5)


def test_categories_without_order(visits):
    with pytest.raises(ConfigError, match="no order"):
        fit_ordinal("grade ~ 1 + (1 | patient)", visits.assign(grade=pd.Categorical(visits["grade"])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(grade=d["grade"] + 0.5), "not whole"),
        (lambda d: d.assign(grade=2), "the same in all 300"),
        (lambda d: d.assign(grade=np.arange(300)), "no grades"),
        (lambda d: d.assign(patient="p01"), "one level"),
        (lambda d: d.assign(patient=np.arange(300)), "cannot be told apart"),
        (lambda d: d.assign(grade=d["patient"].str[1:].astype(int) % 3), "all responses are alike"),
        (
            lambda d: d.iloc[:5].assign(patient=list("aabbc"), grade=[0, 1, 2, 3, 0]),
            "5 complete rows for 5 parameters",
        ),
    ],
)
def test_rows_that_cannot_carry_the_model(visits, change, message):
    with pytest.raises(ModelError, match=message):
        fit_ordinal("grade ~ week + (1 | patient)", change(visits))


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize("cut", [(1, 4), (3, 4), (0, 1)])
def test_a_column_that_separates_categories_has_no_estimate(visits, link, cut):
    low, high = cut
    # Nobody outside the marked rows is above the cut, or nobody inside is below it.
    marked = visits["grade"].between(low, high - 1)
    if cut == (3, 4):
        marked &= visits["week"] > 1
    with pytest.raises(ModelError, match="separate"):
        fit_ordinal("grade ~ week + hit + (1 | patient)", visits.assign(hit=marked.astype(float)), link=link)


def test_a_repeated_column_is_left_out_and_named(visits):
    fit = fit_ordinal("grade ~ week + days + (1 | patient)", visits.assign(days=7 * visits["week"] + 1))
    assert fit.aliased == ("days",)


def test_another_response_must_have_known_scores(fitted):
    with pytest.raises(ModelError, match="scores of categories"):
        fitted().refit(np.full(300, 17.0))

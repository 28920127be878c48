"""The combinations at which a model is asked, and how they are weighed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.marginal_grid import cell_weights, is_factor, reference_grid
from studypkg.models import fit_lmm


@pytest.fixture(scope="module")
def fit():
    draw = np.random.default_rng(3)
    rows = pd.DataFrame({"who": np.repeat(np.arange(10), 6), "age": draw.uniform(20, 70, 60)})
    rows["arm"] = pd.Categorical(np.tile(["usual", "new"], 30), categories=["usual", "new", "never"])
    rows["site"] = np.array(["north", "south", "north"])[np.arange(60) % 3]
    rows["grade"] = 1 + np.arange(60) % 4
    rows["late"] = np.arange(60) % 5 == 0
    rows["y"] = draw.normal(size=60)
    return fit_lmm("y ~ arm + site + C(grade) + late + np.log(age) + (1 | who)", rows)


def grid(fit, at=None, first=("arm",)):
    return reference_grid(fit, at, first)


def test_factors_have_levels_and_covariates_their_mean(fit):
    found = {v.name: v.values for v in grid(fit).variables}
    assert found["arm"] == ("usual", "new")
    assert found["site"] == ("north", "south")
    assert found["grade"] == (1, 2, 3, 4)
    assert found["late"] == (False, True)
    assert found["age"] == (fit.rows.frame["age"].mean(),)


def test_what_has_levels(fit):
    assert [is_factor(name, fit.rows) for name in ("arm", "site", "grade", "late", "age")] == [True] * 4 + [
        False
    ]


def test_the_first_variable_changes_fastest(fit):
    cells = grid(fit, first=("late", "arm")).cells
    assert len(cells) == 2 * 2 * 2 * 4
    assert cells["late"].tolist()[:4] == [False, True, False, True]
    assert cells["arm"].tolist()[:4] == ["usual", "usual", "new", "new"]


def test_values_may_be_chosen_or_computed(fit):
    at = {"age": np.median, "arm": "new", "grade": [4, 2], "late": True}
    found = {v.name: v.values for v in grid(fit, at).variables}
    assert found["age"] == (fit.rows.frame["age"].median(),)
    assert found["arm"] == ("new",)
    assert found["grade"] == (4, 2)
    assert found["late"] == (True,)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"arms": "new"}, r'at: "arms" is not a variable of the fixed part\. Did you mean "arm"'),
        ({"arm": "nwe"}, r'"arm" has no level "nwe"\. Did you mean "new"\? Levels: usual, new'),
        ({"arm": "never"}, '"arm" has no level "never"'),
        ({"arm": ["new", "new"]}, 'every level of "arm" once'),
        ({"grade": 9}, '"grade" has no level "9"'),
        ({"age": "old"}, '"age" is a number'),
        ({"age": [30, np.nan]}, "finite"),
        ({"age": []}, "one or more"),
        ({"age": range(10_000)}, "would have 320000 cells"),
    ],
)
def test_what_cannot_be_asked(fit, at, message):
    with pytest.raises(ConfigError, match=message):
        grid(fit, at)


def test_a_stored_fit_has_no_grid(fit):
    with pytest.raises(ModelError, match="no reference grid"):
        grid(dataclasses.replace(fit, rows=None))


def weights(fit, name, kept=("arm",)):
    asked = grid(fit, {"grade": [1, 2]}, kept)
    cells = asked.cells[["arm", "site", "grade", "late"]].astype(str)
    return cells.assign(weight=cell_weights(asked, kept, fit.rows, name))


def counts(fit, *names):
    return fit.rows.frame[list(names)].astype(str).value_counts().to_dict()


def test_weights_count_the_rows_used(fit):
    by_cell = counts(fit, "arm", "site", "grade", "late")
    for *levels, weight in weights(fit, "cells").itertuples(index=False):
        assert weight == by_cell.get(tuple(levels), 0)
    free = counts(fit, "site", "grade", "late")
    for _, *levels, weight in weights(fit, "proportional").itertuples(index=False):
        assert weight == free.get(tuple(levels), 0)
    for _, site, grade, late, weight in weights(fit, "outer").itertuples(index=False):
        product = counts(fit, "site")[site,] * counts(fit, "grade")[grade,] * counts(fit, "late")[late,]
        assert weight == product
    assert set(weights(fit, "flat")["weight"]) == {0.0, 1.0}
    assert set(weights(fit, "equal")["weight"]) == {1.0}


def test_unknown_weights(fit):
    with pytest.raises(ConfigError, match=r'no weights "equl".* Did you mean "equal"'):
        weights(fit, "equl")

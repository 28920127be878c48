"""From rows to matrices: missing rows, repeated columns, levels."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import build_design, drop_aliased, level_codes
from studypkg.models.formula import parse_formula


def design(text, data, weights=None):
    return build_design(parse_formula(text), data, weights)


@pytest.fixture
def rows():
    return pd.DataFrame(
        {
            "y": [1.0, 2.0, 4.0, 7.0, 11.0, 16.0],
            "x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            "arm": ["b", "a", "b", "a", "c", "c"],
            "g": [1, 1, 2, 2, 3, 3],
        }
    )


def test_the_columns_and_their_names(rows):
    made = design("y ~ x * arm + (1 + x | g)", rows)
    assert made.names == ("Intercept", "x", "arm[T.b]", "arm[T.c]", "x:arm[T.b]", "x:arm[T.c]")
    assert made.terms[0].names == ("Intercept", "x")
    assert made.terms[0].levels == ("1", "2", "3")


def test_missing_values_are_counted_by_variable_and_rows_left_out_once(rows):
    rows.loc[[0, 3], "x"] = np.nan
    rows.loc[3, "g"] = np.nan
    rows["unused"] = np.nan
    made = design("y ~ x + (1 | g)", rows)
    assert made.dropped == {"x": 2, "g": 1}
    assert (made.n_read, len(made.y)) == (6, 4)
    assert list(made.index) == [1, 2, 4, 5]


def test_unused_levels_of_a_category_make_no_column(rows):
    rows["arm"] = pd.Categorical(rows["arm"], categories=["c", "b", "a", "never"])
    assert design("y ~ arm + (1 | g)", rows).names == ("Intercept", "arm[T.b]", "arm[T.a]")


def test_whole_numbers_as_categories_keep_their_name(rows):
    rows["visit"] = [1, 2, 3, 1, 2, None]
    assert design("y ~ C(visit) + (1 | g)", rows).names == ("Intercept", "C(visit)[T.2]", "C(visit)[T.3]")


def test_nullable_columns_are_read_like_plain_ones(rows):
    rows["x"] = rows["x"].astype("Int64")
    rows["seen"] = pd.array([True, False, True, None, True, False], dtype="boolean")
    made = design("y ~ x + seen + (1 | g)", rows)
    assert made.dropped == {"seen": 1}
    assert len(made.names) == 3


def test_long_ids_are_not_rounded(rows):
    # Two ids that are the same number once they are made floating point.
    rows["id"] = [2**60, 2**60 + 1, 2**60, 2**60 + 1, 5, 5]
    assert len(design("y ~ x + (1 | id)", rows).terms[0].levels) == 3


def test_levels_of_a_pair(rows):
    codes, levels = level_codes(("arm", "g"), rows)
    assert sorted(levels) == ["a:1", "a:2", "b:1", "b:2", "c:3"]
    assert [levels[k] for k in codes] == ["b:1", "a:1", "b:2", "a:2", "c:3", "c:3"]


def test_columns_that_repeat_others_are_named_and_left_out():
    x = np.array([[1.0, 0, 0, 1], [1, 1, 2, 1], [1, 2, 4, 5], [1, 3, 6, 0]])
    kept, names, aliased = drop_aliased(x, ("one", "x", "twice x", "z"))
    assert (names, aliased, kept.shape) == (("one", "x", "z"), ("twice x",), (4, 3))


def test_aliasing_does_not_depend_on_units():
    draw = np.random.default_rng(3)
    x = draw.normal(size=(50, 3)) * [1e-9, 1.0, 1e9]
    assert drop_aliased(x, ("a", "b", "c"))[2] == ()
    x[:, 2] = 1e12 * x[:, 0] + x[:, 1]
    assert drop_aliased(x, ("a", "b", "c"))[2] == ("c",)


@pytest.mark.parametrize(
    ("text", "change", "says"),
    [
        ("y ~ x + (1 | g)", {"x": np.inf}, "infinite"),
        ("log(y) ~ x + (1 | g)", {"y": -1.0}, "not a finite number in 1 of 6"),
        ("arm ~ x + (1 | g)", {}, "not one column of numbers"),
        ("y ~ day + (1 | g)", {"day": pd.Timestamp("2026-01-01")}, "dates"),
        ("y ~ gap + (1 | g)", {"gap": np.nan}, "No row is complete"),
    ],
)
def test_values_a_model_cannot_take(rows, text, change, says):
    for name, value in change.items():
        if name in rows:
            rows.loc[2, name] = value
        else:
            rows[name] = value
    with pytest.raises(ModelError, match=says):
        design(text, rows)


def test_an_unknown_grouping_factor_is_named_with_the_nearest(rows):
    with pytest.raises(ConfigError, match='Did you mean "g"'):
        design("y ~ x + (1 | gg)", rows)


@pytest.mark.parametrize(
    ("weights", "fault", "says"),
    [
        ("wieght", ConfigError, "not in the data"),
        ([1.0, 2.0], ModelError, "2 weights for 6 rows"),
        ([1.0, 0.0, 1.0, 1.0, 1.0, 1.0], ModelError, "must be positive"),
    ],
)
def test_weights_that_cannot_be(rows, weights, fault, says):
    with pytest.raises(fault, match=says):
        design("y ~ x + (1 | g)", rows, weights)

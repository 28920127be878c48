"""Hypotheses as text, weights and arrays."""

import numpy as np
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import parse_hypotheses

NAMES = ["Intercept", "x", "x2", "adherence_between", "adherence_within", "C(arm)[T.acupuncture]",
         "x:C(arm)[T.acupuncture]", "bs(x, df=4)[1]", "pain now", "sex[T.f - m]"]  # fmt: skip


def read(text, names=NAMES):
    one = parse_hypotheses(text, names)[0]
    return {n: w for n, w in zip(names, one.weights, strict=True) if w}, one.value


@pytest.mark.parametrize(
    ("text", "weights", "value"),
    [
        ("adherence_between - adherence_within", {"adherence_between": 1, "adherence_within": -1}, 0),
        ("2*x = 1", {"x": 2}, 1),
        ("x * 2 = 1", {"x": 2}, 1),
        ("x = x2", {"x": 1, "x2": -1}, 0),
        ("-x", {"x": -1}, 0),
        ("3 * (x - x2) / 2 + 1 = 4", {"x": 1.5, "x2": -1.5}, 3),
        ("x + x", {"x": 2}, 0),
        ("1e-3*x2", {"x2": 0.001}, 0),
        ("C(arm)[T.acupuncture]", {"C(arm)[T.acupuncture]": 1}, 0),
        ("x:C(arm)[T.acupuncture] - x", {"x:C(arm)[T.acupuncture]": 1, "x": -1}, 0),
        ("bs(x, df=4)[1] = 2", {"bs(x, df=4)[1]": 1}, 2),
        ("`pain now` + x", {"pain now": 1, "x": 1}, 0),
        ("pain now", {"pain now": 1}, 0),
        ("sex[T.f - m] - x", {"sex[T.f - m]": 1, "x": -1}, 0),
    ],
)
def test_text(text, weights, value):
    assert read(text) == (weights, value)


def test_the_other_shapes():
    by_name = parse_hypotheses({"x": 1.0, "x2": -0.5}, NAMES)
    assert by_name[0].label == "1*x - 0.5*x2"
    by_label = parse_hypotheses({"slope": "x", "both": "x + x2"}, NAMES)
    assert [h.label for h in by_label] == ["slope", "both"]
    assert len(parse_hypotheses(["x", "x2 = 1"], NAMES)) == 2
    row = parse_hypotheses([1.0, -1.0], ["a", "b"])
    np.testing.assert_array_equal(row[0].weights, [1, -1])
    assert len(parse_hypotheses(np.eye(3), ["a", "b", "c"])) == 3


@pytest.mark.parametrize(
    ("hypothesis", "says"),
    [
        ("adherence_betwen", 'Did you mean "adherence_between"'),
        ({"adherence_betwen": 1.0}, 'Did you mean "adherence_between"'),
        ("x * x2", "not linear"),
        ("1 / x", "not linear"),
        ("x / 0", "divides by zero"),
        ("x = 1 = 2", "more than one '='"),
        ("(x - x2", "cannot be read"),
        ("x x2", "cannot be read"),
        ("x +", "cannot be read"),
        ("", "cannot be read"),
        ("x - x", "no weight"),
        ("3 = 1", "no weight"),
        ({"x": 1.0, "slope": "x2"}, "both kinds"),
        ({}, "No hypothesis"),
        ([1.0, 2.0], "needs 10 columns"),
        ({"x": float("nan")}, "not finite"),
    ],
)
def test_what_is_no_hypothesis(hypothesis, says):
    with pytest.raises(ConfigError, match=says):
        parse_hypotheses(hypothesis, NAMES)


def test_a_coefficient_that_was_left_out_is_named_as_such():
    with pytest.raises(ModelError, match="left out of the fit"):
        parse_hypotheses("doubled", ["Intercept", "x"], aliased=("doubled",))
    with pytest.raises(ModelError, match="left out of the fit"):
        parse_hypotheses({"doubled": 1.0}, ["Intercept", "x"], aliased=("doubled",))

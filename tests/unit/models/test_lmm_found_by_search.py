"""Tables and formulas that a wide search found to be read wrongly, each with the answer it should have."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import anova
from studypkg.models import fit_lmm


@pytest.fixture
def rows():
    draw = np.random.default_rng(5)
    n = 120
    table = pd.DataFrame({"g": np.repeat(np.arange(12), 10), "visit": np.tile(np.arange(5), 24)})
    table["x"] = draw.normal(size=n).round(3)
    table["c"] = draw.choice(["p", "q[2]", 'r"', "<b>s"], n)
    table["y"] = draw.normal(size=12)[table["g"]] + 0.5 * table["x"] + draw.normal(size=n)
    return table


def coefficients(fit):
    return fit.params.tolist()


@pytest.mark.parametrize("function", ["C", "log", "np", "poly", "I", "scale", "contr"])
def test_a_column_may_bear_the_name_of_a_function(rows, function):
    formula = "y ~ C(visit, contr.sum) + np.log(x + 9) + poly(x, 2) + I(x**2) + scale(log(x + 9)) + (1 | g)"
    plain = fit_lmm(formula, rows)
    shadowed = fit_lmm(formula, rows.assign(**{function: rows["x"]}))
    assert coefficients(shadowed) == coefficients(plain)


@pytest.mark.parametrize("kind", ["3", "2", "1"])
def test_a_term_of_one_letter_is_tested_like_any_other(rows, kind):
    short = anova(fit_lmm("y ~ c * x + (1 | g)", rows), type=int(kind))
    named = anova(
        fit_lmm("y ~ condition * x + (1 | g)", rows.rename(columns={"c": "condition"})), type=int(kind)
    )
    assert np.allclose(short["statistic"], named["statistic"], rtol=1e-10)
    assert list(short.index) == ["c", "x", "c:x"]


@pytest.mark.parametrize("make", [float, lambda v: Decimal(str(v))])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_numbers_in_a_column_of_objects_are_numbers(rows, make, missing):
    values = [make(v) for v in rows["x"]]
    values[3] = missing
    fit = fit_lmm("y ~ x + (1 | g)", rows.assign(x=pd.Series(values, dtype=object)))
    assert coefficients(fit) == pytest.approx(coefficients(fit_lmm("y ~ x + (1 | g)", rows.drop(index=3))))
    assert fit.dropped == {"x": 1}


def test_truth_values_with_missing_ones_are_one_column(rows):
    flag = pd.array(rows["x"] > 0, dtype="boolean")
    flag[:5] = pd.NA
    fit = fit_lmm("y ~ flag + (1 | g)", rows.assign(flag=flag))
    assert list(fit.params.index) == ["Intercept", "flag"]
    whole = fit_lmm("y ~ flag + (1 | g)", rows.assign(flag=rows["x"] > 0).iloc[5:])
    assert coefficients(fit) == coefficients(whole)
    predicted = fit.predict(rows.assign(flag=flag))
    assert predicted.isna().tolist() == [True] * 5 + [False] * 115


@pytest.mark.parametrize(
    ("change", "fault", "says"),
    [
        ({"x": lambda t: t["x"] + 1j}, ModelError, "complex"),
        ({"x": lambda t: pd.period_range("2020-01", periods=len(t), freq="M")}, ModelError, "dates"),
        ({"x": lambda t: pd.date_range("2020-01-01", periods=len(t)).date}, ModelError, "dates"),
    ],
)
def test_columns_that_are_no_numbers(rows, change, fault, says):
    with pytest.raises(fault, match=says):
        fit_lmm("y ~ x + (1 | g)", rows.assign(**change))


@pytest.mark.parametrize("twin", ["x", "g", "y"])
def test_two_columns_of_one_name_are_refused_where_they_are_read(rows, twin):
    two = pd.concat([rows, rows[[twin]]], axis=1)
    with pytest.raises(ConfigError, match=f'2 columns "{twin}"'):
        fit_lmm("y ~ x + (1 | g)", two)
    fit = fit_lmm("y ~ x + (1 | g)", rows)
    if twin == "x":
        with pytest.raises(ConfigError, match="2 columns"):
            fit.predict(two)
    unread = pd.concat([rows, rows[["visit"]]], axis=1)
    assert coefficients(fit_lmm("y ~ x + (1 | g)", unread)) == coefficients(fit)


@pytest.mark.parametrize(
    ("formula", "fault", "says"),
    [
        ("y ~ I(x^2) + (1 | g)", ConfigError, r"x\*\*2"),
        ("y ~ factor(visit) + (1 | g)", ConfigError, r"C\(visit\)"),
        ("y ~ as.factor(visit) + (1 | g)", ConfigError, r"C\(visit\)"),
        ("y ~ poly + (1 | g)", ConfigError, "not a column"),
        ("y ~ x + (1 | g) + (x | g)", ModelError, "share a column"),
    ],
)
def test_formulas_with_one_clear_answer(rows, formula, fault, says):
    with pytest.raises(fault, match=says):
        fit_lmm(formula, rows)


@pytest.mark.parametrize("weights", ["c", ["heavy"] * 120])
def test_weights_that_are_words(rows, weights):
    with pytest.raises(ModelError, match="number") as caught:
        fit_lmm("y ~ x + (1 | g)", rows, weights=weights)
    assert "heavy" not in str(caught.value)


def test_the_likelihood_is_chosen_by_true_or_false(rows):
    with pytest.raises(ConfigError, match="reml is True"):
        fit_lmm("y ~ x + (1 | g)", rows, reml="ML")


@pytest.mark.parametrize("response", [[1.0, 2.0], np.full(120, np.nan)])
def test_a_new_response_has_one_finite_number_per_row(rows, response):
    with pytest.raises(ModelError, match="120 finite numbers"):
        fit_lmm("y ~ x + (1 | g)", rows).refit(response)


def test_columns_far_from_zero_are_told_to_be_centred(rows):
    days = rows.assign(day=20_000 + rows["x"])
    with pytest.raises(ModelError, match="subtract its mean"):
        fit_lmm("y ~ x + (day | g)", days)
    assert np.isfinite(fit_lmm("y ~ x + (center(day) | g)", days).loglik)


def test_hostile_names_are_escaped_and_stored(rows):
    fit = fit_lmm("y ~ c + `<i>x` + (1 | `&<u>`)", rows.rename(columns={"x": "<i>x", "g": "&<u>"}))
    page = fit._repr_html_()
    assert not any(mark in page for mark in ("<i>", "<u>", "<b>"))
    record = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    assert type(fit).from_dict(record).summary() == fit.summary()

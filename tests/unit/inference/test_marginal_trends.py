"""Slopes at the levels of factors."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import marginal_trends
from studypkg.models import fit_lmm

ASYMPTOTIC = {"ddf": "asymptotic"}


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(5)
    rows = pd.DataFrame({"who": np.repeat(np.arange(15), 6), "week": np.tile(np.arange(6.0), 15)})
    rows["arm"] = np.array(["new", "usual"])[rows["who"] % 2]
    rows["dose"] = draw.uniform(1, 5, 90)
    rows["y"] = 8 - rows["week"] * (1 + (rows["arm"] == "new")) + np.log(rows["dose"]) + draw.normal(size=90)
    return rows


def test_the_slope_of_a_straight_line_is_its_coefficient(rows):
    fit = fit_lmm("y ~ week * arm + dose + (1 | who)", rows)
    trends = marginal_trends(fit, "week", "arm", **ASYMPTOTIC)
    assert trends.quantity == "slope of week"
    assert trends.linear.to_numpy() == pytest.approx(np.array([[0, 1, 0, 0, 0], [0, 1, 0, 0, 1]]), abs=1e-9)
    difference = trends.pairwise().table.iloc[0]
    assert difference["estimate"] == pytest.approx(-fit.params["week:arm[T.usual]"])
    assert difference["se"] == pytest.approx(fit.bse["week:arm[T.usual]"])


def test_without_levels_there_is_one_slope(rows):
    fit = fit_lmm("y ~ week * arm + (1 | who)", rows)
    trends = marginal_trends(fit, "week", **ASYMPTOTIC)
    table = trends.table
    assert any("interaction with arm, which was averaged over" in note for note in trends.notes)
    expected = fit.params["week"] + fit.params["week:arm[T.usual]"] / 2
    assert table["estimate"].tolist() == pytest.approx([expected])


def test_the_slope_of_a_curve_depends_on_where(rows):
    fit = fit_lmm("y ~ week + I(week ** 2) + np.log(dose) + (1 | who)", rows)
    table = marginal_trends(fit, "week", "week", at={"week": [0, 2, 5]}, **ASYMPTOTIC).table
    expected = [fit.params["week"] + 2 * w * fit.params["I(week ** 2)"] for w in (0, 2, 5)]
    assert table["estimate"].tolist() == pytest.approx(expected)
    table = marginal_trends(fit, "dose", at={"dose": 4}, **ASYMPTOTIC).table
    assert table["estimate"].tolist() == pytest.approx([fit.params["np.log(dose)"] / 4])


def test_the_mean_slope_over_the_rows(rows):
    fit = fit_lmm("y ~ arm * bs(dose, df=5) + (1 | who)", rows)
    table = marginal_trends(fit, "dose", "arm", weights="rows", **ASYMPTOTIC).table
    assert len(marginal_trends(fit, "dose", weights="rows", **ASYMPTOTIC).table) == 1
    inside = rows.assign(dose=rows["dose"].clip(rows["dose"].min() + 1e-4, rows["dose"].max() - 1e-4))
    for arm, slope in zip(table["arm"], table["estimate"], strict=True):
        up, down = (fit.predict(inside.assign(arm=arm, dose=inside["dose"] + h)) for h in (1e-4, -1e-4))
        assert slope == pytest.approx(((up - down) / 2e-4).mean(), rel=1e-3)


def test_slopes_at_the_ends_of_a_spline(rows):
    fit = fit_lmm("y ~ bs(week, df=4) + (1 | who)", rows)
    ends = marginal_trends(fit, "week", "week", at={"week": [0, 5]}, **ASYMPTOTIC).table
    near = [fit.predict(pd.DataFrame({"week": [w, w + 1e-5]})).diff()[1] / 1e-5 for w in (0, 5 - 1e-5)]
    assert ends["estimate"].tolist() == pytest.approx(near, rel=1e-4)


def test_a_slope_that_cannot_be_told(rows):
    fit = fit_lmm("y ~ week + days + (1 | who)", rows.assign(days=7 * rows["week"]))
    assert marginal_trends(fit, "week", **ASYMPTOTIC).table["reason"].tolist() == ["not estimable"]
    fit = fit_lmm("y ~ week + I(dose > 3) + (1 | who)", rows)
    assert marginal_trends(fit, "dose", at={"dose": 2}, **ASYMPTOTIC).table["reason"].tolist() == [
        "no coefficient in it"
    ]


def test_what_cannot_be_asked(rows):
    fit = fit_lmm("y ~ week * arm + C(dose > 3) + (1 | who)", rows)
    with pytest.raises(ConfigError, match='"arm" is a factor'):
        marginal_trends(fit, "arm")
    with pytest.raises(ConfigError, match=r'variable: "weeks".* Did you mean "week"'):
        marginal_trends(fit, "weeks")
    with pytest.raises(ConfigError, match="name at least one variable"):
        marginal_trends(fit, "week", [])
    with pytest.raises(ModelError, match="one value only"):
        marginal_trends(fit_lmm("y ~ week + one + (1 | who)", rows.assign(one=1.0)), "one")

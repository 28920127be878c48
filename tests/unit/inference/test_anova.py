"""Tables of terms: what they do not depend on, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference import anova, joint_test
from studypkg.models import Fit, fit_lmm


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(11)
    table = pd.DataFrame({"who": np.repeat(np.arange(30), 6)})
    table["arm"] = np.array(["heat", "cold", "none"])[draw.integers(0, 3, 180)]
    table["time"] = np.array(["am", "pm"])[draw.integers(0, 2, 180)]
    table["age"] = draw.normal(50, 9, 30)[table["who"]]
    table["pain"] = draw.normal(size=30)[table["who"]] + (table["arm"] == "heat") + draw.normal(size=180)
    return table


@pytest.mark.parametrize("coding", ["contr.sum", "contr.helmert", "contr.treatment('none')"])
def test_type_3_does_not_depend_on_how_categories_are_coded(rows, coding):
    plain = anova(fit_lmm("pain ~ arm * time + age + (1 | who)", rows))
    coded = anova(fit_lmm(f"pain ~ C(arm, {coding}) * time + age + (1 | who)", rows))
    np.testing.assert_allclose(np.sort(coded["statistic"]), np.sort(plain["statistic"]), rtol=1e-6)
    np.testing.assert_allclose(np.sort(coded["num_df"]), np.sort(plain["num_df"]))


def test_the_last_term_of_type_1_is_that_of_type_3(rows):
    fit = fit_lmm("pain ~ age + arm + (1 | who)", rows)
    first, third = anova(fit, type=1), anova(fit, type="III")
    assert first.loc["arm", "statistic"] == pytest.approx(third.loc["arm", "statistic"], rel=1e-8)
    own = joint_test(fit, ["arm[T.heat]", "arm[T.none]"]).iloc[0]
    assert third.loc["arm", "statistic"] == pytest.approx(own["statistic"], rel=1e-8)


def test_empty_cells_have_no_type_3_but_a_type_2(rows):
    fit = fit_lmm("pain ~ arm * time + (1 | who)", rows[(rows["arm"] != "none") | (rows["time"] == "am")])
    with pytest.raises(ModelError, match="some combinations of levels have no rows"):
        anova(fit)
    assert anova(fit, type=2).loc["arm:time", "num_df"] == 1


def test_what_is_refused(rows):
    fit = fit_lmm("pain ~ arm + (1 | who)", rows)
    with pytest.raises(ConfigError, match="ask for 1, 2 or 3"):
        anova(fit, type=4)
    with pytest.raises(ModelError, match="stored fit"):
        anova(Fit.from_dict(fit.to_dict()))
    with pytest.raises(ModelError, match="nothing to test"):
        anova(fit_lmm("pain ~ 1 + (1 | who)", rows))

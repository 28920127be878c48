"""Probabilities of categories: in the middle group, in known groups, and over the population."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from studypkg.errors import ConfigError, ModelError
from studypkg.models import Fit, category_probabilities, fit_lmm

NEW = pd.DataFrame(
    {"week": [0.0, 4.0], "arm": ["new", "usual"], "patient": ["p01", "nobody"]}, index=["a", "b"]
)


def test_predict_gives_the_linear_predictor_without_thresholds(fitted):
    fit = fitted()
    expected = [0.0, 4 * fit.params["week"] + fit.params["arm[T.usual]"]]
    np.testing.assert_allclose(fit.predict(NEW), expected, atol=1e-12)


def test_probabilities_are_differences_of_the_distribution_function(fitted):
    fit = fitted()
    found = category_probabilities(fit, NEW)
    assert found.columns.tolist() == ["0", "1", "2", "3"]
    assert found.index.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    below = special.expit(fit.params.iloc[:3].to_numpy() - fit.predict(NEW)["b"])
    np.testing.assert_allclose(found.loc["b"].cumsum().iloc[:3], below, rtol=1e-12)


def test_known_groups_bring_their_effect_and_new_ones_none(fitted):
    fit = fitted()
    middle, own = category_probabilities(fit, NEW), category_probabilities(fit, NEW, random=True)
    effect = fit.ranef().set_index("level")["value"]["p01"]
    assert np.sign(middle.loc["a", "0"] - own.loc["a", "0"]) == np.sign(effect)
    np.testing.assert_allclose(own.loc["b"], middle.loc["b"])


@pytest.mark.parametrize("formula", ["grade ~ week + arm + (1 + week | patient)"])
def test_the_average_is_that_of_many_drawn_groups(fitted, formula):
    fit = fitted(formula)
    found = category_probabilities(fit, NEW, random="average")
    sd, corr = fit.varcomp["sd"].to_numpy(), fit.varcomp["corr_1"].iloc[1]
    covariance = np.outer(sd, sd) * np.array([[1, corr], [corr, 1]])
    draws = np.random.default_rng(1).multivariate_normal([0, 0], covariance, 200_000) @ [1.0, 4.0]
    eta = fit.predict(NEW)["b"] + draws
    below = special.expit(fit.params.iloc[:3].to_numpy() - eta[:, None]).mean(axis=0)
    np.testing.assert_allclose(found.loc["b"].cumsum().iloc[:3], below, atol=3e-3)
    np.testing.assert_allclose(
        category_probabilities(fit, fit.rows.frame, random="average"),
        category_probabilities(fit, random="average"),
    )


def test_the_average_of_a_probit_model_has_a_closed_form(fitted):
    fit = fitted(link="probit")
    found = category_probabilities(fit, NEW, random="average")
    spread = np.sqrt(1 + fit.varcomp["variance"].iloc[0])
    below = special.ndtr((fit.params.iloc[:3].to_numpy() - fit.predict(NEW)["b"]) / spread)
    np.testing.assert_allclose(found.loc["b"].cumsum().iloc[:3], below, rtol=1e-10)


@pytest.mark.parametrize("random", [False, True, "average"])
def test_a_row_that_lacks_something_has_no_probabilities(fitted, random):
    fit = fitted("grade ~ week + arm + (1 + week | patient)")
    found = category_probabilities(fit, NEW.assign(week=[np.nan, 1.0]), random=random)
    assert found.loc["a"].isna().all()
    assert found.loc["b"].sum() == pytest.approx(1.0)


def test_other_fits_and_other_words_are_refused(visits, fitted):
    with pytest.raises(ConfigError, match="ordinal model"):
        category_probabilities(fit_lmm("grade ~ week + (1 | patient)", visits))
    with pytest.raises(ConfigError, match="average"):
        category_probabilities(fitted(), random="marginal")
    with pytest.raises(ModelError, match="no rows"):
        category_probabilities(Fit.from_dict(fitted().to_dict()))

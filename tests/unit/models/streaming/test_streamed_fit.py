"""What a streamed fit still knows, and what it says it does not know."""

import json

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ModelError
from studypkg.models import Fit, fit_lmm

FORMULA = "pain ~ weeks * sex + adherence + (1 + weeks | patient) + (1 | therapist) + (1 | clinic:device)"


@pytest.fixture(scope="module")
def pair(visits, visits_file):
    return fit_lmm(FORMULA, visits_file, partition_rows=300), fit_lmm(FORMULA, visits)


def test_random_effects_are_there_by_level(pair):
    streamed, whole = (f.ranef() for f in pair)
    pd.testing.assert_frame_equal(streamed, whole, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("random", [False, True])
def test_new_rows_are_predicted(pair, visits, random):
    new = visits.head(30).copy()
    new.loc[0, "patient"] = "somebody new"
    streamed, whole = (f.predict(new, random=random) for f in pair)
    pd.testing.assert_series_equal(streamed, whole, rtol=1e-11)


def test_maximum_likelihood_from_the_same_sums(pair, same_digits):
    same_digits(pair[0].by_ml(), pair[1].by_ml())


def test_it_is_stored_as_any_fit(pair):
    again = Fit.from_dict(json.loads(json.dumps(pair[0].to_dict())))
    assert again.params.equals(pair[0].params)
    assert "patient" in pair[0].summary()


@pytest.mark.parametrize(
    "ask",
    [
        lambda f: f.fitted,
        lambda f: f.residuals,
        lambda f: f.simulate(1),
        lambda f: f.refit(np.zeros(871)),
        lambda f: f.rows.y,
        lambda f: f.rows.fixed,
        lambda f: f.rows.frame,
        lambda f: f.rows.strata,
    ],
)
def test_what_needs_rows_is_refused(pair, ask):
    with pytest.raises(ModelError, match="stayed outside memory"):
        ask(pair[0])

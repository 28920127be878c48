"""Marginal means of generalised models, on the link and the response scale, against emmeans."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import marginal_means
from studypkg.models import fit_lmm
from studypkg.models.generalised import fit_glmm
from studypkg.models.ordinal import fit_ordinal

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "marginal_generalised.json").read_text(encoding="utf-8"))
NUMBERS = {"estimate": "estimate", "se": "SE", "ci_low": "LCL", "ci_high": "UCL"}


@pytest.fixture(scope="module")
def fits():
    rows = pd.read_csv(DATA / "cbpp_binomial.csv", dtype={"herd": str, "period": str})
    return {
        "logit": fit_glmm("cbind(incidence, size - incidence) ~ period + (1 | herd)", rows),
        "poisson": fit_glmm("incidence ~ period + np.log(size) + (1 | herd)", rows, family="poisson"),
    }


def assert_same(table, expected):
    for ours, theirs in NUMBERS.items():
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", ["link", "response"])
@pytest.mark.parametrize("case", ["logit", "poisson"])
def test_means(fits, case, scale):
    means = marginal_means(fits[case], "period", scale=scale)
    assert_same(means.table, REFERENCES[case][scale])


@pytest.mark.parametrize("case", ["logit", "poisson"])
def test_differences_and_ratios(fits, case):
    differences = marginal_means(fits[case], "period").pairwise("tukey").table
    assert_same(differences, REFERENCES[case]["pairs"])
    ratios = marginal_means(fits[case], "period", scale="response").pairwise("tukey")
    assert_same(ratios.table, REFERENCES[case]["ratios"])
    np.testing.assert_allclose(ratios.table["p_value"], REFERENCES[case]["ratios"]["p.value"], atol=1e-6)
    assert ratios.measure == {"logit": "odds ratio", "poisson": "ratio"}[case]
    assert ratios.table["contrast"].iloc[0] == "1 / 2"


@pytest.fixture(scope="module")
def ordinal():
    """The fit of R's clmm, on the rows of a linear one: thresholds where that has its intercept."""
    reference = REFERENCES["ordinal"]
    rows = pd.read_csv(DATA / "marginal_wine.csv", dtype={"judge": str})
    names = [*list(reference["coef"])[:4], "temp[T.warm]", "contact[T.yes]", "temp[T.warm]:contact[T.yes]"]
    vcov = pd.DataFrame(reference["vcov"], index=names, columns=names)
    params = pd.Series(list(reference["coef"].values()), index=names)
    linear = fit_lmm("rating ~ temp * contact + (1 | judge)", rows)
    return dataclasses.replace(
        linear,
        kind="ordinal",
        link="logit",
        params=params,
        vcov=vcov,
        bse=pd.Series(np.sqrt(np.diag(vcov)), names),
    )


def test_ordinal_means_are_counted_from_the_mean_threshold(ordinal):
    means = marginal_means(ordinal, ["temp", "contact"])
    assert_same(means.table, REFERENCES["ordinal"]["latent"])
    pairs = means.pairwise("tukey").table
    assert_same(pairs, REFERENCES["ordinal"]["pairs"])
    np.testing.assert_allclose(pairs["p_value"], REFERENCES["ordinal"]["pairs"]["p.value"], atol=1e-6)


def test_ordinal_categories_have_probabilities(ordinal):
    expected = REFERENCES["ordinal"]["probabilities"]
    means = marginal_means(ordinal, ["temp", "contact"], scale="response")
    assert means.table["category"].tolist() == expected["grade"]
    np.testing.assert_allclose(means.table["estimate"], expected["estimate"], rtol=1e-6)
    np.testing.assert_allclose(means.table["se"], expected["SE"], rtol=1e-5)
    # Theirs are symmetric and leave the interval from 0 to 1; ours do not.
    assert (means.table["ci_low"] > 0.0).all()
    assert (means.table["ci_high"] < 1.0).all()
    assert means.table.groupby(["temp", "contact"])["estimate"].sum().tolist() == pytest.approx([1.0] * 4)
    assert means.pairwise("none").measure == "odds ratio"


def test_an_ordinal_fit_of_our_own_gives_the_same():
    rows = pd.read_csv(DATA / "marginal_wine.csv", dtype={"judge": str})
    fit = fit_ordinal("rating ~ temp * contact + (1 | judge)", rows)
    means = marginal_means(fit, ["temp", "contact"])
    expected = REFERENCES["ordinal"]["latent"]
    np.testing.assert_allclose(means.table["estimate"], expected["estimate"], rtol=1e-4)
    np.testing.assert_allclose(means.table["se"], expected["SE"], rtol=1e-4)
    shares = marginal_means(fit, ["temp", "contact"], scale="response").table
    expected = REFERENCES["ordinal"]["probabilities"]
    np.testing.assert_allclose(shares["estimate"], expected["estimate"], rtol=1e-4)
    np.testing.assert_allclose(shares["se"], expected["SE"], rtol=1e-4)

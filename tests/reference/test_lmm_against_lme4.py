"""Fits, degrees of freedom and F tests against lme4, lmerTest and emmeans at full precision."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import coefficient_table, contrast, joint_test
from studypkg.models import fit_lmm

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "lmm_references.json").read_text(encoding="utf-8"))
CASES = [name for name in REFERENCES if name != "session"]
LEVELS = {"orthodont_slope": {"Sex": ["Male", "Female"]}}
TEXT = {
    "cake_splitplot": ["temperature", "replicate"],
    "machines_nested": ["Worker"],
    "carrots": ["Homesize", "Consumer"],
}


def rows(case):
    data = pd.read_csv(DATA / f"{case}.csv", dtype=dict.fromkeys(TEXT.get(case, []), str))
    for column, levels in LEVELS.get(case, {}).items():
        data[column] = pd.Categorical(data[column], categories=levels)
    return data


@pytest.fixture(scope="module")
def fits():
    made = {}

    def get(case, reml=True):
        if (case, reml) not in made:
            made[case, reml] = fit_lmm(REFERENCES[case]["formula"], rows(case), reml=reml)
        return made[case, reml]

    return get


def variances(reference):
    return {
        (
            entry["grp"].split(".")[0],
            {"(Intercept)": "Intercept", None: ""}.get(entry["var1"], entry["var1"]),
        ): entry
        for entry in reference["varcorr"]
        if not entry["var2"]
    }


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("case", CASES)
def test_estimates_and_likelihood(fits, case, reml):
    reference = REFERENCES[case]["REML" if reml else "ML"]
    fit = fits(case, reml)
    beta, se = (np.array(list(reference[key].values())) for key in ("beta", "se"))
    assert fit.loglik == pytest.approx(reference["logLik"], rel=1e-6)
    assert np.abs(fit.params.to_numpy() - beta).max() < 1e-5 * se.min()
    np.testing.assert_allclose(fit.bse, se, rtol=1e-4)
    np.testing.assert_allclose(fit.vcov, reference["vcov"], rtol=1e-3, atol=1e-4 * se.min() ** 2)
    assert fit.aic == pytest.approx(reference["AIC"], abs=1e-5)
    assert fit.bic == pytest.approx(reference["BIC"], abs=1e-5)


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("case", CASES)
def test_variance_components(fits, case, reml):
    expected = variances(REFERENCES[case]["REML" if reml else "ML"])
    table = fits(case, reml).varcomp
    assert len(table) == len(expected)
    for row in table.itertuples():
        assert row.variance == pytest.approx(expected[row.group, row.term]["vcov"], rel=1e-3, abs=0.0)


@pytest.mark.parametrize("case", CASES)
def test_satterthwaite_degrees_of_freedom(fits, case):
    reference = REFERENCES[case]["satterthwaite"]["coef"]
    table = coefficient_table(fits(case))
    np.testing.assert_allclose(table["df"], [row["df"] for row in reference], atol=1e-2)
    np.testing.assert_allclose(
        table["p_value"], [row["Pr(>|t|)"] for row in reference], rtol=1e-3, atol=1e-30
    )


def test_correlations_of_random_effects(fits):
    expected = next(e["sdcor"] for e in REFERENCES["sleepstudy_slope"]["REML"]["varcorr"] if e["var2"])
    assert fits("sleepstudy_slope").varcomp["corr_1"][1] == pytest.approx(expected, abs=1e-5)


def test_dyestuff2_has_no_batch_variance_at_all(fits):
    fit = fits("dyestuff2_singular")
    assert fit.is_singular
    assert fit.varcomp["variance"][0] == 0.0
    assert fit.singular_terms == ("Intercept | Batch: variance 0",)


@pytest.mark.parametrize("case", ["sleepstudy_slope", "sleepstudy_uncorrelated"])
def test_random_effects_and_their_conditional_spread(fits, case):
    ours = fits(case).ranef()
    theirs = pd.DataFrame(REFERENCES[case]["ranef_REML"]).replace({"term": {"(Intercept)": "Intercept"}})
    both = ours.merge(theirs, left_on=["level", "term"], right_on=["grp", "term"])
    assert len(both) == len(ours) == 36
    np.testing.assert_allclose(both["value"], both["condval"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(both["sd"], both["condsd"], rtol=1e-5)


def test_predictions_with_and_without_random_effects(fits):
    reference = REFERENCES["sleepstudy_slope"]["predict"]
    new = pd.DataFrame(reference["newdata"])
    fit = fits("sleepstudy_slope")
    np.testing.assert_allclose(fit.predict(new), reference["population"], rtol=1e-8)
    np.testing.assert_allclose(
        fit.predict(new, random=True), reference["conditional_new_levels_zero"], rtol=1e-6
    )


def test_marginal_means_have_their_own_degrees_of_freedom(fits):
    # Carrots, unbalanced: the mean of sens2 over the rows used, as emmeans takes it.
    centre = rows("carrots").dropna(subset=["Preference"])["sens2"].mean().item()
    table = contrast(
        fits("carrots"),
        {
            "one": f"Intercept + {centre!r} * sens2",
            "three": f"Intercept + {centre!r} * sens2 + Homesize[T.3]",
        },
    )
    expected = pd.DataFrame(REFERENCES["carrots"]["emmeans_satterthwaite"]["emmeans"])
    np.testing.assert_allclose(table["estimate"], expected["emmean"], rtol=1e-6)
    np.testing.assert_allclose(table["se"], expected["SE"], rtol=1e-4)
    np.testing.assert_allclose(table["df"], expected["df"], atol=1e-2)
    np.testing.assert_allclose(table["ci_low"], expected["lower.CL"], rtol=1e-5)


@pytest.mark.parametrize("effect", ["recipe:temperature"])
def test_joint_f_test_of_an_interaction(fits, effect):
    fit = fits("cake_splitplot")
    expected = next(r for r in REFERENCES["cake_splitplot"]["satterthwaite"]["anova3"] if r[".row"] == effect)
    ours = joint_test(fit, [name for name in fit.params.index if ":" in name]).iloc[0]
    assert ours["num_df"] == expected["NumDF"] == 10
    assert ours["statistic"] == pytest.approx(expected["F value"], rel=1e-6)
    assert ours["den_df"] == pytest.approx(expected["DenDF"], abs=1e-2)
    assert ours["p_value"] == pytest.approx(expected["Pr(>F)"], rel=1e-5)


def test_joint_f_test_with_few_denominator_degrees_of_freedom(fits):
    ours = joint_test(fits("beets_splitplot"), "harvest[T.harv2]").iloc[0]
    expected = REFERENCES["beets_splitplot"]["SATmodcomp_harvest"]
    assert ours["statistic"] == pytest.approx(expected["statistic"], rel=1e-5)
    assert ours["den_df"] == pytest.approx(expected["ddf"], abs=1e-4)


def test_the_nested_notation_is_the_same_model(fits):
    nested = fit_lmm("strength ~ 1 + (1 | batch/cask)", rows("pastes_nested"))
    assert nested.loglik == pytest.approx(fits("pastes_nested").loglik, rel=1e-9)
    assert nested.groups == {"batch": 10, "batch:cask": 30}


def test_missing_rows_are_counted_by_variable(fits):
    fit = fits("carrots")
    assert (fit.n_read, fit.n, fit.dropped) == (1236, 1233, {"Preference": 3})

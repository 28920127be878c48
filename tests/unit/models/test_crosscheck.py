"""The second opinion: when it counts, and when it must keep quiet."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import cross_check, fit_lmm
from studypkg.models.crosscheck import STATUSES
from studypkg.models.design import build_design
from studypkg.models.formula import parse_formula
from studypkg.models.least_squares import rising_terms
from studypkg.models.second_opinion import OPTIMISERS


def test_lbfgs_is_never_asked():
    assert "lbfgs" not in OPTIMISERS
    assert len(set(OPTIMISERS)) >= 2


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("random", ["(1 | patient)", "(1 + weeks | patient)", "(1 | clinic/therapist)"])
def test_two_engines_agree(study, random, reml):
    fit = fit_lmm(f"pain ~ weeks + adherence + {random}", study, reml=reml)
    check = cross_check(fit, study)
    assert check.status == "agrees", check.reason
    assert {"term", "ours", "theirs", "difference"} == set(check.table.columns)
    compared = [name for name in check.table["term"] if name.startswith("sd ")]
    assert len(compared) == int((fit.varcomp["sd"] > 0).sum())


def test_a_wrong_fit_is_found_out(study):
    fit = fit_lmm("pain ~ weeks + adherence + (1 | patient)", study)
    wrong = dataclasses.replace(fit, params=fit.params + fit.bse)
    assert cross_check(wrong, study).status == "disagrees"
    worse = dataclasses.replace(fit, loglik=fit.loglik - 1.0)
    check = cross_check(worse, study)
    assert check.status == "disagrees"
    assert "higher than ours" in check.reason


def test_a_second_engine_that_stops_short_is_no_disagreement(study):
    fit = fit_lmm("pain ~ weeks + adherence + (1 | patient)", study)
    better = dataclasses.replace(fit, loglik=fit.loglik + 1.0)
    check = cross_check(better, study)
    assert check.status == "inconclusive"
    assert "missed the optimum" in check.reason


def trap(seed):
    """40 patients × 6 visits, no variance between patients, true between effect −3."""
    draw = np.random.default_rng(seed)
    patient = np.repeat(np.arange(40), 6)
    rows = pd.DataFrame({"patient": patient, "week": np.tile(np.arange(6.0), 40)})
    rows["a"] = np.clip(draw.uniform(0.2, 0.9, 40)[patient] + draw.normal(0, 0.15, 240), 0, 1)
    rows["between"] = rows.groupby("patient")["a"].transform("mean")
    rows["within"] = rows["a"] - rows["between"]
    rows["pain"] = 6 - 0.2 * rows["week"] - rows["within"] - 3 * rows["between"] + draw.normal(0, 1, 240)
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_at_a_variance_of_zero_there_is_no_false_alarm_and_no_false_comfort(seed):
    rows = trap(seed)
    fit = fit_lmm("pain ~ week + within + between + (1 | patient)", rows)
    check = cross_check(fit, rows)
    assert check.status != "disagrees", check.reason
    if fit.is_singular:
        assert check.against.startswith("least squares")
    if check.status == "agrees":
        theirs = check.table.set_index("term").loc["between", "theirs"]
        assert theirs == pytest.approx(fit.params["between"], abs=0.01 * fit.bse["between"])


def noise(seed):
    """40 patients × 6 visits and nothing but noise."""
    draw = np.random.default_rng(seed)
    week = np.tile(np.arange(6.0), 40)
    return pd.DataFrame(
        {"patient": np.repeat(np.arange(40), 6), "week": week, "pain": draw.normal(6, 1, 240)}
    )


def test_a_zero_that_should_not_be_zero_is_found_out(study):
    # A fit without the patients' variance, dressed up as one that found it to be zero.
    singular = next(
        fit for seed in range(20) if (fit := fit_lmm("pain ~ week + (1 | patient)", noise(seed))).is_singular
    )
    false = dataclasses.replace(
        singular,
        formula="pain ~ weeks + (1 | patient)",
        params=singular.params.set_axis(["Intercept", "weeks"]),
    )
    check = cross_check(false, study)
    assert check.status == "disagrees"
    assert "rises from a variance of zero" in check.reason
    design = build_design(parse_formula("pain ~ weeks + (1 | patient)"), study)
    assert rising_terms(design, reml=True) == ("(1 | patient)",)


def test_a_zero_beside_a_variance_is_left_out_of_the_comparison(study):
    # A factor dealt out at random explains nothing, and in about half of the draws less than nothing.
    for seed in range(20):
        rows = study.assign(turn=np.random.default_rng(seed).permuted(np.tile(np.arange(8), 30)))
        fit = fit_lmm("pain ~ weeks + (1 | patient) + (1 | turn)", rows)
        if fit.is_singular:
            break
    assert fit.varcomp["variance"].tolist()[1] == 0.0
    check = cross_check(fit, rows)
    assert check.status == "agrees"
    assert "zero terms left out" in check.against


def test_the_compiled_package_is_asked_first_and_at_any_size(study):
    fit = fit_lmm("pain ~ weeks + (1 + weeks | patient) + (1 | therapist)", study)
    check = cross_check(fit, study, max_rows=10)
    assert check.status == "agrees"
    assert check.against == "the compiled package glmm"


def test_mixedlm_is_asked_what_the_compiled_package_does_not_take(study):
    fit = fit_lmm("pain ~ weeks + (0 + weeks | patient)", study)
    check = cross_check(fit, study)
    assert check.status == "agrees"
    assert check.against == "statsmodels MixedLM"


def test_what_the_second_engine_cannot_do_is_said(study):
    crossed = fit_lmm("pain ~ weeks + (1 | patient) + (1 + adherence | dose)", study.head(120))
    assert cross_check(crossed, study.head(120)).status in {"agrees", "not_comparable", "inconclusive"}
    weighted = fit_lmm("pain ~ weeks + (1 | patient)", study, weights="dose")
    assert cross_check(weighted, study).status == "not_comparable"
    slope_only = fit_lmm("pain ~ weeks + (0 + weeks | patient)", study)
    assert cross_check(slope_only, study, max_rows=100).status == "too_large"


def test_other_rows_than_those_of_the_fit_are_refused(study):
    fit = fit_lmm("pain ~ weeks + (1 | patient)", study)
    with pytest.raises(ModelError, match="give the rows of the fit"):
        cross_check(fit, study.head(100))
    with pytest.raises(ConfigError, match="not the one"):
        cross_check(fit, study, formula="pain ~ 1 + (1 | patient)")
    assert set(STATUSES) == {"agrees", "disagrees", "inconclusive", "not_comparable", "too_large"}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("glmm", 'engine="glmm"'),
        ("mmrm", "no second engine"),
        ("ordinal", "quadrature"),
        ("other", "Only linear"),
    ],
)
def test_fits_of_other_kinds_are_told_where_to_go(study, kind, says):
    fit = fit_lmm("pain ~ weeks + (1 | patient)", study)
    with pytest.raises(ConfigError, match=says):
        cross_check(dataclasses.replace(fit, kind=kind), study)

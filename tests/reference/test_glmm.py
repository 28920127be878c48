"""Generalised mixed models against lme4's glmer and glmmTMB, at full precision."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import marginal_means
from studypkg.models import fit_glmm

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "glmm_references.json").read_text(encoding="utf-8"))
CASES = [name for name in REFERENCES if name != "session"]
TEXT = {"herd": str, "period": str, "id": str}
# glmer stops where its deviance no longer changes in about the ninth digit, and measures its Hessian by
# differences of deviances; glmmTMB was taken to a gradient of zero by Newton steps.
TOLERANCE = {"glmer": {"beta": 1e-5, "se": 1e-4}, "glmmTMB": {"beta": 1e-6, "se": 1e-5}}
# With a correlation at its limit glmmTMB searches towards infinity and has no Hessian to speak of.
LOOSE = {("responder_slope", "glmmTMB"): {"beta": 1e-4, "se": 1e-3}}
PAIRS = [(case, program) for case in CASES for program in TOLERANCE if REFERENCES[case][program]]


def rows(case):
    data = pd.read_csv(DATA / case["file"], dtype=TEXT)
    return data.assign(w=data["days"] / 28) if "weights" in case else data


@pytest.fixture(scope="module")
def fits():
    made = {}

    def get(name, engine="own"):
        if (name, engine) not in made:
            case = REFERENCES[name]
            made[name, engine] = fit_glmm(
                case["formula"], rows(case), family=case["family"], link=case.get("link"), engine=engine,
                quadrature=case.get("quadrature", 1), weights="w" if "weights" in case else None,
            )  # fmt: skip
        return made[name, engine]

    return get


@pytest.mark.parametrize(("name", "program"), PAIRS)
def test_estimates_and_standard_errors(fits, name, program):
    reference, fit = REFERENCES[name][program], fits(name)
    allowed = LOOSE.get((name, program), TOLERANCE[program])
    beta, se = (np.array(list(reference[key].values())) for key in ("beta", "se"))
    assert fit.n == reference["n"]
    assert np.abs((fit.params.to_numpy() - beta) / se).max() < allowed["beta"]
    assert fit.bse.to_numpy() == pytest.approx(se, rel=allowed["se"])


@pytest.mark.parametrize(("name", "program"), PAIRS)
def test_our_likelihood_is_theirs_or_higher(fits, name, program):
    reference, fit = REFERENCES[name][program], fits(name)
    if program == "glmer" and REFERENCES[name].get("quadrature", 1) > 1:
        # By quadrature glmer leaves out the likelihood of the saturated model; its constant is the same for
        # every number of nodes, so differences between them compare.
        base = name.rsplit("_", 1)[0] + "_25"
        theirs = reference["loglik"] - REFERENCES[base]["glmer"]["loglik"]
        assert fit.loglik - fits(base).loglik == pytest.approx(theirs, abs=1e-7)
        return
    assert fit.loglik == pytest.approx(reference["loglik"], rel=1e-8)
    assert fit.loglik > reference["loglik"] - 1e-8 * abs(reference["loglik"])


@pytest.mark.parametrize(("name", "program"), PAIRS)
def test_variances(fits, name, program):
    fit, found = fits(name), {}
    for group, own in fit.varcomp.groupby("group", sort=False):
        found[group] = own["sd"].to_numpy()
    theirs = {}
    for term in REFERENCES[name][program]["random"]:
        group = term["group"].split(".")[0] if term["group"] not in found else term["group"]
        variances = np.diag(np.array(term["covariance"], dtype=float))
        theirs[group] = np.concatenate([theirs.get(group, np.zeros(0)), np.sqrt(variances)])
    assert len(found) == len(theirs)
    for group, sds in theirs.items():
        own = found.get(group, found.get(":".join(reversed(group.split(":")))))
        assert own == pytest.approx(sds, rel=1e-4 if (name, program) in LOOSE else 2e-5)


def test_correlation_of_intercepts_and_slopes(fits):
    for program in TOLERANCE:
        (covariance,) = (
            np.array(t["covariance"])
            for t in REFERENCES["falls_slope_crossed"][program]["random"]
            if t["group"] == "patient"
        )
        correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        table = fits("falls_slope_crossed").varcomp.query("group == 'patient'")
        assert table["corr_1"].iloc[1] == pytest.approx(correlation, rel=1e-5)


@pytest.mark.parametrize("name", ["attacks_size", "attacks_nested"])
def test_negative_binomial_size(fits, name):
    assert fits(name).size == pytest.approx(REFERENCES[name]["glmmTMB"]["size"], rel=1e-6)


def test_correlation_at_its_limit_is_named(fits):
    fit = fits("responder_slope")
    assert fit.is_singular
    assert fit.singular_terms == ("week | patient: correlation at its limit",)
    assert fit.varcomp["corr_1"].iloc[1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", ["cbpp_1", "cbpp_25", "falls_slope_crossed", "attacks_size", "days_cloglog"])
def test_the_compiled_engine_finds_the_same(fits, name):
    own, other = fits(name), fits(name, "glmm")
    assert other.loglik == pytest.approx(own.loglik, rel=1e-10)
    assert np.abs((other.params - own.params) / own.bse).max() < 1e-4
    assert other.bse.to_numpy() == pytest.approx(own.bse.to_numpy(), rel=1e-4)


def test_modes_and_their_conditional_spread(fits):
    reference = REFERENCES["cbpp_1"]["modes"]
    table = fits("cbpp_1").ranef().set_index("level").loc[reference["herd"]]
    assert table["value"].to_numpy() == pytest.approx(np.array(reference["value"]), abs=1e-6)
    assert table["sd"].to_numpy() == pytest.approx(np.array(reference["sd"]), rel=1e-5)


def test_marginal_probabilities_are_those_of_emmeans(fits):
    reference = REFERENCES["cbpp_1"]["marginal"]
    table = marginal_means(fits("cbpp_1"), "period", scale="response").table.set_index("period")
    table = table.loc[reference["period"]]
    pairs = {"estimate": "prob", "se": "SE", "ci_low": "asymp.LCL", "ci_high": "asymp.UCL"}
    for ours, theirs in pairs.items():
        assert table[ours].to_numpy() == pytest.approx(np.array(reference[theirs]), rel=1e-5)
    assert np.isinf(table["df"]).all()

"""Repeated measures against R's mmrm, nlme::gls and clubSandwich at full precision."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import coefficient_table, contrast
from studypkg.models import fit_mmrm

DATA = Path(__file__).parent / "data"
MMRM = json.loads((DATA / "mmrm_references.json").read_text(encoding="utf-8"))
GLS = json.loads((DATA / "mmrm_gls.json").read_text(encoding="utf-8"))
FEV = MMRM["fev"]
STRUCTURES = FEV["structures_satterthwaite"]
MISSING = [(name, method) for name in GLS["orthodont_missing"] for method in ("REML", "ML")]
ROBUST = [("ar1h", "orthodont_missing"), ("un", "orthodont_missing"), ("sp_exp", "bodyweight")]
EMPIRICAL = {"CR0": "empirical", "CR2": "empirical-bias-reduced", "CR3": "empirical-jackknife"}


def numbers(named):
    return np.array(list(named.values()), dtype=float)


def rows(name):
    data = pd.read_csv(DATA / f"mmrm_{name}.csv")
    for sex in ("Sex", "SEX"):
        if sex in data:
            data[sex] = pd.Categorical(data[sex], ["Male", "Female"])
    return data


@pytest.fixture(scope="module")
def fev():
    data, made = rows("fev"), {}

    def get(**more):
        key = tuple(sorted(more.items()))
        if key not in made:
            formula = "FEV1 ~ RACE + SEX + ARMCD * AVISIT"
            made[key] = fit_mmrm(formula, data, subject="USUBJID", visit="AVISIT", **more)
        return made[key]

    return get


@pytest.fixture(scope="module")
def orthodont():
    tables = {name: rows(name) for name in ("orthodont", "orthodont_missing")}

    def get(name, **more):
        return fit_mmrm("distance ~ Sex * C(visit)", tables[name], subject="Subject", visit="visit", **more)

    return get


@pytest.fixture(scope="module")
def bodyweight():
    data = rows("bodyweight")
    return lambda **more: fit_mmrm(
        "weight ~ day * C(Diet)", data, subject="Rat", visit="day", cov="sp_exp", **more
    )


def agrees(fit, reference, *, gls=False):
    """Compare likelihood, estimates and standard errors.

    A search that stops δ below the top of the log-likelihood is off by about √(2δ) standard errors, so a
    reference that was beaten is given that much room, and no more.
    """
    beta = numbers(reference["beta"])
    se = numbers(reference["se"]) if "se" in reference else np.sqrt(np.diag(reference["vcov"]))
    if gls and not fit.reml:
        # gls multiplies the variances of maximum likelihood by n/(n - p).
        se = se * np.sqrt(1.0 - len(beta) / fit.n)
    beaten = fit.loglik - reference["logLik"]
    assert -1e-9 < beaten / abs(reference["logLik"]) < 1e-6
    room = 0.2 * np.sqrt(2.0 * max(beaten, 0.0))
    assert np.abs((fit.params - beta) / se).max() < 1e-5 + room
    np.testing.assert_allclose(fit.bse, se, rtol=1e-4 + room)


def same_covariance(fit, sigma):
    """Compare standard deviations and correlations with a covariance matrix of the visits."""
    table = fit.varcomp.dropna(subset=["sd"])
    sd = np.sqrt(np.diag(sigma))
    np.testing.assert_allclose(table["sd"], sd, rtol=1e-3)
    below = np.tril_indices(len(sd), -1)
    expected = (sigma / np.outer(sd, sd))[below]
    np.testing.assert_allclose(
        table.filter(regex=r"^corr_").to_numpy()[below], expected, rtol=1e-3, atol=2e-4
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_structures_of_mmrm(fev, structure):
    reference = STRUCTURES[structure]
    fit = fev(cov=structure)
    agrees(fit, reference)
    assert (fit.n, fit.groups["USUBJID"]) == (reference["n_obs"], reference["n_subjects"])
    same_covariance(fit, reference["Sigma"])
    df = [row["df"] for row in reference["coef"]]
    np.testing.assert_allclose(coefficient_table(fit)["df"], df, rtol=1e-2)


def test_maximum_likelihood_of_mmrm(fev):
    reference, fit = FEV["us_ML"], fev(cov="un", reml=False)
    agrees(fit, reference)
    same_covariance(fit, reference["Sigma"])
    np.testing.assert_allclose(
        coefficient_table(fit)["df"], [row["df"] for row in reference["coef"]], rtol=1e-2
    )


def test_weights_and_groups_of_mmrm(fev):
    agrees(fev(cov="un", weights="WEIGHT"), FEV["us_weighted"])
    agrees(fev(cov="un", group="ARMCD"), FEV["by_group_us"])


def kenward_roger_df(fit, weights):
    return contrast(fit, weights, ddf="kenward-roger")["df"]


@pytest.mark.parametrize(
    ("kind", "name"), [("full", "us_kenward_roger"), ("linear", "us_kenward_roger_linear")]
)
def test_kenward_and_roger_of_mmrm(fev, kind, name):
    reference, fit = FEV[name], fev(cov="un", kenward_roger=kind)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.kenward_roger.vcov)), numbers(reference["se"]), rtol=1e-4)
    df = [row["df"] for row in reference["coef"]]
    np.testing.assert_allclose(kenward_roger_df(fit, np.eye(len(df))), df, rtol=1e-3)


def marginal_means(fit):
    """Weights of the means by arm and visit, over races and sexes in equal parts; then of the differences."""
    parts = {"Intercept": 1.0, "RACE": 1 / 3, "SEX": 1 / 2}
    base = np.array([parts.get(name.split("[")[0], 0.0) for name in fit.params.index])
    means = []
    for visit in ("VIS1", "VIS2", "VIS3", "VIS4"):
        for arm in ("PBO", "TRT"):
            on = {"ARMCD[T.TRT]": arm == "TRT", f"AVISIT[T.{visit}]": True}
            on[f"ARMCD[T.TRT]:AVISIT[T.{visit}]"] = arm == "TRT"
            means.append(base + np.array([float(on.get(name, False)) for name in fit.params.index]))
    means = np.array(means)
    return means, means[1::2] - means[::2]


@pytest.mark.parametrize("part", ["emmeans", "diff"])
def test_marginal_means_of_mmrm(fev, part):
    fit = fev(cov="un", kenward_roger="full")
    weights = marginal_means(fit)[part == "diff"]
    rows = FEV["emmeans_satterthwaite"][part]
    got = contrast(fit, weights)
    theirs = {"estimate": "emmean" if part == "emmeans" else "estimate", "se": "SE", "df": "df"}
    for mine, name in theirs.items():
        np.testing.assert_allclose(got[mine], [row[name] for row in rows], rtol=2e-4)
    rows = FEV["emmeans_kenward_roger"][part]
    se = np.sqrt(np.einsum("ij,jk,ik->i", weights, fit.kenward_roger.vcov, weights))
    np.testing.assert_allclose(se, [row["SE"] for row in rows], rtol=1e-4)
    np.testing.assert_allclose(kenward_roger_df(fit, weights), [row["df"] for row in rows], rtol=1e-3)


@pytest.mark.parametrize("case", [name for name in MMRM["orthodont"] if name.endswith(("REML", "ML"))])
def test_generalised_least_squares(orthodont, case):
    reference = MMRM["orthodont"][case]
    name, method = case.rsplit("_", 1)
    cov = {"unstructured": "un", "ar1_het": "ar1h", "cs_het": "csh"}.get(name, name)
    fit = orthodont("orthodont", cov=cov, reml=method == "REML")
    agrees(fit, reference, gls=True)
    ratios = reference["varWeights"] and dict(zip(("10", "12", "14"), reference["varWeights"], strict=True))
    same_as_gls(fit, cov, reference["sigma"], reference["cor"], ratios)


@pytest.mark.parametrize(("name", "method"), MISSING)
def test_generalised_least_squares_with_missing_visits(orthodont, name, method):
    reference = GLS["orthodont_missing"][name][method]
    cov, *weighted = name.split("_")
    fit = orthodont("orthodont_missing", cov=cov, reml=method == "REML", weights="w" if weighted else None)
    agrees(fit, reference, gls=True)
    same_as_gls(fit, cov, reference["sigma"], reference["cor"], reference["sd_ratio"])


def same_as_gls(fit, cov, sigma, correlation, ratios):
    """Compare with gls, whose standard deviations are ratios to the one of the first visit it met."""
    table = fit.varcomp.dropna(subset=["sd"]).set_index("term")
    by_visit = {name.removeprefix("A."): ratio for name, ratio in (ratios or {}).items()}
    sd = {visit: sigma * by_visit.get(visit, 1.0) for visit in table.index}
    assert table["sd"].to_dict() == pytest.approx(sd, rel=1e-3)
    if cov == "un":
        pairs = [(j, i) for j in range(3) for i in range(j + 1, 4)]
        found = [table[f"corr_{j + 1}"].iloc[i] for j, i in pairs]
    else:
        found = fit.varcomp.set_index("term")["value"]["rho"]
    assert found == pytest.approx(correlation, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("case", "method", "weights"),
    [("un", "REML", None), ("un", "ML", None), ("un_weighted", "REML", "WEIGHT")],
)
def test_the_trial_of_mmrm_by_generalised_least_squares(fev, case, method, weights):
    reference, fit = GLS["fev"][case][method], fev(cov="un", reml=method == "REML", weights=weights)
    agrees(fit, reference, gls=True)
    same_as_gls(fit, "un", reference["sigma"], reference["cor"], reference["sd_ratio"])


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_irregular_days(bodyweight, method):
    reference = GLS["bodyweight"]["sp_exp"][method]
    fit = bodyweight(reml=method == "REML")
    agrees(fit, reference, gls=True)
    assert fit.sigma == pytest.approx(reference["sigma"], rel=1e-3)
    rho = fit.varcomp.set_index("term")["value"]["rho"]
    assert -1.0 / np.log(rho) == pytest.approx(reference["cor"], rel=1e-3)


@pytest.mark.parametrize("kind", EMPIRICAL)
@pytest.mark.parametrize(("cov", "data"), ROBUST)
def test_empirical_covariances_of_clubsandwich(orthodont, bodyweight, cov, data, kind):
    reference = GLS[data][cov]["REML"]["robust"][kind]
    asked = {"vcov": EMPIRICAL[kind]}
    fit = bodyweight(**asked) if cov == "sp_exp" else orthodont(data, cov=cov, **asked)
    # clubSandwich takes another root where it reduces the bias (of D(V - XΦX')D' with V = D'D): it agrees
    # in the mean under the model, not in every sample.
    rtol = 3e-2 if kind == "CR2" else 1e-3
    np.testing.assert_allclose(fit.bse, reference["se"], rtol=rtol)
    np.testing.assert_allclose(bell_mccaffrey(fit), reference["df"], rtol=rtol)


def bell_mccaffrey(fit):
    slope = np.diagonal(fit.vcov_jacobian, axis1=1, axis2=2)
    spread = np.einsum("ki,kl,li->i", slope, fit.parameter_cov, slope)
    return 2.0 * np.diag(fit.vcov_expected) ** 2 / spread


@pytest.mark.parametrize("cov", ["ar1h", "un"])
def test_a_sex_without_the_last_visit(cov):
    data = rows("orthodont_missing")
    data = data[(data["Sex"] == "Male") | (data["visit"] < 14)]
    fit = fit_mmrm("distance ~ Sex * C(visit)", data, subject="Subject", visit="visit", cov=cov)
    assert fit.aliased == ("Sex[T.Female]:C(visit)[T.14]",)
    agrees(fit, GLS["empty_cell"][cov]["REML"], gls=True)


def test_two_subjects():
    data = rows("orthodont_missing")
    data = data[data["Subject"].isin(["M01", "F02"])]
    fit = fit_mmrm("distance ~ 1", data, subject="Subject", visit="visit", cov="ar1")
    agrees(fit, GLS["two_subjects"]["ar1"]["REML"], gls=True)

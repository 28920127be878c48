"""Tables of terms and tests of several coefficients, against lmerTest, pbkrtest, nlme and lme4.

`r/inference.R` wrote the answers.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studypkg.inference import anova, coefficient_table, compare, joint_test
from studypkg.models import fit_lmm

DATA = Path(__file__).parent / "data"
ANSWERS = json.loads((DATA / "inference_references.json").read_text())
CASES = ["cake", "beets", "carrots", "two_factors", "factor_by_covariate", "three_way", "curve"]
FILES = {
    "cake": "cake_splitplot", "beets": "beets_splitplot", "carrots": "carrots", "two_factors": "hard_crossed",
    "factor_by_covariate": "hard_crossed", "three_way": "hard_visits", "curve": "hard_visits",
}  # fmt: skip
TEXT = {"cake": ["temperature", "replicate"], "carrots": ["Homesize", "Consumer"]}


def rows(case):
    table = pd.read_csv(DATA / f"{FILES[case]}.csv", keep_default_na=case == "carrots")
    for column in TEXT.get(case, []):
        table[column] = table[column].astype(str)
    if FILES[case] == "hard_crossed":
        table["time"] = np.resize(["early", "late", "later"], len(table))
    return table


@pytest.fixture(scope="module")
def fits():
    known = {}

    def get(case):
        if case not in known:
            known[case] = fit_lmm(ANSWERS[case]["formula"].replace("^", "**"), rows(case))
        return known[case]

    return get


def check(ours, theirs, case):
    names = [name.replace("^", " ** ") for name in theirs["term"]]
    assert [set(term.split(":")) for term in ours.index] == [set(name.split(":")) for name in names], case
    for column, tolerance in (("num_df", 0), ("statistic", 1e-5), ("den_df", 1e-4), ("p_value", 1e-4)):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=tolerance, err_msg=column)
    np.testing.assert_allclose(ours["mean_sq"], theirs["mean_sq"], rtol=1e-4)
    np.testing.assert_allclose(ours["sum_sq"], theirs["sum_sq"], rtol=1e-4)


@pytest.mark.parametrize("type", ["I", "II", "III"])
@pytest.mark.parametrize("case", CASES)
def test_terms_by_satterthwaite(fits, case, type):
    check(anova(fits(case), type=type), ANSWERS[case][f"satterthwaite_{type}"], case)


@pytest.mark.parametrize("case", CASES)
def test_terms_by_kenward_and_roger(fits, case):
    check(anova(fits(case), type=3, ddf="kenward-roger"), ANSWERS[case]["kenward_roger_III"], case)


@pytest.mark.parametrize("case", ["cake", "carrots", "two_factors"])
def test_all_coefficients_at_once_by_kenward_and_roger(fits, case):
    fit, theirs = fits(case), ANSWERS[case]["all_slopes"]
    ours = joint_test(fit, np.eye(len(fit.params))[1:], ddf="kenward-roger").iloc[0]
    assert ours["num_df"] == theirs["ndf"]
    # pbkrtest's stat is the rescaled one.
    assert ours["statistic"] == pytest.approx(theirs["stat"], rel=1e-6)
    assert ours["den_df"] == pytest.approx(theirs["ddf"], rel=1e-5)
    assert ours["p_value"] == pytest.approx(theirs["p.value"], rel=1e-3)


@pytest.mark.parametrize(
    ("case", "file", "formula"),
    [
        ("orthodont", "orthodont_slope", "distance ~ age * Sex + (1 | Subject)"),
        ("visits", "hard_visits", "pain ~ weeks * arm + age + (1 | patient)"),
        ("nested", "hard_visits", "pain ~ weeks + age + arm + (1 | clinic/therapist/patient)"),
    ],
)
def test_strata_as_nlme_counts_them(case, file, formula):
    ours = coefficient_table(fit_lmm(formula, pd.read_csv(DATA / f"{file}.csv")), ddf="between-within")
    known = ANSWERS["between_within"][case]
    theirs = dict(zip(known["names"], known["df"], strict=True))
    for name, df in ours["df"].items():
        plain = name.replace("Intercept", "(Intercept)").replace("[T.", "").replace("]", "")
        plain = plain.replace("SexMale", "SexFemale")
        found = theirs.get(plain, theirs.get(":".join(reversed(plain.split(":")))))
        assert df == found, name


@pytest.mark.parametrize("case", ["fixed", "random"])
def test_two_models_compared(case):
    theirs = ANSWERS["compare"][case]
    table = pd.read_csv(DATA / "hard_visits.csv")
    small, large = (fit_lmm(theirs[which], table, reml=False) for which in ("small", "large"))
    ours = compare(large, small)
    for column in ("n_par", "loglik", "deviance", "aic", "bic"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-9)
    last = ours.iloc[-1]
    assert last["chi_sq"] == pytest.approx(theirs["chi_sq"], rel=1e-5)
    assert last["df"] == theirs["df"]
    assert last["p_value"] == pytest.approx(theirs["p_value"], rel=1e-5)

"""Leaving out a level gives the estimate that generalised least squares gives on the other rows."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.diagnostics import influence
from studypkg.models import Fit, fit_lmm
from studypkg.models.linear import influence as engine


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(5)
    n = 180
    patient = np.repeat(np.arange(36), 5)
    table = pd.DataFrame(
        {
            "patient": [f"p{k:02d}" for k in patient],
            "therapist": [f"t{k // 6}" for k in patient],
            "room": [f"r{k}" for k in draw.integers(0, 4, n)],
            "weeks": np.tile(np.arange(5.0), 36) + draw.uniform(0, 0.5, n),
            "w": draw.uniform(0.5, 2, n),
        }
    )
    table["arm"] = np.where(patient % 2 == 1, "laser", "usual")
    table["pain"] = (
        5 - 0.3 * table["weeks"] + draw.normal(0, 1, 36)[patient] + draw.normal(0, 0.6, 6)[patient // 6]
        + draw.normal(0, 0.2, 36)[patient] * table["weeks"] + draw.normal(0, 0.7, n)
    )  # fmt: skip
    return table[draw.uniform(size=n) > 0.15].reset_index(drop=True)


def without(fit, left_out):
    """β̂ and its covariance from dense matrices of the rows that stay."""
    d, n = fit.rows.design, fit.n
    v = np.diag(np.ones(n) if d.weights is None else 1 / d.weights)
    for term, triangle in zip(d.terms, fit.rows.triangles, strict=True):
        z = term.columns @ triangle
        v += (z @ z.T) * (term.codes[:, None] == term.codes)
    stay = ~left_out
    x, inverse = d.fixed[stay], np.linalg.inv(v[np.ix_(stay, stay)])
    cov = np.linalg.inv(x.T @ inverse @ x)
    return cov @ x.T @ inverse @ d.y[stay], fit.sigma**2 * cov


MODELS = {
    "slopes": ("pain ~ weeks * arm + (1 + weeks | patient)", "patient"),
    "nested, patients": ("pain ~ weeks * arm + (1 + weeks | patient) + (1 | therapist)", "patient"),
    "nested, therapists": ("pain ~ weeks * arm + (1 + weeks | patient) + (1 | therapist)", "therapist"),
    "crossed, patients": ("pain ~ weeks + (1 + weeks || patient) + (1 | room)", "patient"),
    "crossed, rooms": ("pain ~ weeks + (1 + weeks || patient) + (1 | room)", "room"),
}


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("most_touched", [400, 1])
@pytest.mark.parametrize("case", MODELS)
def test_it_is_exact_at_the_estimated_variances(rows, monkeypatch, case, weights, most_touched):
    monkeypatch.setattr(engine, "MOST_TOUCHED", most_touched)
    formula, group = MODELS[case]
    fit = fit_lmm(formula, rows, weights=weights)
    found = influence(fit, group)
    inverse, p = np.linalg.inv(fit.vcov.to_numpy()), len(fit.params)
    for place, level in enumerate(found.table["level"]):
        beta, cov = without(fit, (rows[group] == level).to_numpy())
        d = fit.params.to_numpy() - beta
        line = found.table.iloc[place]
        np.testing.assert_allclose(found.changes.loc[level], d, atol=1e-10)
        np.testing.assert_allclose(found.dfbetas.loc[level], d / np.sqrt(np.diag(cov)), atol=1e-9)
        assert line["cooks_distance"] == pytest.approx(d @ inverse @ d / p, abs=1e-10)
        assert line["mdffits"] == pytest.approx(d @ np.linalg.solve(cov, d) / p, abs=1e-10)
        assert line["covratio"] == pytest.approx(np.linalg.det(inverse @ cov), rel=1e-8)
        assert line["covtrace"] == pytest.approx(abs(np.trace(inverse @ cov) - p), abs=1e-8)
        assert line["fitted_change"] == pytest.approx(np.sqrt(((fit.rows.fixed @ d) ** 2).mean()), abs=1e-10)


def test_labels_that_are_not_in_the_model_can_be_left_out(rows):
    fit = fit_lmm("pain ~ weeks + (1 | patient)", rows)
    found = influence(fit, rows["therapist"])
    beta, _ = without(fit, (rows["therapist"] == "t2").to_numpy())
    np.testing.assert_allclose(fit.params - found.changes.loc["t2"], beta, atol=1e-10)


def test_refitting_is_the_fit_of_the_other_rows(rows):
    fit = fit_lmm("pain ~ weeks + (1 | therapist)", rows)
    found = influence(fit, "therapist", refit=True)
    other = fit_lmm("pain ~ weeks + (1 | therapist)", rows[rows["therapist"] != "t3"])
    np.testing.assert_allclose(fit.params - found.changes.loc["t3"], other.params, atol=1e-6)


def test_a_coefficient_that_only_one_level_knows_has_no_number(rows):
    table = rows.assign(alone=(rows["patient"] == "p04").astype(float) * rows["weeks"])
    fit = fit_lmm("pain ~ weeks + alone + (1 | patient)", table)
    for refit in (False, True):
        line = influence(fit, "patient", refit=refit).table.set_index("level").loc["p04"]
        assert np.isnan(line["cooks_distance"])
        assert "alone" in line["problem"]


def test_the_ranks_name_nobody(rows):
    ranked = influence(fit_lmm("pain ~ weeks + (1 | patient)", rows), "patient").ranked(3)
    assert list(ranked["rank"]) == [1, 2, 3]
    assert "level" not in ranked
    assert ranked["cooks_distance"].is_monotonic_decreasing


def test_what_cannot_be_left_out_is_said(rows):
    fit = fit_lmm("pain ~ weeks + (1 | patient)", rows)
    with pytest.raises(ConfigError, match="patient"):
        influence(fit, "patent")
    with pytest.raises(ConfigError, match="labels"):
        influence(fit, ["a", "b"])
    with pytest.raises(ModelError, match="in memory"):
        influence(Fit.from_dict(fit.to_dict()), "patient")

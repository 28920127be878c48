"""Ends of a search that are hard to reach: bent valleys, boundaries, and nothing higher nearby."""

import numpy as np
import pandas as pd
import pytest

from studypkg.models import fit_ordinal
from studypkg.models.ordinal.likelihood import evaluate


def bent_valley(seed, groups, visits, thresholds):
    """Groups that differ in their slopes and hardly in their beginnings."""
    draw = np.random.default_rng(seed)
    group, week = np.repeat(np.arange(groups), visits), np.tile(np.arange(float(visits)), groups)
    eta = -0.3 * week + 0.8 * draw.normal(size=groups)[group] * week
    y = (eta + draw.logistic(size=len(eta)) > np.asarray(thresholds)[:, None]).sum(axis=0)
    return pd.DataFrame({"group": group, "week": week, "y": y})


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("seed", range(6))
def test_nothing_near_the_end_of_a_search_is_higher(seed, link):
    data = bent_valley(seed, 25, 4, [-1.0, 0.0, 1.5])
    fit = fit_ordinal("y ~ week + (1 + week | group)", data, link=link)
    problem, psi = fit.rows.problem, fit.rows.point.psi
    draw = np.random.default_rng(100 + seed)
    step = np.zeros(problem.size)
    for width in (1e-3, 1e-2, 0.1, 0.5):
        for _ in range(8):
            step[:-3] = draw.normal(0, width * fit.bse.min(), problem.size - 3)
            step[-3:] = draw.normal(0, width, 3)
            assert evaluate(psi + step, problem).value <= fit.loglik + 1e-9


def test_a_slope_that_turns_with_the_intercept_ends_at_a_correlation_of_one():
    draw = np.random.default_rng(5)
    data = bent_valley(5, 30, 4, [-1.0, 0.5])
    level = draw.normal(size=30)[data["group"]]
    latent = 0.7 * level * (1 + data["week"]) + draw.logistic(size=len(data))
    data["y"] = (latent.to_numpy() > np.array([[-1.0], [0.5]])).sum(axis=0)
    fit = fit_ordinal("y ~ week + (1 + week | group)", data)
    assert fit.singular_terms == ("week | group: correlation at its limit",)
    assert fit.varcomp["corr_1"].iloc[1] == pytest.approx(1.0)
    assert fit.optimisation.code == "converged"


def test_the_path_ends_where_the_fit_is(fitted):
    fit = fitted()
    assert fit.optimisation.path[-1][-1] == pytest.approx(fit.deviance, abs=1e-9)
    assert fit.optimisation.theta == pytest.approx(fit.varcomp["sd"].tolist())

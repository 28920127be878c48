"""A small study with missing visits, and the same model as one dense covariance matrix."""

import numpy as np
import pandas as pd
import pytest

from studypkg.models.design import build_design
from studypkg.models.mmrm.likelihood import gather
from studypkg.models.mmrm.request import make_request
from studypkg.models.mmrm.schedule import make_schedule


@pytest.fixture(scope="session")
def visits():
    """39 patients with up to four visits, a quarter of them missing; every number is invented."""
    draw = np.random.default_rng(20262)
    patient, visit = np.repeat(np.arange(40), 4), np.tile(np.arange(4), 40)
    sigma = 0.6 ** np.abs(np.subtract.outer(range(4), range(4))) * np.outer(
        [1, 1.2, 1.5, 1.1], [1, 1.2, 1.5, 1.1]
    )
    errors = draw.normal(size=(40, 4)) @ np.linalg.cholesky(sigma).T
    table = pd.DataFrame(
        {
            "patient": [f"p{k:02d}" for k in patient],
            "visit": pd.Categorical.from_codes(visit, ["base", "week 4", "week 8", "end"]),
            "day": 28 * visit + draw.integers(-6, 7, 160),
            "arm": np.where(patient % 2 == 1, "new", "usual"),
            "age": draw.normal(50, 12, 40).round()[patient],
            "w": draw.uniform(0.5, 2.0, 160).round(2),
        }
    )
    table["pain"] = 6 - 0.8 * visit - 0.3 * visit * (table["arm"] == "new") + errors.ravel()
    return table[draw.uniform(size=160) > 0.2].reset_index(drop=True)


@pytest.fixture(scope="session")
def prepare():
    """Sums, schedule and design of a model, without a search."""

    def make(formula, data, *, cov, visit="visit", group=None, weights=None):
        asked = make_request(
            formula, subject="patient", visit=visit, cov=cov, group=group, reml=True, vcov="model",
            kenward_roger="full",
        )  # fmt: skip
        design = build_design(asked.formula, data, weights)
        schedule = make_schedule(
            design, data, subject="patient", visit=visit, group=group, spatial=asked.spatial
        )
        return gather(design, schedule, asked.covariance), schedule, design

    return make


@pytest.fixture(scope="session")
def whole_covariance():
    """The n × n covariance of the response, in the order of the rows, from a covariance per group."""

    def build(schedule, sigmas, weights=None):
        n = len(schedule.order)
        whole = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                if schedule.subject[i] == schedule.subject[j]:
                    sigma = sigmas[schedule.group[i]]
                    row, column = schedule.order[i], schedule.order[j]
                    whole[row, column] = (
                        sigma(abs(schedule.time[i] - schedule.time[j]))
                        if schedule.spatial
                        else sigma[schedule.visit[i], schedule.visit[j]]
                    )
        scale = np.ones(n) if weights is None else 1.0 / np.sqrt(weights)
        return whole * np.outer(scale, scale)

    return build

"""A small study and a dense, slow, independent likelihood to hold the fast one against."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def study():
    """240 visits of 40 patients under 8 therapists in 4 clinics; every number is invented."""
    draw = np.random.default_rng(20261)
    patient = np.repeat(np.arange(40), 6)
    week = np.tile(np.arange(6.0), 40)
    table = pd.DataFrame(
        {
            "patient": [f"p{k:02d}" for k in patient],
            "therapist": [f"t{k // 5}" for k in patient],
            "clinic": [f"c{k // 10}" for k in patient],
            "weeks": week,
            "adherence": draw.uniform(0, 1, 240).round(3),
            "sex": np.where(draw.integers(0, 2, 40)[patient] == 1, "female", "male"),
            "dose": draw.integers(1, 4, 240).astype(float),
        }
    )
    between = draw.normal(0, [1.0, 0.25], (40, 2))[patient]
    table["pain"] = (
        6 - 0.4 * week - 0.8 * table["adherence"] + between[:, 0] + between[:, 1] * week
        + draw.normal(0, 0.7, 8)[patient // 5] + draw.normal(0, 0.8, 240)
    )  # fmt: skip
    return table


@pytest.fixture(scope="session")
def dense_loglik():
    """The (restricted) log-likelihood from the n × n covariance matrix of the response."""

    def loglik(y, x, v, *, reml):
        inverse = np.linalg.inv(v)
        beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
        left = y - x @ beta
        n, p = x.shape
        value = -0.5 * (np.linalg.slogdet(v)[1] + left @ inverse @ left + n * np.log(2 * np.pi))
        if reml:
            value += 0.5 * (p * np.log(2 * np.pi) - np.linalg.slogdet(x.T @ inverse @ x)[1])
        return value

    return loglik


@pytest.fixture(scope="session")
def visits():
    """300 visits of 50 patients under 6 therapists; every number is invented."""
    draw = np.random.default_rng(20264)
    patient = np.repeat(np.arange(50), 6)
    therapist = draw.integers(0, 6, 300)
    week = np.tile(np.arange(6.0), 50)
    eta = (
        0.2 - 0.15 * week + draw.normal(0, 0.9, 50)[patient] + draw.normal(0, 0.5, 6)[therapist]
        + draw.normal(0, 0.2, 50)[patient] * week
    )  # fmt: skip
    days = draw.integers(5, 15, 300)
    return pd.DataFrame(
        {
            "patient": [f"p{k:02d}" for k in patient],
            "therapist": [f"t{k}" for k in therapist],
            "week": week,
            "days": days.astype(float),
            "responder": (draw.uniform(size=300) < 1 / (1 + np.exp(-eta))).astype(float),
            "days_done": draw.binomial(days, 1 / (1 + np.exp(-eta))).astype(float),
            "falls": draw.poisson(days / 10 * np.exp(eta)).astype(float),
            "attacks": draw.negative_binomial(2, 2 / (2 + np.exp(eta))).astype(float),
        }
    )

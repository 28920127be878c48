"""Invented visits with binary, counted and bounded outcomes."""

import numpy as np
import pandas as pd
import pytest


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

"""A small study with a graded outcome; every number is invented."""

import numpy as np
import pandas as pd
import pytest

from studypkg.models import fit_ordinal


def graded(eta, thresholds, draw):
    latent = eta + draw.logistic(size=len(eta))
    return (latent[:, None] > np.asarray(thresholds)).sum(axis=1)


@pytest.fixture(scope="session")
def visits():
    """300 visits of 60 patients under 7 therapists; ``grade`` runs from 0 to 3."""
    draw = np.random.default_rng(20263)
    patient, week = np.repeat(np.arange(60), 5), np.tile(np.arange(5.0), 60)
    table = pd.DataFrame(
        {
            "patient": [f"p{k:02d}" for k in patient],
            "therapist": [f"t{k}" for k in draw.integers(0, 7, 300)],
            "week": week,
            "arm": np.where(patient % 2, "new", "usual"),
        }
    )
    slopes = draw.normal(0, 0.4, 60)[patient] * week
    eta = -0.4 * week + 0.6 * (patient % 2) + draw.normal(0, 1.2, 60)[patient] + slopes
    table["grade"] = graded(eta, [-2.0, -0.5, 0.8], draw)
    table["luck"] = graded(-0.4 * week, [-1.0, 0.5], np.random.default_rng(3))
    return table


@pytest.fixture(scope="session")
def fitted(visits):
    made = {}

    def get(formula="grade ~ week + arm + (1 | patient)", **more):
        key = (formula, *sorted(more.items()))
        if key not in made:
            made[key] = fit_ordinal(formula, visits, **more)
        return made[key]

    return get

"""Figures that check a model say their numbers in words and name no level."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError
from studypkg.inference.diagnostics import influence, quantiles, residual_spread
from studypkg.models import fit_lmm
from studypkg.reports.diagnostic_figures import (
    effects_by_rank,
    influence_by_rank,
    normal_quantiles,
    residuals_by_fitted,
)


@pytest.fixture(scope="module")
def fit():
    draw = np.random.default_rng(4)
    who = np.repeat(np.arange(30), 5)
    rows = pd.DataFrame({"patient": [f"secret{k}" for k in who], "weeks": np.tile(np.arange(5.0), 30)})
    rows["pain"] = 6 - 0.4 * rows["weeks"] + draw.normal(0, 1, 30)[who] + draw.normal(0, 1, 150)
    return fit_lmm("pain ~ weeks + (1 | patient)", rows)


def test_every_figure_says_its_numbers_and_names_nobody(fit):
    made = [
        residuals_by_fitted(residual_spread(fit, bins=5)),
        normal_quantiles(quantiles(fit.residuals)),
        influence_by_rank(influence(fit, "patient").ranked(), "patient"),
        effects_by_rank(fit.ranef(), "patient", "Intercept"),
    ]
    said = ["5 bins", "99 quantiles", "the median of 30", "30 from"]
    for html, words in zip(made, said, strict=True):
        assert words in html.text
        assert "secret" not in html.text


def test_small_bins_and_named_levels_are_refused(fit):
    with pytest.raises(ConfigError, match="fewer bins"):
        residuals_by_fitted(residual_spread(fit, bins=30), min_cell=10)
    with pytest.raises(ConfigError, match="ranks"):
        influence_by_rank(influence(fit, "patient").table, "patient")

"""Are the random effects normal, and unrelated to the covariates, as the model says."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.errors import ModelError
from studypkg.inference.diagnostics.residuals import quantiles, shape
from studypkg.models.fit import Fit


def standardised_effects(fit: Fit) -> pd.DataFrame:
    """Return random effects over the standard deviation they should show. Levels may be patients.

    Returns
    -------
    pandas.DataFrame
        ``group``, ``level``, ``term``, ``value``, ``sd`` and ``standardised``: value / √(variance − sd²), the
        spread of a shrunken effect under the model (Lange and Ryan 1989, doi 10.1214/aos/1176347130); missing
        where that is zero.
    """
    effects = fit.ranef()
    if effects.empty:
        raise ModelError("The model has no random effects.")
    variances = fit.varcomp.drop_duplicates(["group", "term"]).set_index(["group", "term"])["variance"]
    keys = pd.MultiIndex.from_frame(effects[["group", "term"]])
    expected = variances.reindex(keys).to_numpy() - effects["sd"].to_numpy() ** 2
    fits = expected > 1e-12 * np.abs(variances.reindex(keys).to_numpy())
    root = np.sqrt(np.where(fits, expected, np.nan))
    return effects.assign(standardised=effects["value"].to_numpy() / root)


def random_effects_check(fit: Fit) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Describe the shape of the random effects.

    Returns
    -------
    tuple
        By group and term: moments of the standardised effects (``sd`` near 1 when the model holds); and their
        normal quantiles, at most 99 a term, without levels.
    """
    told, drawn = [], []
    for (group, term), part in standardised_effects(fit).groupby(["group", "term"], sort=False):
        values = part["standardised"].dropna().to_numpy()
        if len(values) < 2 or np.ptp(values) == 0.0:
            continue
        told.append({"group": group, "term": term, **shape(values).to_dict()})
        drawn.append(quantiles(values).assign(group=str(group), term=str(term)))
    if not told:
        raise ModelError("Every random effect is zero, so their shape cannot be described.")
    return pd.DataFrame(told), pd.concat(drawn, ignore_index=True)


def covariate_correlations(fit: Fit) -> pd.DataFrame:
    """Return correlations of random effects with the level means of the fixed columns.

    Returns
    -------
    pandas.DataFrame
        ``group``, ``term``, ``column``, ``correlation``, ``levels``. A correlation away from zero says that
        differences between and within levels are not the same: then centre the column within levels
        (Mundlak 1978, doi 10.2307/1913646).
    """
    rows = fit.rows
    if rows is None or not rows.terms:
        raise ModelError("Correlations need a model with random effects and its rows in memory.")
    found = []
    for term, effects in zip(rows.terms, rows.effects, strict=True):
        counts = np.bincount(term.codes, minlength=term.n_levels)
        for j, column in enumerate(fit.params.index):
            mean = np.bincount(term.codes, rows.fixed[:, j], term.n_levels) / counts
            if np.ptp(mean) <= 1e-10 * np.abs(mean).max(initial=0.0):
                continue
            for k, name in enumerate(term.names):
                value = effects[:, k]
                if np.ptp(value) > 0.0:
                    r = float(np.corrcoef(mean, value)[0, 1])
                    found.append((term.group, name, column, r, term.n_levels))
    return pd.DataFrame(found, columns=["group", "term", "column", "correlation", "levels"])

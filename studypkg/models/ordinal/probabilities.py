"""The probability of every category at new rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import Floats, matrix
from studypkg.models.fit import Fit
from studypkg.models.ordinal.rows import OrdinalRows, probabilities

# Nodes that average over a normal random effect; more change nothing that is printed.
_NODES = 61


def category_probabilities(
    fit: Fit, newdata: pd.DataFrame | None = None, *, random: bool | str = False
) -> pd.DataFrame:
    """Return the probability of every category, one column each, lowest first.

    Parameters
    ----------
    fit
        A fit by `fit_ordinal`, in memory.
    newdata
        Rows with the columns of the formula, the response not needed; None for the rows used.
    random
        False: for a group whose random effects are zero, the one in the middle. True: with the conditional
        modes of known levels; a new level has zero. ``"average"``: averaged over groups, their random effects
        drawn from the estimated normal distribution; this is what share of a population is expected in a
        category.

    Returns
    -------
    pandas.DataFrame
        One row per row of ``newdata`` under its index; missing where a column that is needed is missing.

    Raises
    ------
    ConfigError
        If the fit is not ordinal or ``random`` is none of these.
    ModelError
        If the fit was stored and holds no rows.
    """
    if fit.kind != "ordinal":
        raise ConfigError(
            f'Probabilities of categories belong to an ordinal model; this one is "{fit.kind}".'
        )
    if not (isinstance(random, bool) or random == "average"):
        raise ConfigError(f'random is False, True or "average", not {random!r}.')
    rows = fit.rows
    if not isinstance(rows, OrdinalRows):
        raise ModelError("A stored fit holds no rows, so it has no predictions: fit the model again.")
    if newdata is None:
        index = rows.design.index
        eta: Floats = np.asarray(rows.design.fixed @ rows.beta)
        if random is True:
            for term, effects in zip(rows.terms, rows.effects, strict=True):
                eta = np.asarray(eta + (term.columns * effects[term.codes]).sum(axis=1))
    else:
        index = newdata.index
        eta = np.asarray(rows.predict(newdata, fit.params, random=random is True), dtype=float)
    if random == "average":
        found = _averaged(rows, eta, newdata)
    else:
        found = probabilities(eta, rows.alpha, rows.problem.link)
    return pd.DataFrame(found, index=index, columns=pd.Index(rows.categories.labels, dtype=object))


def _averaged(rows: OrdinalRows, eta: Floats, newdata: pd.DataFrame | None) -> Floats:
    """Average over the random part of a row, which is normal whatever its terms are."""
    variance: Floats = np.zeros(len(eta))
    known = np.isfinite(eta)
    for term, triangle in zip(rows.terms, rows.triangles, strict=True):
        if newdata is None:
            columns = term.columns
        else:
            needed = [c for c in term.spec.required_variables if c in newdata.columns]
            known &= ~newdata[needed].isna().any(axis=1).to_numpy()
            columns = np.zeros((len(eta), len(triangle)))
            columns[known] = np.asarray(
                matrix(term.spec, newdata.loc[known].reset_index(drop=True)), dtype=float
            )
        variance[known] += ((columns[known] @ triangle) ** 2).sum(axis=1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    found: Floats = np.zeros((len(eta), len(rows.alpha) + 1))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        found = found + weight * probabilities(eta + node * np.sqrt(variance), rows.alpha, rows.problem.link)
    found[~known] = np.nan
    return found

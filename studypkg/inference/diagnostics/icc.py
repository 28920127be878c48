"""How alike two responses of the same level are: intraclass correlations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.diagnostics.r_squared import variance_shares
from studypkg.models.design import matrix
from studypkg.models.fit import Fit
from studypkg.models.generalised.rows import GlmmRows
from studypkg.models.mixed_rows import MixedRows


def icc(fit: Fit) -> pd.DataFrame:
    """Return intraclass correlations: one row per grouping factor and a last row for all of them.

    Returns
    -------
    pandas.DataFrame
        ``group`` (``all`` last), ``variance``, ``adjusted`` (its share of random and residual variance) and
        ``unadjusted`` (its share of these and the variance of the fixed part).

    Notes
    -----
    With random slopes the variance is its mean over the rows (Johnson 2014, doi 10.1111/2041-210X.12225); see
    `icc_at` for the value at given covariates.
    """
    shares = variance_shares(fit)
    parts = {**shares.random, "all": sum(shares.random.values())}
    values = np.array(list(parts.values()))
    return pd.DataFrame(
        {
            "group": list(parts),
            "variance": values,
            "adjusted": values / (shares.total - shares.fixed),
            "unadjusted": values / shares.total,
        }
    )


def icc_at(fit: Fit, at: Mapping[str, object]) -> pd.DataFrame:
    """Return adjusted intraclass correlations where the columns of random slopes have given values.

    Parameters
    ----------
    at
        A value, or several of equal number, for every column that a random slope reads, as
        ``{"weeks": [0, 6, 12]}``.

    Returns
    -------
    pandas.DataFrame
        The columns of ``at``, ``group``, ``variance`` and ``adjusted``, per value and group (``all`` last).
    """
    rows = fit.rows
    if not isinstance(rows, MixedRows | GlmmRows):
        raise ModelError("Intraclass correlations need a model with random effects and its rows in memory.")
    if not at:
        raise ConfigError("Give the values of the columns that random slopes read, as {'weeks': [0, 6]}.")
    grid = pd.DataFrame({k: np.atleast_1d(np.asarray(v)) for k, v in at.items()})
    needed = {str(v) for term in rows.terms for v in term.spec.required_variables}
    lacking = sorted(needed - set(grid.columns))
    if lacking:
        raise ConfigError(f"Random slopes read {', '.join(lacking)}: give their values in at=.")
    scale = fit.sigma**2 if isinstance(rows, MixedRows) else 1.0
    rest = variance_shares(fit).rest
    random: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for term, triangle in zip(rows.terms, rows.triangles, strict=True):
        z = np.asarray(matrix(term.spec, grid), dtype=float)
        random[term.group] = random.get(term.group, np.zeros(len(grid))) + scale * ((z @ triangle) ** 2).sum(
            1
        )
    random["all"] = np.sum(list(random.values()), axis=0)
    total = random["all"] + rest
    tables = [grid.assign(group=g, variance=v, adjusted=v / total) for g, v in random.items()]
    return pd.concat(tables, ignore_index=True)

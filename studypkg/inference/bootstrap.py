"""Parametric bootstrap: responses drawn from a fitted model, and the same model fitted to each."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]
# A bootstrap in which more than this share of the fits fail says nothing trustworthy.
MOST_FAILED = 0.05


def variance_values(fit: Fit) -> pd.Series[float]:
    """Name the standard deviations and correlations of a fit as `intervals` does."""
    found: dict[str, float] = {}
    table = fit.varcomp
    if "sd" not in table.columns or "group" not in table.columns:
        return pd.Series(found, dtype=float)
    random = table[table["group"] != "Residual"]
    starts: dict[str, list[str]] = {}
    correlations: dict[str, float] = {}
    corr_columns = [c for c in table.columns if str(c).startswith("corr_")]
    run: list[str] = []
    last = None
    for _, row in random.iterrows():
        group, term = str(row["group"]), str(row["term"])
        known = [row[c] for c in corr_columns[: len(run)]]
        if group != last or (run and fit.kind == "lmm" and term in starts.get(group, [])):
            run = []
            known = []
        found[f"sd | {group} | {term}"] = float(row["sd"])
        for other, value in zip(run, known, strict=False):
            if not pd.isna(value):
                correlations[f"corr | {group} | {other}, {term}"] = float(value)
        run.append(term)
        last = group
        starts.setdefault(group, []).append(term)
    found |= correlations
    if (table["group"] == "Residual").sum() == 1:
        found["sigma"] = float(fit.sigma)
    return pd.Series(found, dtype=float)


def estimates(fit: Fit) -> pd.Series[float]:
    """Return coefficients and variance parameters in one labelled series."""
    fixed = pd.Series(fit.params.to_numpy(dtype=float), index=[str(n) for n in fit.params.index])
    return pd.concat([fixed, variance_values(fit)])


def bootstrap(
    fit: Fit, n_boot: int, seed: int, names: list[str], executor: Executor | None = None
) -> tuple[Floats, int]:
    """Draw and fit ``n_boot`` times.

    Parameters
    ----------
    fit
        A fit whose rows are in memory.
    n_boot, seed
        How many responses, and the number they follow from: every one has a seed of its own, spawned by
        `numpy.random.SeedSequence`, so the result does not depend on the workers.
    names
        The parameters to keep.
    executor
        Works on the fits if given (threads: a fit in memory does not travel to other processes).

    Returns
    -------
    tuple
        Estimates (fits that succeeded × names) and the number of failures.
    """
    seeds = np.random.SeedSequence(seed).spawn(n_boot)

    def one(child: np.random.SeedSequence) -> Floats | None:
        drawn = fit.simulate(np.random.default_rng(child))
        try:
            return np.asarray(estimates(fit.refit(drawn)).reindex(names), dtype=np.float64)
        except (ModelError, np.linalg.LinAlgError):
            return None

    made = list(map(one, seeds)) if executor is None else list(executor.map(one, seeds))
    kept = [m for m in made if m is not None]
    return (np.array(kept) if kept else np.zeros((0, len(names)))), n_boot - len(kept)

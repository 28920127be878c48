"""Intervals of all parameters of a fit: Wald, profile likelihood, or parametric bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError, nearest
from studypkg.inference.bootstrap import MOST_FAILED, bootstrap, estimates
from studypkg.inference.contrasts import coefficient_table
from studypkg.inference.profile_intervals import Interval, profile_intervals, profile_of, wald_variances
from studypkg.models.fit import Fit

METHODS = ("wald", "profile", "bootstrap")
KINDS = ("percentile", "basic")


def intervals(
    fit: Fit,
    *,
    method: str = "wald",
    level: float = 0.95,
    parameters: Sequence[str] | None = None,
    ddf: str | None = None,
    reml: bool = False,
    n_boot: int = 1000,
    seed: int = 20260101,
    kind: str = "percentile",
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Return intervals of coefficients, standard deviations and correlations.

    Parameters
    ----------
    fit
        A fitted model.
    method
        ``wald``: coefficients on degrees of freedom as `coefficient_table`, standard deviations on the log
        scale and correlations on Fisher's z scale (linear mixed models). ``profile``: where the deviance, all
        else at its best, exceeds the minimum by a quantile of χ²(1) (linear mixed models). ``bootstrap``:
        responses drawn from the fit, random effects anew, and the model fitted to each.
    level
        Level of the two-sided interval.
    parameters
        Names of coefficients, ``sd | group | column``, ``corr | group | one, other`` or ``sigma``; all
        of them when None.
    ddf
        Degrees of freedom for ``wald``; see `studypkg.inference.contrast`.
    reml
        Profile the restricted likelihood, which knows variance parameters only, instead of the likelihood.
    n_boot, seed, kind
        For ``bootstrap``: how many responses, the number they follow from, and ``percentile`` or ``basic``.
    executor
        For ``bootstrap``: an executor of `concurrent.futures` with threads. The result does not depend on it.

    Returns
    -------
    pandas.DataFrame
        Indexed by parameter: ``estimate``, ``low``, ``high``, ``method``, ``note``. Where no interval can be
        given both ends are missing and the note says why.

    Raises
    ------
    ConfigError
        If an argument or a name cannot be, or the method does not serve this kind of fit.
    ModelError
        If a profile does not converge, or the fit holds no rows.

    Notes
    -----
    Profiles of coefficients are those of the likelihood, not of the restricted one; ``estimate`` is the fit's
    own. Davison and Hinkley (1997), Bootstrap Methods and their Application, section 5.2.
    """
    _check(fit, method, level, kind, n_boot)
    known = estimates(fit)
    names = list(known.index) if parameters is None else list(parameters)
    if reml and parameters is None:
        names = [n for n in names if n not in set(map(str, fit.params.index))]
    for name in names:
        if name not in known.index and not _undefined(fit, name):
            raise ConfigError(f'The fit has no parameter "{name}".{nearest(name, list(known.index))}')
    if method == "bootstrap":
        found = _bootstrap(fit, known, names, level, n_boot, seed, kind, executor)
    elif method == "profile":
        found = profile_intervals(fit, names, level, reml=reml)
    else:
        found = _wald(fit, names, level, ddf)
    return pd.DataFrame(
        {
            "estimate": known.reindex(names).to_numpy(dtype=float),
            "low": [found[n][0] for n in names],
            "high": [found[n][1] for n in names],
            "method": method,
            "note": [found[n][2] for n in names],
        },
        index=pd.Index(names, name="parameter", dtype=object),
    )


def _check(fit: Fit, method: str, level: float, kind: str, n_boot: int) -> None:
    if method not in METHODS:
        raise ConfigError(
            f'There is no method "{method}".{nearest(method, METHODS)} Available: {", ".join(METHODS)}.'
        )
    if not 0.0 < level < 1.0:
        raise ConfigError(f"The level of an interval lies between 0 and 1, not at {level}.")
    if kind not in KINDS:
        raise ConfigError(f'There is no kind "{kind}" of bootstrap interval. Available: {", ".join(KINDS)}.')
    if n_boot < 20:
        raise ConfigError(f"{n_boot} bootstrap responses are too few for an interval: take 1000 or more.")
    if method == "profile" and fit.kind != "lmm":
        profile_of(fit, reml=False)


def _undefined(fit: Fit, name: str) -> bool:
    """Say whether a name is that of a correlation which does not exist because a variance is zero."""
    return fit.kind == "lmm" and fit.rows is not None and name in profile_of(fit, reml=fit.reml).parameters


def _wald(fit: Fit, names: list[str], level: float, ddf: str | None) -> dict[str, Interval]:
    fixed = set(map(str, fit.params.index))
    found: dict[str, Interval] = {}
    if any(n in fixed for n in names):
        table = coefficient_table(fit, ddf=ddf, level=level)
        for name, low, high in zip(table.index, table["ci_low"], table["ci_high"], strict=True):
            found[str(name)] = (float(low), float(high), "")
    variances = [n for n in names if n not in fixed]
    if variances and fit.kind == "lmm" and fit.rows is not None:
        return found | wald_variances(fit, variances, level)
    reason = "a stored fit holds no curvature" if fit.rows is None else 'use method="bootstrap"'
    return found | {n: (np.nan, np.nan, f"no Wald interval of a variance here: {reason}") for n in variances}


def _bootstrap(
    fit: Fit, known: pd.Series[float], names: list[str], level: float, n_boot: int, seed: int, kind: str,
    executor: Executor | None,
) -> dict[str, Interval]:  # fmt: skip
    drawn, failed = bootstrap(fit, n_boot, seed, names, executor)
    if failed > MOST_FAILED * n_boot:
        return {n: (np.nan, np.nan, f"{failed} of {n_boot} fits failed") for n in names}
    tails = [0.5 - level / 2.0, 0.5 + level / 2.0]
    found: dict[str, Interval] = {}
    for at, name in enumerate(names):
        values = drawn[:, at]
        defined = values[~np.isnan(values)]
        if len(defined) < (1.0 - MOST_FAILED) * n_boot:
            found[name] = (np.nan, np.nan, f"defined in {len(defined)} of {n_boot} fits only")
            continue
        low, high = (float(v) for v in np.quantile(defined, tails))
        if kind == "basic":
            centre = float(known.get(name, np.nan))
            low, high = 2.0 * centre - high, 2.0 * centre - low
        found[name] = (low, high, f"{kind}, {n_boot} fits, {failed} failed")
    return found

"""Profile-likelihood and Wald intervals of a linear mixed model's variance parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from studypkg.errors import ConfigError
from studypkg.models.fit import Fit
from studypkg.models.linear.profile import Profile
from studypkg.models.linear.profile_curvature import back, wald_scales
from studypkg.models.mixed_rows import MixedRows

Interval = tuple[float, float, str]


def profile_of(fit: Fit, *, reml: bool) -> Profile:
    """Prepare the profiles of a fit; by maximum likelihood the same rows are fitted again where needed."""
    if fit.kind != "lmm":
        raise ConfigError(
            f'method="profile" is for linear mixed models, not for a fit of kind "{fit.kind}": use "wald" or '
            '"bootstrap".'
        )
    source = fit if reml == fit.reml else fit.by_ml()
    rows = source.rows
    if rows is None:
        # Says that a stored fit has no rows.
        fit.by_ml()
    if not isinstance(rows, MixedRows):
        raise ConfigError("Profiles need a fit of a table in memory, made in this process.")
    return Profile(rows.sums, rows.point, [str(n) for n in fit.params.index], rows.terms, reml=reml)


def profile_intervals(fit: Fit, names: Sequence[str], level: float, *, reml: bool) -> dict[str, Interval]:
    """Return low, high and a note for each parameter.

    Raises
    ------
    ConfigError
        If the fit is no linear mixed model, or ``reml`` does not fit the parameters or the fit.
    ModelError
        If a profile does not converge.
    """
    if reml and not fit.reml:
        raise ConfigError("A fit by maximum likelihood has no restricted profile: leave reml out.")
    profile = profile_of(fit, reml=reml)
    found: dict[str, Interval] = {}
    for name in names:
        low, high = profile.interval(name, level)
        notes = []
        if np.isnan(low):
            notes.append("not defined: a variance is estimated at zero")
        elif low == 0.0 and name.startswith("sd | "):
            notes.append("zero lies in the interval")
        elif name.startswith("corr | ") and (low == -1.0 or high == 1.0):
            notes.append("reaches the limit of a correlation")
        found[name] = (low, high, "; ".join(notes))
    return found


def wald_variances(fit: Fit, names: Sequence[str], level: float) -> dict[str, Interval]:
    """Return normal intervals on the log and Fisher z scales, taken back; missing at the boundary."""
    scales = wald_scales(profile_of(fit, reml=fit.reml))
    half = float(special.ndtri(0.5 + level / 2.0))
    found: dict[str, Interval] = {}
    for name in names:
        at = scales[name]
        if at.problem:
            found[name] = (np.nan, np.nan, f"no Wald interval: {at.problem}")
            continue
        ends = back(name, at.estimate + half * at.se * np.array([-1.0, 1.0]))
        found[name] = (float(ends[0]), float(ends[1]), "")
    return found

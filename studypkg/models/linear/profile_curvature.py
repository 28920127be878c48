"""The asymptotic covariance of standard deviations and correlations, on scales where they are near normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studypkg.models.linear.profile import Profile
from studypkg.models.linear.profile_coordinates import coordinates, coordinates_at, places_of
from studypkg.models.linear.taylor import Floats

# Elements of L below this are at zero, and correlations this close to one at their limit.
_ZERO, _LIMIT = 1e-6, 1e-6


@dataclass(frozen=True)
class WaldScale:
    """One variance parameter on its scale: log for standard deviations, Fisher's z for correlations.

    Notes
    -----
    ``se`` is missing at the boundary, where no curvature gives an interval; ``problem`` then says so.
    """

    estimate: float
    se: float
    problem: str = ""


def wald_scales(profile: Profile) -> dict[str, WaldScale]:
    """Return every variance parameter on its scale with its standard error, by name.

    Notes
    -----
    Twice the inverse of the deviance's exact Hessian over the free elements of L and log σ, carried over by
    the delta method. Columns of L that are zero at the optimum are not free.
    """
    sums = profile.sums
    x = np.append(coordinates_at(sums, None, profile.covariances), 0.0)
    whole = coordinates(sums, None, 0.0)
    triangles = whole.triangles(x[:-1])
    alive = [np.abs(np.diag(t)) > _ZERO for t in triangles]
    free = np.append([any(b[k][:, a].any() for b, a in zip(whole.bases, alive, strict=True))
                      for k in range(len(x) - 1)], True)  # fmt: skip
    curvature = profile.at(x, None, 0.0).curvature[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(curvature)
    flat = bool(values[0] <= 1e-9 * values[-1])
    cov = np.full(curvature.shape, np.nan) if flat else 2.0 * (vectors / values) @ vectors.T
    found: dict[str, WaldScale] = {}
    places = places_of(sums)
    for name, held in profile.parameters.items():
        if held.kind == "fixed":
            continue
        if held.kind == "sigma":
            estimate, gradient = float(np.log(profile.sigma)), np.append(np.zeros(len(x) - 1), 1.0)
        else:
            place = places[held.term]
            columns = [place.columns[j] for j in held.columns]
            triangle, bases = triangles[place.factor], whole.bases[place.factor]
            lengths = np.linalg.norm(triangle[columns], axis=1)
            if (lengths <= _ZERO).any():
                found[name] = WaldScale(np.nan, np.nan, "the variance is estimated at zero")
                continue
            units = triangle[columns] / lengths[:, None]
            turns = bases[:, columns, :] / lengths[:, None]
            if held.kind == "sd":
                estimate = float(np.log(profile.estimate(name)))
                gradient = np.append(np.einsum("kab,ab->k", turns, units), 0.0)
            else:
                r = float(units[0] @ units[1])
                if 1.0 - abs(r) < _LIMIT:
                    found[name] = WaldScale(np.nan, np.nan, "the correlation is estimated at its limit")
                    continue
                estimate = float(np.arctanh(r))
                change = turns[:, 0] @ (units[1] - r * units[0]) + turns[:, 1] @ (units[0] - r * units[1])
                gradient = np.append(change / (1.0 - r**2), 0.0)
        variance = float(gradient[free] @ cov @ gradient[free])
        problem = "the likelihood is flat in the variance parameters" if flat else ""
        found[name] = WaldScale(estimate, float(np.sqrt(variance)), problem)
    return found


def back(name: str, value: Floats) -> Floats:
    """Return to the data's scale from that of `WaldScale`."""
    return np.asarray(np.tanh(value) if name.startswith("corr | ") else np.exp(value))

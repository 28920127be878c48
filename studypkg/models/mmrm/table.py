"""The estimated covariance between visits as a table, and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.models.design import Floats
from studypkg.models.mmrm.likelihood import Point
from studypkg.models.mmrm.patterns import Scheduled, ScheduledState
from studypkg.models.mmrm.schedule import Schedule


def covariance_table(point: Point, schedule: Schedule) -> pd.DataFrame:
    """Lay out the covariance of the visits.

    Returns
    -------
    pandas.DataFrame
        For every group (one, named like the subject column, when there are none) one row per visit with
        ``variance``, ``sd`` and ``corr_1``, ``corr_2`` … (the correlation with the first, second … visit),
        then one row per correlation parameter with its ``value``, where the structure has few. Irregular
        days have one variance and ``rho``, the correlation of two days one unit of time apart.
    """
    unit2 = point.sums.unit**2
    rows: list[dict[str, object]] = []
    for label, part, state, theta in zip(
        schedule.groups, point.sums.parts, point.states, point.sums.split(point.theta), strict=True
    ):
        if isinstance(part, Scheduled) and isinstance(state, ScheduledState):
            rows += _matrix_rows(label, schedule.visits, unit2 * state.covariance.value)
            shape = theta[state.covariance.n_sd :]
            natural = dict(part.structure.natural(shape, part.t))
        else:
            variance = unit2 * float(np.exp(theta[0]))
            rows.append(_row(label, schedule.visit_name, variance))
            natural = {"rho": float(np.exp(-np.logaddexp(0.0, -theta[1])))}
        rows += [{"group": label, "term": name, "value": value} for name, value in natural.items()]
    table = pd.DataFrame(rows)
    first = ["group", "term", "variance", "sd"]
    last = ["value"] if "value" in table.columns else []
    return table[[*first, *(c for c in table.columns if c not in (*first, *last)), *last]]


def _matrix_rows(label: str, visits: tuple[str, ...], covariance: Floats) -> list[dict[str, object]]:
    sd = np.sqrt(np.diag(covariance))
    rows = []
    for i, visit in enumerate(visits):
        row = _row(label, visit, float(covariance[i, i]))
        for j in range(len(visits) - 1):
            row[f"corr_{j + 1}"] = covariance[i, j] / (sd[i] * sd[j]) if j < i else np.nan
        rows.append(row)
    return rows


def _row(label: str, term: str, variance: float) -> dict[str, object]:
    return {"group": label, "term": term, "variance": variance, "sd": float(np.sqrt(variance))}


def native_theta(point: Point) -> tuple[float, ...]:
    """Return θ on the data's own scale: the search works on a response of unit size."""
    theta: list[float] = []
    for part, state, block in zip(point.sums.parts, point.states, point.sums.split(point.theta), strict=True):
        own = block.copy()
        if isinstance(part, Scheduled) and isinstance(state, ScheduledState):
            own[: state.covariance.n_sd] += np.log(point.sums.unit)
        else:
            own[0] += 2.0 * np.log(point.sums.unit)
        theta += [float(v) for v in own]
    return tuple(theta)

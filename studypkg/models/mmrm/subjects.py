"""The covariance matrix of every subject's rows, for what goes beyond sums: sandwiches and simulation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.mmrm.likelihood import Point
from studypkg.models.mmrm.patterns import ScheduledState
from studypkg.models.mmrm.schedule import Places, Schedule

# Arrays over subjects are cut to this many numbers.
_AT_ONCE = 4_000_000


def subject_factors(point: Point, schedule: Schedule) -> Iterator[tuple[Places, Floats]]:
    """Yield subjects with equally many rows: row numbers (m × s) and Cholesky factors of Σ (m × s × s).

    In the units of `Sums` and for rows scaled by the root of their weight.
    """
    p = point.sums.p
    for size, rows in schedule.same_size():
        step = max(1, _AT_ONCE // max(size * size, size * (p + 2), p * p))
        group = schedule.group[rows[:, 0]]
        for at in np.unique(group):
            mine = rows[group == at]
            for start in range(0, len(mine), step):
                some = mine[start : start + step]
                yield some, np.asarray(np.linalg.cholesky(_covariance(point, schedule, int(at), some)))


def _covariance(point: Point, schedule: Schedule, group: int, rows: Places) -> Floats:
    state = point.states[group]
    if isinstance(state, ScheduledState):
        visits = schedule.visit[rows]
        return state.covariance.value[visits[:, :, None], visits[:, None, :]]
    days = schedule.time[rows]
    return np.asarray(state.correlation(np.abs(days[:, :, None] - days[:, None, :])) / state.scale)

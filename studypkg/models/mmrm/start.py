"""Where the search begins: moments of the least-squares residuals."""

from __future__ import annotations

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.mmrm.likelihood import Sums
from studypkg.models.mmrm.patterns import Scheduled
from studypkg.models.mmrm.schedule import Schedule

# The smallest eigenvalue a starting correlation matrix may have.
_ROOM = 0.1


def starting_values(sums: Sums, schedule: Schedule, *, independent: bool = False) -> Floats:
    """Return θ from the residuals: variances by visit, correlations from pairs of visits, or nearly none."""
    blocks = []
    for group, part in enumerate(sums.parts):
        mine = schedule.group == group
        if isinstance(part, Scheduled):
            moments = _moments(sums.residual[mine], schedule, mine)
            if independent:
                moments = np.diag(np.diag(moments))
            blocks.append(part.structure.start_from(moments))
        else:
            near = 0.1 if independent else None
            blocks.append(
                _by_distance(sums.residual[mine], schedule.subject[mine], schedule.time[mine], near)
            )
    return np.concatenate(blocks)


def _moments(residual: Floats, schedule: Schedule, mine: np.ndarray) -> Floats:
    """Sum up pairs of visits of a subject, drawn towards independence until well conditioned."""
    t = len(schedule.visits)
    who = np.unique(schedule.subject[mine], return_inverse=True)[1]
    wide, seen = np.zeros((who.max() + 1, t)), np.zeros((who.max() + 1, t))
    wide[who, schedule.visit[mine]] = residual
    seen[who, schedule.visit[mine]] = 1.0
    pairs = seen.T @ seen
    overall = float(residual @ residual) / len(residual)
    # One pseudo-observation per visit keeps a visit with few rows away from zero.
    variances = (np.diag(wide.T @ wide) + overall) / (np.diag(pairs) + 1.0)
    sd = np.sqrt(variances)
    correlation = (wide.T @ wide) / np.maximum(pairs, 1.0) / np.outer(sd, sd)
    correlation = np.clip(correlation, -0.95, 0.95)
    np.fill_diagonal(correlation, 1.0)
    lowest = float(np.linalg.eigvalsh(correlation)[0])
    if lowest < _ROOM:
        share = (_ROOM - lowest) / (1.0 - lowest)
        correlation = (1.0 - share) * correlation + share * np.eye(t)
    return np.asarray(correlation * np.outer(sd, sd))


def _by_distance(residual: Floats, subject: np.ndarray, time: Floats, near: float | None) -> Floats:
    same = subject[1:] == subject[:-1]
    variance = float(residual @ residual) / len(residual)
    if near is None:
        near = float((residual[1:] * residual[:-1])[same].mean()) / variance
    typical = float(np.median(np.diff(time)[same]))
    log_rho = np.log(np.clip(near, 0.1, 0.9)) / typical
    return np.array([np.log(variance), log_rho - np.log(-np.expm1(log_rho))])

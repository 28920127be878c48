"""Whether the rows can carry the model: what is asked before any search."""

from __future__ import annotations

import numpy as np

from studypkg.errors import ModelError
from studypkg.models.design import Design, Floats
from studypkg.models.mmrm.request import Request
from studypkg.models.mmrm.schedule import Schedule
from studypkg.models.mmrm.structures import STRUCTURES

_FEWER = "Use a structure with fewer parameters, such as {}."


def check_rows(request: Request, design: Design, schedule: Schedule) -> None:
    """Refuse rows that cannot carry the model.

    Raises
    ------
    ModelError
        If the response does not vary, there are more parameters than rows, or a parameter of the covariance
        belongs to visits that were never seen, or never seen together.
    """
    n, p = design.fixed.shape
    if n < 2 or float(np.ptp(design.y)) == 0.0:
        raise ModelError(
            f'The response "{design.response}" is the same in all {n} complete rows: nothing can be modelled.'
        )
    t, groups = len(schedule.visits), len(schedule.groups)
    per_group = 2 if request.spatial else STRUCTURES[request.covariance].n_parameters(t)
    parameters = p + groups * per_group
    if n <= parameters:
        raise ModelError(
            f"There are {n} complete rows for {parameters} parameters ({p} coefficients, "
            f"{groups * per_group} of the covariance): use a simpler covariance structure or get more rows."
        )
    if request.spatial:
        return
    for at in range(groups):
        where = (
            f' within level {at + 1} of {groups} of "{schedule.group_name}"' if schedule.group_name else ""
        )
        _check_pairs(request.covariance, schedule, pairs_seen(schedule, at), where)


def pairs_seen(schedule: Schedule, group: int) -> Floats:
    """Count the subjects of a group seen at both of two visits, t × t; the diagonal counts single visits."""
    mine = schedule.group == group
    who = np.repeat(np.arange(schedule.n_subjects), schedule.sizes)[mine]
    seen = np.zeros((schedule.n_subjects, len(schedule.visits)))
    seen[who, schedule.visit[mine]] = 1.0
    return np.asarray(seen.T @ seen)


def _check_pairs(covariance: str, schedule: Schedule, pairs: Floats, where: str) -> None:
    t = len(pairs)
    missing = np.flatnonzero(np.diag(pairs) == 0.0) + 1
    if missing.size and STRUCTURES[covariance].by_visit:
        raise ModelError(
            f'Nobody was seen at level {", ".join(map(str, missing))} of {t} of "{schedule.visit_name}"'
            f"{where}, so the variance there is unknown. " + _FEWER.format("ar1 or cs")
        )
    if covariance == "un":
        apart = int((pairs[np.triu_indices(t, 1)] == 0.0).sum())
        if apart:
            raise ModelError(
                f'{apart} pairs of visits were never seen in the same level of "{schedule.subject_name}"'
                f"{where}, so their covariance is unknown. " + _FEWER.format("ar1h or csh")
            )
    if covariance in ("toep", "toeph"):
        lags = [lag for lag in range(1, t) if not np.diag(pairs, lag).any()]
        if lags:
            raise ModelError(
                f'No level of "{schedule.subject_name}" was seen twice {" or ".join(map(str, lags))} visits '
                f"apart{where}, so the correlation there is unknown. " + _FEWER.format("ar1 or ar1h")
            )

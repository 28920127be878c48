"""Is one model a special case of another? Of its columns, its random effects, its covariance over visits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studypkg.models.fit import Fit
from studypkg.models.rows import FitRows

Floats = NDArray[np.float64]
# A column lies within a space when this share of its length is left outside.
_OUTSIDE = 1e-6
# Covariance structures over visits and the next more general ones.
_GENERAL: dict[str, tuple[str, ...]] = {
    "cs": ("csh", "toep"),
    "csh": ("toeph",),
    "ar1": ("ar1h", "toep", "ad"),
    "ar1h": ("toeph", "adh"),
    "toep": ("toeph",),
    "toeph": ("un",),
    "ad": ("adh",),
    "adh": ("un",),
    "un": (),
    "sp_exp": (),
}


def fixed_within(small: FitRows, large: FitRows) -> bool:
    """Say whether the fixed columns of one model are combinations of the other's."""
    x, space = small.fixed, large.fixed
    if not x.shape[1]:
        return True
    if not space.shape[1]:
        return False
    basis = np.linalg.qr(space / np.sqrt((space**2).sum(axis=0)))[0]
    unit = x / np.sqrt((x**2).sum(axis=0))
    left: Floats = ((unit - basis @ (basis.T @ unit)) ** 2).sum(axis=0)
    return bool(np.sqrt(left.max()) < _OUTSIDE)


def same_space(one: FitRows, other: FitRows) -> bool:
    """Say whether two models have the same fixed part, however it is coded."""
    return one.fixed.shape == other.fixed.shape and fixed_within(one, other)


def random_within(small: Fit, large: Fit) -> bool:
    """Say whether the covariance of one model is that of the other with some parameters at zero or equal."""
    if small.kind == "mmrm":
        return _structure_within(small, large)
    return _free(small) <= _free(large)


def boundary_columns(small: Fit, large: Fit) -> int:
    """Count the variances that are zero in the smaller model and free in the larger one."""
    if small.kind == "mmrm":
        return 0
    return sum(len(key[1:]) == 1 for key in _free(large) - _free(small))


def _free(fit: Fit) -> set[tuple[str, ...]]:
    """List the variances (group, column) and covariances (group, column, column) that are free."""
    found: set[tuple[str, ...]] = set()
    for term in fit.rows.terms if fit.rows is not None else ():
        for i, name in enumerate(term.names):
            found.add((term.group, name))
            found |= {(term.group, *sorted((name, other))) for other in term.names[:i]}
    return found


def _structure_within(small: Fit, large: Fit) -> bool:
    few, many = (fit.rows.structure if fit.rows is not None else "" for fit in (small, large))
    name, _, group = few.partition("|")
    wanted, _, wider = many.partition("|")
    if group not in ("", wider):
        return False
    reached, waiting = set(), [name]
    while waiting:
        now = waiting.pop()
        reached.add(now)
        waiting += _GENERAL.get(now, ())
    return wanted in reached

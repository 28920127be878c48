"""Degrees of freedom by strata: where a column varies decides how many units stand behind its coefficient."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


def between_within(fit: Fit, weights: Floats) -> Floats:
    """Return the least degrees of freedom among the coefficients that each combination (c × p) uses."""
    own = coefficient_strata(fit)
    return np.array([own[row != 0.0].min() for row in weights])


def coefficient_strata(fit: Fit) -> Floats:
    """Return the degrees of freedom of every coefficient, p.

    Raises
    ------
    ModelError
        If the grouping factors cross, a stratum has nothing left, or the fit holds no rows.

    Notes
    -----
    Grouping factors i = 1 … Q from the outermost to the innermost have m_i levels, and rows are the stratum
    Q + 1. A column belongs to the outermost stratum within whose levels it is constant. With p_i of them,

        df_i = m_i − (m_{i−1} + p_i),  m_0 = 1 with an intercept, else 0.

    The intercept takes the degrees of freedom of the rows. Pinheiro and Bates (2000), section 2.4.2,
    doi 10.1007/b98882. For repeated measures without random effects the subjects are the one stratum.
    """
    if fit.rows is None:
        raise ModelError(
            "Between–within degrees of freedom need the rows, which a stored fit does not hold: fit again."
        )
    x = fit.rows.fixed
    strata = sorted(fit.rows.strata, key=lambda codes: int(codes.max()))
    for outer, inner in pairwise(strata):
        if not _constant(outer[:, None].astype(float), inner)[0]:
            raise ModelError(
                "Between–within degrees of freedom are defined for grouping factors that are nested in each "
                "other; these cross. Use Satterthwaite's or Kenward and Roger's."
            )
    p = x.shape[1]
    level = np.full(p, len(strata))
    for at in reversed(range(len(strata))):
        level[_constant(x, strata[at])] = at
    intercept = (x == x[:1]).all(axis=0) & (x[0] != 0.0)
    sizes = [int(codes.max()) + 1 for codes in strata] + [len(x)]
    before, df = int(intercept.any()), []
    for at, size in enumerate(sizes):
        df.append(size - before - int(((level == at) & ~intercept).sum()))
        before = size
    found = np.array([df[len(strata)] if intercept[j] else df[level[j]] for j in range(p)], dtype=float)
    if not (found > 0.0).all():
        raise ModelError(
            "Between–within degrees of freedom: a stratum has as many coefficients as units, so nothing is "
            "left to estimate its variance from. Leave out a column that is constant within the larger units."
        )
    return found


def _constant(x: Floats, codes: Codes) -> NDArray[np.bool_]:
    """Say which columns are the same in all rows of every level."""
    first = np.zeros(int(codes.max()) + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return np.array([bool((column == column[first][codes]).all()) for column in x.T])

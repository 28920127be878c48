"""An information matrix kept up from steps and changes of the gradient."""

from __future__ import annotations

import numpy as np

from studypkg.models.links import Floats


def updated(hessian: Floats, moved: Floats, change: Floats) -> Floats:
    """Update the information (k × k) from a step and the change of the gradient (k each).

    Notes
    -----
    BFGS where the function curves upwards along the step, else the symmetric rank-one update (Nocedal and
    Wright 2006, Numerical Optimization, 2nd edition, sections 6.1 and 6.2).
    """
    seen, along = hessian @ moved, float(change @ moved)
    expected = float(moved @ seen)
    if along > 1e-10 and expected > 0.0:
        return np.asarray(
            hessian - np.outer(seen, seen) / expected + np.outer(change, change) / along, dtype=float
        )
    miss = change - seen
    slope = float(miss @ moved)
    if abs(slope) < 1e-8 * float(np.linalg.norm(miss)) * float(np.linalg.norm(moved)):
        return hessian
    return np.asarray(hessian + np.outer(miss, miss) / slope, dtype=float)

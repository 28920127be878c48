"""Empirical covariances of the fixed effects: right for large samples whatever the true covariance is.

Every subject's score is measured instead of assumed. Three ways to treat the fact that residuals are shorter
than errors: not at all (CR0), by leaving the subject out (jackknife, CR3), or so that the result is unbiased
where the model is right (bias-reduced, CR2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import Floats
from studypkg.models.mmrm.likelihood import Point
from studypkg.models.mmrm.schedule import Schedule
from studypkg.models.mmrm.small_sample import Coefficients
from studypkg.models.mmrm.subjects import subject_factors

# The power of I − H by which a subject's residuals are corrected; None: the model's own covariance.
VCOV_POWERS: Mapping[str, float | None] = MappingProxyType(
    {"model": None, "empirical": 0.0, "empirical-jackknife": -1.0, "empirical-bias-reduced": -0.5}
)
# Eigenvalues of I − H below this are zero: the subject alone decides a coefficient.
_ALONE = 1e-9
# Degrees of freedom hold the fourth powers of p coefficients.
MOST_COEFFICIENTS = 40


@dataclass(frozen=True, eq=False)
class Sandwich:
    """An empirical covariance with its degrees of freedom.

    Notes
    -----
    For a contrast l, ``l' expected l`` is the mean of its estimated variance where the model is right, and
    g'Ag with g_k = l' ``jacobian``_k l and A = ``spread`` is the variance of that estimate: 2 (mean)²/(g'Ag)
    is the number of degrees of freedom of Bell and McCaffrey (2002), as in Pustejovsky and Tipton (2018),
    doi 10.1080/07350015.2016.1247004. With many coefficients ``expected`` is not there.
    """

    vcov: Floats
    expected: Floats | None
    jacobian: Floats
    spread: Floats


def vcov_name(name: str) -> str:
    """Return the name of a covariance of the fixed effects as the table has it.

    Raises
    ------
    ConfigError
        If there is no such covariance.
    """
    wanted = str(name).strip().casefold().replace("_", "-").replace(" ", "-")
    if wanted not in VCOV_POWERS:
        raise ConfigError(
            f'There is no covariance of the fixed effects "{name}".{nearest(wanted, VCOV_POWERS)} '
            f"Available: {', '.join(VCOV_POWERS)}."
        )
    return wanted


def sandwich(point: Point, schedule: Schedule, found: Coefficients, power: float) -> Sandwich:
    """Work out an empirical covariance.

    Parameters
    ----------
    point
        The optimum.
    schedule
        Who was seen when.
    found
        The fixed effects there.
    power
        0 (CR0), −1 (CR3) or −½ (CR2).

    Raises
    ------
    ModelError
        If a subject cannot be left out, because no other subject carries one of its coefficients.

    Notes
    -----
    With Σ_i = L_i L_i', X̃_i = L_i⁻¹X_i, ẽ_i = L_i⁻¹(y_i − X_i β̂) and H_i = X̃_i Φ X̃_i', the covariance is
    Φ {Σ_i X̃_i'A_i ẽ_i ẽ_i'A_i X̃_i} Φ with A_i = (I − H_i)^power, Φ = (X'Σ⁻¹X)⁻¹, as R's mmrm has it: the
    jackknife is not multiplied by (n − 1)/n. Mancl and DeRouen (2001), doi 10.1111/j.0006-341X.2001.00126.x;
    Bell and McCaffrey (2002), Survey Methodology 28, 169–181.
    """
    p = point.sums.p
    error = point.sums.residual - point.sums.basis @ point.gamma
    meat, mean = np.zeros((p, p)), np.zeros((p, p))
    fourth = _FourthMoments(point, p) if p <= MOST_COEFFICIENTS else None
    for rows, lower in subject_factors(point, schedule):
        both = np.linalg.solve(lower, np.dstack([point.sums.basis[rows], error[rows]]))
        x, e = both[:, :, :p], both[:, :, p]
        correction = _power(np.eye(rows.shape[1]) - x @ point.vcov @ np.swapaxes(x, 1, 2), power)
        corrected = correction @ x
        score = np.einsum("isp,is->ip", corrected, e)
        meat += score.T @ score
        kept = np.swapaxes(corrected, 1, 2) @ x
        square = np.swapaxes(corrected, 1, 2) @ corrected
        lost = kept @ point.vcov @ kept
        mean += (square - lost).sum(axis=0)
        if fourth is not None:
            fourth.add(kept, square, lost)
    turn = found.back @ point.vcov
    vcov = turn @ meat @ turn.T
    if fourth is None:
        return Sandwich(vcov, None, np.zeros((0, p, p)), np.zeros((0, 0)))
    # Units of w = Φ l become units of l.
    return Sandwich(vcov, turn @ mean @ turn.T, turn @ fourth.units @ turn.T, 2.0 * fourth.total())


class _FourthMoments:
    """Σ_ij (g_i'g_j)² as a quadratic form in the products w_a w_b, a ≤ b, of w = Φ l.

    With K_i = X̃_i'A_iX̃_i and B_i = X̃_i'A_i²X̃_i, g_i'g_j = [i = j] w'B_i w − w'K_i Φ K_j w.
    """

    def __init__(self, point: Point, p: int) -> None:
        self.root = point.root
        self.a, self.b = np.triu_indices(p)
        self.twice = np.where(self.a == self.b, 1.0, 2.0)
        q = len(self.a)
        self.units = np.zeros((q, p, p))
        self.units[np.arange(q), self.a, self.b] += 0.5
        self.units[np.arange(q), self.b, self.a] += 0.5
        self.within = np.zeros((q, q))
        self.between = np.zeros((p * p, p * p))

    def add(self, kept: Floats, square: Floats, lost: Floats) -> None:
        direct, taken = (part[:, self.a, self.b] * self.twice for part in (square, lost))
        self.within += direct.T @ direct - direct.T @ taken - taken.T @ direct
        turned = (self.root.T @ kept).reshape(len(kept), -1)
        self.between += turned.T @ turned

    def total(self) -> Floats:
        p = len(self.root)
        cross = self.between.reshape(p, p, p, p).transpose(0, 2, 1, 3)
        half = 0.5 * (cross[:, :, self.a, self.b] + cross[:, :, self.b, self.a]) * self.twice
        flat = half.reshape(p * p, -1)
        return np.asarray(self.within + flat.T @ flat)


def _power(matrices: Floats, power: float) -> Floats:
    if power == 0.0:
        return np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    values, vectors = np.linalg.eigh(matrices)
    alone = values < _ALONE
    if power == -1.0 and alone.any():
        raise ModelError(
            f"{int(alone.any(axis=1).sum())} subjects cannot be left out one at a time: without them a "
            'coefficient could not be estimated. Use vcov="empirical-bias-reduced" or simplify the formula.'
        )
    raised = np.where(alone, 0.0, np.where(alone, 1.0, values) ** power)
    return np.asarray((vectors * raised[:, None, :]) @ np.swapaxes(vectors, 1, 2))

"""Irregular days: a covariance that falls with the distance in time, σ² ρ^|day − day'|.

Within a subject such a series depends on its past through the last value only, so its likelihood is a sum
over gaps between neighbouring rows. Equal gaps are summed up once.
"""

from __future__ import annotations

import numpy as np

from studypkg.models.design import Floats
from studypkg.models.mmrm.patterns import compress
from studypkg.models.mmrm.schedule import Schedule


class Irregular:
    """The subjects of one group, seen on irregular days.

    Parameters
    ----------
    rows
        The fixed columns (an orthonormal basis) and the response, n × f, in the order of the schedule.
    schedule
        Who was seen when; ``time`` holds the days.
    group
        The group whose subjects these are.

    Notes
    -----
    θ = (log σ², logit ρ), as R's mmrm has it; ρ is the correlation at a distance of one unit of time.
    """

    k = 2

    def __init__(self, rows: Floats, schedule: Schedule, group: int) -> None:
        mine = np.flatnonzero(schedule.group == group)
        self.rows, self.time = rows[mine], schedule.time[mine]
        subject = schedule.subject[mine]
        self.first = np.r_[True, subject[1:] != subject[:-1]]
        self.gap = np.where(self.first, np.inf, np.diff(self.time, prepend=0.0))
        f = rows.shape[1]
        later = np.flatnonzero(~self.first)
        alone = self.rows[self.first]
        self.alone = alone.T @ alone
        gaps, which = np.unique(self.gap[later], return_inverse=True)
        both = np.hstack([self.rows[later] - self.rows[later - 1], self.rows[later - 1]])
        order = np.argsort(which, kind="stable")
        parts = [compress(part) for part in np.split(both[order], np.flatnonzero(np.diff(which[order])) + 1)]
        stacked = np.concatenate(parts)
        self.step, self.before = stacked[:, :f], stacked[:, f:]
        self.distance = np.repeat(gaps, [len(part) for part in parts])
        self.gaps, self.counts = gaps, np.bincount(which).astype(float)

    def at(self, theta: Floats) -> IrregularState:
        """Evaluate at θ."""
        return IrregularState(self, theta)


class IrregularState:
    """The sums at one point θ, with all derivatives: two parameters need no savings."""

    def __init__(self, data: Irregular, theta: Floats) -> None:
        self.data = data
        self.scale = float(np.exp(-theta[0]))
        self.eta = float(theta[1])
        n = len(data.rows)
        value, slope, bend = self._gap_weights(data.distance)
        gram, by_rho, twice = (self._weighted(w) for w in (value, slope, bend))
        self.gram = self.scale * (gram + data.alone)
        self._gram_first = np.array([-self.gram, self.scale * by_rho])
        mixed = -self.scale * by_rho
        self._gram_second = np.array([[self.gram, mixed], [mixed, self.scale * twice]])
        a, da, dda, rest = _correlation(data.gaps, self.eta)
        inverse = 1.0 / (rest * (1.0 + a))
        self.log_det = n * float(theta[0]) - float(data.counts @ np.log(inverse))
        by_a, by_aa = -2.0 * a * inverse, -2.0 * inverse - 4.0 * (a * inverse) ** 2
        self._log_first = np.array([n, data.counts @ (by_a * da)])
        self._log_second = np.diag([0.0, data.counts @ (by_aa * da**2 + by_a * dda)])

    def correlation(self, distance: Floats) -> Floats:
        """Return ρ^distance."""
        return _correlation(distance, self.eta)[0]

    def gradient(self, root: Floats) -> Floats:
        """As `ScheduledState.gradient`."""
        return np.asarray(self._log_first + np.tensordot(self._gram_first, root @ root.T, axes=2))

    def gram_first(self) -> Floats:
        """As `ScheduledState.gram_first`."""
        return self._gram_first

    def curvature(self, root: Floats) -> Floats:
        """As `ScheduledState.curvature`."""
        weight = root @ root.T
        return np.asarray(self._log_second + np.tensordot(self._gram_second, weight, axes=2))

    def second_moments(self, weight: Floats) -> tuple[Floats, Floats]:
        """As `ScheduledState.second_moments`."""
        by_rho = self._gram_first[1]
        corner = self._q_corner()
        q = np.array([[self.gram, -by_rho], [-by_rho, corner]])
        r = np.array([[self.gram, -by_rho], [-by_rho, 2.0 * corner - self._gram_second[1, 1]]])
        return np.tensordot(weight, q, axes=2), np.tensordot(weight, r, axes=2)

    def _gap_weights(self, distance: Floats) -> tuple[Floats, Floats, Floats]:
        """Weights (3 × rows) of step·step', step·before' and before·before', and two derivatives by logit ρ.

        With x_j − a x_(j−1) = step + (1 − a) before, its square over 1 − a² has the weights 1/(1 − a²),
        1/(1 + a) and (1 − a)/(1 + a): nothing cancels where a is close to one.
        """
        a, da, dda, rest = _correlation(distance, self.eta)
        sum_inverse = 1.0 / (1.0 + a)
        inverse = sum_inverse / rest
        value = np.array([inverse, sum_inverse, rest * sum_inverse])
        by_a = np.array([2.0 * a * inverse**2, -(sum_inverse**2), -2.0 * sum_inverse**2])
        by_aa = np.array(
            [2.0 * inverse**2 + 8.0 * a**2 * inverse**3, 2.0 * sum_inverse**3, 4.0 * sum_inverse**3]
        )
        return value, by_a * da, by_aa * da**2 + by_a * dda

    def _weighted(self, weights: Floats) -> Floats:
        step, before = self.data.step, self.data.before
        cross = (step * weights[1][:, None]).T @ before
        whole = (step * weights[0][:, None]).T @ step + (before * weights[2][:, None]).T @ before
        return np.asarray(whole + cross + cross.T)

    def _q_corner(self) -> Floats:
        """Z'(∂Σ⁻¹/∂η) Σ (∂Σ⁻¹/∂η) Z, through Σ⁻¹ = B'D⁻¹B with B z = z_j − a z_(j−1)."""
        data = self.data
        inside = ~data.first
        a, da = np.zeros(len(data.gap)), np.zeros(len(data.gap))
        rest = np.ones(len(data.gap))
        a[inside], da[inside], _, part = _correlation(data.gap[inside], self.eta)
        rest[inside] = part * (1.0 + a[inside])
        past = np.vstack([np.zeros((1, data.rows.shape[1])), data.rows[:-1]])
        past[data.first] = 0.0
        error = data.rows - a[:, None] * past
        slope = (2.0 * a * da / rest**2)[:, None] * error - (da / rest)[:, None] * past
        back = np.vstack([-(da / rest)[1:, None] * error[1:], np.zeros((1, error.shape[1]))])
        for block in _backwards(data.first):
            back[block] += a[block + 1, None] * back[block + 1]
        total = back + slope
        return np.asarray(self.scale * (total * rest[:, None]).T @ total)


def _correlation(distance: Floats, eta: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a = ρ^d, its first two derivatives by η = logit ρ, and 1 − a without cancellation."""
    log_rho = -float(np.logaddexp(0.0, -eta))
    rho = float(np.exp(log_rho))
    other = float(np.exp(-np.logaddexp(0.0, eta)))
    a = np.exp(distance * log_rho)
    by_eta = a * distance * other
    return a, by_eta, by_eta * (distance * other - rho), -np.expm1(distance * log_rho)


def _backwards(first: np.ndarray) -> list[np.ndarray]:
    """List rows that have a next row of the same subject, from the last but one position backwards."""
    n = len(first)
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, n))
    from_end = np.repeat(starts + sizes, sizes) - 1 - np.arange(n)
    order = np.argsort(from_end, kind="stable")
    ranked = from_end[order]
    cuts = np.flatnonzero(np.diff(ranked)) + 1
    return np.split(order, cuts)[1:]

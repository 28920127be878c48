"""The deviance of a linear mixed model minimised with one named parameter held, and the intervals it gives.

Everything comes from the sums of products: no row is looked at again. A profile interval holds the values
whose deviance exceeds the minimum by no more than a quantile of χ²(1): Bates, Mächler, Bolker and Walker
(2015), doi 10.18637/jss.v067.i01, section 5.1; Venzon and Moolgavkar (1988), doi 10.2307/2347496.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import brentq

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import GroupTerm
from studypkg.models.linear.covariances import unpack
from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.deviance import Point
from studypkg.models.linear.moments import moments
from studypkg.models.linear.profile_coordinates import (
    Parameter,
    coordinates,
    coordinates_at,
    parameter_list,
    places_of,
)
from studypkg.models.linear.search import newton_step
from studypkg.models.linear.taylor import Floats, pairs

_STEPS, _WIDENINGS, _ROUNDS = 200, 80, 6
_DONE, _ENOUGH = 1e-10, 1e-6
_LONGEST = 1.0
# Elements of L at zero cannot be left along a gradient, which is zero there by symmetry: they start here.
_OFF_ZERO = 0.05
# A deviance this far below the minimum means that the minimum was not one.
_BELOW = 1e-4


@dataclass(frozen=True)
class Constrained:
    """A deviance with gradient and Hessian over the free coordinates, the last of which is log(σ/σ̂)."""

    value: float
    gradient: Floats
    curvature: Floats


class Profile:
    """Profiles of one fitted linear mixed model.

    Parameters
    ----------
    sums, point
        The sums of products and the optimum of the same likelihood.
    fixed
        Names of the fixed coefficients.
    terms
        The random terms in the formula's order.
    reml
        Whether ``point`` maximises the restricted likelihood, which knows variance parameters only.
    """

    def __init__(
        self,
        sums: CrossProducts,
        point: Point,
        fixed: Sequence[str],
        terms: Sequence[GroupTerm],
        *,
        reml: bool,
    ) -> None:
        self.sums, self.point, self.reml, self.terms = sums, point, reml, tuple(terms)
        self.parameters = {p.name: p for p in parameter_list(fixed, terms)}
        self.sigma = float(np.sqrt(point.sigma2))
        self.covariances = [t @ t.T for t in unpack(point.theta, sums)]
        self._places = places_of(sums)
        self._known: dict[str, list[tuple[float, float, Floats]]] = {}

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by name.

        Raises
        ------
        ConfigError
            If there is no such parameter, or the restricted likelihood does not know it.
        """
        if name not in self.parameters:
            raise ConfigError(f'The model has no parameter "{name}".{nearest(name, list(self.parameters))}')
        found = self.parameters[name]
        if self.reml and found.kind == "fixed":
            raise ConfigError(f'The restricted likelihood has no profile over the coefficient "{name}".')
        return found

    def estimate(self, name: str) -> float:
        """Return the estimate on the data's scale; missing where a correlation is not defined."""
        held = self.parameter(name)
        if held.kind == "fixed":
            return float(self.point.beta[held.columns[0]])
        if held.kind == "sigma":
            return self.sigma
        place = self._places[held.term]
        columns = [place.columns[j] for j in held.columns]
        sds = np.sqrt(np.diag(self.covariances[place.factor])[columns])
        if held.kind == "sd":
            return float(sds[0] / self._unit(held))
        if not sds.all():
            return float("nan")
        return float(np.clip(self.covariances[place.factor][columns[0], columns[1]] / sds.prod(), -1.0, 1.0))

    def _unit(self, held: Parameter) -> float:
        """Return what a standard deviation is multiplied by to come in units of σ̂ on the engine's columns."""
        place = self._places[held.term]
        scale = self.sums.factors[place.factor].scales[place.columns[held.columns[0]]]
        return float(scale) / self.sigma

    def at(self, x: Floats, held: Parameter | None, value: float) -> Constrained:
        """Evaluate the deviance, β profiled out, with one parameter held (or none).

        Raises
        ------
        numpy.linalg.LinAlgError
            If the moments are not positive definite there.

        Notes
        -----
        A coefficient a'γ held at c leaves γ = a c / a'a + N u, N spanning what is orthogonal to a: the
        moments of the remaining columns follow as W'MW with a constant W, and so do their derivatives.
        """
        sums = self.sums
        kind = "" if held is None else held.kind
        shift = float(np.log(value / self.sigma)) if kind == "sigma" else float(x[-1])
        inner = x if kind == "sigma" else x[:-1]
        own = value * self._unit(held) if held is not None and kind == "sd" else value
        coords = coordinates(sums, held if kind in ("sd", "corr") else None, own)
        phi, first, second = coords.jets(inner, sums.layout.order)
        k = len(inner)
        shrink = np.exp(-2.0 * shift)
        phi = shrink * phi
        jacobian = np.column_stack([shrink * first, -2.0 * phi])
        bends = np.zeros((len(phi), k + 1, k + 1))
        bends[:, :k, :k] = shrink * second
        bends[:, :k, k] = bends[:, k, :k] = -2.0 * shrink * first
        bends[:, k, k] = 4.0 * phi
        found = moments(sums, phi, 2)
        m, m1, m2 = found.products.value, found.products.first, found.products.second
        if held is not None and kind == "fixed":
            w = self._restriction(held, value)
            m, m1, m2 = w.T @ m @ w, w.T @ m1 @ w, w.T @ m2 @ w
        p, nu = len(m) - 1, sums.n - sums.p if self.reml else sums.n
        triangle = np.linalg.cholesky(m)
        inverse = np.linalg.inv(m[:p, :p]) if p else np.zeros((0, 0))
        r2, sigma2 = float(triangle[p, p] ** 2), self.sigma**2 * float(np.exp(2.0 * shift))
        deviance = float(found.log_det.value) + nu * float(np.log(2.0 * np.pi * sigma2)) + r2 / sigma2
        deviance -= sums.log_weights
        e = np.append(-(inverse @ m[:p, p]), 1.0)
        along = m1 @ e
        g, r2_first = along[:, :p], along @ e
        i, j = pairs(len(phi))
        r2_second = (m2 @ e) @ e - 2.0 * (g @ inverse @ g.T)[i, j]
        slope = found.log_det.first + r2_first / sigma2
        packed = found.log_det.second + r2_second / sigma2
        if self.reml and p:
            inside = m1[:, :p, :p]
            spread = inverse @ inside @ inverse
            deviance += 2.0 * float(np.log(np.diag(triangle)[:p]).sum()) + sums.log_triangle
            slope = slope + np.einsum("kab,ab->k", inside, inverse)
            packed = packed + np.einsum("kab,ab->k", m2[:, :p, :p], inverse)
            packed = packed - np.einsum("kab,lab->kl", spread, inside)[i, j]
        square = np.empty((len(phi), len(phi)))
        square[i, j] = square[j, i] = packed
        gradient = jacobian.T @ slope
        curvature = jacobian.T @ square @ jacobian + np.tensordot(slope, bends, axes=1)
        # σ also stands beside φ: ν log σ² + r²/σ².
        mixed = -2.0 * (jacobian.T @ r2_first) / sigma2
        curvature[k] += mixed
        curvature[:, k] += mixed
        gradient[k] += 2.0 * nu - 2.0 * r2 / sigma2
        curvature[k, k] += 4.0 * r2 / sigma2
        size = k if kind == "sigma" else k + 1
        return Constrained(deviance, gradient[:size], curvature[:size, :size])

    def _restriction(self, held: Parameter, value: float) -> Floats:
        sums = self.sums
        a = sums.back[held.columns[0]]
        basis = np.linalg.qr(a[:, None], mode="complete")[0]
        shift = a * (value - float(sums.least_squares[held.columns[0]])) / float(a @ a)
        w = np.zeros((sums.p + 1, sums.p))
        w[: sums.p, : sums.p - 1] = basis[:, 1:]
        w[: sums.p, -1] = -shift
        w[-1, -1] = 1.0
        return w

    def start(self, held: Parameter | None) -> Floats:
        """Return the coordinates of the optimum, none of the elements exactly at zero."""
        varies = held if held is not None and held.kind in ("sd", "corr") else None
        x = coordinates_at(self.sums, varies, self.covariances)
        x = np.where(np.abs(x) < _OFF_ZERO * _OFF_ZERO, _OFF_ZERO, x)
        return x if held is not None and held.kind == "sigma" else np.append(x, 0.0)

    def deviance(self, name: str, value: float) -> float:
        """Minimise the deviance over everything else.

        Raises
        ------
        ModelError
            If the minimum is not found, or lies below the fitted model's.
        """
        held = self.parameter(name)
        known = self._known.setdefault(name, [])
        starts = [x for _, _, x in sorted(known, key=lambda k: abs(k[0] - value))[:1]]
        best: tuple[float, Floats] | None = None
        for x in [*starts, self.start(held)]:
            best = self._minimise(x, held, value)
            if best is not None:
                break
        if best is None:
            raise ModelError(
                f'The profile of "{name}" did not converge at {value:.6g}: use method="bootstrap", or '
                "simplify the random terms."
            )
        if best[0] < self.point.deviance - _BELOW:
            raise ModelError(
                f'The profile of "{name}" reaches a lower deviance than the fitted model: the fit is not at '
                "its optimum. Give fit_lmm another start."
            )
        known.append((value, best[0], best[1]))
        return best[0]

    def _minimise(self, x: Floats, held: Parameter, value: float) -> tuple[float, Floats] | None:
        try:
            here = self.at(x, held, value)
        except np.linalg.LinAlgError:
            return None
        left = 0
        decrement = np.inf
        for _ in range(_STEPS):
            step, decrement = newton_step(here.gradient, here.curvature)
            if decrement < _DONE:
                downhill = self._downhill(x, here, held, value) if left < _ROUNDS else None
                if downhill is None:
                    return here.value, x
                (x, here), left = downhill, left + 1
                continue
            share = min(1.0, _LONGEST * max(1.0, float(np.abs(x).max())) / float(np.abs(step).max()))
            while share > 1e-10:
                try:
                    trial = self.at(x + share * step, held, value)
                except np.linalg.LinAlgError:
                    trial = None
                if trial is not None and trial.value <= here.value - 1e-4 * share * decrement:
                    break
                share *= 0.4
            else:
                break
            assert trial is not None
            x, here = x + share * step, trial
        return (here.value, x) if decrement < _ENOUGH else None

    def _downhill(
        self, x: Floats, here: Constrained, held: Parameter, value: float
    ) -> tuple[Floats, Constrained] | None:
        """Leave a saddle, where there is one."""
        if not len(x):
            return None
        values, vectors = np.linalg.eigh(here.curvature)
        if values[0] > -1e-6 * float(np.abs(values).max()):
            return None
        for length in (0.3, -0.3, 0.1, -0.1, 0.02, -0.02):
            try:
                trial = self.at(x + length * vectors[:, 0], held, value)
            except np.linalg.LinAlgError:
                continue
            if trial.value < here.value - _DONE:
                return x + length * vectors[:, 0], trial
        return None

    def zeta(self, name: str, value: float) -> float:
        """Return the signed root of what the deviance rises by: about normal where the profile is regular."""
        rise = self.deviance(name, value) - self.point.deviance
        return float(np.sign(value - self.estimate(name)) * np.sqrt(max(rise, 0.0)))

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Return both ends of the profile interval.

        Notes
        -----
        Where the deviance of a standard deviation at zero, or of a correlation at ±1, does not exceed the
        cut-off, the interval ends there exactly. Both ends are missing for a correlation of a variance that
        is estimated at zero: it does not exist.
        """
        if not 0.0 < level < 1.0:
            raise ConfigError(f"The level of an interval lies between 0 and 1, not at {level}.")
        held = self.parameter(name)
        centre = self.estimate(name)
        if np.isnan(centre):
            return centre, centre
        cut = float(special.ndtri(0.5 + level / 2.0))
        step = cut * self._rough_se(held, centre)
        low, high = {"sd": (0.0, np.inf), "corr": (-1.0, 1.0)}.get(held.kind, (-np.inf, np.inf))
        if held.kind == "sigma":
            ends = [
                float(np.exp(np.log(centre) + self._end(name, s, cut, step, np.inf))) for s in (-1.0, 1.0)
            ]
        else:
            ends = [
                centre + self._end(name, s, cut, step, abs(w - centre)) for s, w in ((-1.0, low), (1.0, high))
            ]
            ends = [float(np.clip(end, low, high)) for end in ends]
        return ends[0], ends[1]

    def _rough_se(self, held: Parameter, centre: float) -> float:
        if held.kind == "fixed":
            return float(np.sqrt(self.point.vcov[held.columns[0], held.columns[0]]))
        if held.kind == "sigma":
            return 1.0 / float(np.sqrt(2.0 * self.sums.n))
        levels = self.sums.factors[self._places[held.term].factor].n_levels
        if held.kind == "corr":
            return 1.0 / float(np.sqrt(levels))
        return max(centre, 0.1 / self._unit(held)) / float(np.sqrt(2.0 * levels))

    def _end(self, name: str, sign: float, cut: float, step: float, most: float) -> float:
        """Return the signed distance from the estimate (of log σ for sigma) to one end."""
        centre, log = self.estimate(name), self.parameter(name).kind == "sigma"

        def over(distance: float) -> float:
            value = centre * float(np.exp(sign * distance)) if log else centre + sign * distance
            if distance >= most:
                value = {"sd": 0.0}.get(self.parameter(name).kind, sign)
            return abs(self.zeta(name, value)) - cut

        if most <= 0.0:
            return 0.0
        near, far = 0.0, min(step, most)
        for _ in range(_WIDENINGS):
            if over(far) >= 0.0:
                break
            if far >= most:
                return sign * most
            near, far = far, min(1.5 * far, most)
        else:
            raise ModelError(
                f'The profile of "{name}" never reaches the cut-off: the interval has no end there.'
            )
        start = near if near else 0.0
        root = brentq(lambda d: over(d) if d else -cut, start, far, xtol=1e-7 * far, rtol=1e-9)
        return sign * float(root)

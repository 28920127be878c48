"""How far a prediction of a linear mixed model may be off: for its mean, and for a new observation.

Henderson (1975), Biometrics 31, 423-447, doi 10.2307/2529430. With K = σ² (Z'WZ + Σ⁻¹)⁻¹ the joint
covariance of β̂ and b̃ − b gives, for a row (x, z),
Var(x'β̂ + z'(b̃ − b)) = z'Kz + c' Cov(β̂) c with c = x − X'WZ K z / σ².
The variance parameters are held at their estimates, and quantiles are normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse, special

from studypkg.errors import ConfigError
from studypkg.models.design import Floats, matrix
from studypkg.models.linear.influence import Whitener
from studypkg.models.rows import known_places, rows_given

if TYPE_CHECKING:
    from studypkg.models.mixed_rows import MixedRows

INTERVALS = ("confidence", "prediction")
# Elements of a dense block that is held at once.
_ENTRIES = 4_000_000


@dataclass(frozen=True)
class Interval:
    """What interval is wanted: its kind and level, and the weights of new rows where the fit had weights."""

    kind: str
    level: float = 0.95
    weighted: bool = False
    weights: Sequence[float] | None = None

    def checked(self, n: int) -> Floats:
        """Return the weight of every new row.

        Raises
        ------
        ConfigError
            If there is no such interval, or weights are lacking or impossible.
        """
        if self.kind not in INTERVALS:
            raise ConfigError(f'There is no interval "{self.kind}". Available: {", ".join(INTERVALS)}.')
        if not 0.0 < self.level < 1.0:
            raise ConfigError(f"The level of an interval lies between 0 and 1, not at {self.level}.")
        if self.weights is None:
            if self.weighted and self.kind == "prediction":
                raise ConfigError(
                    "The fit was weighted: give weights, one per new row, for its residual variance."
                )
            return np.ones(n)
        weights = np.asarray(self.weights, dtype=float)
        if weights.shape != (n,) or not bool((weights > 0.0).all()):
            raise ConfigError(f"Weights of new rows are {n} positive numbers, one per row.")
        return weights


def predicted_interval(
    rows: MixedRows, values: pd.Series[float], newdata: pd.DataFrame, vcov: pd.DataFrame, *, random: bool,
    how: Interval,
) -> pd.DataFrame:  # fmt: skip
    """Put standard errors and intervals to predictions; see `studypkg.models.fit.Fit.predict`.

    Parameters
    ----------
    rows
        The rows of the fit.
    values
        The predictions, one per new row.
    newdata, vcov, random, how
        The new rows, Cov(β̂), whether known levels count, and the interval.
    """
    weights = how.checked(len(newdata))
    predict = how.kind == "prediction"
    frame, grouping, complete = rows_given(rows, newdata, groups=random, slopes=random or predict)
    se = np.full(len(newdata), np.nan)
    if complete.any():
        whole = frame.loc[complete].reset_index(drop=True)
        p = len(vcov)
        x = (
            np.asarray(matrix(rows.spec, whole)[list(vcov.index)], dtype=float)
            if p
            else np.zeros((len(whole), 0))
        )
        sigma2, variance = rows.point.sigma2, np.zeros(len(whole))
        spherical: list[tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]] = []
        if random or predict:
            for term, triangle in zip(rows.terms, rows.triangles, strict=True):
                columns = np.asarray(matrix(term.spec, whole), dtype=float) @ triangle
                nowhere = np.full(len(whole), -1, dtype=np.intp)
                places = known_places(term, grouping.loc[complete]).astype(np.intp) if random else nowhere
                variance += np.where(places < 0, sigma2 * (columns**2).sum(axis=1), 0.0)
                spherical.append((np.where(places[:, None] < 0, 0.0, columns), places))
        if random and any((places >= 0).any() for _, places in spherical):
            own, moved = _known_levels(rows, spherical)
            variance += sigma2 * own
            x = x - moved
        variance += np.einsum("ri,ij,rj->r", x, vcov.to_numpy(dtype=float), x)
        if predict:
            variance += sigma2 / weights[complete]
        se[complete] = np.sqrt(variance)
    half = float(special.ndtri(0.5 + how.level / 2.0)) * se
    estimate = values.to_numpy(dtype=float)
    return pd.DataFrame(
        {"estimate": estimate, "se": se, "low": estimate - half, "high": estimate + half}, index=values.index
    )


def _known_levels(
    rows: MixedRows, spherical: list[tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]]
) -> tuple[Floats, Floats]:
    """Return v'H⁻¹v and X'√W U H⁻¹ v for every new row, v being its columns on spherical random effects."""
    design = rows.design
    whitener = Whitener(rows.terms, rows.triangles, design.weights, len(design.y))
    groups: dict[str, list[int]] = {}
    for at, term in enumerate(rows.terms):
        groups.setdefault(term.group, []).append(at)
    name = max(groups, key=lambda g: rows.terms[groups[g][0]].n_levels)
    lead_terms = groups.pop(name)
    n, q = len(spherical[0][0]), whitener.q
    lead = np.concatenate([spherical[at][0] for at in lead_terms], axis=1)
    level = np.maximum(spherical[lead_terms[0]][1], 0)
    at_lead = _sparse(level[:, None] * q + np.arange(q), lead, whitener.m * q)
    width, places, values = 0, [np.zeros((n, 0), dtype=np.intp)], [np.zeros((n, 0))]
    for at in (at for members in groups.values() for at in members):
        columns, codes = spherical[at]
        places.append(width + np.maximum(codes, 0)[:, None] * columns.shape[1] + np.arange(columns.shape[1]))
        values.append(columns)
        width += rows.terms[at].n_levels * columns.shape[1]
    at_rest = _sparse(np.concatenate(places, axis=1), np.concatenate(values, axis=1), width)
    own = np.einsum("ri,rij,rj->r", lead, whitener.own[level], lead)
    step = max(1, _ENTRIES // max(width, 1))
    for first in range(0, n if width else 0, step):
        part = slice(first, first + step)
        left = (at_rest[part] - at_lead[part] @ whitener.reach).toarray()
        own[part] += ((left @ whitener.rest_inverse) * left).sum(axis=1)
    scaled = whitener.root[:, None] * design.fixed
    lead_sums, rest_sums = whitener.lead_matrix.T @ scaled, whitener.rest_matrix.T @ scaled
    solved_rest = whitener.rest_inverse @ (rest_sums - whitener.reach.T @ lead_sums)
    solved_lead = whitener.inverse @ lead_sums - whitener.reach @ solved_rest
    return own, np.asarray(at_lead @ solved_lead + at_rest @ solved_rest)


def _sparse(
    places: np.ndarray[tuple[int, int], np.dtype[np.intp]], values: Floats, width: int
) -> sparse.csr_array:
    n, w = values.shape
    return sparse.csr_array((values.ravel(), places.ravel(), np.arange(n + 1) * w), shape=(n, width))

"""What the fixed effects would be without some of the rows, the variances held at their estimates.

Leaving out the rows of g takes B_g K_gg⁻¹ B_g' from X'V⁻¹X, with K = V⁻¹ and B_g = X'K_{·g}: the mean-shift
form of Christensen, Pearson and Johnson (1992), Technometrics 34, 38–45, doi 10.2307/1269550, for a set of
rows as in Banerjee and Frees (1997), JASA 92, 999–1005, doi
10.1080/01621459.1997.10474055. K_gg is never formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from studypkg.errors import ModelError
from studypkg.models.design import Codes, Floats, GroupTerm

# Columns of all but the largest grouping factor: their dense square is the most that is held.
MOST_OTHER_COLUMNS = 5000
# Below this share of its information a direction of β is known from the left-out rows alone.
_NOTHING_LEFT = 1e-9
_ENTRIES = 4_000_000
# Rows that touch more columns than this are left out by factorising the others again.
MOST_TOUCHED = 400


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The fixed effects without each of m groups of rows.

    Notes
    -----
    ``change`` (m × p) is β̂ − β̂_(g) and ``sds`` (m × p) are the standard errors of β̂_(g) at the full σ̂.
    ``cook`` and ``mdffits`` (m) are the squared length of the change divided by p, measured in Cov(β̂) and in
    Cov(β̂_(g)); ``covratio`` (m) is |Cov β̂_(g)| / |Cov β̂| and ``covtrace`` (m) is
    |tr(Cov(β̂)⁻¹ Cov(β̂_(g))) − p|. ``estimable`` (m) is False where some coefficient is known from the group
    alone; all numbers are missing there.
    """

    change: Floats
    sds: Floats
    cook: Floats
    mdffits: Floats
    covratio: Floats
    covtrace: Floats
    estimable: np.ndarray[tuple[int], np.dtype[np.bool_]]


class Whitener:
    """V⁻¹ by Woodbury's identity, the largest grouping factor block by block, the others at once.

    Parameters
    ----------
    terms
        Random terms with the level of each row.
    triangles
        Relative covariance factor T of every term, so that V = diag(1/w) + Σ Z T T' Z' at σ² = 1.
    weights
        Weights of the rows, or None.
    n
        The number of rows.

    Notes
    -----
    With U = √W Z T and H = I + U'U: √W⁻¹ V⁻¹ √W⁻¹ = I − U H⁻¹ U'. H is split into the blocks (q × q) of the m
    levels of the leading factor and the r columns of all others, whose Schur complement is dense.
    """

    def __init__(
        self, terms: Sequence[GroupTerm], triangles: Sequence[Floats], weights: Floats | None, n: int
    ) -> None:
        root = np.ones(n) if weights is None else np.sqrt(weights)
        groups: dict[str, list[int]] = {}
        for at, term in enumerate(terms):
            groups.setdefault(term.group, []).append(at)
        name = max(groups, key=lambda g: terms[groups[g][0]].n_levels)
        scaled = [root[:, None] * (t.columns @ np.asarray(c)) for t, c in zip(terms, triangles, strict=True)]
        self.root = root
        self.codes: Codes = terms[groups[name][0]].codes
        self.lead = np.concatenate([scaled[at] for at in groups.pop(name)], axis=1)
        self.q, self.m = self.lead.shape[1], int(self.codes.max()) + 1
        places, values, width = [np.zeros((n, 0), dtype=np.int64)], [np.zeros((n, 0))], 0
        for at in (at for members in groups.values() for at in members):
            q = scaled[at].shape[1]
            places.append(width + terms[at].codes[:, None].astype(np.int64) * q + np.arange(q))
            values.append(scaled[at])
            width += terms[at].n_levels * q
        if width > MOST_OTHER_COLUMNS:
            raise ModelError(
                f"Besides the largest grouping factor the random terms have {width} columns, and at most "
                f"{MOST_OTHER_COLUMNS} are worked with here: ask for a smaller model or a sample."
            )
        self.places, self.values, self.r = (
            np.concatenate(places, axis=1),
            np.concatenate(values, axis=1),
            width,
        )
        self._factorise(n)

    def _factorise(self, n: int) -> None:
        m, q, r = self.m, self.q, self.r
        blocks = np.tile(np.eye(q), (m, 1, 1))
        for a in range(q):
            for b in range(a + 1):
                blocks[:, a, b] += np.bincount(self.codes, self.lead[:, a] * self.lead[:, b], m)
                blocks[:, b, a] = blocks[:, a, b]
        self.own = np.linalg.inv(blocks)
        self.lead_matrix = _rows_matrix(
            self.codes[:, None].astype(np.int64) * q + np.arange(q), self.lead, m * q
        )
        self.rest_matrix = _rows_matrix(self.places, self.values, r)
        inverse = sparse.bsr_array((self.own, np.arange(m), np.arange(m + 1)), shape=(m * q, m * q))
        meet = self.lead_matrix.T @ self.rest_matrix
        self.reach = sparse.csr_array(inverse @ meet) if r else sparse.csr_array((m * q, 0))
        self.inverse = inverse
        square = (self.rest_matrix.T @ self.rest_matrix - meet.T @ self.reach).toarray() + np.eye(r)
        self.rest_inverse = linalg.cho_solve((np.linalg.cholesky(square), True), np.eye(r)) if r else square

    def residue(self, panel: Floats) -> Floats:
        """Return (I − U H⁻¹ U') √W times a panel (n × f): its products with √W × panel are those in V⁻¹."""
        scaled = self.root[:, None] * panel
        lead, rest = self.lead_matrix.T @ scaled, self.rest_matrix.T @ scaled
        at_rest = self.rest_inverse @ (rest - self.reach.T @ lead)
        at_lead = self.inverse @ lead - self.reach @ at_rest
        return np.asarray(scaled - self.lead_matrix @ at_lead - self.rest_matrix @ at_rest)

    def touched(self, rows: Codes) -> tuple[Floats, Floats]:
        """Return the columns of U that some rows touch (rows × j) and their part of H⁻¹ (j × j)."""
        q, here = self.q, np.arange(len(rows))[:, None]
        levels, at = np.unique(self.codes[rows], return_inverse=True)
        others, to = np.unique(self.places[rows], return_inverse=True)
        k = len(levels) * q
        u = np.zeros((len(rows), k + len(others)))
        u[here, at[:, None] * q + np.arange(q)] = self.lead[rows]
        u[here, k + to.reshape(len(rows), -1)] = self.values[rows]
        part = np.zeros((k + len(others),) * 2)
        for place, level in enumerate(levels.tolist()):
            part[place * q : place * q + q, place * q : place * q + q] = self.own[level]
        if self.r:
            reach, met = self._reach(levels)
            through = reach @ self.rest_inverse[met[:, None], np.concatenate([met, others])]
            part[:k, :k] += through[:, : len(met)] @ reach.T
            part[:k, k:] = -through[:, len(met) :]
            part[k:, :k] = part[:k, k:].T
            part[k:, k:] = self.rest_inverse[others[:, None], others]
        return u, part

    def _reach(self, levels: Codes) -> tuple[Floats, Codes]:
        """Return the rows of `reach` of some leading levels, and which columns they are not zero in."""
        starts, q = self.reach.indptr, self.q
        spans = [slice(int(starts[i * q]), int(starts[i * q + q])) for i in levels.tolist()]
        columns = np.concatenate([self.reach.indices[s] for s in spans])
        values = np.concatenate([self.reach.data[s] for s in spans])
        lengths = np.diff(starts)[(levels[:, None] * q + np.arange(q)).ravel()]
        met, at = np.unique(columns, return_inverse=True)
        reach = np.zeros((len(levels) * q, len(met)))
        reach[np.repeat(np.arange(len(lengths)), lengths), at] = values
        return reach, met

    def n_touched(self, rows: Codes) -> int:
        """Return how many columns of U some rows touch."""
        return int(np.unique(self.codes[rows]).size * self.q + np.unique(self.places[rows]).size)

    def without(self, rows: Codes) -> Whitener:
        """Return V⁻¹ of the other rows, factorised anew, with zeros for these."""
        other = copy(self)
        kept = np.ones(len(self.root))
        kept[rows] = 0.0
        other.root, other.lead = self.root * kept, self.lead * kept[:, None]
        other.values = self.values * kept[:, None]
        other._factorise(len(kept))
        return other


def leave_out(
    whitener: Whitener, x: Floats, residuals: Floats, sigma2: float, codes: Codes, n_levels: int
) -> LeftOut:
    """Work out the fixed effects without each level.

    Parameters
    ----------
    whitener
        V⁻¹ of all rows.
    x, residuals
        The fixed columns (n × p, of full rank) and y − Xβ̂ (n).
    sigma2
        The residual variance.
    codes, n_levels
        The level of each row; every level has rows.

    Notes
    -----
    Per level, with U_g and S_g from `Whitener.touched` and R the residue of [X, y − Xβ̂]:
    what is taken away is R_g'R_g + R_g'U_g (I − S_g U_g'U_g)⁻¹ S_g U_g'R_g.
    """
    p = x.shape[1]
    basis, triangle = np.linalg.qr(x)
    panel = np.column_stack([basis, residuals])
    residue = whitener.residue(panel)
    total = (whitener.root[:, None] * panel).T @ residue
    # In this basis X'V⁻¹X is the identity, so every number below is free of the columns' units.
    lower = np.linalg.cholesky(0.5 * (total + total.T)[:p, :p])
    residue[:, :p] = linalg.solve_triangular(lower, residue[:, :p].T, lower=True).T
    panel[:, :p] = linalg.solve_triangular(lower, panel[:, :p].T, lower=True).T
    taken = _taken(whitener, panel, residue, codes, n_levels)
    left = np.eye(p) - taken[:, :p, :p]
    values, vectors = np.linalg.eigh(left)
    estimable = values.min(axis=1, initial=1.0) > _NOTHING_LEFT
    values = np.where(estimable[:, None], values, np.nan)
    along = np.einsum("gij,gi->gj", vectors, taken[:, :p, p]) / values
    turned = np.einsum("gij,gj->gi", vectors, along)
    # From this basis to the data's columns: β = R⁻¹ L⁻ᵀ γ.
    back = linalg.solve_triangular(triangle, linalg.solve_triangular(lower, np.eye(p), lower=True).T)
    spread = np.einsum("ki,gij->gkj", back, vectors) ** 2 / values[:, None, :]
    scale = sigma2 * max(p, 1)
    return LeftOut(
        change=turned @ back.T,
        sds=np.sqrt(sigma2 * spread.sum(axis=2)),
        cook=(along**2).sum(axis=1) / scale,
        mdffits=(along**2 * values).sum(axis=1) / scale,
        covratio=1.0 / values.prod(axis=1),
        covtrace=np.abs((1.0 / values).sum(axis=1) - p),
        estimable=estimable,
    )


def _taken(whitener: Whitener, panel: Floats, residue: Floats, codes: Codes, n_levels: int) -> Floats:
    """Return what each level takes from the products: levels × f × f."""
    f = residue.shape[1]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(n_levels + 1))
    found = np.empty((n_levels, f, f))
    step = max(1, _ENTRIES // (f * f * max(1, len(codes) // max(n_levels, 1))))
    for first in range(0, n_levels, step):
        last = min(first + step, n_levels)
        part = residue[order[starts[first] : starts[last]]]
        cuts = starts[first:last] - starts[first]
        if len(part) * f * f <= 4 * _ENTRIES:
            found[first:last] = np.add.reduceat(part[:, :, None] * part[:, None, :], cuts, axis=0)
        else:
            for g, piece in enumerate(np.split(part, cuts[1:]), start=first):
                found[g] = piece.T @ piece
    if not whitener.r and np.array_equal(codes, whitener.codes):
        met = (whitener.lead_matrix.T @ residue).reshape(n_levels, whitener.q, f)
        # A level alone: S = (I + G)⁻¹, so (I − S G)⁻¹ S = I and the level simply leaves the sums.
        return np.asarray(found + met.swapaxes(1, 2) @ met)
    whole = (whitener.root[:, None] * panel).T @ residue
    for g in range(n_levels):
        rows = order[starts[g] : starts[g + 1]]
        if len(rows) > MOST_TOUCHED and whitener.n_touched(rows) > MOST_TOUCHED:
            other = whitener.without(rows)
            found[g] = whole - (other.root[:, None] * panel).T @ other.residue(panel)
            continue
        u, part = whitener.touched(rows)
        met = u.T @ residue[rows]
        inner = np.linalg.solve(np.eye(len(part)) - part @ (u.T @ u), part @ met)
        found[g] += met.T @ inner
    return found


def _rows_matrix(places: Codes, values: Floats, width: int) -> sparse.csr_array:
    n, w = values.shape
    starts = np.arange(n + 1) * w
    return sparse.csr_array((values.ravel(), places.ravel(), starts), shape=(n, width))

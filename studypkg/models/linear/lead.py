"""Taking out the leading factor, level by level: the only part whose cost grows with the patients.

Its sums do not depend on any parameter yet, so the formulas of `eliminate` simplify, and what they leave is
added up at once: to the other factors' columns where levels meet them, and to the fixed columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from studypkg.models.linear.crossproducts import CrossProducts
from studypkg.models.linear.remainder import System
from studypkg.models.linear.taylor import Floats, Jet

# Levels, pairs of entries, and entries that are worked on together: few enough to stay near the processor.
_LEVELS, _PAIRS, _ENTRIES = 2048, 65536, 200_000


@dataclass(frozen=True, eq=False)
class _Recipe:
    """How derivatives are put together from products of columns of U.

    Notes
    -----
    The products are T[0, a, b] = U_a'U_b and T[1 + i, a, b] = U_a'W_iU_b, where ``places`` lists the elements
    W_i that take part. ``derivatives`` (k + k (k + 1)/2 × (1 + places) q²) holds the coefficients, first
    derivatives above second ones. They do not change when a and b are exchanged: ``symmetric`` has them for
    sums of both, with one column for every a ≤ b (``columns``) in place of q².
    """

    places: tuple[tuple[int, int], ...]
    derivatives: Floats
    symmetric: Floats
    columns: tuple[tuple[int, int], ...]
    k: int


@lru_cache(maxsize=64)
def _recipe(parameters: tuple[tuple[int, int], ...], q: int, order: int) -> _Recipe:
    units = [_ones(i, j) for i, j in parameters] if order else []
    k = len(units)
    found: list[tuple[int, int]] = []
    terms: list[tuple[int, tuple[int, int] | None, int, int, float]] = []
    for e, unit in enumerate(units):
        terms += [(e, None, a, b, 1.0) for a, b in unit]
    at = k
    for e, later in enumerate(units if order > 1 else []):
        for earlier in units[: e + 1]:
            for a, b in earlier:
                for c, d in later:
                    place = (min(b, c), max(b, c))
                    if place not in found:
                        found.append(place)
                    terms += [(at, place, a, d, -1.0), (at, place, d, a, -1.0)]
            at += 1
    table = np.zeros((at, 1 + len(found), q, q))
    for row, needed, a, b, sign in terms:
        table[row, 0 if needed is None else 1 + found.index(needed), a, b] += sign
    columns = tuple((a, b) for a in range(q) for b in range(a, q))
    symmetric = np.stack([table[:, :, a, b] for a, b in columns], axis=-1)
    width = 1 + len(found)
    return _Recipe(
        tuple(found),
        table.reshape(at, width * q * q),
        symmetric.reshape(at, width * len(columns)),
        columns,
        k,
    )


def eliminate_lead(sums: CrossProducts, sigma: Floats, order: int) -> System:
    """Eliminate the leading factor.

    Parameters
    ----------
    sums
        The sums of products.
    sigma
        Its relative covariance, q × q.
    order
        How many derivatives with respect to the free elements of ``sigma`` to carry.

    Notes
    -----
    For a level with C = Z'Z, D = Z'[others], H' = (I + CΣ)⁻¹, U = H'D and W = H'C: D'KD = (ΣD)'U, its
    derivatives are U'E_eU and −U'(E_eWE_g + E_gWE_e)U, those of log|I + CΣ| are tr(E_eW) and −tr(E_eWE_gW).
    """
    parameters = tuple(sums.factors[0].parameters)
    recipe = _recipe(parameters, len(sigma), order)
    turn, log_det = inverse_of_sum(sums.gram, sigma)
    w = _weights(turn, sums.gram) if order else turn
    u = np.empty_like(sums.cross)
    fixed = _fixed(sums, sigma, turn, w, u, recipe)
    inner, cross = _rest(sums, sigma, turn, w, u, recipe)
    return System(inner, cross, fixed, _log_det(log_det, w, parameters, order))


def _weights(turn: Floats, gram: Floats) -> Floats:
    """Return W = H'C of every level."""
    q = len(gram)
    if q == 1:
        return np.asarray(turn * gram)
    w = np.empty_like(gram)
    for a in range(q):
        for b in range(a + 1):
            w[a, b] = turn[a, 0] * gram[0, b]
            for c in range(1, q):
                w[a, b] += turn[a, c] * gram[c, b]
            w[b, a] = w[a, b]
    return w


def _rest(
    sums: CrossProducts, sigma: Floats, turn: Floats, w: Floats, u: Floats, recipe: _Recipe
) -> tuple[Jet, Jet]:
    """Take the leading factor out of the others' pairs and of their products with the fixed columns."""
    meet, f = sums.meetings, u.shape[-1]
    total = 1 + len(recipe.derivatives)
    n_pairs, n_columns = len(sums.rest_inner), len(sums.rest_cross)
    inner, cross = np.zeros((total, n_pairs)), np.zeros((total, n_columns, f))
    inner[0], cross[0] = sums.rest_inner, sums.rest_cross
    if len(meet.level):
        own = (
            (turn[:, :, meet.level] * meet.values).sum(axis=1)
            if len(sigma) > 1
            else turn[0, :, meet.level].T * meet.values
        )
        scaled = sigma @ meet.values
        inner[:, :-1] -= _onto(sums.spread_pairs, _pair_sums(sums, own, scaled, w, recipe))
        columns = _column_sums(sums, own, scaled, w, u, recipe)
        spread = _onto(sums.spread_columns, columns.swapaxes(0, 1).reshape(columns.shape[1], total * f).T)
        cross[:, :-1] -= spread.reshape(total, f, -1).swapaxes(1, 2)
    k = recipe.k
    return Jet(inner[0], inner[1 : 1 + k], inner[1 + k :]), Jet(cross[0], cross[1 : 1 + k], cross[1 + k :])


def _pair_sums(sums: CrossProducts, own: Floats, scaled: Floats, w: Floats, recipe: _Recipe) -> Floats:
    """Add up, by pair of columns, what the levels take from it: value and derivatives (1 + … × pairs)."""
    meet = sums.meetings
    n = len(meet.left)
    found = np.zeros((1 + len(recipe.derivatives), len(meet.pair_starts)))
    # Stretches end where a pair ends.
    ends = np.append(meet.pair_starts[1:], n)
    cuts = np.unique(
        np.concatenate([[0], np.searchsorted(ends, np.arange(_PAIRS, n, _PAIRS)) + 1, [len(ends)]])
    )
    cuts = cuts[cuts <= len(ends)]
    for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        part = slice(int(meet.pair_starts[first]), int(ends[last - 1]))
        starts = meet.pair_starts[first:last] - part.start
        at_left, at_right = meet.left[part], meet.right[part]
        left, right = own[:, at_left], own[:, at_right]
        found[0, first:last] = np.add.reduceat((scaled[:, at_left] * right).sum(axis=0), starts)
        if len(recipe.derivatives):
            table = np.empty((1 + len(recipe.places), len(recipe.columns), last - first))
            level = meet.level[at_left]
            weights = [w[place][level] for place in recipe.places]
            for at, (a, b) in enumerate(recipe.columns):
                product = left[a] * right[b]
                if a < b:
                    product += left[b] * right[a]
                table[0, at] = np.add.reduceat(product, starts)
                for row, weight in enumerate(weights, start=1):
                    table[row, at] = np.add.reduceat(product * weight, starts)
            found[1:, first:last] = recipe.symmetric @ table.reshape(-1, last - first)
    return found


def _column_sums(
    sums: CrossProducts, own: Floats, scaled: Floats, w: Floats, u: Floats, recipe: _Recipe
) -> Floats:
    """Add up what the levels take from products of columns: value and derivatives (1 + … × columns × f)."""
    meet = sums.meetings
    q, m, f = u.shape
    n_columns = len(meet.starts) - 1
    rows = [scaled]
    if len(recipe.derivatives):
        rows += [own, *(own * w[place][meet.level] for place in recipe.places)]
    values = np.concatenate(rows)
    copies = len(values)
    products = np.empty((q, copies, n_columns, f))
    # One product serves as many rows of values as stay near the processor.
    step = max(1, _ENTRIES // max(len(meet.level), 1))
    for start in range(0, copies, step):
        part = values[start : start + step]
        starts = (meet.starts[:-1] + len(meet.level) * np.arange(len(part))[:, None]).ravel()
        level = meet.level if len(part) == 1 else np.tile(meet.level, len(part))
        by_level = sparse.csr_array(
            (part.ravel(), level, np.append(starts, part.size)), shape=(len(part) * n_columns, m)
        )
        for b in range(q):
            products[b, start : start + step] = (by_level @ u[b]).reshape(len(part), n_columns, f)
    found = np.zeros((1 + len(recipe.derivatives), n_columns, f))
    for b in range(q):
        found[0] += products[b, b]
    if copies > q:
        # From (b, place a) to (place, a, b).
        table = products[:, q:].reshape(q, -1, q, n_columns * f).transpose(1, 2, 0, 3)
    if copies > q:
        found[1:] = (recipe.derivatives @ table.reshape(-1, n_columns * f)).reshape(-1, n_columns, f)
    return found


def _onto(matrix: sparse.csr_array | None, rows: Floats) -> Floats:
    """Add base columns, or their pairs, up to all of them: … × base to … × all."""
    return rows if matrix is None else np.asarray((matrix @ rows.T).T)


def inverse_of_sum(gram: Floats, sigma: Floats) -> tuple[Floats, float]:
    """Return (I + CΣ)⁻¹ of every level (q × q × m) and the sum of the log-determinants."""
    q = len(gram)
    if q == 1:
        grown = 1.0 + gram * sigma[0, 0]
        return 1.0 / grown, float(np.log(grown).sum())
    system = np.einsum("acm,cb->abm", gram, sigma)
    system[np.arange(q), np.arange(q)] += 1.0
    if q == 2:
        det = system[0, 0] * system[1, 1] - system[0, 1] * system[1, 0]
        turned = np.empty_like(system)
        turned[0, 0], turned[1, 1] = system[1, 1] / det, system[0, 0] / det
        turned[0, 1], turned[1, 0] = -system[0, 1] / det, -system[1, 0] / det
        return turned, float(np.log(det).sum())
    stacked = np.ascontiguousarray(system.transpose(2, 0, 1))
    _, log_det = np.linalg.slogdet(stacked)
    return np.ascontiguousarray(np.linalg.inv(stacked).transpose(1, 2, 0)), float(log_det.sum())


def _ones(i: int, j: int) -> list[tuple[int, int]]:
    """Where ∂Σ/∂φ is one."""
    return [(i, j)] if i == j else [(i, j), (j, i)]


def _fixed(sums: CrossProducts, sigma: Floats, turn: Floats, w: Floats, u: Floats, recipe: _Recipe) -> Jet:
    """Fill U and take its products, added up over the levels, a stretch of them at a time, from the sums."""
    q, m, f = sums.cross.shape
    copies = 1 + len(recipe.places) if len(recipe.derivatives) else 0
    value, table = np.zeros((f, f)), np.zeros((q, f, q * copies * f))
    weighted = np.empty((min(m, _LEVELS), q, copies, f))
    for start in range(0, m, _LEVELS):
        part = slice(start, min(start + _LEVELS, m))
        d, own, weight = sums.cross[:, part], u[:, part], w[:, :, part, None]
        right = weighted[: part.stop - start]
        for a in range(q):
            np.multiply(d[0], turn[a, 0, part, None], out=own[a])
            for b in range(1, q):
                own[a] += d[b] * turn[a, b, part, None]
            spread = sigma[a, 0] * d[0]
            for b in range(1, q):
                spread += sigma[a, b] * d[b]
            value += spread.T @ own[a]
            if copies:
                right[:, a, 0] = own[a]
                for at, place in enumerate(recipe.places):
                    np.multiply(own[a], weight[place], out=right[:, a, 1 + at])
        for a in range(q if copies else 0):
            # Products of a column with itself and later ones; the others are their transposes.
            table[a, :, a * copies * f :] += own[a].T @ right[:, a:].reshape(len(right), -1)
    found = np.zeros((len(recipe.derivatives), f, f))
    if copies:
        products = table.reshape(q, f, q, copies, f)
        pairs = [products[a, :, b] for a, b in recipe.columns]
        both = [
            t if a == b else t + t.transpose(2, 1, 0) for t, (a, b) in zip(pairs, recipe.columns, strict=True)
        ]
        # From f × (place) × f for each pair of columns to (place pair) × (f f).
        stacked = np.stack(both).transpose(2, 0, 1, 3).reshape(-1, f * f)
        found = (recipe.symmetric @ stacked).reshape(-1, f, f)
    k = recipe.k
    return Jet(sums.fixed - 0.5 * (value + value.T), -found[:k], -found[k:])


def _log_det(value: float, w: Floats, parameters: tuple[tuple[int, int], ...], order: int) -> Jet:
    units = [_ones(i, j) for i, j in parameters] if order else []
    first = np.array([sum(float(w[a, b].sum()) for a, b in unit) for unit in units])
    second = []
    if order > 1:
        q = len(w)
        flat = w.reshape(q * q, -1)
        products = flat @ flat.T
        for e, later in enumerate(units):
            for earlier in units[: e + 1]:
                second.append(
                    -sum(float(products[b * q + c, d * q + a]) for a, b in earlier for c, d in later)
                )
    return Jet(np.asarray(value), first, np.array(second))

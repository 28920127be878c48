"""What marginal means leave unsaid as numbers: what was averaged over, held where, and depends on it."""

from __future__ import annotations

import numpy as np

from studypkg.inference.marginal_grid import ReferenceGrid
from studypkg.inference.marginal_standardised import ROWS
from studypkg.models.rows import FitRows


def grid_notes(
    grid: ReferenceGrid, kept: tuple[str, ...], rows: FitRows, weights: str, *, about: tuple[str, ...] = ()
) -> list[str]:
    """Say what was done with the variables that are not in the table.

    Parameters
    ----------
    grid
        The reference grid.
    kept
        The variables of the table.
    rows
        The rows of the fit.
    weights
        The name of the weights of what was averaged over.
    about
        Further variables the answer is about, such as that of a slope.

    Returns
    -------
    list of str
        One sentence each; no value of a row is in them but means of covariates.
    """
    free = [v for v in grid.variables if v.name not in kept]
    over = [v.name for v in free if len(v.values) > 1]
    held = [v for v in free if len(v.values) == 1]
    notes = []
    if weights == ROWS:
        notes.append("Averaged over the rows used, each of them set to every level in turn.")
    if over:
        notes.append(f"Averaged over {', '.join(over)} (weights: {weights}).")
    if held:
        places = [f"{v.name} = {_shown(v.values[0])}{' (mean)' if v.source == 'mean' else ''}" for v in held]
        notes.append(f"Held at {', '.join(places)}.")
    # Only a generalised model has an offset; its rows keep it with what was observed.
    offset = getattr(getattr(rows, "seen", None), "offset", None)
    if offset is not None and np.any(offset):
        notes.append("The offset is left out: a rate is per unit of it.")
    partners = _partners({*kept, *about}, rows)
    averaged = [name for name in over if name in partners and name not in about]
    if averaged:
        notes.append(
            f"There is an interaction with {' and '.join(averaged)}, which was averaged over: look at its "
            "levels too, with by."
        )
    fixed = [v.name for v in held if v.name in partners and v.name not in about]
    if fixed:
        notes.append(
            f"There is an interaction with {' and '.join(fixed)}, held at one value: comparisons depend on "
            "where; choose with at."
        )
    return notes


def _partners(about: set[str], rows: FitRows) -> set[str]:
    """Find the variables that stand in one term with any of some variables."""
    data = set(map(str, rows.frame.columns))
    reads = {str(f): {str(v) for v in found} & data for f, found in rows.spec.factor_variables.items()}
    found: set[str] = set()
    for factors in rows.spec.term_factors.values():
        inside = set().union(*(reads.get(str(f), set()) for f in factors))
        if inside & about:
            found |= inside - about
    return found


def _shown(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)

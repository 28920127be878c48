"""How patients did: improvement, responders, acceptable state, worsening, by month of episode end."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from studypkg.privacy.suppression import Statistic
from studypkg.review.summaries import Place, mean, share


def result_statistics(paired: pd.DataFrame, place: Place, *, cell: str = "paired") -> list[Statistic]:
    """Summarise the results of the patients who have a score at both ends.

    Parameters
    ----------
    paired
        One row per episode with status ``paired``, as `measures.episode_outcomes` gives them.
    place
        Whose patients they are, and of which period.
    cell
        Name of this group of patients.

    Returns
    -------
    list of Statistic
        ``baseline`` and ``improvement`` as means; ``responder``, ``acceptable`` and ``worsened`` as
        shares of the paired episodes, each only where its status says it can be computed.
    """
    found = [
        mean(place, "baseline", paired["baseline"], cell=cell),
        mean(place, "improvement", paired["improvement"], cell=cell),
    ]
    for measure in ("responder", "acceptable", "worsened"):
        known = paired[measure].dropna()
        if len(known) < len(paired) and len(known) == 0:
            reason = _reason(paired, measure)
            found.append(
                Statistic(
                    measure,
                    place.scope,
                    "all",
                    place.period,
                    "share",
                    len(paired),
                    status="not_computable",
                    reason=reason,
                    n_cell=place.cell(cell),
                )
            )
            continue
        own_cell = cell if len(known) == len(paired) else f"{cell}&{measure}-known"
        found.append(share(place, measure, int(known.astype(bool).sum()), len(known), cell=own_cell))
    return found


def improvement_by(paired: pd.DataFrame, place: Place, column: str, groups: Sequence[str]) -> list[Statistic]:
    """Mean improvement in each group of a column, such as the diagnosis."""
    found = []
    for group in groups:
        values = paired.loc[paired[column] == group, "improvement"]
        found.append(mean(place, "improvement", values, cell=f"paired:{group}", group=group))
    return found


def _reason(paired: pd.DataFrame, measure: str) -> str:
    column = f"{measure}_status"
    if column in paired and len(paired):
        return str(paired[column].iloc[0])
    return "no threshold is set"

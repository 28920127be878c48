"""Which fixed effects can hardly be told apart: variance inflation and the condition of the columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studypkg.errors import ModelError
from studypkg.models.fit import Fit


@dataclass(frozen=True, eq=False)
class Collinearity:
    """Inflation by term and coefficient, and the condition of the columns.

    Notes
    -----
    ``terms``: ``term``, ``df``, ``gvif`` and ``gvif_adjusted`` = gvif^(1/(2 df)), comparable between terms.
    ``coefficients``: ``vif`` by coefficient. ``indices``: condition indices of the columns scaled to length
    one, intercept included, largest last, and per coefficient the share of its variance at each index.
    ``condition_number`` is the largest index; above 30 is much (Belsley, Kuh and Welsch).
    """

    terms: pd.DataFrame
    coefficients: pd.DataFrame
    indices: pd.DataFrame
    condition_number: float


def collinearity(fit: Fit) -> Collinearity:
    """Measure how far the fixed effects can be told apart.

    Notes
    -----
    Generalised variance inflation of Fox and Monette (1992), doi 10.1080/01621459.1992.10475190, from the
    correlations of the estimates without the intercept; condition indices of Belsley, Kuh and Welsch (1980),
    doi 10.1002/0471725153.
    """
    rows = fit.rows
    if rows is None:
        raise ModelError("A stored fit holds no rows, so its columns are not known: fit the model again.")
    names = list(fit.params.index)
    if not names:
        raise ModelError("The model has no fixed effects.")
    owner = {
        str(rows.spec.column_names[j]): str(term)
        for term, span in rows.spec.term_slices.items()
        for j in range(span.start, span.stop)
    }
    slopes = [n for n in names if owner.get(n, n) != "1" and n != "Intercept"]
    cov = fit.vcov.loc[slopes, slopes].to_numpy()
    sd = np.sqrt(np.diag(cov))
    corr = cov / np.outer(sd, sd)
    whole = _log_det(corr)
    by_term: dict[str, list[int]] = {}
    for place, n in enumerate(slopes):
        by_term.setdefault(owner.get(n, n), []).append(place)
    found = []
    for term, inside in by_term.items():
        outside = [j for j in range(len(slopes)) if j not in inside]
        log = _log_det(corr[np.ix_(inside, inside)]) + _log_det(corr[np.ix_(outside, outside)]) - whole
        found.append((term, len(inside), float(np.exp(log)), float(np.exp(log / (2 * len(inside))))))
    vif = np.diag(np.linalg.inv(corr)) if slopes else np.zeros(0)
    x = rows.fixed / np.sqrt((rows.fixed**2).sum(axis=0))
    _, singular, turn = np.linalg.svd(x, full_matrices=False)
    share = (turn / singular[:, None]) ** 2
    indices = pd.DataFrame(share / share.sum(axis=0), columns=names)
    indices.insert(0, "condition_index", singular[0] / singular)
    return Collinearity(
        pd.DataFrame(found, columns=["term", "df", "gvif", "gvif_adjusted"]),
        pd.DataFrame({"coefficient": slopes, "vif": vif}),
        indices,
        float(singular[0] / singular[-1]),
    )


def _log_det(matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    return float(np.linalg.slogdet(matrix)[1]) if len(matrix) else 0.0

"""How the fit was found and whether that can be relied on, in words and numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studypkg.models.crosscheck import CrossCheck
from studypkg.models.fit import Fit


def convergence_report(fit: Fit, check: CrossCheck | None = None) -> pd.DataFrame:
    """Answer what a reviewer asks about a fit; no row or level of the data is in it.

    Parameters
    ----------
    check
        The outcome of `studypkg.models.cross_check`, if a second engine was asked.

    Returns
    -------
    pandas.DataFrame
        ``item``, ``value`` (a number, or missing), ``said`` (in words) and ``concern`` (True where a reader
        should look twice).
    """
    o = fit.optimisation
    rows: list[tuple[str, float, str, bool]] = [
        ("code", np.nan, f"{o.code}: {o.message}", o.code != "converged"),
        ("method", np.nan, o.method, False),
        ("evaluations", float(o.evaluations), f"the likelihood was evaluated {o.evaluations} times", False),
    ]
    if o.gradient_norm is None:
        rows.append(("gradient", np.nan, "the length of the gradient is not known", False))
    else:
        rows.append(
            (
                "gradient",
                o.gradient_norm,
                f"length of the gradient at the optimum {o.gradient_norm:.2g}",
                False,
            )
        )
    rows += _information(fit)
    on_edge = ", ".join(fit.singular_terms)
    edge = f"on the edge: {on_edge}" if fit.singular_terms else "no variance is zero, no correlation is ±1"
    rows.append(("singular", float(len(fit.singular_terms)), edge, fit.is_singular))
    aliased = ", ".join(fit.aliased)
    left_out = f"left out as repeats: {aliased}" if fit.aliased else "no column repeats others"
    rows.append(("aliased", float(len(fit.aliased)), left_out, bool(fit.aliased)))
    lost = fit.n_read - fit.n
    why = ", ".join(f"{name} {count}" for name, count in fit.dropped.items())
    gone = f"{lost} of {fit.n_read} rows left out" + (f" (missing: {why})" if why else "")
    rows.append(("dropped", float(lost), gone, lost > 0))
    if fit.df_problem:
        rows.append(("degrees of freedom", np.nan, fit.df_problem, True))
    if check is None:
        rows.append(("second opinion", np.nan, "none was asked", False))
    else:
        against = f" ({check.against})" if check.against else ""
        rows.append(
            ("second opinion", np.nan, f"{check.status}: {check.reason}{against}", check.status != "agrees")
        )
    return pd.DataFrame(rows, columns=["item", "value", "said", "concern"])


def _information(fit: Fit) -> list[tuple[str, float, str, bool]]:
    """Say how well the variance parameters are determined, free of their units."""
    cov = np.asarray(fit.parameter_cov, dtype=float)
    if not cov.size or not np.isfinite(cov).all() or not (np.diag(cov) > 0).all():
        return [
            ("curvature", np.nan, fit.df_problem or "no variance parameter is free", bool(fit.df_problem))
        ]
    sds = np.sqrt(np.diag(cov))
    values = np.linalg.eigvalsh(cov / np.outer(sds, sds))
    least, most = float(values[0]), float(values[-1])
    if least <= 0.0:
        return [("curvature", least, "the curvature of the likelihood is not positive definite", True)]
    # Eigenvalues of the curvature are one over those of the covariance.
    said = f"eigenvalues of the scaled curvature from {1.0 / most:.3g} to {1.0 / least:.3g}"
    ratio = most / least
    return [
        ("curvature", 1.0 / most, said, False),
        ("condition", ratio, f"condition number of the variance parameters {ratio:.3g}", ratio > 1e4),
    ]

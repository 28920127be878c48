"""The model without random terms, and whether a variance of zero is indeed the best one.

This is the second opinion where statsmodels MixedLM has none: on the boundary.
"""

from __future__ import annotations

import numpy as np

from studypkg.models.design import Design, Floats, GroupTerm
from studypkg.models.opinion import Opinion


def least_squares(design: Design, reml: bool) -> Opinion:
    """Fit without random terms, by an orthogonal decomposition of the rows themselves."""
    n, p = design.fixed.shape
    beta = np.asarray(np.linalg.lstsq(design.fixed, design.y, rcond=None)[0], dtype=float)
    residual = design.y - design.fixed @ beta
    nu = n - p if reml else n
    sigma2 = float(residual @ residual) / nu
    inverse = np.linalg.pinv(design.fixed)
    loglik = -0.5 * nu * (1.0 + np.log(2.0 * np.pi * sigma2))
    if reml:
        loglik -= float(np.log(np.linalg.svd(design.fixed, compute_uv=False)).sum())
    se = np.sqrt(sigma2 * np.diag(inverse @ inverse.T))
    return Opinion(beta, se, (), float(np.sqrt(sigma2)), float(loglik), "")


def rising_terms(design: Design, *, reml: bool) -> tuple[str, ...]:
    """Name the random terms along which the likelihood rises from zero variance: none should be left.

    Notes
    -----
    At Σ = 0 the derivative of the restricted log-likelihood with respect to the covariance matrix of a
    term is ½ (Σ_g Z_g' e e' Z_g / σ⁴ − Σ_g Z_g' P Z_g / σ²) with e the least-squares residual and
    P = I − X(X'X)⁻¹X' (P = I for maximum likelihood). Zero is a maximum only if no eigenvalue is positive.
    """
    n, p = design.fixed.shape
    basis = np.linalg.qr(design.fixed)[0]
    residual = design.y - basis @ (basis.T @ design.y)
    sigma2 = float(residual @ residual) / (n - p if reml else n)
    rising = []
    for term in design.terms:
        m, q = len(term.levels), term.columns.shape[1]
        totals = np.column_stack(
            [np.bincount(term.codes, term.columns[:, j] * residual, minlength=m) for j in range(q)]
        )
        trace = gram_beyond(term, basis if reml else basis[:, :0])
        slope = totals.T @ totals / sigma2 - trace
        # Judged against the trace, so the answer does not depend on units.
        if float(np.linalg.eigvalsh(slope).max()) > 1e-6 * float(np.trace(trace)):
            rising.append(f"({term.term.lhs} | {term.group})")
    return tuple(rising)


def gram_beyond(term: GroupTerm, basis: Floats) -> Floats:
    """Sum Z_g'(I − QQ')Z_g over the levels: what the columns of a term hold beyond the fixed columns Q."""
    m, q = len(term.levels), term.columns.shape[1]
    gram = term.columns.T @ term.columns
    for direction in basis.T:
        shares = np.column_stack(
            [np.bincount(term.codes, term.columns[:, j] * direction, minlength=m) for j in range(q)]
        )
        gram = gram - shares.T @ shares
    return gram

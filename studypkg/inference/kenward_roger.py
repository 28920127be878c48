"""Kenward and Roger's tests, from the few matrices a fit carries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studypkg.errors import ModelError
from studypkg.inference.moments import moments_df
from studypkg.models.fit import Fit, KenwardRoger

Floats = NDArray[np.float64]
# So near its pole the scale of the statistic is one number divided by almost zero (pbkrtest: the same).
_NEAR_POLE = 1e-2
_ZERO = 1e-8


def usable_kenward_roger(fit: Fit) -> KenwardRoger:
    """Return what the method needs, or say why it is not there."""
    found = fit.kenward_roger
    problem = "this kind of fit does not carry it" if found is None else found.problem
    if found is None or problem:
        raise ModelError(f"Kenward and Roger's method is not available: {problem}.")
    return found


def kenward_roger_df(found: KenwardRoger, vcov: Floats, weights: Floats) -> Floats:
    """Return the degrees of freedom of combinations (c × p), each by itself.

    Notes
    -----
    For one combination the general formula of `kenward_roger_test` is 2 f² / (g'Wg) with f = l'Φl, g_i its
    derivatives, and W the inverse of the expected information; the statistic is not rescaled.
    """
    jacobian, spread = found.vcov_jacobian, found.parameter_cov
    return moments_df(weights, vcov, jacobian, spread, "Kenward and Roger's")


def kenward_roger_test(found: KenwardRoger, vcov: Floats, weights: Floats, f: float) -> tuple[float, float]:
    """Rescale an F statistic of q independent combinations and find its denominator degrees of freedom.

    Parameters
    ----------
    found
        The adjusted covariance, the derivatives of Φ and W.
    vcov
        Φ, the unadjusted covariance of the fixed effects, p × p.
    weights
        The combinations L, q × p.
    f
        (Lβ̂)'(L Φ_A L')⁻¹(Lβ̂) / q, with Φ_A the adjusted covariance.

    Returns
    -------
    tuple
        λF and m, to be compared with F(q, m).

    Notes
    -----
    Kenward and Roger (1997), Biometrics 53, 983–997, doi 10.2307/2533558, section 3 with Θ = L'(LΦL')⁻¹L and
    ∂Φ/∂φ_i = −ΦP_iΦ:

    A1 = Σ W_ij tr(Θ ∂Φ_i) tr(Θ ∂Φ_j),  A2 = Σ W_ij tr(Θ ∂Φ_i Θ ∂Φ_j),  B = (A1 + 6 A2) / (2q).
    """
    q = len(weights)
    if q == 1:
        return f, float(kenward_roger_df(found, vcov, weights)[0])
    triangle = np.linalg.cholesky(weights @ vcov @ weights.T)
    turned = np.linalg.solve(triangle, weights)
    # With C = T⁻¹L the traces are those of C ∂Φ_i C'.
    changes = turned @ found.vcov_jacobian @ turned.T
    traces = np.einsum("kii->k", changes)
    a1 = float(traces @ found.parameter_cov @ traces)
    a2 = float(np.einsum("kl,kij,lji->", found.parameter_cov, changes, changes))
    b = (a1 + 6.0 * a2) / (2.0 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2) if a2 > 0.0 else 0.0
    below = 3.0 * q + 2.0 * (1.0 - g)
    c1, c2, c3 = g / below, (q - g) / below, (q + 2 - g) / below
    v0, v1, v2 = 1.0 + c1 * b, 1.0 - c2 * b, 1.0 - c3 * b
    mean = 1.0 - a2 / q
    # Exactly two degrees of freedom are where both vanish, and their ratio tends to one.
    share = 1.0 if max(abs(mean), abs(v1)) < _ZERO else mean / v1
    # Fewer than four degrees of freedom have no variance: the ratio is negative then, and still leads to m.
    ratio = share**2 * v0 / v2 - 1.0
    m = 4.0 + (q + 2) / ratio
    scale = 1.0 if abs(m - 2.0) < _NEAR_POLE else m * mean / (m - 2.0)
    if not (a2 > 0.0 and np.isfinite(m) and m > 0.0 and scale > 0.0):
        raise ModelError(
            "Kenward and Roger's F test cannot be computed: the variance parameters are known too badly for "
            "its approximation. Test fewer combinations at once, or simplify the random terms."
        )
    return scale * f, m

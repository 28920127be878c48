"""Where the search begins: the model without random effects, and whether that has an estimate at all."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from studypkg.errors import ModelError
from studypkg.models.links import Floats
from studypkg.models.ordinal.densities import Inner, Outer
from studypkg.models.ordinal.likelihood import by_threshold, ends, inner_at, outer_at
from studypkg.models.ordinal.problem import Problem

# The first guess of a random effect's standard deviation, on the link scale and columns of size one.
_SPREAD = 0.5
_STEPS, _DONE = 100, 1e-14
# From this many steps on, one that moves thresholds or predictors by more than this looks suspicious.
_EARLY, _STILL_MOVING = 8, 0.1
# A direction along which no row loses more than this share of the largest move loses nothing.
_LOSS = 1e-4


def first_guess(problem: Problem) -> Floats:
    """Return ψ: thresholds and coefficients without random effects, and guesses for all else.

    Raises
    ------
    ModelError
        If the fixed columns separate the categories, so that no finite estimate exists.
    """
    psi = np.zeros(problem.size)
    stop = problem.t + problem.p
    psi[problem.t + problem.p :] = [_SPREAD if row == column else 0.0 for _, row, column in problem.order]
    psi[:stop] = _without_random_effects(problem)
    return psi


def sensitivities(problem: Problem, inner: Inner, outer: Outer) -> Floats:
    """Return the derivatives of every row's score in τ and the coefficients, n × (t + p)."""
    n, many = len(problem.category), len(problem.shape)
    by_alpha = np.zeros((n, many + 1))
    rows = np.arange(n)
    by_alpha[rows, problem.category] = outer.score_upper
    under = problem.category > 0
    by_alpha[rows[under], problem.category[under] - 1] = outer.score_lower[under]
    return np.hstack([by_alpha[:, :many] @ problem.shape, -inner.weight[:, None] * problem.fixed])


def information(problem: Problem, inner: Inner, outer: Outer, by_row: Floats) -> Floats:
    """Return minus the second derivatives of the summed log-probabilities in τ and the coefficients."""
    t, many = problem.t, len(problem.shape)
    w = 1.0 if problem.weights is None else problem.weights
    # The log-probability's mixed derivative in both ends is minus the product of the single ones.
    mixed = -outer.upper * outer.lower / w
    diagonal = by_threshold(outer.score_upper + mixed, outer.score_lower + mixed, problem)
    beside = np.bincount(problem.category, mixed, minlength=many + 1)[1:many]
    alphas = np.diag(diagonal) - np.diag(beside, 1) - np.diag(beside, -1)
    found = np.zeros((t + problem.p,) * 2)
    found[:t, :t] = problem.shape.T @ alphas @ problem.shape
    found[t:, :] = -problem.fixed.T @ by_row
    found[:t, t:] = found[t:, :t].T
    return found


def _marginal_thresholds(problem: Problem) -> Floats:
    """Return τ that gives the observed shares of the categories, as nearly as its structure can."""
    counts = np.bincount(problem.category, problem.weights, minlength=len(problem.shape) + 1)
    share = np.cumsum(counts)[:-1] / counts.sum()
    wanted = problem.link.quantile(share)
    tau = np.linalg.lstsq(problem.shape, wanted, rcond=None)[0]
    if not bool((np.diff(problem.shape @ tau) > 0.0).all()):
        even = np.linspace(wanted[0], wanted[-1], len(wanted))
        tau = np.linalg.lstsq(problem.shape, even, rcond=None)[0]
    return np.asarray(tau)


def _without_random_effects(problem: Problem) -> Floats:
    t, n = problem.t, len(problem.category)
    start = np.concatenate([_marginal_thresholds(problem), np.zeros(problem.p)])
    step, best, share = np.zeros_like(start), -np.inf, 1.0
    for count in range(_STEPS):
        trial = start + share * step
        try:
            alpha = problem.alpha(trial)
        except np.linalg.LinAlgError:
            value = -np.inf
        else:
            tops, bottoms = ends(alpha, problem)
            eta = problem.fixed @ trial[t:]
            inner = inner_at(problem, tops - eta, bottoms - eta)
            value = float(inner.value.sum())
        if not value >= best - 1e-12 * max(1.0, abs(best)) or not np.isfinite(value):
            share *= 0.5
            if share < 1e-10:
                break
            continue
        start, best, share = trial, value, 1.0
        outer = outer_at(problem, tops - eta, bottoms - eta)
        slope = np.concatenate(
            [problem.shape.T @ by_threshold(outer.upper, outer.lower, problem), problem.fixed.T @ inner.score]
        )
        curvature = information(problem, inner, outer, sensitivities(problem, inner, outer))
        try:
            step = linalg.cho_solve(linalg.cho_factor(curvature, lower=True), slope)
        except (np.linalg.LinAlgError, ValueError):
            raise _separated() from None
        done = float(slope @ step) < _DONE * n
        # Near a maximum steps vanish; towards infinity their length stays.
        far = done or count >= _EARLY
        if far and _longest_move(problem, step) > _STILL_MOVING and _direction_separates(problem, step):
            raise _separated()
        if done:
            return start
    if _direction_separates(problem, step):
        raise _separated()
    return start


def _longest_move(problem: Problem, step: Floats) -> float:
    alpha, eta = problem.shape @ step[: problem.t], problem.fixed @ step[problem.t :]
    return float(np.abs(alpha).max() + np.abs(eta).max(initial=0.0))


def _direction_separates(problem: Problem, step: Floats) -> bool:
    """Say whether the likelihood rises for ever along a step.

    Notes
    -----
    It does when no row loses: its upper threshold does not fall against its predictor, its lower one does not
    rise, and some row gains (Albert and Anderson 1984, doi 10.1093/biomet/71.1.1, for two categories).
    """
    t = problem.t
    alpha, eta = problem.shape @ step[:t], problem.fixed @ step[t:]
    first, last = problem.category == 0, problem.category == len(problem.shape)
    bounds = np.concatenate([[0.0], alpha, [0.0]])
    above = np.where(last, 0.0, bounds[problem.category + 1] - eta)
    under = np.where(first, 0.0, bounds[problem.category] - eta)
    largest = float(max(np.abs(above).max(initial=0.0), np.abs(under).max(initial=0.0)))
    if largest == 0.0:
        return False
    return bool(min(float(above.min()), float(-under.max())) > -_LOSS * largest)


def _separated() -> ModelError:
    return ModelError(
        "The fixed columns separate the categories (in some part of the rows all responses lie on one side "
        "of a threshold), so the maximum of the likelihood lies at infinity and no estimate exists: leave "
        "out or merge the categories or columns that do this."
    )

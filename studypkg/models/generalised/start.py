"""Where the search begins: the model without random effects, and whether that has an estimate at all."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from studypkg.errors import ModelError
from studypkg.models.generalised.families import FAMILIES, Family, local
from studypkg.models.generalised.problem import Problem
from studypkg.models.links import Floats

# Guesses of the random effects' standard deviations, on the link scale and columns of size one.
_SPREADS = (0.5, 1.5, 0.15)
_STEPS, _DONE = 60, 1e-16
# A linear predictor that has grown this far from where half of the rows are is on its way to infinity.
_FAR = 14.0
# So many steps in a row that promise no end are taken at their word.
_PERSISTENT = 4


def first_guesses(problem: Problem) -> tuple[Floats, ...]:
    """Return some ψ to begin at: coefficients without random effects, and guesses for all else.

    Raises
    ------
    ModelError
        If the fixed columns separate the responses, so that no finite estimate exists.
    """
    family = problem.family
    if family.has_size:
        # The Poisson coefficients are consistent for counts of any spread.
        family = FAMILIES["poisson", family.link.name]
    beta = _without_random_effects(problem, family)
    psi = np.zeros(problem.size)
    psi[: problem.p] = beta
    stop = problem.p + len(problem.order)
    psi[problem.p : stop] = [1.0 if row == column else 0.0 for _, row, column in problem.order]
    found = []
    for spread in _SPREADS:
        guess = psi.copy()
        guess[problem.p : stop] *= spread
        found.append(guess)
    return tuple(found)


def _level_start(problem: Problem, family: Family) -> Floats:
    """Return the least-squares fit to the link of smoothed responses, the usual first step."""
    if family.name == "binomial":
        goal = family.link.to_link((problem.y + 0.5) / (problem.trials + 1.0))
    else:
        goal = np.log(problem.y + 0.5)
    return np.asarray(problem.fixed.T @ (goal - problem.offset) / len(problem.y))


def _without_random_effects(problem: Problem, family: Family) -> Floats:
    beta, fixed = _level_start(problem, family), problem.fixed
    if not len(beta):
        return beta
    best, step, share, times = -np.inf, np.zeros_like(beta), 1.0, 0
    for _ in range(_STEPS):
        trial = beta + share * step
        eta = fixed @ trial + problem.offset
        found = local(family, problem.y, problem.trials, eta, 0.0, problem.weights)
        value = float(found.value.sum())
        if not value >= best - 1e-12 * max(1.0, abs(best)):
            share *= 0.5
            if share < 1e-8:
                break
            continue
        beta, best, share = trial, value, 1.0
        slope = fixed.T @ found.score
        information = (fixed * found.weight[:, None]).T @ fixed
        try:
            step = linalg.cho_solve(linalg.cho_factor(information, lower=True), slope)
        except (np.linalg.LinAlgError, ValueError):
            raise _separated(problem) from None
        if float(slope @ step) < _DONE * len(problem.y):
            return beta
        far = np.abs(eta - problem.offset - np.median(eta - problem.offset)).max() > _FAR
        suspect = far and float(np.abs(fixed @ step).max()) > 0.5
        times = times + 1 if suspect and _direction_separates(problem, family, step) else 0
        if times >= _PERSISTENT:
            raise _separated(problem)
    if _direction_separates(problem, family, step):
        raise _separated(problem)
    return beta


def _direction_separates(problem: Problem, family: Family, step: Floats) -> bool:
    """Say whether the likelihood rises for ever along a step.

    Notes
    -----
    It does when no row loses: where there are successes and failures the predictor stays, where there are
    only successes it does not fall, where there are none it does not rise, and somewhere it moves (Albert and
    Anderson 1984, doi 10.1093/biomet/71.1.1). Late Newton steps of a search without an end point there.
    """
    moved = problem.fixed @ step
    # A row is judged by its own contributions: one far away must not make the others look still.
    moved = moved / np.maximum(np.abs(problem.fixed) @ np.abs(step), 1e-300)
    if float(np.abs(moved).max(initial=0.0)) < 1e-6:
        return False
    none = problem.y == 0.0
    full = (problem.y == problem.trials) if family.name == "binomial" else np.zeros_like(none)
    loses = np.where(none, moved, np.where(full, -moved, np.abs(moved)))
    return bool(loses.max() < 1e-3)


def _separated(problem: Problem) -> ModelError:
    what = "successes from failures" if problem.family.name == "binomial" else "zero counts from the others"
    return ModelError(
        f"The fixed columns separate {what} (in some part of the rows all responses are alike), so the "
        "maximum of the likelihood lies at infinity and no estimate exists: leave out or merge the "
        "categories or columns that do this."
    )

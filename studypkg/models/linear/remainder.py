"""The factors behind the leading one: their system of sums, eliminated step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studypkg.models.linear.eliminate import Covariance, Taken, eliminate
from studypkg.models.linear.layout import Layout, Stage
from studypkg.models.linear.taylor import Floats, Jet

Places = NDArray[np.intp]


@dataclass(frozen=True)
class System:
    """What the leading factor leaves.

    Notes
    -----
    ``inner`` holds the pairs of columns of `Layout` with a zero at the end, ``cross`` (columns + 1) × f their
    products with fixed columns and response, ``fixed`` (f × f) those among these.
    """

    inner: Jet
    cross: Jet
    fixed: Jet
    log_det: Jet


@dataclass(frozen=True)
class Solved:
    """The blocks of one stage as they were when eliminated, kept to work backwards."""

    stage: Stage
    inner: Floats
    met: Floats
    cross: Floats


def scatter(places: Places, values: Floats, size: int) -> Floats:
    """Add values (… × shape of places) up by place: … × size."""
    lead = values.shape[: values.ndim - places.ndim]
    rows = int(np.prod(lead, dtype=np.intp))
    if rows == 0:
        return np.zeros((*lead, size))
    flat = values.reshape(rows, -1)
    index = (places.reshape(1, -1) + size * np.arange(rows)[:, None]).ravel()
    return np.asarray(np.bincount(index, flat.ravel(), minlength=rows * size), dtype=float).reshape(
        *lead, size
    )


def covariance_of(stage: Stage, parameters: Floats) -> Covariance:
    """Assemble Σ of every block of a stage from its parameters."""
    b, q = stage.columns.shape
    value = np.zeros((b, q, q))
    block, row = np.indices((b, q))
    for f, size in enumerate(parameters):
        here = stage.present[f] > 0.0
        value[block[here], row[here], stage.source[f][here]] = size
    return Covariance(value, stage.source, stage.present)


def remaining(
    system: System, layout: Layout, parameters: Sequence[Floats], order: int
) -> tuple[Jet, Jet, list[Solved]]:
    """Eliminate everything behind the leading factor.

    Parameters
    ----------
    system
        The sums, as jets over the leading factor's parameters.
    layout
        The plan.
    parameters
        The covariance parameters of each step.
    order
        How many derivatives to carry.

    Returns
    -------
    tuple
        log|V| and the moments (f × f) as jets over all parameters, and the blocks on the way.
    """
    inner, cross, fixed, log_det = system.inner, system.cross, system.fixed, system.log_det
    path: list[Solved] = []
    n_pairs = inner.shape[-1] - 1
    size, f = cross.shape
    flat_cross = cross.map(lambda a: a.reshape(*a.shape[:-2], size * f))
    k = len(inner.first)
    for step, stages in enumerate(layout.steps):
        before = Jet(inner.value, inner.first, inner.second), flat_cross
        k += layout.counts[step] if order else 0
        inner, flat_cross = inner.widen(k, order), flat_cross.widen(k, order)
        fixed, log_det = fixed.widen(k, order), log_det.widen(k, order)
        for stage in stages:
            taken, solved = _take(stage, before, parameters[step], (size, f), order)
            path.append(solved)
            log_det = log_det + taken.log_det
            fixed = fixed - taken.loss.fixed
            if stage.meets.shape[1]:
                inner = inner - _upper(stage, taken.loss.rest, n_pairs)
                flat_cross = flat_cross - _down(stage, taken.loss.cross, (size, f))
    return log_det, fixed, path


def _take(
    stage: Stage, system: tuple[Jet, Jet], parameters: Floats, shape: tuple[int, int], order: int
) -> tuple[Taken, Solved]:
    inner, flat_cross = system
    own = inner.map(lambda a: a[..., stage.own])
    met = inner.map(lambda a: a[..., stage.met])
    right = flat_cross.map(lambda a: a.reshape(*a.shape[:-1], *shape)[..., stage.columns, :])
    panel = Jet(
        np.concatenate([met.value, right.value], axis=-1),
        np.concatenate([met.first, right.first], axis=-1),
        np.concatenate([met.second, right.second], axis=-1),
    )
    taken = eliminate(own, panel, covariance_of(stage, parameters), rest=stage.meets.shape[1], order=order)
    return taken, Solved(stage, taken.inner, met.value, right.value)


def _upper(stage: Stage, rest: Jet, n_pairs: int) -> Jet:
    """Add the losses among later columns up by pair; each pair counts once, above the diagonal."""
    once = stage.meets[:, :, None] <= stage.meets[:, None, :]
    places = np.where(once, stage.after, n_pairs)

    def add(a: Floats) -> Floats:
        summed = scatter(places, a, n_pairs + 1)
        summed[..., -1] = 0.0
        return summed

    return rest.map(add)


def _down(stage: Stage, cross: Jet, shape: tuple[int, int]) -> Jet:
    """Add the losses of later columns with the fixed ones up by column."""
    size, f = shape
    places = stage.meets[:, :, None] * f + np.arange(f)

    def add(a: Floats) -> Floats:
        summed = scatter(places, a, size * f)
        summed[..., (size - 1) * f :] = 0.0
        return summed

    return cross.map(add)

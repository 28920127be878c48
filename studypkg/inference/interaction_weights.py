"""Contrasts of contrasts, such as a difference between arms that is compared between weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeGuard

import numpy as np

from studypkg.errors import ConfigError, nearest
from studypkg.inference.comparison_weights import Weighting, contrast_name, weighting

Reference = str | int | Mapping[str, str | int] | None


def is_interaction(asked: object) -> TypeGuard[Mapping[str, str]]:
    """Tell ``{variable: name of contrasts}`` from ``{label: weights}``."""
    return isinstance(asked, Mapping) and bool(asked) and all(isinstance(v, str) for v in asked.values())


def interaction(
    asked: Mapping[str, str],
    labels: Mapping[str, Sequence[str]],
    *,
    reference: Reference = None,
) -> Weighting:
    """Multiply contrasts of several variables.

    Parameters
    ----------
    asked
        By variable, a name of `CONTRASTS`.
    labels
        By variable, the names of its levels, in the order in which the variables change, fastest first.
    reference
        The control of ``trt.vs.ctrl``: by variable, or alone when only one variable has a control.

    Raises
    ------
    ConfigError
        If a variable or a name is unknown, or a variable has no contrasts.
    """
    for name in asked:
        if name not in labels:
            raise ConfigError(
                f'contrasts: "{name}" is not a variable of these means.{nearest(str(name), labels)} '
                f"Variables: {', '.join(labels)}. (Weights are given as {{label: weights}}.)"
            )
    left = [name for name in labels if name not in asked]
    if left:
        raise ConfigError(
            f"contrasts: say what to do with {', '.join(left)} too, as {{variable: name}}, or name it in by."
        )
    controls = [name for name, kind in asked.items() if contrast_name(kind) == "trt.vs.ctrl"]
    references: dict[str, str | int] = {}
    if isinstance(reference, Mapping):
        references = dict(reference)
    elif reference is not None:
        if len(controls) != 1:
            raise ConfigError(
                'reference belongs to "trt.vs.ctrl": with several of these give {variable: control}.'
            )
        references = {controls[0]: reference}
    made = [weighting(asked[name], labels[name], reference=references.get(name)) for name in labels]
    if len(made) == 1:
        return made[0]
    # The first variable changes fastest, in the means as in the contrasts.
    weights = np.ones((1, 1))
    for one in made:
        weights = np.asarray(np.kron(one.weights, weights), dtype=float)
    names = [", ".join(reversed(parts)) for parts in product(*(m.labels for m in reversed(made)))]
    return Weighting(tuple(names), weights)

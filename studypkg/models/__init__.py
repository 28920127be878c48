"""Rows to fits: mixed models by formula, with how each number was found.

What takes long to import (statsmodels, for a second opinion) is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from studypkg.models.fit import Fit, Optimisation
from studypkg.models.lmm import fit_lmm

if TYPE_CHECKING:
    from studypkg.models.crosscheck import CrossCheck, cross_check
    from studypkg.models.generalised import fit_glmm
    from studypkg.models.mmrm import fit_mmrm
    from studypkg.models.ordinal import category_probabilities, fit_ordinal

__all__ = [
    "CrossCheck",
    "Fit",
    "Optimisation",
    "category_probabilities",
    "cross_check",
    "fit_glmm",
    "fit_lmm",
    "fit_mmrm",
    "fit_ordinal",
]
_LATER = {
    "CrossCheck": "crosscheck",
    "category_probabilities": "ordinal",
    "cross_check": "crosscheck",
    "fit_glmm": "generalised",
    "fit_mmrm": "mmrm",
    "fit_ordinal": "ordinal",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

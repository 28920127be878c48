"""Rows to fits: mixed models by formula, with how each number was found."""

from studypkg.models.crosscheck import CrossCheck, cross_check
from studypkg.models.fit import Fit, Optimisation
from studypkg.models.lmm import fit_lmm
from studypkg.models.mmrm import fit_mmrm

__all__ = ["CrossCheck", "Fit", "Optimisation", "cross_check", "fit_lmm", "fit_mmrm"]

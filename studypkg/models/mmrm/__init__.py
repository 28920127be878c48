"""Repeated visits with a modelled covariance between them (MMRM), without random effects."""

from studypkg.models.mmrm.model import fit_mmrm
from studypkg.models.mmrm.structures import COVARIANCES

__all__ = ["COVARIANCES", "fit_mmrm"]

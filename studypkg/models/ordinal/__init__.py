"""Ordinal mixed models: ordered categories with random effects, by cumulative links."""

from studypkg.models.ordinal.model import fit_ordinal
from studypkg.models.ordinal.probabilities import category_probabilities

__all__ = ["category_probabilities", "fit_ordinal"]

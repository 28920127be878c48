"""Generalised mixed models: binomial, Poisson and negative binomial responses with random effects."""

from studypkg.models.generalised.model import fit_glmm

__all__ = ["fit_glmm"]

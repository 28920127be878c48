"""Fits to answers: contrasts and tests of fixed effects, with the degrees of freedom named."""

from studypkg.inference.adjustments import adjust_p_values
from studypkg.inference.anova import anova
from studypkg.inference.compare import compare
from studypkg.inference.contrasts import coefficient_table, contrast, joint_test
from studypkg.inference.ddf import DDF_METHODS
from studypkg.inference.hypothesis import Hypothesis, parse_hypotheses
from studypkg.inference.intervals import intervals
from studypkg.inference.marginal_means import marginal_means
from studypkg.inference.marginal_trends import marginal_trends

__all__ = [
    "DDF_METHODS",
    "Hypothesis",
    "adjust_p_values",
    "anova",
    "coefficient_table",
    "compare",
    "contrast",
    "intervals",
    "joint_test",
    "marginal_means",
    "marginal_trends",
    "parse_hypotheses",
]

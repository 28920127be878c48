"""Fits to answers: contrasts and tests of fixed effects, with the degrees of freedom named."""

from studypkg.inference.contrasts import coefficient_table, contrast, joint_test
from studypkg.inference.ddf import DDF_METHODS
from studypkg.inference.hypothesis import Hypothesis, parse_hypotheses

__all__ = ["DDF_METHODS", "Hypothesis", "coefficient_table", "contrast", "joint_test", "parse_hypotheses"]

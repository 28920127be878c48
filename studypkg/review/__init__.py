"""Clinics and months: what the measures of single episodes add up to, before the release gate."""

from studypkg.review.arms import arm_table
from studypkg.review.comparison import Tallies, tallies
from studypkg.review.pages import Material, cells_withheld, clinic_page, network_page, shares_shown
from studypkg.review.patterns import Outlier, out_of_pattern, standardised_difference
from studypkg.review.periods import Periods, periods
from studypkg.review.quality import HABITS, TRAITS, Recorded, quality_statistics

__all__ = [
    "HABITS",
    "TRAITS",
    "Material",
    "Outlier",
    "Periods",
    "Recorded",
    "Tallies",
    "arm_table",
    "cells_withheld",
    "clinic_page",
    "network_page",
    "out_of_pattern",
    "periods",
    "quality_statistics",
    "shares_shown",
    "standardised_difference",
    "tallies",
]

"""Clinics and months: what the measures of single episodes add up to, before the release gate."""

from studypkg.review.arms import arm_table
from studypkg.review.comparison import Tallies, tallies
from studypkg.review.flow import completeness
from studypkg.review.pages import Material, cells_withheld, clinic_page, network_page, shares_shown
from studypkg.review.periods import Periods, periods

__all__ = [
    "Material",
    "Periods",
    "Tallies",
    "arm_table",
    "cells_withheld",
    "clinic_page",
    "completeness",
    "network_page",
    "periods",
    "shares_shown",
    "tallies",
]

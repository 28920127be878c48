"""Clinics and months: what the measures of single episodes add up to, before the release gate."""

from studypkg.review.arms import arm_table
from studypkg.review.comparison import Tallies, tallies
from studypkg.review.flow import completeness
from studypkg.review.pages import Material, clinic_page, network_page
from studypkg.review.periods import Periods, periods

__all__ = [
    "Material",
    "Periods",
    "Tallies",
    "arm_table",
    "clinic_page",
    "completeness",
    "network_page",
    "periods",
    "tallies",
]

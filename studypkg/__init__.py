"""Outcome studies for physical therapy: screened records, mixed-effects models, readable reports."""

__version__ = "0.1.0"

__all__ = ["__version__"]

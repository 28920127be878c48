"""Random effects integrated out, by Laplace's approximation or quadrature: what every family shares.

Generalised and ordinal models differ in how a row's log-density depends on its linear predictor. How levels
meet, how the modes are found, and how a secant keeps an information up to date is the same, and is here.
"""

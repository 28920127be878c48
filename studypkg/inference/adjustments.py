"""Several tests at once: p-values and intervals that hold for a family.

The one table of methods: a name that is not here cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from studypkg.errors import ConfigError, nearest
from studypkg.inference.adjust_multivariate import LargestT, largest_t
from studypkg.inference.adjust_range import range_quantile, range_tail
from studypkg.inference.student import t_quantile, two_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Family:
    """Statistics that are judged together.

    Notes
    -----
    ``statistic`` (m) are t statistics on ``df`` (m) degrees of freedom (infinite: normal). ``means`` is how
    many means all pairs of which were compared, or 0 for another family. ``covariance`` gives the covariance
    (m × m) of the estimates; it is asked only by methods that need it.
    """

    statistic: Floats
    df: Floats
    means: int
    covariance: Callable[[], Floats]

    @cached_property
    def raw(self) -> Floats:
        """Two-sided p-values, each as if it were alone."""
        return two_sided(self.statistic, self.df)

    @cached_property
    def correlation(self) -> Floats:
        """The correlation of the estimates, m × m."""
        covariance = self.covariance()
        spread = np.sqrt(np.diag(covariance))
        found = np.asarray(covariance / np.outer(spread, spread))
        np.fill_diagonal(found, 1.0)
        return found

    @cached_property
    def rank(self) -> int:
        """How many independent contrasts there are."""
        values = np.linalg.eigvalsh(self.correlation)
        return int((values > 1e-9 * values[-1]).sum())

    @cached_property
    def largest(self) -> LargestT:
        """The joint distribution of the statistics."""
        return largest_t(self.correlation)


@dataclass(frozen=True)
class Adjustment:
    """A method: ``p_values`` of a family, and the ``critical`` |t| of its simultaneous intervals, if any."""

    name: str
    title: str
    p_values: Callable[[Family], Floats]
    critical: Callable[[Family, float], Floats] | None = None


def adjust_p_values(p_values: ArrayLike, method: str = "holm") -> Floats:
    """Adjust p-values for the number of tests.

    Parameters
    ----------
    p_values
        One p-value per test; missing ones stay missing and are not counted.
    method
        ``holm``, ``hochberg``, ``bonferroni``, ``sidak``, ``bh`` (false discovery rate), ``by`` (the same
        under any dependence) or ``none``.

    Returns
    -------
    numpy.ndarray
        Adjusted p-values in the order given, never below the unadjusted and never above 1. Adjusted values
        keep the order of the unadjusted.

    Raises
    ------
    ConfigError
        If there is no such method, it needs more than p-values, or a value is not between 0 and 1.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65–70. Hochberg (1988), doi 10.1093/biomet/75.4.800.
    Šidák (1967), doi 10.1080/01621459.1967.10482935. Benjamini and Hochberg (1995),
    doi 10.1111/j.2517-6161.1995.tb02031.x. Benjamini and Yekutieli (2001), doi 10.1214/aos/1013699998.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04, 0.03], "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    found = adjustment(method)
    if found.name not in BY_P_VALUE:
        raise ConfigError(
            f'"{method}" needs the estimates and their correlation, not only p-values: ask for it in '
            f"pairwise( ) or contrast( ) of marginal means. By p-values: {', '.join(BY_P_VALUE)}."
        )
    p = np.atleast_1d(np.asarray(p_values, dtype=float))
    known = ~np.isnan(p)
    if p.ndim != 1 or ((p[known] < 0.0) | (p[known] > 1.0)).any():
        raise ConfigError("p-values are one list of numbers between 0 and 1.")
    adjusted = p.copy()
    if known.any():
        adjusted[known] = BY_P_VALUE[found.name](p[known])
    return adjusted


def adjustment(name: str) -> Adjustment:
    """Return the method of a name.

    Raises
    ------
    ConfigError
        If there is no such method.
    """
    wanted = str(name).strip().casefold().replace("š", "s").replace("é", "e")
    wanted = OTHER_NAMES.get(wanted, wanted)
    if wanted not in ADJUSTMENTS:
        raise ConfigError(
            f'There is no adjustment "{name}".{nearest(str(name), ADJUSTMENTS)} '
            f"Available: {', '.join(ADJUSTMENTS)}."
        )
    return ADJUSTMENTS[wanted]


def _none(p: Floats) -> Floats:
    return p.copy()


def _bonferroni(p: Floats) -> Floats:
    return np.minimum(len(p) * p, 1.0)


def _sidak(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(len(p) * np.log1p(-p)))


def _steps(p: Floats, factors: Floats, *, down: bool) -> Floats:
    """Multiply sorted p-values by factors and keep the order, from the smallest or from the largest on."""
    order = np.argsort(p, kind="stable")
    steps = p[order] * factors
    steps = np.maximum.accumulate(steps) if down else np.minimum.accumulate(steps[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def _holm(p: Floats) -> Floats:
    return _steps(p, np.arange(len(p), 0, -1.0), down=True)


def _hochberg(p: Floats) -> Floats:
    return _steps(p, np.arange(len(p), 0, -1.0), down=False)


def _bh(p: Floats) -> Floats:
    return _steps(p, len(p) / np.arange(1.0, len(p) + 1.0), down=False)


def _by(p: Floats) -> Floats:
    ranks = np.arange(1.0, len(p) + 1.0)
    return _steps(p, float((1.0 / ranks).sum()) * len(p) / ranks, down=False)


BY_P_VALUE: MappingProxyType[str, Callable[[Floats], Floats]] = MappingProxyType(
    {"holm": _holm, "hochberg": _hochberg, "bonferroni": _bonferroni, "sidak": _sidak, "bh": _bh, "by": _by,
     "none": _none}
)  # fmt: skip


def _tukey(family: Family) -> Floats:
    means = _means(family)
    return _each(family.statistic, family.df, lambda t, df: range_tail(float(np.sqrt(2.0)) * t, means, df))


def _tukey_critical(family: Family, level: float) -> Floats:
    means = _means(family)
    return _each_df(family, lambda df: range_quantile(level, means, df) / float(np.sqrt(2.0)))


def _means(family: Family) -> int:
    if not family.means:
        raise ConfigError(
            'Tukey\'s adjustment is for all pairs of means. For other contrasts ask for "mvt" (exact), '
            '"holm" or "scheffe".'
        )
    return family.means


def _mvt(family: Family) -> Floats:
    if family.rank == 1:
        return family.raw.copy()
    found = _each(family.statistic, _rounded(family.df), family.largest.tail)
    # No family is less likely than its member, nor more likely than if its members were independent.
    return np.clip(found, family.raw, _sidak(family.raw))


def _mvt_critical(family: Family, level: float) -> Floats:
    if family.rank == 1:
        return t_quantile(level, family.df)
    return family.largest.quantiles(level, _rounded(family.df))


def _scheffe(family: Family) -> Floats:
    f = family.statistic**2 / family.rank
    finite = np.where(np.isfinite(family.df), family.df, 1.0)
    by_f = special.fdtrc(family.rank, finite, f)
    return np.asarray(np.where(np.isfinite(family.df), by_f, special.chdtrc(family.rank, family.rank * f)))


def _scheffe_critical(family: Family, level: float) -> Floats:
    finite = np.where(np.isfinite(family.df), family.df, 1.0)
    by_f = family.rank * special.fdtri(family.rank, finite, level)
    by_chi = special.chdtri(family.rank, 1.0 - level)
    return np.asarray(np.sqrt(np.where(np.isfinite(family.df), by_f, by_chi)))


def _each(statistic: Floats, df: Floats, tail: Callable[[float, float], float]) -> Floats:
    pairs = zip(np.abs(statistic).tolist(), df.tolist(), strict=True)
    return np.array([tail(t, one) for t, one in pairs])


def _each_df(family: Family, solve: Callable[[float], float]) -> Floats:
    """Solve once per number of degrees of freedom."""
    rounded = _rounded(family.df).tolist()
    solved = {df: solve(df) for df in dict.fromkeys(rounded)}
    return np.array([solved[df] for df in rounded])


def _rounded(df: Floats) -> Floats:
    """Keep eight digits: degrees of freedom that differ beyond are one number."""
    return np.array([float(f"{one:.8g}") for one in df.tolist()])


def _by_p_value(name: str) -> Callable[[Family], Floats]:
    return lambda family: BY_P_VALUE[name](family.raw)


ADJUSTMENTS: MappingProxyType[str, Adjustment] = MappingProxyType(
    {
        one.name: one
        for one in (
            Adjustment(
                "none", "no adjustment", _by_p_value("none"), lambda f, level: t_quantile(level, f.df)
            ),
            Adjustment("holm", "Holm", _by_p_value("holm")),
            Adjustment("tukey", "Tukey", _tukey, _tukey_critical),
            Adjustment("mvt", "multivariate t", _mvt, _mvt_critical),
            Adjustment(
                "bonferroni", "Bonferroni", _by_p_value("bonferroni"),
                lambda f, level: t_quantile(1.0 - (1.0 - level) / len(f.df), f.df),
            ),
            Adjustment(
                "sidak", "Šidák", _by_p_value("sidak"),
                lambda f, level: t_quantile(level ** (1.0 / len(f.df)), f.df),
            ),
            Adjustment("scheffe", "Scheffé", _scheffe, _scheffe_critical),
            Adjustment("hochberg", "Hochberg", _by_p_value("hochberg")),
            Adjustment("bh", "Benjamini and Hochberg (false discovery rate)", _by_p_value("bh")),
            Adjustment("by", "Benjamini and Yekutieli (false discovery rate)", _by_p_value("by")),
        )
    }
)  # fmt: skip
# What other packages call them.
OTHER_NAMES: MappingProxyType[str, str] = MappingProxyType(
    {"fdr": "bh", "fdr_bh": "bh", "fdr_by": "by", "dunnett": "mvt", "dunnettx": "mvt", "hsd": "tukey",
     "unadjusted": "none", "single-step": "mvt"}
)  # fmt: skip

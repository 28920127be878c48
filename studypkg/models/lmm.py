"""Fit a linear mixed model from a formula and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from studypkg.errors import ConfigError
from studypkg.models.design import Design, Floats, build_design
from studypkg.models.engine import solve
from studypkg.models.fit import Fit
from studypkg.models.formula import ParsedFormula, parse_formula
from studypkg.models.mixed_fit import Described, mixed_fit
from studypkg.models.mixed_rows import MixedRows
from studypkg.models.offset import NO_OFFSET, Offset, Values, design_with, row_values, take_offset
from studypkg.models.streaming.fit import PARTITION_ROWS, Streaming, fit_streamed


def fit_lmm(
    formula: str,
    data: object,
    *,
    reml: bool = True,
    weights: str | Sequence[float] | None = None,
    offset: Values | None = None,
    start: Sequence[float] | None = None,
    engine: str = "own",
    executor: object = None,
    scratch: str | Path | None = None,
    partition_rows: int = PARTITION_ROWS,
) -> Fit:
    """Fit ``y = Xβ + Zb + ε`` with normal random effects b and residuals ε.

    Parameters
    ----------
    formula
        In lme4's notation, for example ``pain ~ weeks * adherence + (1 + weeks | patient) + (1 | clinic)``.
        ``||`` means uncorrelated terms, ``a/b`` means a and b within a.
    data
        One row per observation: a pandas DataFrame; or, for rows that do not fit in memory, a Parquet file
        (or a folder of them, or a glob) or a DuckDB relation. Rows with a missing value in a column the
        formula reads are left out and counted by variable.
    reml
        Restricted maximum likelihood (default) or maximum likelihood. Compare different fixed parts
        by maximum likelihood only.
    weights
        A column name, or one positive number per row: the residual variance of a row is σ² / weight.
    offset
        A column name, an expression in columns, or one number per row: a part of the mean that is known. It
        may stand in the formula instead, as ``offset(baseline)``.
    start
        Where the search begins: the elements of the relative covariance factors, term by term, lower
        triangle column by column, as ``optimisation.theta`` of another fit has them.
    engine
        ``own``, or ``glmm`` for the compiled package of that name, an independent second opinion.
    executor
        Who works on rows outside memory: an executor of `concurrent.futures`, a Dask client, or the address
        of a Dask scheduler such as ``tcp://10.0.0.5:8786``; this process when None.
    scratch
        The folder for partitions of such rows; all workers must see it.
    partition_rows
        About how many of such rows one worker holds at a time.

    Returns
    -------
    Fit
        Estimates, variance components and how they were found.

    Raises
    ------
    ConfigError
        If the formula cannot be read or names a column that is not there.
    ModelError
        If the rows cannot carry the model, or the search does not converge. No number is returned then.

    Notes
    -----
    Profiled (restricted) likelihood of Bates, Mächler, Bolker and Walker (2015), Journal of Statistical
    Software 67(1), doi 10.18637/jss.v067.i01. A variance whose best value is zero is exactly zero.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"who": list("aabbcc"), "score": [4.0, 6.0, 5.0, 7.0, 9.0, 11.0]})
    >>> fit = fit_lmm("score ~ 1 + (1 | who)", rows)
    >>> round(fit.params["Intercept"], 6), fit.groups
    (np.float64(7.0), {'who': 3})
    """
    text, inside = take_offset(formula)
    if inside and offset is not None:
        raise ConfigError("An offset was given twice: in the formula and as an argument. Keep one.")
    if not isinstance(reml, bool | np.bool_):
        raise ConfigError("reml is True for restricted maximum likelihood, or False for maximum likelihood.")
    parsed, offset = parse_formula(text), inside or offset
    if isinstance(data, pd.DataFrame):
        if executor is not None:
            raise ConfigError("The rows are in memory and need no executor: leave it out, or give a path.")
        if offset is None:
            return _fit(parsed, build_design(parsed, data, weights), NO_OFFSET, reml, start, engine)
        values = row_values(offset, data, "offset")
        assert values is not None
        design = design_with(parsed, data, weights, {"offset": values})
        known = Offset(values[design.kept], offset if isinstance(offset, str) else None)
        # A known part of the mean is taken from the response: what remains has the same likelihood.
        design = replace(design, y=design.y - known.values)
        label = "numbers" if known.text is None else known.text
        parsed = replace(parsed, text=f"{parsed.text} + offset({label})")
        return _fit(parsed, design, known, reml, start, engine)
    if offset is not None:
        raise ConfigError("Rows outside memory take no offset: subtract it from the response before.")
    if engine != "own":
        raise ConfigError(f'The engine "{engine}" does not take rows outside memory: use engine="own".')
    how = Streaming(executor, scratch, partition_rows)
    return fit_streamed(parsed, data, reml=reml, weights=weights, start=start, streaming=how)


def _fit(
    parsed: ParsedFormula, design: Design, known: Offset, reml: bool, start: Sequence[float] | None,
    engine: str,
) -> Fit:  # fmt: skip
    solved = solve(design, reml=reml, start=start, engine=engine)
    described = Described(
        parsed.text, design.names, design.terms, len(design.y), design.n_read, design.weights is not None,
        design.dropped, design.aliased,
    )  # fmt: skip

    def rows(triangles: list[Floats]) -> MixedRows:
        return MixedRows(
            design,
            solved.sums,
            solved.point,
            triangles,
            lambda y: _fit(parsed, replace(design, y=known.taken_from(y)), known, reml, None, engine),
            lambda: _fit(parsed, design, known, False, None, engine),
            known,
        )

    return mixed_fit(solved, described, reml=reml, rows=rows)

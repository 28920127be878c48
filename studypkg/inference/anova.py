"""One F test per term of the fixed part: analysis of variance of types I, II and III."""

from __future__ import annotations

import ast
from keyword import iskeyword

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.parser.types import Factor, Term
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError
from studypkg.inference.contrasts import joint_test
from studypkg.models.design import matrix
from studypkg.models.fit import Fit
from studypkg.models.matrices import formula_of
from studypkg.models.rows import FitRows

Floats = NDArray[np.float64]
_TYPES = {1: 1, 2: 2, 3: 3, "I": 1, "II": 2, "III": 3}
# Rows among which the two codings of a design are compared; they hold for all rows alike.
_ENOUGH = 20_000


def anova(fit: Fit, *, type: int | str = 3, ddf: str | None = None) -> pd.DataFrame:
    """Test every term of the fixed part by an F test.

    Parameters
    ----------
    fit
        A fitted model with its rows.
    type
        1: each term after those written before it. 2: each term after all others that do not contain it.
        3: each term after all others, factors at the plain average of their levels, whatever their coding.
    ddf
        As in `studypkg.inference.contrast`.

    Returns
    -------
    pandas.DataFrame
        Indexed by term: ``num_df``, ``den_df``, ``statistic`` (F), ``p_value``; for linear mixed models also
        ``sum_sq`` and ``mean_sq``, which are F · num_df · σ̂² and F · σ̂², as lmerTest prints them.

    Raises
    ------
    ConfigError
        If there is no such type.
    ModelError
        If the fit holds no rows, or type 3 is asked where cells are empty and columns were left out.

    Notes
    -----
    Types I and II: rows of the triangle R of X = QR, columns in the order that the type asks for. Type III:
    with X̃ the same columns coded to sum to zero, β̃ = (X̃⁺X)β, and the term's rows of X̃⁺X are tested; a test of
    what is estimable in every coding, as in SAS and in lmerTest (doi 10.18637/jss.v082.i13).
    """
    if type not in _TYPES:
        raise ConfigError(f'There is no anova of type "{type}": ask for 1, 2 or 3.')
    rows = fit.rows
    if rows is None:
        raise ModelError(
            "A table of terms needs the rows, which a stored fit does not hold: fit the model again."
        )
    columns = _columns_by_term(rows.spec, [str(n) for n in fit.params.index])
    tested = [term for term in columns if term.degree and len(columns[term])]
    if _TYPES[type] == 3 and len(tested) == 1 and not fit.aliased:
        # One term alone is the same hypothesis in every type, and lmerTest writes it as in type 1.
        weights = {term: _after(rows, term, columns, 1) for term in tested}
    elif _TYPES[type] == 3:
        weights = _marginal(fit, rows, columns)
    else:
        weights = {term: _after(rows, term, columns, _TYPES[type]) for term in tested}
    found = [joint_test(fit, weights[term], ddf=ddf, label=str(term)) for term in tested]
    if not found:
        raise ModelError("The fixed part has no term but the intercept, so there is nothing to test.")
    table = pd.concat(found).rename_axis("term")[["num_df", "den_df", "statistic", "p_value"]]
    if fit.kind == "lmm":
        table.insert(0, "sum_sq", table["statistic"] * table["num_df"] * fit.sigma**2)
        table.insert(1, "mean_sq", table["statistic"] * fit.sigma**2)
    return table


def _columns_by_term(spec: ModelSpec, names: list[str]) -> dict[Term, list[int]]:
    """Say which coefficients belong to each term; those left out of the fit belong to none."""
    place = {name: at for at, name in enumerate(names)}
    every = list(spec.column_names)
    return {term: [place[n] for n in every[cut] if n in place] for term, cut in spec.term_slices.items()}


def _after(rows: FitRows, term: Term, columns: dict[Term, list[int]], kind: int) -> Floats:
    """Return the hypothesis of a term after those before it (1) or those that do not contain it (2)."""
    terms, x = list(columns), rows.fixed
    if kind == 1:
        before = terms[: terms.index(term)]
    else:
        before = [one for one in terms if one is not term and not _contains(one, term, rows.spec)]
    later = [one for one in terms if one is not term and one not in before]
    order = [at for one in (*before, term, *later) for at in columns[one]]
    lengths = np.sqrt((x**2).sum(axis=0))[order]
    triangle = np.linalg.qr(x[:, order] / lengths, mode="r")
    start = sum(len(columns[one]) for one in before)
    stop = start + len(columns[term])
    weights = np.zeros((stop - start, x.shape[1]))
    # Its diagonal made one, as lmerTest has it: the degrees of freedom depend a little on how it is written.
    weights[:, order] = triangle[start:stop] * lengths
    return weights / weights[:, columns[term]].diagonal()[:, None]


def _is_category(factor: Factor, spec: ModelSpec) -> bool:
    known = spec.encoder_state.get(factor.expr)
    return known is not None and known[0] is Factor.Kind.CATEGORICAL


def _contains(large: Term, small: Term, spec: ModelSpec) -> bool:
    """Say whether a term contains another: more categories, and the same covariates."""
    wide, narrow = set(large.factors), set(small.factors)
    covariates = [{f for f in one if not _is_category(f, spec)} for one in (wide, narrow)]
    return narrow < wide and covariates[0] == covariates[1] and small.degree > 0


def _marginal(fit: Fit, rows: FitRows, columns: dict[Term, list[int]]) -> dict[Term, Floats]:
    """Return the hypotheses of type III for every term, from the same columns coded to sum to zero."""
    if fit.aliased:
        raise ModelError(
            f"A table of type 3 is not defined here: {len(fit.aliased)} columns repeat others and were left "
            "out, as when some combinations of levels have no rows. Ask for type 2, or test what you mean by "
            "joint_test."
        )
    step = max(1, len(rows.frame) // _ENOUGH)
    frame, x = rows.frame.iloc[::step].reset_index(drop=True), rows.fixed[::step]
    parts = [_recoded(term, rows.spec) for term in columns if term.degree]
    intercept = "1" if any(not term.degree for term in columns) else "0"
    made = matrix(formula_of(" + ".join([intercept, *parts])), frame)
    slices = list(made.model_spec.term_slices.values())
    coded = np.asarray(made, dtype=float)
    lengths = np.sqrt((coded**2).sum(axis=0))
    change = np.linalg.lstsq(coded / lengths, x, rcond=None)[0]
    same = coded.shape == x.shape and len(slices) == len(columns)
    if not same or not np.allclose(coded / lengths @ change, x, rtol=1e-6, atol=1e-8):
        raise ModelError("A table of type 3 cannot be made of this formula's coding: ask for type 2.")
    return {
        term: np.linalg.solve(change[cut][:, columns[term]], change[cut])
        for term, cut in zip(columns, slices, strict=True)
    }


def _recoded(term: Term, spec: ModelSpec) -> str:
    """Write a term with its categories coded to sum to zero."""
    return ":".join(_recoded_factor(f, spec) for f in term.factors)


def _recoded_factor(factor: Factor, spec: ModelSpec) -> str:
    text = str(factor.expr)
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        # A plain name needs no quoting, and quoting a one-letter name is done inside other words as well.
        text = text if text.isidentifier() and not iskeyword(text) else f"`{text}`"
    if not _is_category(factor, spec):
        return text
    if factor.eval_method is not Factor.EvalMethod.LOOKUP:
        # C(column, its own contrasts): only the column is kept.
        call = ast.parse(text, mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "C":
            text = ast.unparse(call.args[0])
    return f"C({text}, contr.sum)"

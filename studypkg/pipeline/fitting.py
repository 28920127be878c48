"""The study's models: rows → fits → answers, each beside what was published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from studypkg.config import Study
from studypkg.declaration import Model, Published
from studypkg.errors import ModelError
from studypkg.inference import coefficient_table, contrast
from studypkg.models import CrossCheck, Fit, cross_check, fit_lmm
from studypkg.pipeline.measuring import Measured


@dataclass(frozen=True)
class Answer:
    """One question to a model, and its answer.

    Parameters
    ----------
    label
        The question, as the study words it.
    estimate, se, df, statistic, p_value, ci_low, ci_high
        In the unit of the outcome; `None` where the model gave no number.
    published
        What a paper printed for it, if the study says so.
    """

    label: str
    estimate: float | None
    se: float | None
    df: float | None
    statistic: float | None
    p_value: float | None
    ci_low: float | None
    ci_high: float | None
    published: Published | None = None


@dataclass(frozen=True)
class FittedModel:
    """What came of one model of the study.

    Parameters
    ----------
    name, declared
        Name and declaration.
    formula
        The formula that answered, and whether it was a fallback; `None` where none converged.
    fit
        The fit, or `None`.
    answers
        One per contrast of the declaration.
    coefficients
        Table of all fixed effects.
    patients
        How many patients the fit rests on.
    excluded
        Rows left out before the fit, by reason.
    attempts
        Formulas that failed before, each with the reason.
    check
        The second opinion, if it was asked for.
    """

    name: str
    declared: Model
    formula: str | None
    fit: Fit | None
    answers: tuple[Answer, ...]
    coefficients: pd.DataFrame | None
    patients: int
    excluded: dict[str, int]
    attempts: tuple[tuple[str, str], ...]
    check: CrossCheck | None = None

    @property
    def fallback_used(self) -> bool:
        """Whether a simpler random part than the declared one answered."""
        return self.fit is not None and self.formula != self.declared.formula

    @property
    def reason(self) -> str | None:
        """Why there is no fit."""
        return None if self.fit is not None else self.attempts[-1][1]


def fit_study(
    study: Study,
    measured: Measured,
    *,
    second_opinion: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[FittedModel, ...]:
    """Fit every model that the study declares.

    Parameters
    ----------
    study, measured
        The declaration, and the rows made from its tables.
    second_opinion
        Fit again with statsmodels, and compare.
    progress
        Told which model is being fitted.

    Returns
    -------
    tuple of FittedModel
        A model that could not be fitted is there too, with the reason and without numbers.
    """
    return tuple(
        _fit_one(study, name, model, measured, second_opinion, progress)
        for name, model in study.models.items()
    )


def _fit_one(
    study: Study,
    name: str,
    model: Model,
    measured: Measured,
    second_opinion: bool,
    progress: Callable[[str], None],
) -> FittedModel:
    rows, excluded = measured.analysis(study, model)
    attempts: list[tuple[str, str]] = []
    for formula in (model.formula, *model.fallback):
        progress(f"fitting model {name} to {len(rows):,} rows")
        try:
            fit = fit_lmm(formula, rows)
            answers = tuple(_answer(fit, model, label, text) for label, text in model.contrasts.items())
            coefficients = coefficient_table(fit, ddf=model.df)
        except ModelError as fault:
            attempts.append((formula, str(fault)))
            continue
        check = cross_check(fit, rows) if second_opinion else None
        patients = int(rows["patient"].nunique())
        return FittedModel(
            name, model, formula, fit, answers, coefficients, patients, excluded, tuple(attempts), check
        )
    patients = int(rows["patient"].nunique())
    return FittedModel(name, model, None, None, (), None, patients, excluded, tuple(attempts))


def _answer(fit: Fit, model: Model, label: str, text: str) -> Answer:
    row = contrast(fit, text, ddf=model.df, level=model.level).iloc[0]
    published = next((p for p in model.published if p.contrast == label), None)
    numbers = {
        name: float(row[name])
        for name in ("estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high")
    }
    return Answer(label, **numbers, published=published)


def answers_as_text(models: tuple[FittedModel, ...]) -> str:
    """Print the answers for a person at a terminal."""
    blocks = []
    for model in models:
        lines = [f"Model {model.name}: {' '.join((model.formula or model.declared.formula).split())}"]
        lines += [f"  not fitted: {why}" for _, why in model.attempts]
        if model.fit is not None:
            lines += _describe(model.fit)
            lines += [line for answer in model.answers for line in _lines(answer, model.declared.df)]
        if model.check is not None:
            lines.append(
                f"  second opinion (statsmodels MixedLM): {model.check.status}. {model.check.reason}"
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _describe(fit: Fit) -> list[str]:
    groups = ", ".join(f"{n} {name}{'s' if n != 1 else ''}" for name, n in fit.groups.items())
    lines = [f"  rows {fit.n} of {fit.n_read} ({groups}); {'REML' if fit.reml else 'ML'}"]
    lines += [f"  left out: {n} rows without {column}" for column, n in fit.dropped.items() if n]
    lines += [f"  left out: column {column}, which follows from the others" for column in fit.aliased]
    if fit.is_singular:
        lines.append(f"  singular fit, at the edge of what can be estimated: {'; '.join(fit.singular_terms)}")
    return lines


def _lines(answer: Answer, df: str) -> list[str]:
    if answer.estimate is None:
        return [f"  {answer.label}: no number"]
    ours = (
        f"  {answer.label}: {answer.estimate:.2f} ({answer.ci_low:.2f} to {answer.ci_high:.2f}), "
        f"SE {answer.se:.3f}, df {answer.df:.1f} ({df}), P {p_text(answer.p_value)}"
    )
    if answer.published is None:
        return [ours]
    paper = answer.published
    p = f", P = {paper.p_value:g}" if paper.p_value is not None else ""
    return [
        ours,
        f"    published: {paper.estimate} ({paper.ci_low} to {paper.ci_high}){p} [{paper.source}]; "
        f"ours minus published: {answer.estimate - paper.estimate:+.2f}",
    ]


def p_text(p_value: float | None) -> str:
    """Print a P value with its sign, two digits that count, and no more zeros than help.

    Examples
    --------
    >>> p_text(0.000224), p_text(0.04), p_text(1e-9)
    ('= 0.0002', '= 0.040', '< 0.0001')
    """
    if p_value is None:
        return "not known"
    if p_value < 0.0001:
        return "< 0.0001"
    return f"= {p_value:.4f}" if p_value < 0.001 else f"= {p_value:.3f}"


def answer_as_dict(answer: Answer) -> dict[str, Any]:
    """Give an answer as plain values for a JSON file."""
    values = {key: value for key, value in vars(answer).items() if key != "published"}
    return {**values, "published": answer.published.model_dump() if answer.published else None}

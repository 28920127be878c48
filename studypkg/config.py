"""`study.toml` → one frozen `Study`, or one clear error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from formulaic import Formula
from formulaic.errors import FormulaicError
from pydantic import BaseModel, ValidationError

from studypkg.declaration import Model, Study
from studypkg.errors import ConfigError, nearest
from studypkg.schema import ANALYSIS_COLUMNS, TABLES, Column, Table, with_covariates
from studypkg.vocabulary import Vocabulary, load_vocabulary

#: Fields of a `Study` that the program sets and a file may not.
_NOT_DECLARED = ("root", "as_of")
_RANDOM_TERM = re.compile(r"\(([^()|]*(?:\([^()]*\)[^()|]*)*)\|\|?([^()]*)\)")


def load_study(path: Path) -> Study:
    """Read and check a study's declaration.

    Parameters
    ----------
    path
        The file, or the folder that holds a `study.toml`.

    Returns
    -------
    Study
        Frozen. Relative paths in it count from the folder of the file.

    Raises
    ------
    ConfigError
        One error for the first fault: the key, what came, what is allowed and the nearest match.
    """
    file = path / "study.toml" if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            f'there is no study file "{file}". `study init FOLDER` writes one; `--study` names another place.'
        )
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{file.name}: not valid TOML: {fault}. Mend that line and run again.") from None
    return check_study(raw, root=file.parent, name=file.name)


def check_study(raw: Mapping[str, Any], *, root: Path, name: str = "study.toml") -> Study:
    """Check a declaration that has been read already; see `load_study`."""
    for key in _NOT_DECLARED:
        if key in raw:
            raise ConfigError(f'{name}: unknown key "{key}". Remove it.')
    try:
        study = Study.model_validate({**raw, "root": root})
    except ValidationError as fault:
        raise ConfigError(f"{name}: {_first_fault(fault)}") from None
    try:
        _check_words(study)
    except ConfigError as fault:
        raise ConfigError(f"{name}: {fault}") from None
    return study


def study_vocabulary(study: Study) -> Vocabulary:
    """Give the packaged vocabulary with the study's own terms added."""
    vocabulary = load_vocabulary()
    for section, terms in study.terms.items():
        vocabulary = vocabulary.extended(section, terms)
    return vocabulary


def study_tables(study: Study) -> dict[str, Table]:
    """Give the declared tables with the study's own covariates, and without the rules that it waives."""
    own = tuple(Column(name=name, **covariate.model_dump()) for name, covariate in study.covariates.items())
    # A day that the study gives to all rows alike is nobody's day: two scores "of one day" mean nothing then.
    dayless = {one.table for one in study.sources if TABLES[one.table].event_date in one.constants}
    tables = {}
    for name, one in TABLES.items():
        waived = {*study.screening.waive, *(["CONTRADICTING_SCORES"] if name in dayless else [])}
        tables[name] = replace(one, waived=tuple(sorted(waived)))
    return with_covariates(tables, own)


def formula_names(formula: str) -> tuple[str, tuple[str, ...]]:
    """Split a mixed-model formula into its response and the columns that it names.

    Parameters
    ----------
    formula
        In the field's notation, such as ``score ~ weeks + (1 + weeks | patient)``.

    Returns
    -------
    tuple
        The response, and the names of all columns on the right-hand side, grouping factors included.

    Raises
    ------
    ConfigError
        If the text is not a formula.

    Examples
    --------
    >>> formula_names("score ~ weeks + (1 | clinic/therapist)")
    ('score', ('clinic', 'therapist', 'weeks'))
    """
    if formula.count("~") != 1:
        raise ConfigError(f'"{formula}" is not a formula: it needs one "~" between response and predictors.')
    if formula.count("(") != formula.count(")"):
        raise ConfigError(
            f'"{formula}" has {formula.count("(")} opening and {formula.count(")")} closing brackets.'
        )
    response, right = (part.strip() for part in formula.split("~"))
    names: set[str] = set()
    for effects, groups in _RANDOM_TERM.findall(right):
        names.update(re.findall(r"[A-Za-z_]\w*", groups))
        names.update(_fixed_names(effects, formula))
    fixed = re.sub(r"\+\s*(?=\+|$)|^\s*\+", "", _RANDOM_TERM.sub("", right).strip()).strip() or "1"
    if "|" in fixed:
        raise ConfigError(f'"{formula}": a random term stands in brackets, such as (1 + weeks | patient).')
    names.update(_fixed_names(fixed, formula))
    return response, tuple(sorted(names))


def _fixed_names(text: str, formula: str) -> set[str]:
    try:
        return {str(v) for v in Formula(text).required_variables}
    except (FormulaicError, SyntaxError, ValueError, TypeError) as fault:
        reason = str(fault).splitlines()[0] if str(fault) else "it cannot be read"
        raise ConfigError(f'"{formula}" is not a formula: in "{text.strip()}", {reason}.') from None


def analysis_names(study: Study) -> tuple[str, ...]:
    """All names that a formula of this study may use."""
    modalities = tuple(study_vocabulary(study).modalities)
    return (*ANALYSIS_COLUMNS, *modalities, *study.covariates)


def _check_words(study: Study) -> None:
    vocabulary = study_vocabulary(study)
    tables = study_tables(study)
    for number, source in enumerate(study.sources, start=1):
        known = tables[source.table].column_names
        named = (*source.columns, *source.constants, *source.values, *source.scale, *source.missing_when)
        if source.melt:
            named += (source.melt.value, *(c for s in source.melt.series for c in s.set))
        for column in named:
            if column not in known:
                raise ConfigError(_unknown(f'[[sources]] {number} ("{source.table}")', column, known))
    for name, outcome in study.outcomes.items():
        vocabulary.resolve("instruments", outcome.instrument)
        contexts = tables["assessments"].column("context").allowed
        if outcome.context is not None and outcome.context not in contexts:
            raise ConfigError(_unknown(f"[outcomes.{name}] context", outcome.context, contexts))
    for key in ("sessions_done", "sessions_due"):
        column = getattr(study.adherence, key)
        if column is not None and column not in study.covariates:
            raise ConfigError(_unknown(f"[adherence] {key}", column, study.covariates))
    known = analysis_names(study)
    for name, model in study.models.items():
        _check_model(name, model, known, study.outcomes)


def _check_model(name: str, model: Model, known: Iterable[str], outcomes: Iterable[str]) -> None:
    if model.outcome is not None and model.outcome not in outcomes:
        raise ConfigError(_unknown(f"[models.{name}] outcome", model.outcome, outcomes))
    for formula in (model.formula, *model.fallback):
        try:
            response, names = formula_names(formula)
        except ConfigError as fault:
            raise ConfigError(f"[models.{name}] formula: {fault}") from None
        for column in (response, *names):
            if column not in known:
                raise ConfigError(_unknown(f"[models.{name}] formula", column, known))
    if model.effect is not None and model.effect not in model.contrasts:
        raise ConfigError(_unknown(f"[models.{name}] effect", model.effect, model.contrasts))
    for published in model.published:
        if published.contrast not in model.contrasts:
            raise ConfigError(
                _unknown(f"[models.{name}] published contrast", published.contrast, model.contrasts)
            )


def _unknown(place: str, word: str, known: Iterable[str]) -> str:
    known = tuple(known)
    return f'{place}: "{word}" is unknown.{nearest(word, known)} Allowed: {", ".join(known) or "nothing"}.'


def _first_fault(fault: ValidationError) -> str:
    faults = fault.errors(include_url=False, include_input=False)
    # a misspelt key is the cause of the key that is missing, so it is told first
    first = min(faults, key=lambda f: f["type"] != "extra_forbidden")
    location = [part for part in first["loc"] if not str(part).startswith("function-")]
    key = ".".join(f"[{p + 1}]" if isinstance(p, int) else str(p) for p in location).replace(".[", "[")
    more = f" ({fault.error_count() - 1} more to mend after this one.)" if fault.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        return (
            f'unknown key "{key}".{nearest(str(location[-1]), known)} Allowed here: {", ".join(known)}.{more}'
        )
    if first["type"] == "missing":
        return f'the key "{key}" is missing.{more}'
    reason = first["msg"].removeprefix("Value error, ")
    place = f'key "{key}": ' if key else ""
    return f"{place}{reason[0].lower()}{reason[1:]}.{more}"


def _known_keys(location: list[Any]) -> tuple[str, ...]:
    """Names of the keys that are allowed at a place of the declaration."""
    model: Any = Study
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel):
            if part not in model.model_fields:
                return ()
            model = model.model_fields[str(part)].annotation
        else:
            args = [a for a in get_args(model) if a is not type(None) and a is not Ellipsis]
            model = args[-1] if args else None
        if get_origin(model) in (Union, UnionType):
            model = next(a for a in get_args(model) if a is not type(None))
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ()
    return tuple(key for key in model.model_fields if key not in _NOT_DECLARED)

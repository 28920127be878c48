"""One adapter per Python engine: fit the model, its table of degrees of freedom included where it has one.

An adapter takes a `Model` and a table and returns a `Task`. What an engine wants prepared (columns as a
matrix) has been prepared by then; fitting and reading estimates, standard errors and degrees of freedom are
timed.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.mixed_models.cohorts import MODALITIES, Model


@dataclass
class Answer:
    """What an engine says: comparable numbers by coefficient, and remarks."""

    loglik: float | None
    estimates: dict[str, float]
    se: dict[str, float]
    df: dict[str, float] = field(default_factory=dict)
    converged: bool = True
    remark: str = ""


@dataclass
class Task:
    """A fit, ready to be timed, and how its answer is read from the result."""

    run: Callable[[], Any]
    read: Callable[[Any], Answer]


@dataclass(frozen=True)
class Peer:
    """One way of fitting: the engine, the models it can fit, and what its time includes."""

    name: str
    package: str
    models: tuple[str, ...]
    prepare: Callable[[Model, pd.DataFrame], Task]
    # Which table of degrees of freedom the time includes.
    ddf: str = ""
    # Why the answer cannot be compared with ours; empty when the model is the same.
    other_model: str = ""
    most_rows: int = 100_000_000

    @property
    def version(self) -> str:
        """The installed version, or nothing when the package is not here."""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""


def _named(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {str(n): float(v) for n, v in zip(names, values, strict=True)}


def _from_table(fit: Any, table: pd.DataFrame) -> Answer:
    return Answer(
        fit.loglik,
        table["estimate"].astype(float).to_dict(),
        table["se"].astype(float).to_dict(),
        table["df"].astype(float).to_dict(),
        remark=", ".join(fit.singular_terms),
    )


def _studypkg(ddf: str) -> Callable[[Model, pd.DataFrame], Task]:
    def prepare(model: Model, data: pd.DataFrame) -> Task:
        from studypkg import inference, models

        def run() -> Any:
            if model.name == "M3":
                fit = models.fit_mmrm(model.formula, data, subject="patient", visit="visit")
            else:
                fit = models.fit_lmm(model.formula, data)
            return fit, inference.coefficient_table(fit, ddf=ddf)

        return Task(run, lambda found: _from_table(*found))

    return prepare


def _refit(model: Model, data: pd.DataFrame) -> Task:
    """Another response on the same rows: what a bootstrap or a simulation study pays per data set."""
    from studypkg import inference, models

    fit = models.fit_lmm(model.formula, data)
    y = data["pain"].to_numpy()

    def run() -> Any:
        again = fit.refit(y)
        return again, inference.coefficient_table(again)

    return Task(run, lambda found: _from_table(*found))


def _glmm(model: Model, data: pd.DataFrame) -> Task:
    import glmm

    def run() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return glmm.fit(data, model.formula)

    return Task(
        run,
        lambda fit: Answer(
            fit.loglik, _named(fit.names, fit.beta), _named(fit.names, fit.se),
            _named(fit.names, fit.coef_df), fit.converged,
            ", ".join(sorted({w["kind"] for w in fit.warnings})),
        ),
    )  # fmt: skip


def _mixedlm(model: Model, data: pd.DataFrame) -> Task:
    import mixedlm

    def read(fit: Any) -> Answer:
        estimates = {k: float(v) for k, v in fit.fixef().items()}
        se = _named(list(estimates), np.sqrt(np.diag(fit.vcov())))
        return Answer(float(fit.logLik().value), estimates, se, converged=bool(fit.converged))

    return Task(lambda: mixedlm.lmer(model.formula, data), read)


def _lme_python(model: Model, data: pd.DataFrame) -> Task:
    import lme_python

    def run() -> Any:
        fit = lme_python.lmer(model.formula, data)
        fit.with_satterthwaite(data)
        return fit

    def read(fit: Any) -> Answer:
        names = [n.rstrip(":") for n in fit.fixed_names]
        return Answer(
            fit.log_likelihood, _named(names, fit.coefficients), _named(names, fit.std_errors),
            _named(names, fit.satterthwaite_dfs), fit.converged,
        )  # fmt: skip

    return Task(run, read)


def _interlace(model: Model, data: pd.DataFrame) -> Task:
    import interlace

    fixed, *random = model.formula.split(" + (")

    def run() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return interlace.fit(fixed, data, random=[f"({term}" for term in random])

    return Task(
        run,
        lambda fit: Answer(
            float(fit.llf_restricted), fit.fe_params.to_dict(), fit.fe_bse.to_dict(), fit.fe_df.to_dict(),
            bool(fit.converged),
        ),
    )  # fmt: skip


_STATSMODELS = "statsmodels.regression.mixed_linear_model"


def _like_statsmodels(module: str) -> Callable[[Model, pd.DataFrame], Task]:
    def prepare(model: Model, data: pd.DataFrame) -> Task:
        mixed = __import__(module, fromlist=["MixedLM"]).MixedLM
        fixed = model.formula.split(" + (")[0]
        parts: dict[str, Any] = {"groups": "patient", "re_formula": "~weeks"}
        if model.name == "M2":
            # No random slope inside components with a correlation: the slope is independent here.
            parts = {
                "groups": "clinic",
                "re_formula": "1",
                "vc_formula": {
                    "therapist": "0 + C(therapist)",
                    "patient": "0 + C(patient)",
                    "slope": "0 + C(patient):weeks",
                },
            }

        def run() -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return mixed.from_formula(fixed, data, **parts).fit(reml=True)

        def read(fit: Any) -> Answer:
            names = list(fit.model.exog_names)
            return Answer(
                float(fit.llf), _named(names, np.asarray(fit.fe_params)),
                _named(names, np.asarray(fit.bse_fe)), converged=bool(fit.converged),
            )  # fmt: skip

        return Task(run, read)

    return prepare


def _gpboost(model: Model, data: pd.DataFrame) -> Task:
    import gpboost

    names = ["Intercept", "weeks", "adherence", *MODALITIES, "baseline", "age", "sex", "weeks:adherence"]
    columns = [np.ones(len(data)), *(data[c] for c in names[1:-1]), data["weeks"] * data["adherence"]]
    x, y = np.column_stack(columns), data["pain"].to_numpy()
    groups = data[[g for g in ("patient", "therapist", "clinic") if f"| {g})" in model.formula]].to_numpy(
        object
    )
    slope = data[["weeks"]].to_numpy()

    def run() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            fit = gpboost.GPModel(
                group_data=groups, group_rand_coef_data=slope, ind_effect_group_rand_coef=[1],
                likelihood="gaussian",
            )  # fmt: skip
            fit.fit(y=y, X=x)
            return np.asarray(fit.get_coef(std_err=True, format_pandas=False))

    def read(found: Any) -> Answer:
        return Answer(None, _named(names, found[0]), _named(names, found[1]))

    return Task(run, read)


def _numpy(model: Model, data: pd.DataFrame) -> Task:
    """What numpy alone needs for one look at the rows: XᵀX and the sums of products by group."""
    names = ["weeks", "adherence", *MODALITIES, "baseline", "age", "sex"]
    columns = [np.ones(len(data)), *(data[c] for c in names), data["weeks"] * data["adherence"], data["pain"]]
    x = np.asfortranarray(np.column_stack(columns))
    weeks = x[:, 1].copy()
    groups = [g for g in ("patient", "therapist", "clinic") if f"| {g})" in model.formula]
    codes = {g: pd.factorize(data[g])[0] for g in groups}

    def run() -> float:
        total = float((x.T @ x)[0, 0])
        for group, code in codes.items():
            for column in x.T:
                total += np.bincount(code, column)[0]
            if group == "patient":
                for column in (*x.T, weeks):
                    total += np.bincount(code, weeks * column)[0]
        return total

    return Task(run, lambda total: Answer(None, {}, {}, remark="no model: the floor"))


_ALL = ("M1", "M2", "M2x", "M2f")
_SATTERTHWAITE, _KENWARD_ROGER = "Satterthwaite", "Kenward–Roger"
PEERS: dict[str, Peer] = {
    p.name: p
    for p in (
        Peer("studypkg", "studypkg", (*_ALL, "M3"), _studypkg("satterthwaite"), _SATTERTHWAITE),
        Peer("studypkg refit", "studypkg", _ALL, _refit, _SATTERTHWAITE),
        Peer("studypkg KR", "studypkg", (*_ALL, "M3"), _studypkg("kenward-roger"), _KENWARD_ROGER),
        Peer("glmm", "glmm", _ALL, _glmm, _SATTERTHWAITE),
        Peer("mixedlm", "mixedlm", _ALL, _mixedlm),
        Peer("mixedlm-rs", "mixedlm-rs", ("M1",), _like_statsmodels("mixedlm_rs")),
        Peer("lme-python", "lme-python", _ALL, _lme_python, _SATTERTHWAITE),
        Peer("interlace", "interlace-lme", _ALL, _interlace, _SATTERTHWAITE),
        Peer("gpboost", "gpboost", _ALL, _gpboost, "", "ML, slope independent of intercept"),
        Peer("statsmodels", "statsmodels", ("M1",), _like_statsmodels(_STATSMODELS)),
        Peer(
            "statsmodels vc", "statsmodels", ("M2",), _like_statsmodels(_STATSMODELS),
            other_model="slope independent of intercept", most_rows=10_000,
        ),
        Peer("numpy floor", "numpy", _ALL, _numpy, other_model="XᵀX and sums by group, no model"),
    )
}  # fmt: skip

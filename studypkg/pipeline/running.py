"""The steps of a month as plain functions: invent, ingest, fit, release. The notebooks call the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from studypkg.config import Study
from studypkg.errors import ConfigError
from studypkg.pipeline.deriving import derive_research, open_records, veil_of
from studypkg.pipeline.fitting import FittedModel, answer_as_dict, answers_as_text, fit_study
from studypkg.pipeline.measuring import Measured, measure
from studypkg.pipeline.opening import identifier_gate, open_store
from studypkg.pipeline.past import remark_of
from studypkg.records import (
    Faults,
    IngestResult,
    export_quarantine,
    ingest,
    readmit,
    summarise_quarantine,
)
from studypkg.simulate import Truth, write_network

Say = Callable[[str], None]


def simulate_records(
    study: Study,
    *,
    clinics: int | None = None,
    months: int | None = None,
    per_month: float | None = None,
    seed: int | None = None,
    folder: Path | None = None,
) -> dict[str, int]:
    """Write the invented network's records where the study reads them.

    Parameters
    ----------
    study
        A study with a `[simulation]` block; what is not given here is taken from it.
    clinics, months, per_month, seed
        Size and seed of the network.
    folder
        Write here instead.

    Returns
    -------
    dict of str to int
        Rows per table.

    Raises
    ------
    ConfigError
        If the study has no `[simulation]` block: real records are never overwritten by invented ones.
    """
    planned = study.simulation
    if planned is None:
        raise ConfigError(
            "this study has no [simulation] block, so its sources are real and are not written over. "
            "Simulate in a study of its own, or add the block."
        )
    written = write_network(
        folder or (study.root / study.sources[0].path).parent, Truth(),
        clinics=clinics or planned.clinics, months=months or planned.months,
        first_month=planned.first_month, seed=study.study.seed if seed is None else seed,
        episodes_per_month=per_month or planned.per_month, bad_rows=planned.bad_rows,
    )  # fmt: skip
    return dict(written.rows)


def ingest_records(
    study: Study,
    *,
    today: dt.date | None,
    now: dt.datetime | None = None,
    progress: Say | None = None,
) -> IngestResult:
    """Read, screen and store the study's records; the same files again change nothing.

    Parameters
    ----------
    study
        The declaration.
    today
        Last day that a row may carry.
    now
        When the batch comes in; where it is not given, `today` says the day.
    progress
        Told what is being done.
    """
    store, gate, veil = open_records(study, taking_in=True), identifier_gate(study), veil_of(study)
    result = ingest(study, store, cutoff=today, gate=gate, veil=veil, now=now, progress=progress)
    derive_research(study)
    return result


def quarantine_of(study: Study) -> list[Faults]:
    """Count what is set aside, by file, rule and column; no value of a patient."""
    return summarise_quarantine(open_records(study))


def export_rows(study: Study, path: Path) -> int:
    """Write the rows that are set aside as a CSV to be mended; it holds patients' values.

    Raises
    ------
    ConfigError
        If the file is there already, or would lie among the pages.
    """
    if path.resolve().is_relative_to(study.reports.resolve()):
        raise ConfigError(
            f"{path.name} would lie among the pages, which are passed on. Choose another folder."
        )
    return export_quarantine(open_records(study), path)


def readmit_rows(
    study: Study,
    path: Path,
    *,
    today: dt.date | None,
    now: dt.datetime | None = None,
    progress: Say | None = None,
) -> IngestResult:
    """Screen mended rows of the quarantine as if they stood so in their file, and take in the good ones."""
    gate = identifier_gate(study)
    store = open_records(study)
    result = readmit(study, store, path, cutoff=today, gate=gate, now=now, progress=progress)
    derive_research(study)
    return result


@dataclass(frozen=True)
class ModelsRun:
    """What came of fitting a study: the models' answers, and the raw comparison beside them.

    Parameters
    ----------
    study
        The declaration.
    measured
        The rows as of the cut-off.
    models
        One per model of the declaration.
    """

    study: Study
    measured: Measured
    models: tuple[FittedModel, ...]

    @property
    def failed(self) -> bool:
        """Whether any model gave no number."""
        return any(model.fit is None for model in self.models)

    def as_text(self) -> str:
        """Say the answers to a person at a terminal."""
        blocks = ["\n".join(filter(None, (self.study.study.name, remark_of(self.study))))]
        if self.models:
            blocks.append(answers_as_text(self.models))
        arms = self.measured.arms()
        if arms is not None and len(arms):
            blocks.append("Arms, raw scores (not adjusted)\n" + _frame_text(arms))
        counted = self.measured.counted_adherence()
        if counted is not None:
            table = pd.DataFrame(counted).T.reset_index(names="arm")
            blocks.append(
                "Sessions done of sessions planned. The pooled share divides the sums; the mean of the "
                "persons' shares gives every person the same weight.\n" + _frame_text(table)
            )
        return "\n\n".join(blocks)

    def as_dict(self) -> dict[str, Any]:
        """Give the answers as plain values for a machine."""
        arms = self.measured.arms()
        return {
            "study": self.study.study.name,
            "data_cutoff": self.measured.cutoff.date().isoformat(),
            "models": [
                {
                    "name": model.name,
                    "formula": model.formula,
                    "status": "ok" if model.fit is not None else "failed",
                    "reason": model.reason,
                    "fallback_used": model.fallback_used,
                    "patients": model.patients,
                    "excluded": model.excluded,
                    "fit": model.fit.to_dict() if model.fit is not None else None,
                    "answers": [answer_as_dict(answer) for answer in model.answers],
                    "cross_check": model.check.status if model.check is not None else None,
                }
                for model in self.models
            ],
            "arms": [] if arms is None else arms.astype(object).where(arms.notna(), None).to_dict("records"),
            "counted_adherence": self.measured.counted_adherence(),
        }


def fit_models(
    study: Study, *, month: str | None = None, cross_check: bool = False, progress: Say | None = None
) -> ModelsRun:
    """Fit every model of the study to its screened rows.

    Parameters
    ----------
    study
        The declaration; its records must have been ingested.
    month
        Use records up to the last day of this month; all of them where `None`.
    cross_check
        Ask statsmodels for a second opinion.
    progress
        Told what is being done.
    """
    measured = measure(study, open_store(study), month=month)
    models = fit_study(study, measured, second_opinion=cross_check, progress=progress or _silent)
    return ModelsRun(study, measured, models)


def _silent(text: str) -> None:
    """Say nothing."""


def _frame_text(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, float_format=lambda v: f"{v:.3f}", na_rep="")

"""The two notebooks that are the run: what each does, and the document that it then shows."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from studypkg.config import Study
from studypkg.inference.diagnostics import r_squared
from studypkg.measures import attenuation
from studypkg.models import CrossCheck, Fit
from studypkg.pipeline.fitting import Answer, FittedModel
from studypkg.pipeline.late import late_notes
from studypkg.pipeline.measuring import Measured, measure
from studypkg.pipeline.opening import open_store, open_study
from studypkg.pipeline.past import as_known
from studypkg.pipeline.publishing import released_folder
from studypkg.pipeline.quality import fresh_notes, release_quality
from studypkg.pipeline.releasing import (
    answers_of,
    clinic_names,
    counts_of,
    data_cutoff,
    labels_of,
    model_note,
    outcome_note,
    provenance_of,
    release_month,
    state_of,
    thresholds_of,
)
from studypkg.pipeline.running import fit_models, ingest_records
from studypkg.privacy.policies import RESEARCH_ISSUE, policy_of, refuse_calendar
from studypkg.records import RULES, IngestResult, SourceResult
from studypkg.reports import write_document
from studypkg.reports.run_documents import (
    CheckRow,
    Coefficient,
    IngestDocument,
    ModelReport,
    PublishedNote,
    ReasonNote,
    ResearchDocument,
    SourceNote,
    Variance,
)
from studypkg.review import periods


@dataclass(frozen=True)
class IngestRun:
    """The account of the records, and the document that the ingest notebook shows."""

    result: IngestResult
    document: IngestDocument


@dataclass(frozen=True)
class ModelsStep:
    """The fits, and the document that the models notebook shows."""

    models: tuple[FittedModel, ...]
    document: ResearchDocument


def ingest_step(study_file: str, month: str | None = None, today: str = "", as_of: str = "") -> IngestRun:
    """Read, screen and store the records, and describe how they came in.

    Parameters
    ----------
    study_file
        The study's declaration; looked for in the folder above too, where notebooks are one down.
    month
        Month of the page, ``YYYY-MM``; the latest in the records where `None`.
    today
        Rows dated later are quarantined; an ISO day, or nothing.
    as_of
        Describe the records as they were known then, and read no file: a batch, a day or a month.
    """
    study = as_known(open_study(_find(study_file)), as_of or None)
    refuse_calendar(policy_of(study), "the page of data quality by clinic and month")
    if study.as_of is None:
        result = ingest_records(study, today=dt.date.fromisoformat(today) if today else None)
    else:
        result = IngestResult.from_manifest(open_store(study).manifest())
    measured = measure(study, open_store(study))
    month = month or _latest_month(measured)
    when = periods(month, study.report.trend_months)
    released = release_quality(study, measured, when, state=state_of(study, result, measured))
    document = IngestDocument(
        study=study.study.name, month=month, data_cutoff=measured.cutoff.date().isoformat(),
        sources=tuple(_source_note(source) for source in result.sources),
        reasons=tuple(
            ReasonNote(table, rule, rows, RULES[rule].advice)
            for (table, rule), rows in _reasons(result).items()
        ),
        late=late_notes(study, {month, *when.months}), fresh=fresh_notes(measured, released, when),
        released=released, window=when.window, clinics=clinic_names(study, measured),
        provenance=provenance_of(study, result, measured), labels=labels_of(study),
    )  # fmt: skip
    return IngestRun(result, document)


def models_step(study_file: str, month: str | None = None, as_of: str = "") -> ModelsStep:
    """Fit the models, release the numbers of the month, and write one document per page.

    Parameters
    ----------
    study_file
        The study's declaration; its records must have been ingested.
    month
        Month of episode end, ``YYYY-MM``; the latest in the records where `None`.
    as_of
        Use the records as they were known then: a batch, a day or a month.
    """
    study = as_known(open_study(_find(study_file)), as_of or None)
    if study.privacy.policy == "research":
        # Without real months there is no month to release: the models see every record.
        month, upto = RESEARCH_ISSUE, None
    else:
        month = upto = month or _latest_month(measure(study, open_store(study)))
    run = fit_models(study, month=upto, cross_check=True)
    ingested = IngestResult.from_manifest(open_store(study).manifest())
    if upto is not None:
        _write_documents(study, run.measured, run.models, ingested, upto)
    outcome = outcome_note(study)
    document = ResearchDocument(
        study=study.study.name, month=month, data_cutoff=data_cutoff(study, run.measured),
        outcome=outcome, models=tuple(_model_report(study, m, run.measured) for m in run.models),
        thresholds=thresholds_of(study), counts=counts_of(ingested),
        provenance=provenance_of(study, ingested, run.measured), labels=labels_of(study),
    )  # fmt: skip
    return ModelsStep(run.models, document)


def _find(study_file: str) -> Path:
    """Find the study from its own folder or from its notebooks' folder."""
    path, above = Path(study_file), Path("..") / study_file
    return above if not path.exists() and above.exists() else path


def _latest_month(measured: Measured) -> str:
    """Name the month that the newest records are of."""
    return str(measured.latest.to_period("M"))


def _write_documents(
    study: Study, measured: Measured, models: tuple[FittedModel, ...], ingested: IngestResult, month: str
) -> None:
    """Write the released documents; a clinic that is gone from the records loses its old one."""
    made = release_month(study, measured, models, ingested, month)
    folder = released_folder(study, month)
    keep = {write_document(d, folder / f"clinic-{c}.json").name for c, d in made.clinics.items()}
    if made.network is not None:
        keep.add(write_document(made.network, folder / "network.json").name)
    for old in folder.glob("*.json"):
        if old.name not in keep:
            old.unlink()


def _source_note(source: SourceResult) -> SourceNote:
    return SourceNote(
        source.file, source.table, source.read, source.accepted, source.duplicate, source.quarantined,
        source.sha256, source.newest, tuple(source.notes),
    )  # fmt: skip


def _reasons(result: IngestResult) -> Counter[tuple[str, str]]:
    """Add up the rows set aside, by table and rule."""
    found: Counter[tuple[str, str]] = Counter()
    for source in result.sources:
        for rule, rows in source.reasons.items():
            found[source.table, rule] += rows
    return found


def _model_report(study: Study, model: FittedModel, measured: Measured) -> ModelReport:
    note = model_note(model)
    if model.fit is None or model.patients < study.privacy.min_cell:
        return ModelReport(model.name, note, answers=answers_of(study, (model,)))
    rows, _ = measured.analysis(study, model.declared)
    factor = attenuation(rows).factor if "adherence_between" in (model.formula or "") else None
    check = model.check
    return ModelReport(
        model.name, note, coefficients=_coefficients(model), variances=_variances(model.fit),
        answers=answers_of(study, (model,)),
        published=tuple(PublishedNote(**_published(a)) for a in model.answers if a.published),
        check_with=None if check is None else f"{check.against}: {check.status}. {check.reason}",
        check=() if check is None else _check_rows(check), attenuation=factor,
        diagnostics=_diagnostics(model.fit),
    )  # fmt: skip


def _coefficients(model: FittedModel) -> tuple[Coefficient, ...]:
    if model.coefficients is None:
        return ()
    names = ("estimate", "se", "df", "ci_low", "ci_high", "p_value")
    return tuple(
        Coefficient(str(term), **{name: float(row[name]) for name in names})
        for term, row in model.coefficients.iterrows()
    )


def _variances(fit: Fit) -> tuple[Variance, ...]:
    total = float(fit.varcomp["variance"].sum())
    correlation = [c for c in fit.varcomp if c.startswith("corr")]
    found = []
    for row in fit.varcomp.to_dict("records"):
        known = [float(row[c]) for c in correlation if pd.notna(row[c])]
        found.append(
            Variance(
                str(row["group"]),
                "" if pd.isna(row["term"]) else str(row["term"]),
                float(row["variance"]),
                float(row["sd"]),
                float(row["variance"]) / total if total else None,
                known[0] if known else None,
            )
        )
    return tuple(found)


def _published(answer: Answer) -> dict[str, Any]:
    paper = answer.published
    return {} if paper is None else paper.model_dump()


def _check_rows(check: CrossCheck) -> tuple[CheckRow, ...]:
    rows = check.table.itertuples(index=False)
    return tuple(CheckRow(str(r.term), float(r.ours), float(r.theirs)) for r in rows)


def _diagnostics(fit: Fit) -> dict[str, Any]:
    found = fit.optimisation
    plain = {"method": found.method, "evaluations": found.evaluations, "gradient": found.gradient_norm}
    told = {key: value for key, value in plain.items() if value is not None}
    told |= {"log-likelihood": round(fit.loglik, 3), "AIC": round(fit.aic, 1)}
    shares = r_squared(fit)
    told["R² of the fixed part"] = round(float(shares["marginal"]), 3)
    told["R² of the whole model"] = round(float(shares["conditional"]), 3)
    return json.loads(json.dumps(told))

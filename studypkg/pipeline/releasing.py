"""Through the release gate: from measured rows to the documents that pages are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pandas as pd

from studypkg import __version__
from studypkg.config import Study, study_vocabulary
from studypkg.errors import ConfigError
from studypkg.pipeline.fitting import FittedModel
from studypkg.pipeline.issuing import Desk
from studypkg.pipeline.measuring import Measured
from studypkg.pipeline.opening import open_store
from studypkg.privacy.policies import policy_of
from studypkg.records import IngestResult
from studypkg.reports.document import (
    Answer,
    ClinicDocument,
    Counts,
    ModelNote,
    NetworkDocument,
    OutcomeNote,
    Threshold,
)
from studypkg.review import (
    Material,
    Periods,
    cells_withheld,
    clinic_page,
    network_page,
    periods,
    shares_shown,
    tallies,
)

#: In the place of a day under the policy `research`.
NO_REAL_DAY = "not shown, dates are moved"
_SHOWN_VERSIONS = ("pandas", "numpy", "scipy", "duckdb", "glmm", "statsmodels", "papermill", "seaborn")


#: How often the pages of a month are made again with totals withheld that would join them.
_ROUNDS = 5


@dataclass(frozen=True)
class MonthDocuments:
    """The released documents of one month: one per clinic, and one for the network."""

    clinics: Mapping[str, ClinicDocument]
    network: NetworkDocument | None


def release_month(
    study: Study,
    measured: Measured,
    models: tuple[FittedModel, ...],
    ingested: IngestResult,
    month: str,
) -> MonthDocuments:
    """Make the documents of a month, every number of them through the release gate.

    Parameters
    ----------
    study, measured, models, ingested
        The declaration, the rows, the fits, and the account of what was read.
    month
        Month of episode end.

    Raises
    ------
    DisclosureError
        If a small group could be worked out from what is about to be released and all that was before.
    ConfigError
        If a clinic that the study names has no episode.
    """
    material = measured.material()
    when = _periods(study, material, month)
    stretches = {name: (name,) for name in when.months} | {when.past: when.before}
    pool = tallies(material.outcomes, stretches, min_cell=study.privacy.min_cell)
    clinics = clinic_names(study, measured)
    common = {
        "study": study.study.name,
        "month": month,
        "data_cutoff": measured.cutoff.date().isoformat(),
        "outcome": outcome_note(study),
        "thresholds": thresholds_of(study),
        "answers": answers_of(study, models),
        "model": model_note(models[0]) if models else None,
        "counts": counts_of(ingested),
        "provenance": provenance_of(study, ingested, measured),
        "labels": labels_of(study),
    }
    state = state_of(study, ingested, measured)
    totals: set[str] = set()
    for _ in range(_ROUNDS):
        desk = Desk(study, month, state)
        network, shown, withheld = None, set(), set(totals)
        if len(clinics) > 1:
            numbers, sums = network_page(material, pool, tuple(clinics), when)
            released, issue = desk.shared_page("network", numbers, sums, also_withhold=totals)
            network = NetworkDocument(clinics=clinics, released=released, issue=issue, **common)
            shown, withheld = shares_shown(released), cells_withheld(released) | totals
        pages = {}
        for clinic, name in clinics.items():
            numbers, sums = clinic_page(material, pool, clinic, when, comparable=shown)
            released, issue = desk.clinic_page(clinic, numbers, sums, also_withhold=withheld)
            pages[clinic] = ClinicDocument(
                clinic=clinic, clinic_name=name, released=released, issue=issue, **common
            )
        found = desk.joining(totals)
        if not found:
            break
        totals |= found
    # Noted before anything is written: what the ledger does not know cannot have left.
    desk.close()
    return MonthDocuments(pages, network)


def clinic_names(study: Study, measured: Measured) -> dict[str, str]:
    """List the clinics that get a page, with the names to print.

    Raises
    ------
    ConfigError
        If the study names a clinic that no episode belongs to.
    """
    present = sorted(measured.tables["episodes"]["clinic_id"].dropna().unique())
    wanted = study.report.clinics or tuple(present)
    for clinic in wanted:
        if clinic not in present:
            raise ConfigError(f'[report] clinics: no episode belongs to "{clinic}".')
    return {c: study.report.clinic_names.get(c, c.replace("_", " ").capitalize()) for c in wanted}


def state_of(study: Study, ingested: IngestResult, measured: Measured) -> str:
    """Name the state of the records that numbers come from: batch, last day that counts, and declaration."""
    batches = open_store(study).batches()
    batch = batches[-1].name if batches else ingested.fingerprint[:12]
    return f"{batch}@{data_cutoff(study, measured)}#{config_hash(study)[:8]}"


def _periods(study: Study, material: Material, month: str) -> Periods:
    ended = material.outcomes["month"].dropna()
    return periods(month, study.report.trend_months, earliest=None if ended.empty else str(ended.min()))


def outcome_note(study: Study) -> OutcomeNote:
    """Name the primary outcome as pages do."""
    name = study.primary_outcome or ""
    outcome = study.outcomes[name]
    instrument = study_vocabulary(study).instruments[outcome.instrument]
    return OutcomeNote(
        name=name.replace("_", " "), instrument=instrument.name, direction=instrument.direction,
        minimum=instrument.minimum, maximum=instrument.maximum, context=outcome.context,
    )  # fmt: skip


def thresholds_of(study: Study) -> tuple[Threshold, ...]:
    """List the limits that sort patients, each with its source."""
    outcome = study.outcomes[study.primary_outcome or ""]
    instrument = study_vocabulary(study).instruments[outcome.instrument]
    found = []
    for kind, unit in (("abs", " points"), ("pct", " %")):
        own = getattr(outcome.responder, kind)
        if outcome.responder.rule not in (kind, "either"):
            continue
        packaged = instrument.mcid(kind)
        if own is not None:
            source = outcome.responder.source or "set by this study"
            found.append(Threshold("clearly better", f"at least {own:g}{unit}", None, source))
        elif packaged is not None:
            text = f"at least {packaged.value:g}{unit}"
            found.append(Threshold("clearly better", text, packaged.population, packaged.source))
    if outcome.acceptable is not None:
        side = "or lower" if instrument.direction == "lower" else "or higher"
        text = f"a final score of {outcome.acceptable:g} {side}"
        found.append(Threshold("acceptable state", text, None, outcome.acceptable_source))
    return tuple(found)


def answers_of(study: Study, models: tuple[FittedModel, ...]) -> tuple[Answer, ...]:
    """Give the models' answers as pages show them; none from fewer patients than may be shown."""
    found = []
    for model in models:
        for label in sorted(model.declared.contrasts, key=lambda label: label != model.declared.effect):
            answer = next((a for a in model.answers if a.label == label), None)
            if answer is None or model.patients < study.privacy.min_cell:
                few = f"fewer than {study.privacy.min_cell} patients"
                why = model.reason or few
                found.append(Answer(label, status="not_computable", reason=why))
                continue
            numbers = ("estimate", "se", "df", "ci_low", "ci_high", "p_value")
            found.append(Answer(label, **{name: getattr(answer, name) for name in numbers}))
    return tuple(found)


def model_note(model: FittedModel) -> ModelNote:
    """Say how a model came to be, or why it has no number."""
    if model.fit is None:
        return ModelNote(model.declared.formula, status="failed", reason=model.reason)
    fit = model.fit
    formula = " ".join((model.formula or "").split())
    return ModelNote(
        formula=formula, n=fit.n, groups=dict(fit.groups), is_singular=fit.is_singular,
        singular_terms=tuple(fit.singular_terms), dropped={k: v for k, v in fit.dropped.items() if v},
        fallback_used=formula if model.fallback_used else None,
    )  # fmt: skip


def counts_of(ingested: IngestResult) -> Counts:
    """Give the rows of all files together, and where they went."""
    return Counts(ingested.read, ingested.accepted, ingested.duplicate, ingested.quarantined)


def provenance_of(study: Study, ingested: IngestResult, measured: Measured) -> dict[str, Any]:
    """Say what a page was made from."""
    policy = policy_of(study)
    research = policy.name == "research"
    return {
        **({} if research else _open_until(study, measured)),
        "package": __version__,
        "config_hash": config_hash(study)[:12],
        "input_hash": (ingested.inputs or ingested.fingerprint)[:12],
        "min_cell": study.privacy.min_cell,
        "adherence_window_days": study.adherence.window_days,
        "no_report": study.adherence.no_report,
        "data_cutoff": data_cutoff(study, measured),
        "policy": policy.name,
        "policy_fingerprint": policy.fingerprint,
        "libraries": {name: version(name) for name in _SHOWN_VERSIONS},
    }


def data_cutoff(study: Study, measured: Measured) -> str:
    """Name the last day that counts, where days are real."""
    real = study.privacy.policy == "internal"
    return measured.cutoff.date().isoformat() if real else NO_REAL_DAY


def _open_until(study: Study, measured: Measured) -> dict[str, str]:
    """Say until when late scores can still change the month, if they can."""
    month_end = measured.cutoff + pd.offsets.MonthEnd(0)
    until = month_end + pd.Timedelta(days=study.report.maturity_days)
    return {"late_scores_awaited_until": until.date().isoformat()} if measured.latest < until else {}


def config_hash(study: Study) -> str:
    """Hash the declaration, whatever the file's layout and comments."""
    text = json.dumps(study.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def labels_of(study: Study) -> dict[str, str]:
    """Give the plain name of every exercise, modality, diagnosis and stop rule."""
    vocabulary = study_vocabulary(study)
    sections = (
        vocabulary.exercises, vocabulary.modalities, vocabulary.conditions, vocabulary.stop_rules,
    )  # fmt: skip
    names = {term.id: term.name for section in sections for term in section.values()}
    return {**names, "any": "any event", "not_paired": "without a score at both ends"}

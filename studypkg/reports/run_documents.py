"""What the two notebooks that are the run tell: how the data came in, and how the models were fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studypkg.privacy.suppression import Released
from studypkg.reports.document import Answer, Counts, ModelNote, OutcomeNote, Threshold


@dataclass(frozen=True)
class SourceNote:
    """One raw file: its rows, and where each went."""

    source: str
    table: str
    read: int
    accepted: int
    duplicate: int = 0
    quarantined: int = 0
    sha256: str | None = None
    newest: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReasonNote:
    """Why rows of a table were set aside: the rule, how many, and what to do."""

    table: str
    rule: str
    rows: int
    advice: str = ""


@dataclass(frozen=True)
class FreshNote:
    """How old the newest row of a clinic is in each table, in days before the cut-off; None without rows."""

    clinic: str
    days: Mapping[str, int | None]


@dataclass(frozen=True)
class LateNote:
    """Rows that arrived for a month whose page had been issued; None where they are too few to count out."""

    table: str
    month: str
    rows: int | None


@dataclass(frozen=True)
class IngestDocument:
    """Everything the data-quality page says.

    Parameters
    ----------
    released
        What `review.quality_statistics` made: completeness by clinic and month, habits by clinic over
        `window`, the way to a pair and who is left out, over all clinics.
    window
        Name of the months that the habits are of.
    fresh
        Clinics with enough patients to be shown.
    clinics
        Name of each clinic by its id.
    """

    study: str
    month: str
    data_cutoff: str
    sources: tuple[SourceNote, ...]
    reasons: tuple[ReasonNote, ...] = ()
    late: tuple[LateNote, ...] = ()
    fresh: tuple[FreshNote, ...] = ()
    released: Released | None = None
    window: str = ""
    clinics: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    issue: int = 1

    kind = "ingest"

    @property
    def counts(self) -> Counts:
        """Rows of all files together."""
        names = ("read", "accepted", "duplicate", "quarantined")
        return Counts(*(sum(getattr(s, name) for s in self.sources) for name in names))


@dataclass(frozen=True)
class Coefficient:
    """A fixed effect of a model."""

    term: str
    estimate: float
    se: float | None = None
    df: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Variance:
    """A variance component: how much of the scores' spread belongs to a grouping factor."""

    group: str
    term: str
    variance: float
    sd: float
    share: float | None = None
    correlation: float | None = None


@dataclass(frozen=True)
class PublishedNote:
    """What a paper printed for one of the questions."""

    contrast: str
    estimate: float
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    source: str = ""


@dataclass(frozen=True)
class CheckRow:
    """One number as two programs give it."""

    term: str
    ours: float
    other: float


@dataclass(frozen=True)
class ModelReport:
    """One model of a study, from its formula to the second opinion."""

    name: str
    note: ModelNote
    coefficients: tuple[Coefficient, ...] = ()
    variances: tuple[Variance, ...] = ()
    answers: tuple[Answer, ...] = ()
    published: tuple[PublishedNote, ...] = ()
    check_with: str | None = None
    check: tuple[CheckRow, ...] = ()
    attenuation: float | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ResearchDocument:
    """Everything the research report says; aggregates and estimates, no patient's row."""

    study: str
    month: str
    data_cutoff: str
    outcome: OutcomeNote
    models: tuple[ModelReport, ...]
    thresholds: tuple[Threshold, ...] = ()
    counts: Counts | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    issue: int = 1

    kind = "research"

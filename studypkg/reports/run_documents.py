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


@dataclass(frozen=True)
class ReasonNote:
    """Why rows of a table were set aside: the rule, the column, how many, and the first row."""

    table: str
    rule: str
    rows: int
    column: str | None = None
    first_row: int | None = None


@dataclass(frozen=True)
class LateNote:
    """Rows that arrived for a month whose page had been issued."""

    table: str
    month: str
    rows: int


@dataclass(frozen=True)
class IngestDocument:
    """Everything the data-quality page says.

    Parameters
    ----------
    released
        Measure ``capture`` (and others by clinic): scope ``clinic``, group the clinic's id, period a month.
    clinics
        Name of each clinic by its id.
    """

    study: str
    month: str
    data_cutoff: str
    sources: tuple[SourceNote, ...]
    reasons: tuple[ReasonNote, ...] = ()
    late: tuple[LateNote, ...] = ()
    released: Released | None = None
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

"""What `study.toml` may say: one frozen pydantic model per block, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from studypkg.schema import Kind
from studypkg.sources import Block, Identifier, Source


class StudyBlock(Block):
    """`[study]`: what the study is called and where its clock stands."""

    name: str = Field(min_length=1)
    seed: int = Field(default=1, ge=0)
    timezone: str = "UTC"
    processed: Path = Path("data/processed")
    reports: Path = Path("reports")
    keep_raw: bool = True

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone of the IANA list, such as America/New_York") from None
        return value


class Covariate(Block):
    """`[covariates.NAME]`: a column of the episodes that only this study has."""

    kind: Kind
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    allowed: tuple[str, ...] = ()


class Screening(Block):
    """`[screening]`: how bad a delivery may be before the run stops with nothing replaced."""

    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    max_withdrawn_share: float = Field(default=1.0, ge=0, le=1)


class Privacy(Block):
    """`[privacy]`: the two gates, and the smallest count that may be shown."""

    min_cell: int = Field(default=11, ge=2)
    allow_columns: tuple[str, ...] = ()


class Responder(Block):
    """`[outcomes.NAME.responder]`: who counts as better. Empty values come from the vocabulary."""

    rule: Literal["abs", "pct", "either"] = "either"
    abs: float | None = Field(default=None, gt=0)
    pct: float | None = Field(default=None, gt=0, le=100)
    source: str | None = None


class Outcome(Block):
    """`[outcomes.NAME]`: an instrument in a context, and what counts as better or well enough."""

    instrument: str
    context: str | None = None
    responder: Responder = Responder()
    acceptable: float | None = None
    acceptable_source: str | None = None
    final_window_days: int = Field(default=14, ge=0)


class Adherence(Block):
    """`[adherence]`: the window before a score, and what a day without a report means.

    `sessions_done` and `sessions_due` name two covariates that hold counts per episode, for sources
    that have no log of single sessions.
    """

    window_days: int = Field(default=7, ge=1, le=365)
    no_report: Literal["missing", "zero"] = "missing"
    sessions_done: str | None = None
    sessions_due: str | None = None


class Published(Block):
    """`[models.NAME.published]`: what a paper printed for a contrast, to stand beside ours."""

    contrast: str
    estimate: float
    ci_low: float
    ci_high: float
    p_value: float | None = None
    source: str


class Model(Block):
    """`[models.NAME]`: a formula, the rows it is fitted to, and the questions put to it."""

    kind: Literal["lmm"] = "lmm"
    formula: str
    fallback: tuple[str, ...] = ()
    outcome: str | None = None
    roles: tuple[Literal["intake", "interim", "discharge", "follow_up"], ...] = ("interim", "discharge")
    weeks: tuple[float, float] | None = None
    df: Literal["satterthwaite", "kenward-roger", "between-within", "residual", "asymptotic"] = (
        "satterthwaite"
    )
    level: float = Field(default=0.95, gt=0.5, lt=1)
    contrasts: Mapping[str, str] = {}
    effect: str | None = None
    published: tuple[Published, ...] = ()


class Report(Block):
    """`[report]`: which clinics get a page, and how far back it looks."""

    clinics: tuple[str, ...] = ()
    clinic_names: Mapping[str, str] = {}
    trend_months: int = Field(default=12, ge=2, le=36)
    maturity_days: int = Field(default=14, ge=0, le=365)


class Jobs(Block):
    """`[jobs]`: where the pages are rendered."""

    workers: int = Field(default=2, ge=1, le=64)
    timeout_seconds: int = Field(default=600, ge=30)


class Simulation(Block):
    """`[simulation]`: the invented network that `study simulate` writes into the sources."""

    clinics: int = Field(default=6, ge=1)
    months: int = Field(default=12, ge=1)
    first_month: str = Field(default="2025-10", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    per_month: float = Field(default=60, gt=0)
    bad_rows: float = Field(default=0.004, ge=0, le=0.5)


class Study(Block):
    """A study, declared: everything a run may depend on, and nothing that changes while it runs."""

    study: StudyBlock
    sources: tuple[Source, ...] = Field(min_length=1)
    covariates: Mapping[Identifier, Covariate] = {}
    terms: Mapping[Identifier, Mapping[Identifier, Mapping[str, Any]]] = {}
    screening: Screening = Screening()
    privacy: Privacy = Privacy()
    outcomes: Mapping[Identifier, Outcome] = {}
    adherence: Adherence = Adherence()
    models: Mapping[Identifier, Model] = {}
    report: Report = Report()
    jobs: Jobs = Jobs()
    simulation: Simulation | None = None
    root: Path = Field(default=Path(), exclude=True)
    #: Number of the batch at which the records are looked at; set by `--as-of`, never by the file.
    as_of: int | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _compulsory_tables(self) -> Study:
        fed = {source.table for source in self.sources}
        needed = ("episodes", "assessments") if self.outcomes else ("episodes",)
        lacking = [name for name in needed if name not in fed]
        if lacking:
            raise ValueError(f'no [[sources]] feeds the table "{lacking[0]}", which this study needs')
        return self

    @property
    def primary_outcome(self) -> str | None:
        """Name of the outcome that headlines are about: the first one declared."""
        return next(iter(self.outcomes), None)

    @property
    def processed(self) -> Path:
        """Folder of the screened tables."""
        return self.root / self.study.processed

    @property
    def reports(self) -> Path:
        """Folder of the pages; pages of a past state lie apart, so that they replace no current one."""
        return self.root / self.study.reports / self.past

    @property
    def past(self) -> Path:
        """Folder, under those of the current ones, of what is made from a past state; empty for now."""
        return Path() if self.as_of is None else Path("as-of") / f"batch-{self.as_of:04d}"

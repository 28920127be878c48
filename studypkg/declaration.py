"""What `study.toml` may say: one frozen pydantic model per block, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
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


#: Rules across rows that a study may go without, where its clinics work otherwise.
Waivable = Literal[
    "SCORE_AFTER_DISCHARGE",
    "NOT_PRESCRIBED",
    "BEFORE_PRESCRIPTION",
    "AFTER_PRESCRIPTION",
    "PRESCRIPTION_QUARANTINED",
    "CONTRADICTING_SCORES",
]


class Screening(Block):
    """`[screening]`: how bad a delivery may be before the run stops with nothing replaced."""

    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    max_withdrawn_share: float = Field(default=1.0, ge=0, le=1)
    waive: tuple[Waivable, ...] = ()


class Pseudonyms(Block):
    """`[privacy.pseudonyms]`: where the secret key is, and which ways of writing an id are the same id.

    Notes
    -----
    The key itself never stands in a study file. `key_file` is a path outside the study's folder and
    outside any working copy; `key_variable` names an environment variable. `case` says whether ``ab1``
    and ``AB1`` are one person, `blanks` what becomes of blanks, `ignore` lists characters that do not
    count, such as the hyphens of a number. Unicode is composed (NFC) and leading zeros are kept, always.
    """

    key_variable: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    key_file: Path | None = None
    case: Literal["keep", "fold"] = "keep"
    blanks: Literal["keep", "trim", "remove"] = "trim"
    ignore: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> Pseudonyms:
        if self.key_variable is not None and self.key_file is not None:
            raise ValueError('write either "key_variable" or "key_file": a key has one place')
        return self


#: What becomes of a column of the study's own under the policy `research`.
Treatment = Literal["keep", "drop", "pseudonym", "zip3"]


class Research(Block):
    """`[privacy.research]`: how far the records are coarsened for those who may not see real dates.

    Notes
    -----
    `internal` is the folder of the records as the clinic knows them, from which the research tables are
    derived. `dates` is ``shift`` (each patient's days are moved by the same secret number of days, at
    most `max_shift_days` either way and never none) or ``relative`` (each patient's first intake becomes
    2000-01-01). `columns` says what becomes of columns that only this study has.
    """

    internal: Path = Path("data/internal")
    dates: Literal["shift", "relative"] = "shift"
    max_shift_days: int = Field(default=365, ge=7, le=3650)
    age_band_years: int = Field(default=5, ge=1, le=45)
    zip3: Literal["2000", "2010", "all"] = "all"
    columns: Mapping[Identifier, Treatment] = {}


class QuasiIdentifier(Block):
    """`[privacy.quasi_identifiers.COLUMN]`: what an outsider may know, and the steps to make it coarser.

    Notes
    -----
    At most one of: `bands` (widths of bands of a number), `digits` (leading characters kept of a code),
    `periods` (of a date), `groups` (for each step, the words that each group joins). The last step is
    always the column left out; a column with none of them has that step only.
    """

    bands: tuple[float, ...] = ()
    digits: tuple[int, ...] = ()
    periods: tuple[Literal["month", "quarter", "year", "decade"], ...] = ()
    groups: tuple[Mapping[str, tuple[str, ...]], ...] = ()

    @model_validator(mode="after")
    def _each_step_is_coarser(self) -> QuasiIdentifier:
        if sum(map(bool, (self.bands, self.digits, self.periods, self.groups))) > 1:
            raise ValueError('write one of "bands", "digits", "periods" and "groups"')
        if any(width <= 0 for width in self.bands) or any(n < 1 for n in self.digits):
            raise ValueError("widths and numbers of characters are above 0")
        if any(b <= a or b % a for a, b in pairwise(self.bands)):
            raise ValueError("each band width must be a multiple of the one before, such as 5, 10, 20")
        if any(b >= a for a, b in pairwise(self.digits)):
            raise ValueError("each step keeps fewer characters than the one before, such as 5, 3, 1")
        order = ("month", "quarter", "year", "decade")
        if any(order.index(b) <= order.index(a) for a, b in pairwise(self.periods)):
            raise ValueError("each period must be longer than the one before, such as month, year")
        return self


class Anonymity(Block):
    """`[privacy.anonymity]`: how alike people must be on the quasi-identifiers.

    Notes
    -----
    Every class of people with the same quasi-identifiers has at least `k` of them, at least `l` different
    values of each column in `sensitive`, and a spread of these no further than `t` from that of everyone.
    Up to `max_suppressed` of the people may be left out to get there.
    """

    k: int = Field(default=11, ge=2)
    l: float | None = Field(default=None, ge=1)  # noqa: E741 - the name of the field
    t: float | None = Field(default=None, ge=0, le=1)
    sensitive: tuple[str, ...] = ()
    max_suppressed: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _of_something(self) -> Anonymity:
        if (self.l is not None or self.t is not None) and not self.sensitive:
            raise ValueError('"l" and "t" are about the columns in "sensitive". Name them')
        return self


class Privacy(Block):
    """`[privacy]`: the two gates, the policy between them, and the smallest count that may be shown."""

    policy: Literal["internal", "research"] = "internal"
    min_cell: int = Field(default=11, ge=2)
    min_quantile: int = Field(default=20, ge=4)
    dominance: float = Field(default=10.0, ge=0, le=100)
    late_groups: Literal["hold", "protect"] = "hold"
    allow_columns: tuple[str, ...] = ()
    pseudonyms: Pseudonyms = Pseudonyms()
    research: Research = Research()
    quasi_identifiers: Mapping[Identifier, QuasiIdentifier] = {}
    anonymity: Anonymity = Anonymity()


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
    def internal(self) -> Path:
        """Folder of the records with real dates: that of the screened tables, unless they are coarsened."""
        if self.privacy.policy == "internal":
            return self.processed
        return self.root / self.privacy.research.internal

    @property
    def reports(self) -> Path:
        """Folder of the pages; pages of a past state lie apart, so that they replace no current one."""
        return self.root / self.study.reports / self.past

    @property
    def past(self) -> Path:
        """Folder, under those of the current ones, of what is made from a past state; empty for now."""
        return Path() if self.as_of is None else Path("as-of") / f"batch-{self.as_of:04d}"

"""What `study.toml` may say of other systems: a REDCap project, a FHIR export, a database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: Keys under which people write down an address or a password; neither belongs in a file that is shared.
_ADDRESS_KEYS = ("url", "uri", "dsn", "connection", "host", "user", "username", "password")


class Block(BaseModel):
    """A block of `study.toml`: frozen, and every key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Redcap(Block):
    """`[sources.redcap]`: which form of a REDCap project feeds the table, and what explains the export.

    Notes
    -----
    `dictionary`, `event_forms` and `event_names` are files that the project's own pages download; with
    `url_variable` and `token_variable`, the names of two environment variables, the records are fetched
    from the API instead. One source reads one `form`; forms that stand once for a record, such as its
    baseline, may be set `beside` it. `events` keeps the rows of some events only; `complete` those whose
    form is marked complete. Boxes are `ticks` (1 and 0) or `choices` (the chosen word, for `melt`).
    `labels` gives choices by their label. `missing_codes` are the project's missing-data codes.
    """

    dictionary: Path | None = None
    form: str | None = None
    beside: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    event_forms: Path | None = None
    event_names: Path | None = None
    complete: bool = False
    checkboxes: Literal["ticks", "choices"] = "ticks"
    labels: bool = False
    missing_codes: tuple[str, ...] = ()
    url_variable: str | None = None
    token_variable: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_token(cls, given: Any) -> Any:
        found = next(
            (key for key in (*_ADDRESS_KEYS, "token") if isinstance(given, Mapping) and key in given), None
        )
        if found is not None:
            raise ValueError(
                f'"{found}" is not written into study.toml, which is shared. Put address and token into two '
                f'environment variables and write url_variable = "REDCAP_URL" and token_variable = '
                f'"REDCAP_TOKEN". If a token stood here, have REDCap make a new one'
            )
        return given

    @field_validator("url_variable", "token_variable")
    @classmethod
    def _a_variable(cls, value: str | None) -> str | None:
        looks_like_token = value is not None and len(value) >= 32 and value.isalnum()
        if value is not None and (looks_like_token or not (value.isascii() and value.isidentifier())):
            raise ValueError(
                "this is the name of an environment variable, such as REDCAP_TOKEN, never the address or the "
                "token itself. If a token stood here, have REDCap make a new one"
            )
        return value

    @model_validator(mode="after")
    def _files_or_live(self) -> Redcap:
        if (self.url_variable is None) != (self.token_variable is None):
            raise ValueError("url_variable and token_variable go together")
        if self.live and (self.dictionary or self.event_forms or self.event_names):
            raise ValueError("the API gives dictionary and events itself: take the files out of the block")
        if len(set(self.beside)) < len(self.beside) or self.form in self.beside:
            raise ValueError("beside names a form twice, or the form that is read: name each form once")
        return self

    @property
    def live(self) -> bool:
        """Whether the records are fetched from the API."""
        return self.url_variable is not None


class FhirScore(Block):
    """`[sources.fhir.instruments]`: what a LOINC code, or an item of a questionnaire, is a score of.

    Notes
    -----
    `unit` is the one unit in which the scores are accepted, for instruments whose scale the package
    does not know, or whose records name none (`"none"`).
    """

    instrument: str
    context: str = ""
    unit: str | None = None


class Fhir(Block):
    """`[sources.fhir]`: which resources feed the table, and what FHIR itself leaves open.

    Notes
    -----
    `version` is found by the shape of the resources if it is not declared. `timezone` is the clinic's
    own: it decides on which day an instant fell. `episode` says what an episode of care is: an
    EpisodeOfCare, a Condition of the study, or everything of one patient. `instruments` and `codes` map
    codes (``CODE`` or ``system|CODE``) and items (``linkId`` or ``questionnaire#linkId``) to the study's
    words. `role` says which score is which, because FHIR does not. `date_fallback` names what may stand
    in for a time that is missing. `ids` says whether the logical ids are pseudonyms although they do not
    look so.
    """

    version: Literal["R4", "STU3", "DSTU2"] | None = None
    timezone: str | None = None
    episode: Literal["episode_of_care", "condition", "patient"] = "episode_of_care"
    instruments: Mapping[str, FhirScore] = {}
    codes: Mapping[str, str] = {}
    role: Literal["by_order", "intake", "interim", "discharge", "follow_up"] | None = None
    date_fallback: tuple[Literal["issued", "encounter"], ...] = ()
    ids: Literal["opaque", "pseudonyms"] = "opaque"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone of the IANA list, such as America/New_York") from None

    @field_validator("instruments", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {key: {"instrument": one} if isinstance(one, str) else one for key, one in value.items()}


class Sql(Block):
    """`[sources.sql]`: which rows of a database feed the table, and how to find the database.

    Notes
    -----
    `url_variable` names the environment variable that holds the database's SQLAlchemy URL; a DuckDB
    or SQLite file is named by the source's `path` instead. Either one SELECT in `query`, or a table or
    view in `relation` with the `columns` to read. `timezone` is the zone in which days are counted;
    columns that hold instants are refused without it.
    """

    url_variable: str | None = None
    query: str | None = None
    relation: str | None = None
    columns: tuple[str, ...] = ()
    timezone: str | None = None
    timeout_seconds: int = Field(default=600, ge=1, le=86_400)

    @model_validator(mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        found = next((key for key in _ADDRESS_KEYS if isinstance(given, Mapping) and key in given), None)
        if found is not None:
            raise ValueError(
                f'"{found}" is not written into study.toml, which is shared. Put the whole address of the '
                f"database into an environment variable, such as CLINIC_DB, and write "
                f'url_variable = "CLINIC_DB"'
            )
        return given

    @field_validator("url_variable")
    @classmethod
    def _a_variable(cls, value: str | None) -> str | None:
        if value is not None and not (value.isascii() and value.isidentifier()):
            raise ValueError(
                "this is the name of an environment variable, such as CLINIC_DB, never the address itself. "
                "If a password stood here, change it"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone of the IANA list, such as America/New_York") from None

    @model_validator(mode="after")
    def _one_way(self) -> Sql:
        if (self.query is None) == (self.relation is None):
            raise ValueError('write either "query", one SELECT, or "relation", a table or view')
        if self.columns and self.relation is None:
            raise ValueError('"columns" belongs to "relation"; a query lists its columns itself')
        return self

"""What a `[[sources]]` block may say: where the records are, in which shape, and how they map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from studypkg.schema import TABLES

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Block(BaseModel):
    """A block of `study.toml`: frozen, and every key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


#: Kinds whose records can lie elsewhere than in a file.
_WITHOUT_A_FILE = frozenset(("sql", "redcap"))


class Series(Block):
    """One score column of a wide source, and the values its rows get in the long table.

    Notes
    -----
    `missing_when` maps another column of the source to the text under which this score is not a
    score: a trial that writes 0 where no diary came back, and leaves a sister column blank.
    """

    column: str
    set: Mapping[str, str] = {}
    missing_when: Mapping[str, str] = {}


class Melt(Block):
    """`[sources.melt]`: turns repeated score columns into one row per score."""

    value: Identifier
    series: tuple[Series, ...] = Field(min_length=1)


class Scale(Block):
    """`[sources.scale.COLUMN]`: `value × multiply + add`, such as VAS 0–100 to 0–10 with 0.1."""

    multiply: float = 1.0
    add: float = 0.0


class Redcap(Block):
    """`[sources.redcap]`: which part of a REDCap project feeds the table."""


class Fhir(Block):
    """`[sources.fhir]`: which resources feed the table."""


class Sql(Block):
    """`[sources.sql]`: a query, and the environment variable that names its database."""


class Source(Block):
    """`[[sources]]`: one delivery that feeds one table, and how its columns map.

    Notes
    -----
    `columns` maps a column of the schema to a column of the source; a schema column that is not
    named is looked up under its own name. `constants` fill a schema column with one value, `values`
    translate the words of a column, `missing` lists words that mean "not recorded" anywhere,
    `missing_when` lists, per schema column, conditions on other source columns under which its value
    is not a value (a trial that codes a missing diary as 0 where the score is blank).
    """

    table: Literal[tuple(TABLES)]  # type: ignore[valid-type]
    kind: Literal["csv", "excel", "parquet", "redcap", "fhir", "sql", "spss", "stata", "sas"] = "csv"
    path: str = ""
    encoding: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    sheet: str | None = None
    header_row: int = Field(default=1, ge=1)
    decimal: Literal[".", ","] | None = None
    date_format: str | None = None
    missing: tuple[str, ...] = ("", "NA")
    columns: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}
    values: Mapping[str, Mapping[str, str]] = {}
    scale: Mapping[str, Scale] = {}
    missing_when: Mapping[str, Mapping[str, str]] = {}
    melt: Melt | None = None
    drop: tuple[str, ...] = ()
    redcap: Redcap | None = None
    fhir: Fhir | None = None
    sql: Sql | None = None

    @field_validator("path", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, Path) else value

    @model_validator(mode="after")
    def _has_a_place(self) -> Source:
        if not self.path and self.kind not in _WITHOUT_A_FILE:
            raise ValueError('the key "path" is missing')
        return self

    @property
    def reading(self) -> tuple[object, ...]:
        """Everything that decides how the files are read, before the mapping: equal ones are read once."""
        plain = (self.kind, self.encoding, self.delimiter, self.sheet, self.header_row)
        # A bundle is read for one table; a flat file is read for all of them.
        table = self.table if self.fhir is not None or self.kind == "fhir" else ""
        return (*plain, repr(self.redcap), repr(self.fhir), repr(self.sql), table)

    @property
    def label(self) -> str:
        """What messages call the source where no file is at hand: its path, or its kind."""
        return self.path or f"{self.kind} source of {self.table}"

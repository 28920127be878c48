"""What a `[[sources]]` block may say: where the records are, in which shape, and how they map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from studypkg.schema import TABLES
from studypkg.systems import Block, Fhir, Redcap, Sql

__all__ = ["Block", "Identifier", "Melt", "Scale", "Series", "Source"]

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


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


#: Words of a query string that carry a right to read, as in a pre-signed address: parts, and whole words.
_SECRETS = ("signature", "token", "secret", "passw", "credential", "x-amz-", "x-goog-")
_SECRET_WORDS = frozenset(("sig", "pwd", "key", "apikey", "api_key", "api-key", "auth"))


class Source(Block):
    """`[[sources]]`: one delivery that feeds one table, and how its columns map.

    Notes
    -----
    `columns` maps a column of the schema to a column of the source; a schema column that is not
    named is looked up under its own name. `constants` fill a schema column with one value, `values`
    translate the words of a column, `missing` lists words that mean "not recorded" anywhere,
    `missing_when` lists, per schema column, conditions on other source columns under which its value
    is not a value (a trial that codes a missing diary as 0 where the score is blank).

    `path` is a file, a folder, a pattern such as ``visits-*.csv``, or an address such as
    ``s3://bucket/visits/``; several files must have the same columns and count as one delivery.
    `labels` and `user_missing` are for SPSS, Stata and SAS: whether codes are replaced by their labels,
    and whether cells that the file declares missing become empty.

    `delivery` says what a delivery is: ``whole`` (everything there is; a row that is gone from it is
    withdrawn) or ``additions`` (new and corrected rows; nothing is withdrawn by absence). `withdrawn` maps
    a column of the source to the words that withdraw a row. `pseudonymise` lists columns, of the source
    or of the table, whose values are replaced by keyed pseudonyms before anything is kept of them; see
    `[privacy.pseudonyms]`. `precedence` decides between sources that
    bring the same key: the higher wins. `retired` lists columns of the source that earlier deliveries
    had and that are meant to be gone.
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
    pseudonymise: tuple[str, ...] = ()
    labels: bool = False
    user_missing: Literal["empty", "keep"] = "empty"
    delivery: Literal["whole", "additions"] = "whole"
    precedence: int = 0
    withdrawn: Mapping[str, str | tuple[str, ...]] = {}
    retired: tuple[str, ...] = ()
    redcap: Redcap | None = None
    fhir: Fhir | None = None
    sql: Sql | None = None

    @field_validator("path", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, Path) else value

    @field_validator("path")
    @classmethod
    def _no_secret(cls, value: str) -> str:
        if "://" not in value:
            return value
        try:
            parts = urlsplit(value)
            secret = "@" in parts.netloc and parts.scheme in ("http", "https", "ftp", "sftp", "ssh")
            secret = secret or parts.password is not None
        except ValueError:
            raise ValueError("this is not an address that can be read") from None
        words = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        secret = secret or any(mark in word for word in words for mark in _SECRETS)
        if secret or _SECRET_WORDS.intersection(words):
            raise ValueError(
                "the address carries a user, a password or a signature, and study.toml is shared. Take it "
                "out, change it if it was real, and give it to the run by the environment"
            )
        return value

    @model_validator(mode="after")
    def _reads_a_project(self) -> Source:
        if self.kind != "redcap":
            if self.redcap is not None:
                raise ValueError(
                    f'there is a [sources.redcap] block and kind is "{self.kind}". Write kind = "redcap": a '
                    f"project that is read as a plain file is read with everything that names people"
                )
            return self
        if self.redcap is None:
            raise ValueError(
                'kind = "redcap" needs a [sources.redcap] block, with the data dictionary or the variables '
                "of the API"
            )
        if bool(self.path) == self.redcap.live:
            raise ValueError('write either "path", a record export, or redcap.url_variable')
        if self.path and self.redcap.dictionary is None:
            raise ValueError(
                "[sources.redcap] dictionary is missing. Download the data dictionary of the project (Project"
                " Setup, Data Dictionary) and name it: it says which fields name people"
            )
        if self.labels:
            raise ValueError("write labels = true under [sources.redcap], not above it")
        if self.sheet is not None or self.header_row != 1 or self.user_missing != "empty":
            raise ValueError(
                "sheet, header_row and user_missing belong to other kinds of file. Take them out, and name "
                "the export as REDCap wrote it"
            )
        return self

    @model_validator(mode="after")
    def _reads_a_database(self) -> Source:
        if self.kind != "sql":
            return self
        if self.sql is None:
            raise ValueError('kind = "sql" needs a [sources.sql] block with a query or a relation')
        if "://" in self.path:
            raise ValueError(
                '"path" names a DuckDB or SQLite file. Put the address of a database into an environment '
                'variable and name that: url_variable = "CLINIC_DB" under [sources.sql]'
            )
        if bool(self.path) == (self.sql.url_variable is not None):
            raise ValueError('write either "path", a DuckDB or SQLite file, or sql.url_variable')
        return self

    @model_validator(mode="after")
    def _withdraws_whole_rows(self) -> Source:
        if self.withdrawn and self.melt is not None:
            raise ValueError(
                '"withdrawn" and "melt" do not go together: a row of a wide file is several records, and an '
                'empty score is none. Leave the withdrawn rows out of the file, with delivery = "whole"'
            )
        return self

    @model_validator(mode="after")
    def _has_a_place(self) -> Source:
        if not self.path and self.kind not in _WITHOUT_A_FILE:
            raise ValueError('the key "path" is missing')
        return self

    @property
    def reading(self) -> tuple[object, ...]:
        """Everything that decides how the files are read, before the mapping: equal ones are read once."""
        plain: tuple[object, ...] = (
            self.kind, self.encoding, self.delimiter, self.sheet, self.header_row,
            self.labels, self.user_missing,
        )  # fmt: skip
        if self.kind == "redcap":  # whose reader refuses identifiers that nothing replaces
            plain += (self.pseudonymise,)
        # A bundle is read for one table; a flat file is read for all of them.
        table = self.table if self.fhir is not None or self.kind == "fhir" else ""
        return (*plain, repr(self.redcap), repr(self.fhir), repr(self.sql), table)

    @property
    def label(self) -> str:
        """What messages call the source where no file is at hand: its path, or its kind."""
        return self.path or f"{self.kind} source of {self.table}"

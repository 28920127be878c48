"""A file that nobody has described yet: looked at, screened for identifiers, and a mapping proposed."""

from __future__ import annotations

import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from studypkg.columns import Column, Table
from studypkg.config import load_study, study_tables, study_vocabulary
from studypkg.declaration import Covariate, Privacy
from studypkg.errors import ConfigError, DataRejectedError
from studypkg.privacy.identifiers import find_identifiers
from studypkg.records.proposal import Look, Proposal, Proposed, look_into, propose
from studypkg.records.proposal.block import understood
from studypkg.records.quoting import ident
from studypkg.records.raw import shown
from studypkg.schema import TABLES, table, with_covariates
from studypkg.vocabulary import Vocabulary, load_vocabulary

#: Rows that are screened for identifiers here. `study ingest` screens all of them.
SCREENED_ROWS = 100_000
_MEMORY = "1GB"
#: Where to go on with what is no plain table.
_GUIDES: Mapping[str, str] = {
    "redcap": (
        "this is an export of a REDCap project. Its data dictionary says what each field is, which headings "
        "alone do not: follow docs/how-to/redcap.md"
    ),
    "redcap dictionary": (
        "this is the data dictionary of a REDCap project, and holds no records. Put it beside the record "
        "export and follow docs/how-to/redcap.md"
    ),
    "fhir": 'this is FHIR, which is read by kind = "fhir": follow docs/how-to/fhir.md',
}
#: What to do with a column that is dropped and could be used.
_ADVICE: Mapping[str, str] = {
    "age over 89": '; to use it, call the column "age_years": ages over 89 are then pooled',
    "record number": "; to use it, replace it with `study pseudonymise`",
}


@dataclass(frozen=True)
class MappedFile:
    """One table of a file: how it was opened, and what is proposed for it."""

    file: str
    look: Look
    proposal: Proposal

    @property
    def rows(self) -> int:
        """Rows that were looked at."""
        return self.look.raw.n_rows if self.look.raw else 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the file."""
        seen = (f"the first {self.rows:,} rows were looked at",) * self.look.sampled
        guide = (_GUIDES[self.look.special],) if self.look.special else ()
        return (*guide, *seen, *self.look.notes)

    @property
    def text(self) -> str:
        """The proposed blocks."""
        return "\n".join(self.proposal.blocks.values())

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {
            "file": self.file,
            "kind": self.look.kind,
            "options": dict(self.look.options),
            "rows": self.rows,
            "notes": list(self.notes),
            "columns": [_as_dict(one) for one in self.proposal.columns],
            "blocks": dict(self.proposal.blocks),
            "open": {name: list(told) for name, told in self.proposal.open.items()},
        }


def _as_dict(one: Proposed) -> dict[str, Any]:
    facts = one.facts
    return {
        "column": facts.column, "kind": facts.kind, "range": facts.range, "missing": facts.missing,
        "becomes": list(one.becomes), "confidence": one.confidence, "remark": one.remark,
    }  # fmt: skip


def map_file(
    path: Path, study: Path, *, wanted: str | None = None, sheet: str | None = None
) -> tuple[MappedFile, ...]:
    """Look at a file and propose how its columns map.

    Parameters
    ----------
    path
        The file.
    study
        The study file, or its folder; if it can be read, its own terms and covariates are known too.
    wanted
        Propose for this table, whatever the file looks like.
    sheet
        Only this sheet of a workbook.

    Returns
    -------
    tuple of MappedFile
        One, or one for each sheet. No value of a row is in it.

    Raises
    ------
    DataRejectedError
        If the file cannot be read as a table.
    UnknownTermError
        If there is no table `wanted`.
    """
    if wanted is not None:
        table(wanted)
    known, place = _known(study), _place(path, study)
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        try:
            return _mapped(path, Path(private), known, place, wanted, sheet)
        except (duckdb.Error, MemoryError):
            # What the database says may quote a cell.
            pass
    raise DataRejectedError(
        f"{shown(path)}: the columns of the file could not be looked at: it is damaged, or too large for "
        f"{_MEMORY} of memory. Write its block by hand, as docs/how-to/bring-your-own-data.md shows."
    )


def _mapped(
    path: Path,
    work: Path,
    known: tuple[Mapping[str, Table], Vocabulary, tuple[str, ...]],
    place: str,
    wanted: str | None,
    sheet: str | None,
) -> tuple[MappedFile, ...]:
    tables, vocabulary, allowed = known
    found = []
    with duckdb.connect(
        config={"memory_limit": _MEMORY, "temp_directory": str(work / "spill")}
    ) as connection:
        for look in look_into(connection, path, work, sheet=sheet):
            flagged = _flagged(connection, look, allowed)
            proposal = propose(
                connection, look, place, tables=tables, vocabulary=vocabulary, flagged=flagged, wanted=wanted
            )
            found.append(MappedFile(shown(path), look, proposal))
    return tuple(found)


def add_to_study(study: Path, texts: Sequence[str]) -> Path:
    """Write proposed blocks at the end of a study file, whose every byte stays; or into a new one.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If there is nothing to write, the file is no TOML, it reads the same file for the same table
        already, or it changed meanwhile. Then it stays as it was.
    """
    file = study / "study.toml" if study.is_dir() else study
    text = "\n".join(texts)
    if not text.strip():
        raise ConfigError("there is no block to write: no table was recognised. Name one with --table.")
    before = file.read_bytes() if file.exists() else None
    old = _old(file, before)
    declared = {(one.get("table"), str(one.get("path", "")), one.get("sheet")) for one in _sources(file, old)}
    for one in understood(text):
        if (one.table, one.path, one.sheet) in declared:
            raise ConfigError(
                f'{file.name} has a [[sources]] block of table "{one.table}" for {one.path} already. '
                f"Nothing was written. Mend that block, or remove it and run again."
            )
    after = (before or _new(file)).rstrip(b"\n") + b"\n\n" + text.encode()
    if len(_sources(file, _old(file, after))) != len(_sources(file, old)) + len(understood(text)):
        raise ConfigError(f"{file.name}: the blocks do not fit behind what is there. Nothing was written.")
    _replace(file, before, after)
    return file


def _old(file: Path, before: bytes | None) -> dict[str, Any]:
    """Read a study file, or what would become one: a list of sources in one line takes no block behind it."""
    try:
        return tomllib.loads((before or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(
            f"{file.name}: not valid TOML: {fault}. Mend that line. Nothing was written."
        ) from None


def _sources(file: Path, old: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = old.get("sources", [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ConfigError(f'{file.name}: "sources" is no list of [[sources]] blocks. Nothing was written.')
    return found


def _new(file: Path) -> bytes:
    name = file.resolve().parent.name.replace("\\", "").replace('"', "") or "study"
    return (
        f"# Every key is explained in docs/reference/study-toml.md. `study init FOLDER` writes an example.\n"
        f'[study]\nname = "{name}"\n'
    ).encode()


def _replace(file: Path, before: bytes | None, after: bytes) -> None:
    """Put the new file in the place of the old one at once, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    target = file.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".study-", suffix=".toml")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        mode = stat.S_IMODE(target.stat().st_mode) if before is not None else 0o644
        Path(name).chmod(mode)
        now = target.read_bytes() if target.exists() else None
        if now != before:
            raise ConfigError(f"{file.name} changed while it was read. Nothing was written; run again.")
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def _known(study: Path) -> tuple[Mapping[str, Table], Vocabulary, tuple[str, ...]]:
    """Give the tables and words of a study, and its columns that are no identifiers.

    Notes
    -----
    A study in the making lacks sources, and is none yet; its own terms and covariates count all the same.
    Where even these cannot be read, the package's own tables and words are used.
    """
    try:
        found = load_study(study)
        return study_tables(found), study_vocabulary(found), found.privacy.allow_columns
    except ConfigError:
        pass
    file = study / "study.toml" if study.is_dir() else study
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        vocabulary = load_vocabulary()
        for section, terms in raw.get("terms", {}).items():
            vocabulary = vocabulary.extended(section, terms)
        own = {name: Covariate(**one).model_dump() for name, one in raw.get("covariates", {}).items()}
        columns = tuple(Column(name=name, **one) for name, one in own.items())
        allowed = Privacy(**raw.get("privacy", {})).allow_columns
        return with_covariates(TABLES, columns), vocabulary, allowed
    except (ConfigError, ValueError, TypeError, AttributeError):
        return TABLES, load_vocabulary(), ()


def _place(path: Path, study: Path) -> str:
    """Write the path as a study would: from its own folder if the file lies in it."""
    root = (study if study.is_dir() else study.parent).resolve()
    whole = path.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()


def _flagged(connection: duckdb.DuckDBPyConnection, look: Look, allowed: Sequence[str]) -> dict[str, str]:
    if look.raw is None:
        return {}
    columns = [column for column in look.raw.columns if column not in allowed]
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW _screened AS SELECT * FROM {ident(look.raw.relation)} "
        f"LIMIT {SCREENED_ROWS}"
    )
    found = find_identifiers(connection, "_screened", columns)
    return {one.column: f"{one.kind}{_ADVICE.get(one.kind, '')}" for one in found}

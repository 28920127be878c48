"""A study on disk: start one, open one, and say whether it can run."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from studypkg.config import Study, load_study, study_tables
from studypkg.errors import ConfigError, StudyError
from studypkg.pipeline.deriving import check_veiled, open_records, study_key
from studypkg.privacy.identifiers import check_identifiers
from studypkg.privacy.policies import RESEARCH_ISSUE, check_mark, policy_of, refuse_calendar
from studypkg.records import RawTable
from studypkg.records.arrivals import look
from studypkg.sources import Source
from studypkg.store import Store

NOTEBOOKS = ("ingest", "models", "clinic_report", "network_report")
LIBRARIES = ("jupyterlab", "pandas", "statsmodels", "seaborn", "papermill", "duckdb")
_PACKAGE = Path(str(files("studypkg")))


def open_study(path: Path | str) -> Study:
    """Open a study by its file or its folder; see `config.load_study`."""
    return load_study(Path(path))


def open_store(study: Study) -> Store:
    """Open the study's screened tables, as they are or as they were known.

    Raises
    ------
    QualityGateError
        If they were made under another policy than the one declared now.
    DisclosureError
        If the past is asked for under `research`, whose tables keep no history.
    """
    policy = policy_of(study)
    if study.as_of is not None:
        refuse_calendar(policy, "`--as-of`")
    store = Store(study.processed, as_of=study.as_of)
    check_mark(Store(study.processed).manifest(), policy, folder=str(study.study.processed))
    return store


def issue_of(study: Study, month: str | None, clinics: tuple[str, ...]) -> str | None:
    """Name the issue of the pages that are asked for: the month, or that of a study without real months.

    Raises
    ------
    DisclosureError
        If a month or a clinic is asked for under `research`.
    """
    policy = policy_of(study)
    if month is not None or clinics:
        refuse_calendar(policy, "a page of a clinic or of a month")
    return RESEARCH_ISSUE if policy.name == "research" else month


def notebook_file(study: Study, name: str) -> Path:
    """Find a notebook: the study's own copy if it has one, else the one that comes with the package."""
    own = study.root / "notebooks" / f"{name}.ipynb"
    places = (own, _PACKAGE / "notebooks" / own.name, _PACKAGE.parent / "notebooks" / own.name)
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        f"the notebook {own.name} is missing. `study init` in a new folder writes a fresh copy."
    )


def identifier_gate(study: Study) -> Callable[[duckdb.DuckDBPyConnection, RawTable, Source], None]:
    """Make the check that stops a source with direct identifiers before any of its rows is kept."""
    tables = study_tables(study)

    def gate(connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> None:
        check_veiled(connection, raw, source)
        places = {c.name: source.columns.get(c.name, c.name) for c in tables[source.table].columns}
        of_kind = {
            kind: {places[c.name] for c in tables[source.table].columns if c.kind == kind}
            for kind in ("id", "age")
        }
        check_identifiers(
            connection, raw.relation, raw.columns, file=raw.name,
            dropped=source.drop, allowed=study.privacy.allow_columns,
            keys={*of_kind["id"], *source.pseudonymise}, pooled=of_kind["age"],
        )  # fmt: skip

    return gate


def init_study(folder: Path) -> list[Path]:
    """Write a commented study file, the notebooks and the folders of a new study.

    Raises
    ------
    ConfigError
        If the folder already holds a study; nothing is overwritten.
    """
    target = folder / "study.toml"
    if target.exists():
        raise ConfigError(f"{target} exists already and was left as it is. Choose another folder.")
    template = _first(_PACKAGE / "study.toml", _PACKAGE.parent / "study.toml")
    folder.mkdir(parents=True, exist_ok=True)
    made = [target]
    for name in ("data/raw", "data/processed", "notebooks", "reports"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in NOTEBOOKS:
        source = _first(
            _PACKAGE / "notebooks" / f"{name}.ipynb", _PACKAGE.parent / "notebooks" / f"{name}.ipynb"
        )
        made.append(Path(shutil.copyfile(source, folder / "notebooks" / source.name)))
    shutil.copyfile(template, target)
    (folder / ".gitignore").write_text("data/\nreports/\n", encoding="utf-8")
    return made


@dataclass(frozen=True)
class Check:
    """One thing that a run needs, and whether it is there."""

    what: str
    ok: bool
    found: str

    def as_dict(self) -> dict[str, Any]:
        """Give the check as plain values."""
        return asdict(self)


def check_study(study: Study) -> list[Check]:
    """Look for everything that a run of this study needs.

    Returns
    -------
    list of Check
        The declaration, each file, the folders, the notebooks and the libraries.
    """
    checks = [Check("study.toml", True, f'"{study.study.name}", {len(study.sources)} sources')]
    checks.append(_policy_check(study))
    for source in study.sources:
        there, found = look(source, study.root)
        checks.append(Check(f"source of {source.table}", there, found))
    for label, folder in (("screened tables", study.processed), ("pages", study.reports)):
        there = _writable(folder)
        found = str(folder) if there else f"{folder} cannot be written. Give this account the right to."
        checks.append(Check(f"folder of {label}", there, found))
    for name in NOTEBOOKS:
        checks.append(Check(f"notebook {name}", True, str(notebook_file(study, name).name)))
    checks.append(Check("python", sys.version_info >= (3, 11), sys.version.split()[0]))
    checks += [Check(name, True, importlib.metadata.version(name)) for name in LIBRARIES]
    return checks


def _policy_check(study: Study) -> Check:
    """Look whether the tables that are there fit the declared policy, and whether its key can be read."""
    try:
        policy = policy_of(study)
        needs_key = policy.name == "research" or policy.options
        key = f", key {study_key(study).id}" if needs_key else ""
        open_records(study, taking_in=bool(needs_key))
    except StudyError as fault:
        return Check("policy", False, str(fault))
    return Check("policy", True, f"{policy.name} ({policy.fingerprint}){key}")


def _writable(folder: Path) -> bool:
    for place in (folder, *folder.parents):
        if place.exists():
            return os.access(place, os.W_OK)
    return False


def _first(*places: Path) -> Path:
    return next(place for place in places if place.is_file())

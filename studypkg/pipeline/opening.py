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

from studypkg.config import Study, load_study
from studypkg.errors import ConfigError
from studypkg.privacy.identifiers import check_identifiers
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
    """Open the study's screened tables, as they are or as they were known."""
    return Store(study.processed, as_of=study.as_of)


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

    def gate(connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> None:
        check_identifiers(
            connection, raw.relation, raw.columns, file=raw.name,
            dropped=source.drop, allowed=study.privacy.allow_columns,
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


def _writable(folder: Path) -> bool:
    for place in (folder, *folder.parents):
        if place.exists():
            return os.access(place, os.W_OK)
    return False


def _first(*places: Path) -> Path:
    return next(place for place in places if place.is_file())

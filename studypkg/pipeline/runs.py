"""The record of a month's run, `manifest.json` beside its pages: read through one door, and what made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from studypkg.config import Study
from studypkg.errors import QualityGateError

#: What computes, draws or reads: another version of one of them may change a digit of a page.
LIBRARIES = (
    "duckdb", "formulaic", "glmm", "highspy", "matplotlib", "numpy", "pandas", "papermill", "pyarrow",
    "scipy", "seaborn", "statsmodels",
)  # fmt: skip


def run_file(study: Study, month: str) -> Path:
    """Name the file that says how the pages of a month were made."""
    return study.reports / month / "manifest.json"


def runs(study: Study) -> dict[str, dict[str, Any]]:
    """Read the record of every month whose pages stand, the earliest month first.

    Raises
    ------
    QualityGateError
        If one of them is damaged; see `read_run`.
    """
    return {path.parent.name: read_run(path) for path in sorted(study.reports.glob("*/manifest.json"))}


def read_run(path: Path) -> dict[str, Any]:
    """Read the record of a month.

    Raises
    ------
    QualityGateError
        If it is empty, cut short or something else. Without it nobody can say under which policy the
        pages beside it were made, so nothing is published next to them.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("pages"), list):
        month = path.parent.name
        raise QualityGateError(
            f"{path} is damaged, so nobody can say how the pages beside it were made. Restore it from a "
            f"backup, or move the folder {month} away and run `study monthly --month {month}`, which makes "
            f"its pages anew. Nothing was replaced."
        )
    return found


def library_versions() -> dict[str, str]:
    """Give the installed version of every library that a number, figure or page goes through."""
    return {name: version(name) for name in LIBRARIES}


def other_libraries(study: Study, month: str) -> tuple[str, ...]:
    """List the libraries that are installed in another version than the pages before were made with.

    Parameters
    ----------
    study
        The study.
    month
        A month. Its own last run counts; if it has none, that of the latest month that has pages.

    Returns
    -------
    tuple of str
        Such as ``scipy 1.16.0 (2026-02: 1.15.3)``; empty if all are the same, or if nothing is known of
        an earlier run.
    """
    before = runs(study)
    told = {name: run["libraries"] for name, run in before.items() if run.get("libraries")}
    if not told:
        return ()
    last = month if month in told else max(told)
    return differences(told[last], library_versions(), last)


def differences(before: Mapping[str, str], now: Mapping[str, str], when: str) -> tuple[str, ...]:
    """Name what is there in two versions.

    Examples
    --------
    >>> differences({"scipy": "1.15.3", "numpy": "2.2"}, {"scipy": "1.16.0", "numpy": "2.2"}, "2026-02")
    ('scipy 1.16.0 (2026-02: 1.15.3)',)
    """
    return tuple(
        f"{name} {now[name]} ({when}: {before[name]})"
        for name in sorted(before.keys() & now.keys())
        if before[name] != now[name]
    )

"""The steps of one month: the only room that introduces the others to each other.

Each step is loaded when it is first asked for: a command without models does not wait for theirs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studypkg.pipeline.mapping import MappedFile, add_to_study, map_file
    from studypkg.pipeline.opening import Check, check_study, init_study, issue_of, open_store, open_study
    from studypkg.pipeline.past import as_known, damaged_history, day_of, history_of
    from studypkg.pipeline.publishing import Page, Plan, make_month, plan_month
    from studypkg.pipeline.running import (
        ModelsRun,
        export_rows,
        fit_models,
        ingest_records,
        quarantine_of,
        readmit_rows,
        simulate_records,
    )
    from studypkg.pipeline.steps import IngestRun, ModelsStep, ingest_step, models_step

__all__ = [
    "Check",
    "IngestRun",
    "MappedFile",
    "ModelsRun",
    "ModelsStep",
    "Page",
    "Plan",
    "add_to_study",
    "as_known",
    "check_study",
    "damaged_history",
    "day_of",
    "export_rows",
    "fit_models",
    "history_of",
    "ingest_records",
    "ingest_step",
    "init_study",
    "issue_of",
    "make_month",
    "map_file",
    "models_step",
    "open_store",
    "open_study",
    "plan_month",
    "quarantine_of",
    "readmit_rows",
    "simulate_records",
]

#: Where each step lives.
_PLACES = {
    "mapping": ("MappedFile", "add_to_study", "map_file"),
    "opening": ("Check", "check_study", "init_study", "issue_of", "open_store", "open_study"),
    "past": ("as_known", "damaged_history", "day_of", "history_of"),
    "publishing": ("Page", "Plan", "make_month", "plan_month"),
    "running": (
        "ModelsRun", "export_rows", "fit_models", "ingest_records", "quarantine_of", "readmit_rows",
        "simulate_records",
    ),
    "steps": ("IngestRun", "ModelsStep", "ingest_step", "models_step"),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a step."""
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The steps of one month: the only room that introduces the others to each other."""

from studypkg.pipeline.opening import Check, check_study, init_study, open_store, open_study
from studypkg.pipeline.publishing import Page, Plan, make_month, plan_month
from studypkg.pipeline.running import ModelsRun, fit_models, ingest_records, simulate_records
from studypkg.pipeline.steps import IngestRun, ModelsStep, ingest_step, models_step

__all__ = [
    "Check",
    "IngestRun",
    "ModelsRun",
    "ModelsStep",
    "Page",
    "Plan",
    "check_study",
    "fit_models",
    "ingest_records",
    "ingest_step",
    "init_study",
    "make_month",
    "models_step",
    "open_store",
    "open_study",
    "plan_month",
    "simulate_records",
]

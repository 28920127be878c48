"""Nothing of one policy is published under, or beside, the other: tables, released documents and pages."""

from __future__ import annotations

import json
from pathlib import Path

from studypkg.config import Study
from studypkg.pipeline.deriving import open_records
from studypkg.pipeline.runs import runs
from studypkg.privacy.policies import check_documents, check_pages, policy_of


def check_study_policy(study: Study) -> None:
    """Refuse to make pages from tables, or beside pages, of another policy.

    Raises
    ------
    QualityGateError
        If the tables were made under another policy.
    DisclosureError
        If pages of another policy lie in the folder of pages.
    """
    open_records(study)
    made = {month: run.get("policy", "internal") for month, run in runs(study).items()}
    check_pages(made, policy_of(study), folder=str(study.study.reports))


def check_released(study: Study, documents: Path) -> None:
    """Refuse to make pages from documents that were released under another policy.

    Raises
    ------
    DisclosureError
        Naming the first such document.
    """
    told = {
        path.name: json.loads(path.read_text(encoding="utf-8")).get("provenance", {})
        for path in sorted(documents.glob("*.json"))
    }
    check_documents(told, policy_of(study))

"""A study as it was known at an earlier batch: its records of then, its questions of today."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from studypkg.config import Study
from studypkg.errors import ConfigError
from studypkg.pipeline.deriving import open_records
from studypkg.pipeline.opening import open_store
from studypkg.privacy.policies import policy_of, refuse_calendar
from studypkg.store import Batch, Store


def as_known(study: Study, as_of: str | None) -> Study:
    """Turn a study to a past state of its records.

    Parameters
    ----------
    study
        The study as it is.
    as_of
        Number of a batch, a day, or a month (its last day). `None` changes nothing.

    Returns
    -------
    Study
        The same declaration; its tables are those of then, and its pages go to a folder of their own. The
        released documents are those of then to the byte, so what they are stands on the pages only: see
        `remark_of`.

    Raises
    ------
    ConfigError
        If nothing was known then.
    """
    if as_of is None:
        return study
    refuse_calendar(policy_of(study), "`--as-of`")
    batch = Store(study.processed, as_of=as_of).batches()[-1]
    return study.model_copy(update={"as_of": batch.number})


def remark_of(study: Study) -> str:
    """Say on a page that it shows a past state; nothing on a page of what is known now."""
    if study.as_of is None:
        return ""
    batch = open_store(study).batches()[-1]
    day = f" of {batch.day.isoformat()}" if batch.day else ""
    return f"As known at batch {batch.number}{day}: what came in later is not in it."


def day_of(study: Study) -> dt.date | None:
    """Day on which the records that a study looks at were last added to; None for now, or without a time."""
    return None if study.as_of is None else open_store(study).batches()[-1].day


def history_of(study: Study, table: str | None = None) -> list[dict[str, Any]]:
    """List every batch with what it brought and what it did; counts only.

    Parameters
    ----------
    study
        The study.
    table
        Only what was done to this table.

    Raises
    ------
    ConfigError
        If no batch knows the table.
    """
    told = [_batch(batch, table) for batch in open_records(study).batches()]
    if table is not None and told and not any(one["tables"] for one in told):
        names = sorted({name for batch in open_records(study).batches() for name in batch.tables})
        raise ConfigError(f'the history has no table "{table}". It has: {", ".join(names)}.')
    return told


def _batch(batch: Batch, table: str | None) -> dict[str, Any]:
    account = batch.account
    sources = [one for one in account["sources"] if table in (None, one["table"])]
    counts = ("read", "accepted", "duplicate", "quarantined")
    return {
        "batch": batch.number,
        "id": batch.name,
        "day": account["day"],
        "time": account["time"],
        "kind": account["kind"],
        "cutoff": account["cutoff"],
        "package": account["package_version"],
        "rules": account["rules"][:12],
        "clock_went_back": account["clock_went_back"],
        "files": [{"name": name, "sha256": sha256} for name, sha256 in account["parts"]],
        "sources": [{name: one[name] for name in ("table", "file", *counts)} for one in sources],
        "tables": [
            {key: value for key, value in one.items() if key not in ("key", "columns")}
            for name, one in batch.tables.items()
            if table in (None, name)
        ],
    }


def damaged_history(study: Study) -> list[Path]:
    """List the files of the history that are missing or not what they were."""
    return open_records(study).damaged()

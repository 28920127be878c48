"""The batches of a history: a chain of folders, each named after its content and its place."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from studypkg.errors import ConfigError, QualityGateError
from studypkg.store.durable import sha256_of

#: How a past state may be named: the number of a batch, a day, or a month (its last day).
AsOf = int | str | date

BATCH_FILE = "batch.json"
_NO_DAY = date.min


@dataclass(frozen=True)
class Batch:
    """One batch of the history.

    Parameters
    ----------
    number
        1 for the first; no number is left out.
    name
        Folder of the batch: its number, and the first digits of the hash of its account.
    account
        What came in, when, under which rules, and what it changed; see `study history`.
    """

    number: int
    name: str
    account: Mapping[str, Any]

    @property
    def parent(self) -> str | None:
        """Name of the batch before; None for the first."""
        found: str | None = self.account.get("parent")
        return found

    @property
    def day(self) -> date | None:
        """Day from which the batch is known; None if its caller gave no time."""
        told = self.account.get("day")
        return date.fromisoformat(told) if told else None

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """For each table what the batch did to it, its key and its columns."""
        return {one["table"]: one for one in self.account.get("tables", ())}

    @property
    def files(self) -> Mapping[str, str]:
        """Hash of every file of the batch's folder."""
        found: Mapping[str, str] = self.account.get("files", {})
        return found


def batch_text(account: Mapping[str, Any]) -> str:
    """Write an account as it is stored."""
    return json.dumps(account, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def batch_name(number: int, text: str) -> str:
    """Name the folder of a batch after its number and its content.

    Examples
    --------
    >>> batch_name(3, "{}")
    '0003-44136fa355b3'
    """
    return f"{number:04d}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def chain(folder: Path, name: str | None) -> tuple[Batch, ...]:
    """Read the batches up to one, the first one first.

    Raises
    ------
    QualityGateError
        If a batch is missing or its account is not what it was.
    """
    found: list[Batch] = []
    while name is not None:
        path = folder / name / BATCH_FILE
        number = int(name[:4]) if name[:4].isdigit() else 0
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        if batch_name(number, text) != name:
            raise QualityGateError(
                f"the history is damaged: {path} is missing or not what it was. Restore the folder from a "
                f"backup, and run again. Nothing was replaced."
            )
        found.append(Batch(number, name, json.loads(text)))
        name = found[-1].parent
    return tuple(reversed(found))


def damaged_files(folder: Path, batches: Sequence[Batch]) -> list[Path]:
    """List the files of the history that are missing or not what they were."""
    return [
        path
        for batch in batches
        for file, sha256 in batch.files.items()
        if not (path := folder / batch.name / file).is_file() or sha256_of(path) != sha256
    ]


def known_at(batches: Sequence[Batch], as_of: AsOf) -> tuple[Batch, ...]:
    """List the batches that were known at a time.

    Parameters
    ----------
    batches
        All of them, the first one first.
    as_of
        Number of a batch; a day (`2026-03-31`); or a month (`2026-03`), which means its last day.

    Raises
    ------
    ConfigError
        If nothing was known then, the batch is yet to come, or the words are no such thing.
    """
    if not batches:
        raise ConfigError("there is no history yet. Run `study ingest`.")
    number = as_of if isinstance(as_of, int) else int(str(as_of)) if str(as_of).isdecimal() else None
    if number is not None:
        if not 1 <= number <= len(batches):
            raise ConfigError(
                f"there is no batch {number}: the history holds 1 to {len(batches)}. `study history` "
                f"lists them."
            )
        return tuple(batches[:number])
    day = _day_of(as_of)
    undated = [batch.number for batch in batches if batch.day is None]
    if undated:
        raise ConfigError(f"batch {undated[0]} came in without a time. Name the state by a batch's number.")
    known = tuple(batch for batch in batches if (batch.day or _NO_DAY) <= day)
    if not known:
        raise ConfigError(
            f"nothing was known on {day.isoformat()}: the first batch came in on {batches[0].day}. "
            f"`study history` lists the batches."
        )
    return known


def _day_of(as_of: AsOf) -> date:
    if isinstance(as_of, date):
        return as_of
    text = str(as_of).strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = date.fromisoformat(f"{text}-01")
            return (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        return date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigError(
            f'"{text}" is no past state. Give the number of a batch, a day as YYYY-MM-DD, or a month as '
            f"YYYY-MM. `study history` lists the batches."
        ) from None

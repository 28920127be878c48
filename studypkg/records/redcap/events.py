"""Events and arms of a longitudinal project: what they are called, and which forms belong to which."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studypkg.errors import DataRejectedError
from studypkg.records.raw import shown


@dataclass(frozen=True)
class EventName:
    """An event: its unique name, and how the labelled export writes it.

    Examples
    --------
    >>> EventName("visit_1_arm_2", "Visit 1", "2").label_in_arm
    'Visit 1 (Arm 2:'
    """

    unique: str
    label: str
    arm: str

    @property
    def label_in_arm(self) -> str:
        """How the label begins in a project with several arms."""
        return f"{self.label} (Arm {self.arm}:"


def read_event_names(path: Path) -> tuple[EventName, ...]:
    """Read the list of events (``event_name``, ``arm_num``, ``unique_event_name``)."""
    rows = _table(path, ("event_name", "arm_num", "unique_event_name"))
    return tuple(EventName(r["unique_event_name"], r["event_name"], r["arm_num"]) for r in rows)


def read_event_forms(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Read which events each form belongs to (``unique_event_name``, ``form``)."""
    found: dict[str, list[str]] = {}
    for row in _table(path, ("unique_event_name", "form")):
        found.setdefault(row["form"], []).append(row["unique_event_name"])
    return {form: tuple(events) for form, events in found.items()}


def _table(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    file = shown(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError):
        raise DataRejectedError(
            f"{file}: this is no CSV file as REDCap writes it. Download it again."
        ) from None
    for name in needed:
        if rows and name not in rows[0]:
            raise DataRejectedError(
                f'{file}: the file has no column "{name}". Download it again under Project Setup, Define My '
                f"Events or Designate Instruments."
            )
    return [{name: (row[name] or "").strip() for name in needed} for row in rows]

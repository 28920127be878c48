"""Reads tables drawn in a test, so that a clinician can check the rule and its result."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from studypkg.schema import TABLES

_KINDS = {"date": "date", "number": "number", "integer": "number", "age": "number"}
_EPISODE = {
    "patient_id": "P1",
    "episode_id": "E1",
    "clinic_id": "C1",
    "therapist_id": "T1",
    "start_date": "2026-01-01",
    "condition": "itb_syndrome",
    "surgical": "no",
}


def read_drawn(text: str) -> list[dict[str, str]]:
    """Split a table drawn with `|` into rows of words; a line of dashes under the header is skipped."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    header = [word.strip() for word in lines[0].split("|")]
    rows = []
    for line in lines[1:]:
        if set(line) <= set("-+| "):
            continue
        words = [word.strip() for word in line.split("|")]
        if len(words) != len(header):
            raise ValueError(f"a drawn row has {len(words)} cells under {len(header)} headings: {line}")
        rows.append(dict(zip(header, words, strict=True)))
    return rows


def draw_table(name: str, text: str) -> pd.DataFrame:
    """Turn a drawn table into the frame that screening would hand on; columns left out are filled."""
    rows = read_drawn(text)
    usual = _EPISODE if name == "episodes" else {"episode_id": "E1"}
    unknown = {word for row in rows for word in row} - set(TABLES[name].column_names)
    if unknown:
        raise ValueError(f"{name} has no column {', '.join(sorted(unknown))}")
    frame = {}
    for column in TABLES[name].columns:
        fallback = usual.get(column.name, column.default or "")
        words = pd.Series([row.get(column.name, fallback) for row in rows], dtype="str").replace("", None)
        if column.kind == "date":
            frame[column.name] = pd.to_datetime(words)
        elif _KINDS.get(column.kind) == "number":
            frame[column.name] = pd.to_numeric(words).astype(float)
        else:
            frame[column.name] = words.astype("str")
    return pd.DataFrame(frame)


@pytest.fixture
def draw() -> Callable[[str, str], pd.DataFrame]:
    """Give a test the reader of drawn tables."""
    return draw_table


@pytest.fixture
def drawn_rows() -> Callable[[str], list[dict[str, str]]]:
    """Give a test the rows of a drawn table that is not one of the study's tables, as words."""
    return read_drawn

"""One value of a database, as text: the same form as in every other source, or none at all."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from studypkg.errors import DataRejectedError
from studypkg.records.raw import printable

#: Longest text of one cell. What is longer is a document and no value.
LONGEST = 1 << 20


class NoTextError(Exception):
    """A value has no one way of being written; the message says what kind of thing it is."""


def text_of(value: object, zone: ZoneInfo | None) -> str | None:
    """Write a value as text.

    Parameters
    ----------
    value
        As a database driver gives it.
    zone
        Zone in which days are counted; without it an instant is refused.

    Raises
    ------
    NoTextError
        If the value has no one way of being written.

    Examples
    --------
    >>> text_of(7.0, None), text_of(Decimal("1.50"), None), text_of(True, None)
    ('7', '1.50', 'true')
    >>> text_of(dt.datetime(2025, 1, 2), None), text_of(Decimal("NaN"), None)
    ('2025-01-02', 'NaN')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            if zone is None:
                raise NoTextError("an instant with a time zone")
            value = value.astimezone(zone).replace(tzinfo=None)
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, dt.date) or (isinstance(value, dt.time) and value.tzinfo is None):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, enum.Enum)):
        return str(value.value) if isinstance(value, enum.Enum) else str(value)
    raise NoTextError(kind_of(value))


def kind_of(value: object) -> str:
    """Name the kind of a value that cannot be written as one text."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes"
    if isinstance(value, (list, tuple, set)):
        return "a list"
    if isinstance(value, dict):
        return "a structure"
    if isinstance(value, dt.timedelta):
        return "a span of time"
    return f"a value of the type {type(value).__name__}"


def columns_of(
    rows: Sequence[Sequence[object]],
    names: Sequence[str],
    writers: Sequence[Callable[[object], str | None]],
    place: str,
) -> list[list[str | None]]:
    """Turn a batch of rows into one list of texts per column.

    Parameters
    ----------
    rows
        The batch.
    names
        Names of the columns.
    writers
        For each column what writes one value, or raises `NoTextError`.
    place
        What messages call the source.

    Raises
    ------
    DataRejectedError
        Naming the column that holds what has no one way of being written, or a text too long.
    """
    columns = []
    for name, write, values in zip(names, writers, zip(*rows, strict=True), strict=True):
        try:
            texts = [write(value) for value in values]
        except NoTextError as fault:
            kind = str(fault)
        else:
            _refuse_long(texts, name, place)
            columns.append(texts)
            continue
        raise refused_column(place, name, kind)
    return columns


def refused_column(place: str, name: str, kind: str) -> DataRejectedError:
    """Word the refusal of a column by the kind of what it holds."""
    if "time zone" in kind:
        move = (
            'Say in which zone days are counted: timezone = "America/New_York" under [sources.sql], or '
            "give the clinic's local date in the query"
        )
    else:
        move = "Leave the column out, or turn it into text, a number or a day in the query"
    return DataRejectedError(
        f'{place}: the column "{printable(name)}" holds {kind}, which cannot be written as one text. '
        f"{move}. Nothing was replaced."
    )


def _refuse_long(texts: Iterable[str | None], name: str, place: str) -> None:
    if any(text is not None and len(text) > LONGEST for text in texts):
        raise DataRejectedError(
            f'{place}: the column "{printable(name)}" holds a text of more than {LONGEST >> 20} million '
            f"letters, which is a document and no value. Leave the column out. Nothing was replaced."
        )

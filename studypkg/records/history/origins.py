"""Who brings a row: the sources as the history knows them, and what each has delivered already."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from studypkg.columns import Table
from studypkg.records.cells import Reading
from studypkg.records.raw import RawTable
from studypkg.sources import Source


@dataclass(frozen=True)
class Origin:
    """A source under the name that it keeps from batch to batch.

    Parameters
    ----------
    name
        Table and place of the source; the second of two sources with the same has `#2` behind it.
    additions
        It delivers additions only, so that nothing is withdrawn by absence.
    precedence
        The higher wins where two sources bring the same key.
    taken
        For an additions source, what it has delivered: hash of the file and of its mapping.
    profile
        What the last delivery looked like: `header`, `used`, `filled` and `records`.
    """

    name: str
    additions: bool = False
    precedence: int = 0
    taken: tuple[str, ...] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Bringer:
    """One lot of records on the stage: a delivery, or rows that waited.

    Parameters
    ----------
    number
        Value of `_source` on the stage: the place in the declaration, or a number above all of them.
    raw, source, origin
        The rows as text, how they are declared, and under which name.
    since
        Number of the batch that delivered them.
    fresh
        They are delivered by this batch.
    pairs
        DuckDB table of the (`row`, `series`) that wait; empty for a delivery, which brings all its rows.
    reading
        How their file wrote days and numbers; `None` where that is yet to be found.
    """

    number: int
    raw: RawTable
    source: Source
    origin: Origin
    since: int
    fresh: bool = True
    pairs: str = ""
    reading: Reading | None = None


def name_origins(sources: Sequence[Source]) -> tuple[str, ...]:
    """Name the sources of a declaration; order counts only among sources of one table and one place.

    Examples
    --------
    >>> one = Source(table="visits", path="v.csv")
    >>> name_origins([one, one, Source(table="events", path="v.csv")])
    ('visits: v.csv', 'visits: v.csv #2', 'events: v.csv')
    """
    seen: Counter[str] = Counter()
    names = []
    for source in sources:
        plain = f"{source.table}: {source.label}"
        seen[plain] += 1
        names.append(plain if seen[plain] == 1 else f"{plain} #{seen[plain]}")
    return tuple(names)


def known_origins(sources: Sequence[Source], manifest: Mapping[str, Any]) -> dict[str, Origin]:
    """List every source that is declared, or was; a declaration of today goes before one of the past."""
    past = {
        name: Origin(**{**plain, "taken": tuple(plain["taken"])})
        for name, plain in manifest.get("origins", {}).items()
    }
    for name, source in zip(name_origins(sources), sources, strict=True):
        before = past.get(name, Origin(name))
        past[name] = Origin(
            name, source.delivery == "additions", source.precedence, before.taken, before.profile
        )
    return past


def taking(sha256: str, source: Source, table: Table) -> str:
    """Name one file as one mapping reads it: a file that was taken in so is not read again."""
    apart = {"path", "delivery", "precedence", "retired"}
    how = json.dumps(source.model_dump(mode="json", exclude=apart), sort_keys=True) + repr(table)
    return f"{sha256}:{hashlib.sha256(how.encode()).hexdigest()[:12]}"

"""What a page is made from: one JSON document of released numbers, typed and checked when read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from studypkg.errors import RenderError, nearest
from studypkg.privacy.suppression import Released, Statistic


@dataclass(frozen=True)
class OutcomeNote:
    """The outcome a page is about: its name in a sentence, its scale and which way is better."""

    name: str
    instrument: str
    direction: str
    minimum: float
    maximum: float
    unit: str = "points"
    context: str | None = None


@dataclass(frozen=True)
class Threshold:
    """A limit that sorts patients, with where it comes from."""

    name: str
    value: str
    population: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the model says to one question: an estimate with its interval, or why there is none."""

    label: str
    estimate: float | None = None
    se: float | None = None
    df: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    unit: str = "points"
    status: str = "ok"
    reason: str | None = None


@dataclass(frozen=True)
class ModelNote:
    """How a model came to be: formula, rows, groups, and whether it is on the edge."""

    formula: str
    status: str = "ok"
    reason: str | None = None
    n: int | None = None
    groups: Mapping[str, int] = field(default_factory=dict)
    is_singular: bool = False
    singular_terms: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    fallback_used: str | None = None


@dataclass(frozen=True)
class Counts:
    """Rows of the raw files and where each went."""

    read: int
    accepted: int
    duplicate: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class NetworkDocument:
    """Everything the network's page says: clinics side by side, in `released` under their ids."""

    study: str
    month: str
    data_cutoff: str
    outcome: OutcomeNote
    released: Released
    clinics: Mapping[str, str]
    thresholds: tuple[Threshold, ...] = ()
    answers: tuple[Answer, ...] = ()
    model: ModelNote | None = None
    counts: Counts | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    issue: int = 1

    kind = "network"


@dataclass(frozen=True)
class ClinicDocument:
    """Everything one clinic's page says."""

    study: str
    month: str
    clinic: str
    clinic_name: str
    data_cutoff: str
    outcome: OutcomeNote
    released: Released
    thresholds: tuple[Threshold, ...] = ()
    answers: tuple[Answer, ...] = ()
    model: ModelNote | None = None
    counts: Counts | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    issue: int = 1

    kind = "clinic"


Page = ClinicDocument | NetworkDocument


def label(document: Any, key: str) -> str:
    """Give the plain name of a group, such as an exercise or a diagnosis."""
    plain = key.replace("_", " ")
    return str(document.labels.get(key, plain.lower() if plain.isupper() else plain))


def min_cell(document: Any) -> int:
    """Give the smallest number of patients that may be shown."""
    return int(document.released.min_cell)


def get(
    document: Any, measure: str, period: str, *, scope: str = "clinic", group: str = "all"
) -> Statistic | None:
    """Look up one released number; None if the study does not have it."""
    found: Statistic | None = document.released.get(measure, scope=scope, group=group, period=period)
    return found


def to_dict(document: Any) -> dict[str, Any]:
    """Turn a document into what JSON can hold; see `from_dict`."""
    plain = {f.name: _plain(getattr(document, f.name)) for f in fields(document)}
    return {"kind": document.kind, **plain}


def build(cls: type, raw: Mapping[str, Any], place: str = "document") -> Any:
    """Make a record of a page from what JSON held.

    Parameters
    ----------
    cls
        A dataclass of this room.
    raw
        Its fields by name; a ``kind`` is passed over.
    place
        Where `raw` stands, for the message.

    Raises
    ------
    RenderError
        If a key is unknown or lacking.
    """
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls)}
    given = {key: value for key, value in raw.items() if key != "kind"}
    for key in given:
        if key not in known:
            raise RenderError(f'{place}: unknown key "{key}".{nearest(key, known)} Make the document again.')
    try:
        return cls(**{key: _typed(hints[key], value, f"{place}.{key}") for key, value in given.items()})
    except TypeError:
        required = [f.name for f in fields(cls) if f.name not in given]
        raise RenderError(
            f"{place}: a key is missing, one of {', '.join(required)}. Make the document again."
        ) from None


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a document's JSON.

    Raises
    ------
    RenderError
        If there is no such file, or it is not a document.
    """
    file = Path(path)
    if not file.is_file():
        raise RenderError(f'there is no document "{file.name}". `study fit` writes the documents of a month.')
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise RenderError(f'"{file.name}" is not a whole document. Run `study fit` again.') from None
    if not isinstance(raw, dict) or "kind" not in raw:
        raise RenderError(f'"{file.name}" is not a document: it has no key "kind". Run `study fit` again.')
    return raw


def _plain(value: Any) -> Any:
    if isinstance(value, Released):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any, place: str) -> Any:
    origin = get_origin(hint)
    if value is None:
        return None
    if origin in (Union, UnionType):
        inner = [a for a in get_args(hint) if a is not type(None)]
        return _typed(inner[0], value, place) if len(inner) == 1 else value
    if hint is Released:
        return value if isinstance(value, Released) else Released.from_dict(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return value if isinstance(value, hint) else build(hint, value, place)
    if origin is tuple:
        return tuple(_typed(get_args(hint)[0], item, f"{place}[{i}]") for i, item in enumerate(value))
    if isinstance(value, Mapping) and len(get_args(hint)) == 2:
        return {str(key): _typed(get_args(hint)[1], item, f"{place}.{key}") for key, item in value.items()}
    return value

"""An entry as declared in YAML or TOML becomes one frozen record, or one clear error."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from studypkg.errors import ConfigError, nearest
from studypkg.terms import Term

T = TypeVar("T", bound=Term)

_ID = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def read_term(record: type[T], key: str, entry: Any, *, place: str, source: str) -> T:
    """Read one term from its declaration.

    Parameters
    ----------
    record
        The record type; its fields and annotations say which keys are allowed and what they hold.
    key
        Id of the term.
    entry
        The declared keys and values, as YAML or TOML gives them.
    place
        Where it stands, for the message.
    source
        Provenance of a term that does not declare its own.

    Raises
    ------
    ConfigError
        For an id that is not in snake case, an unknown or missing key, or a value of another kind.

    Examples
    --------
    >>> from studypkg.terms import Condition
    >>> own = read_term(Condition, "migraine", {"name": "Migraine"}, place="terms", source="study")
    >>> own.words
    ('migraine', 'Migraine')
    """
    if not isinstance(key, str) or not _ID.fullmatch(key):
        raise ConfigError(f'{place}: the id "{key}" is not in snake case, such as "knee_pain". Rename it.')
    place = f"{place} {key}"
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{place}: {_kind(entry)} where keys and values are expected, such as a name.")
    if "id" in entry:
        raise ConfigError(f'{place}: remove the key "id"; the heading is the id.')
    found: T = _read(record, {"source": source, **entry, "id": key}, place)
    return found


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


def _read(record: Any, entry: Mapping[str, Any], place: str) -> Any:
    hints = _hints(record)
    for key in entry:
        if key not in hints:
            allowed = ", ".join(name for name in hints if name != "id")
            raise ConfigError(f'{place}: unknown key "{key}".{nearest(str(key), hints)} Allowed: {allowed}.')
    for field in fields(record):
        if field.name not in entry and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f'{place}: the key "{field.name}" is missing. Add it.')
    return record(**{key: _value(hints[key], value, f"{place}.{key}") for key, value in entry.items()})


def _value(hint: Any, value: Any, place: str) -> Any:
    """Check one value against the annotation of its field."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        inner = next(a for a in get_args(hint) if a is not NoneType)
        return None if value is None else _value(inner, value, place)
    if origin is Literal:
        if value not in get_args(hint):
            raise ConfigError(
                f"{place}: not an allowed word. Allowed: {', '.join(map(str, get_args(hint)))}."
            )
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{place}: {_kind(value)} where a list is expected. Put it in square brackets.")
        return tuple(
            _value(get_args(hint)[0], item, f"{place}[{n}]") for n, item in enumerate(value, start=1)
        )
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{place}: {_kind(value)} where keys and values are expected.")
        return _read(hint, value, place)
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint or value == "" or (hint is float and not math.isfinite(value)):
        raise ConfigError(f"{place}: {_kind(value)} where {_PLAIN[hint]} is expected.")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or value == "":
        return "nothing"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number without end"
    return _PLAIN.get(type(value), f"a {type(value).__name__}")

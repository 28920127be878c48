"""A proposed `[[sources]]` block as text: what is proposed stands, what has to be chosen is commented out."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from studypkg.errors import StudyError
from studypkg.sources import Source

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key_of(text: str) -> str:
    """Write a key of TOML.

    Examples
    --------
    >>> key_of("score"), key_of("Case No")
    ('score', '"Case No"')
    """
    return text if _BARE.fullmatch(text) else value_of(text)


def value_of(value: object) -> str:
    r"""Write a value of TOML.

    Examples
    --------
    >>> value_of('a "b"'), value_of(["x", 1]), value_of({"a b": "c"})
    ('"a \\"b\\""', '["x", 1]', '{"a b" = "c"}')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key_of(str(k))} = {value_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_of(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    # The escapes of JSON are those of TOML, which also wants the delete character escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def comment_of(text: str) -> str:
    """Write a remark so that it stays one line of comment."""
    return "# " + "".join(letter if letter.isprintable() else "?" for letter in text)


@dataclass
class Draft:
    """A block in the making.

    Parameters
    ----------
    table
        The table it feeds.
    head, parts
        Lines of the block itself, and of each of its parts, such as ``columns`` or ``values.role``.
    tail
        Lines behind it: a part that is commented out as a whole.
    open
        What a person has to choose before rows can come in.
    """

    table: str
    head: list[str] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def set(self, name: str, value: object, *, part: str = "", active: bool = True, remark: str = "") -> None:
        """Add a line ``name = value``; one that is not active is commented out."""
        line = f"{key_of(name)} = {value_of(value)}"
        self.line(line if active else f"# {line}", part=part, remark=remark)

    def line(self, text: str, *, part: str = "", remark: str = "") -> None:
        """Add a line as it is."""
        lines = self.parts.setdefault(part, []) if part else self.head
        lines.append(f"{text}  {comment_of(remark)}" if remark else text)

    def text(self, remarks: Sequence[str] = ()) -> str:
        """Write the block.

        Raises
        ------
        StudyError
            If the block would not be understood: a fault of the package, and nothing is written.
        """
        lines = [comment_of(remark) for remark in remarks]
        lines += ["[[sources]]", f"table = {value_of(self.table)}", *self.head]
        for part in sorted(self.parts, key=lambda name: (_PLACE.index(name.split(".")[0]), name)):
            lines += ["", f"[sources.{'.'.join(key_of(one) for one in part.split('.'))}]", *self.parts[part]]
        lines += ["", *self.tail] if self.tail else []
        text = "\n".join(lines) + "\n"
        understood(text)
        return text


_PLACE = ("columns", "constants", "values", "scale", "melt")


def understood(text: str) -> tuple[Source, ...]:
    """Read proposed blocks as a study would.

    Raises
    ------
    StudyError
        If they are not understood.
    """
    try:
        return tuple(Source(**one) for one in tomllib.loads(text).get("sources", ()))
    except ValueError:
        fault = "the proposed block is not understood by the program itself; please report this"
    raise StudyError(fault)

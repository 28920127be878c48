"""Names and words put into SQL safely: everything that comes from a file or a declaration is quoted."""

from __future__ import annotations

from collections.abc import Iterable


def ident(name: str) -> str:
    """Quote a name for SQL.

    Examples
    --------
    >>> ident("pain")
    '"pain"'
    """
    return '"' + name.replace('"', '""') + '"'


def idents(names: Iterable[str], *, of: str | None = None) -> str:
    """Quote several names and join them by commas, each led by the relation `of` if it is given.

    Examples
    --------
    >>> idents(["date", "score"], of="s")
    's."date", s."score"'
    """
    lead = f"{of}." if of else ""
    return ", ".join(lead + ident(name) for name in names)


def literal(text: str) -> str:
    """Quote a text for SQL.

    Examples
    --------
    >>> literal("patient's")
    "'patient''s'"
    """
    return "'" + text.replace("'", "''") + "'"

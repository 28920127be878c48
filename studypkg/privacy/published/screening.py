"""Text that names a person, a machine or an account: by its shape, or because a program stopped there."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from studypkg.privacy import identifier_numbers as numbers
from studypkg.privacy import identifier_shapes as shapes

#: Shapes that sentences about nobody have, too. A picture is read, not suspected.
_PROSE = frozenset(("name", "postcode", "address", "photo or biometric"))
#: Addresses that name a standard, a library or a published source, never a person.
_PUBLIC_HOSTS = re.compile(
    r"(?i)\b(https?://|www\.)+(www\.)?(w3\.org|matplotlib\.org|purl\.org|creativecommons\.org|(dx\.)?doi\.org"
    r"|ns\.adobe\.com|jupyter\.org|schemas\.(openxmlformats|microsoft)\.(org|com)|json-schema\.org|iptc\.org)"
    r"[^\s\"'<>]*"
)
_TRACE = re.compile(r"Traceback \(most recent call last\)|^[ \t]*File \"[^\"\n]+\", line \d+", re.MULTILINE)
_PATH = re.compile(
    r"(?i)(?<![\w.:/])/(home|users|root|private|mnt|media|srv|var|tmp|opt|work|data|export)/[\w.-]+"
    r"|\b[a-z]:[\\/]+[\w .-]+[\\/]|\\\\[\w.-]+\\[\w$.-]+|\bfile://"
)
#: Accounts and machines that everybody has.
_EVERYBODY = frozenset(
    [
        "root",
        "user",
        "admin",
        "runner",
        "ubuntu",
        "debian",
        "jovyan",
        "build",
        "docker",
        "localhost",
        "test",
        "guest",
        "study",
        "office",
        "clinic",
    ]
)
_WORD = re.compile(r"[\w-]+")
_MOST = 1 << 20


@dataclass(frozen=True)
class Shape:
    """Which of some texts looks like an identifier, and of what kind."""

    number: int
    kind: str


def shaped(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[Shape]:
    """Find e-mail addresses, telephones, record numbers and the like in texts.

    Parameters
    ----------
    connection
        Its patterns run in linear time, whatever the text.
    texts
        Any texts. Addresses of standards and libraries are passed over.

    Returns
    -------
    list of Shape
        The first kind for each text that has one.
    """
    cleaned = [_PUBLIC_HOSTS.sub(" ", text[:_MOST]) for text in texts]
    rows = pa.table({"i": range(len(cleaned)), "v": pa.array(cleaned, pa.string())})
    connection.register("_published", rows)
    try:
        seen = f"regexp_full_match(v, {_quoted(shapes.PLAIN)})"
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _lines AS SELECT i, v FROM _published WHERE NOT {seen}"
        )
        cases = " ".join(
            f"WHEN regexp_matches(v, {_quoted(pattern)}) THEN {_quoted(kind)}"
            for kind, pattern in shapes.TELLING
            if kind not in _PROSE
        )
        told = connection.execute(f"SELECT i, CASE {cases} END AS kind FROM _lines WHERE kind IS NOT NULL")
        found = dict(told.fetchall())
        for one in numbers.CHECKED:
            # A single cell must be beyond doubt by itself.
            if one.chance > numbers.CHANCE:
                continue
            query = f"SELECT i, trim(v) FROM _lines WHERE regexp_full_match(trim(v), {_quoted(one.pattern)})"
            found |= {
                i: one.kind
                for i, v in connection.execute(query).fetchall()
                if one.holds(v) and i not in found
            }
        return [Shape(i, found[i]) for i in sorted(found)]
    finally:
        connection.unregister("_published")
        connection.execute("DROP TABLE IF EXISTS _lines")


class Machine:
    """Names of this machine and of who runs it, looked for in text.

    Parameters
    ----------
    names
        Words to look for beside the account and the host.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        host = socket.gethostname()
        words = {getpass.getuser(), host, host.partition(".")[0], *names}
        self._words = {word.casefold() for word in words if len(word) > 3} - _EVERYBODY

    def kinds(self, text: str) -> list[str]:
        """Name what of this machine a text shows."""
        found = []
        if _TRACE.search(text):
            found.append("traceback of a program")
        if _PATH.search(text):
            found.append("path of a computer")
        if self._words and not self._words.isdisjoint(_WORD.findall(text.casefold())):
            found.append("name of an account or a computer")
        return found


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

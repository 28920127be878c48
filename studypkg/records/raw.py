"""A delivered file as the rest of the room sees it: text columns in DuckDB, and what is known of the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studypkg.errors import DataRejectedError

_CHUNK = 1 << 20
#: `_row` of a delivery in several files is the number of the file × 2⁴⁰ + the row in that file.
FILE_BITS = 40


@dataclass(frozen=True)
class Part:
    """One of several files that make one delivery: its name and the hash of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class RawTable:
    """One delivery, read as text and nothing else.

    Parameters
    ----------
    name
        Name of the file without its folder; characters that do not print are shown as `?`.
    sha256
        Hash of the file's bytes.
    relation
        DuckDB table with one text column per name in `columns`, never NULL (an empty cell is the
        empty text), and the integer column `_row`: the physical line of the record's first line (CSV),
        the row of the sheet (Excel) or the record's number from 1 (Parquet). Where several files make
        one delivery, it also says which: see `place_sql`.
    columns
        Names of the header in the order of the file, trimmed, otherwise as they stand.
    n_rows
        Records in the file. Accepted, quarantined and duplicate rows must add up to it.
    encoding, delimiter
        How the text was decoded and cut; empty for formats that have none.
    notes
        What was done or noticed without being a fault, such as "byte-order mark removed".
    parts
        The files, in order, where there are several; else empty.
    labels
        What the file itself says that a column means, where it does (SPSS, Stata, SAS).
    tidy_relation
        Name of the relation of which it is known that no cell begins or ends with a blank.
    """

    name: str
    sha256: str
    relation: str
    columns: tuple[str, ...]
    n_rows: int
    encoding: str = ""
    delimiter: str = ""
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    tidy_relation: str = ""

    @property
    def tidy(self) -> bool:
        """Whether certainly no cell begins or ends with a blank; another relation has to say so anew."""
        return bool(self.relation) and self.tidy_relation == self.relation

    def place(self, row: int) -> str:
        """Say where a row stands, by its `_row`.

        Examples
        --------
        >>> RawTable("a.csv", "", "r", (), 9).place(7)
        'row 7'
        >>> both = RawTable("*.csv", "", "r", (), 9, parts=(Part("a.csv", ""), Part("b.csv", "")))
        >>> both.place((1 << FILE_BITS) + 7)
        'row 7 of b.csv'
        """
        number = f"row {row & ((1 << FILE_BITS) - 1)}"
        return f"{number} of {self.parts[row >> FILE_BITS].name}" if self.parts else number


def place_sql(row: str) -> tuple[str, str]:
    """Write the SQL of the number of the file (from 0), and of the row in it, of a `_row`.

    Examples
    --------
    >>> place_sql("f._row")
    ('(f._row >> 40)', '(f._row & 1099511627775)')
    """
    return f"({row} >> {FILE_BITS})", f"({row} & {(1 << FILE_BITS) - 1})"


def shown(path: Path) -> str:
    """Name of a file as it may stand in a message or a page.

    Examples
    --------
    >>> shown(Path("inbox/visits.csv"))
    'visits.csv'
    """
    return printable(path.name)


def printable(text: str) -> str:
    """Show characters that do not print, such as a line end in a file name, as `?`."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def check_regular(path: Path) -> None:
    """Refuse what is not an ordinary file: a folder, a pipe, a device, or nothing.

    Raises
    ------
    DataRejectedError
        Naming what is there instead.
    """
    if not path.exists():
        raise DataRejectedError(f"{shown(path)}: there is no such file. Put it there or mend its path.")
    if not path.is_file():
        raise DataRejectedError(f"{shown(path)}: this is not an ordinary file. Name a file that holds rows.")
    if path.stat().st_size == 0:
        raise DataRejectedError(
            f"{shown(path)}: the file is empty: 0 bytes, not even a header. Export it again. "
            f"Nothing was replaced."
        )


def sha256_of(path: Path) -> str:
    """Hash of the bytes of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def relation_name(sha256: str, *settings: object) -> str:
    """Name the DuckDB table of a file: the same bytes read in the same way have the same name."""
    return "raw_" + hashlib.sha256(repr((sha256, settings)).encode()).hexdigest()[:16]

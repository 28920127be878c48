"""Counts of people that a reader sees: in the columns of tables, and in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from studypkg.privacy.published.piece import Table

_PEOPLE = r"patients?|people|persons?|participants?|episodes?|women|men|runners?|clients?|cases?|responders?"
#: A column under such a head counts people; `n` and `k` are what the package's own documents call them.
_COUNTED = re.compile(
    rf"(?i)^(.*\b({_PEOPLE}|counts?|headcount)\b.*|n|k|n_\w+|\w+_n|\w*n_?(patients|episodes)|freq\w*)$"
)
#: A head with one of these is no count: a share, a score, an account of rows or files.
_OTHER = re.compile(
    r"(?i)\b(share|percent\w*|per|rate|mean|average|median|score|scores|improvement|points|estimate|id|ids|number"
    r"|min|max|days?|weeks?|months?|years?|rows?|files?|kind|reason|unit|%)\b|%|_id$"
)
#: Heads of the account of the rows of files; the row of the table "episodes" counts no people there.
_ROWS = re.compile(r"(?i)rows?|read|accepted|repeated|duplicates?|set aside|quarantined|cells?")
_NUMBER = re.compile(r"\d{1,3}([, \u202f\u2009']\d{3})+|\d+")
_WHOLE = re.compile(rf"({_NUMBER.pattern})(\.0+)?")
_SENTENCE = re.compile(
    rf"(?i)(?P<guard>\b(?:fewer|less|more) than |\bat least |\bunder |\bbelow |\bof |\bevery |[\d.,–-])?"
    rf"(?<![\w.,–-])(?P<n>[1-9]\d{{0,2}}(?:,\d{{3}})+|[1-9]\d*) (?:of (?:the )?[\d,]+ )?(?:{_PEOPLE})\b"
)
#: A head of so many blanks or fewer.
_WORDS = 4
_LONGEST = 120
_GUARDED = re.compile(r"(?i)(fewer|less|more) than |at least |under |below |every ")


@dataclass(frozen=True)
class Seen:
    """A count of people that stands somewhere."""

    place: str
    n: int


def counts_of(table: Table) -> Iterator[Seen]:
    """Give the counts in the columns of a table that count people, row by row.

    A row whose own head names people, such as "Patients", counts as such a column does.
    """
    columns = [at for at, head in enumerate(table.heads) if is_count(head)]
    for number, row in enumerate(table.rows, start=1):
        across = columns
        if row and len(table.heads) > 1 and is_count(row[0]) and not _WHOLE.fullmatch(row[0].strip()):
            across = sorted({*columns, *(at for at in range(1, len(row)) if not _counts_rows(table, at))})
        for at in across:
            cell = row[at].strip() if at < len(row) else ""
            if _WHOLE.fullmatch(cell):
                yield Seen(f"{table.place} row {number}, column {at + 1}".strip(), number_of(cell))


def _counts_rows(table: Table, at: int) -> bool:
    return at < len(table.heads) and _ROWS.fullmatch(table.heads[at]) is not None


def is_count(head: str) -> bool:
    """Say whether a head is that of a column of counts of people.

    Examples
    --------
    >>> is_count("Patients"), is_count("n"), is_count("Share of patients"), is_count("patient_id")
    (True, True, False, False)
    """
    plain = " ".join(head.split())
    if plain.count(" ") > _WORDS or len(plain) > _LONGEST:
        return False  # a question, not a head
    if re.fullmatch(r"(?i)number of .+|no\. of .+", plain):
        return re.search(rf"(?i)\b({_PEOPLE})\b", plain) is not None
    return _COUNTED.fullmatch(plain) is not None and _OTHER.search(plain) is None


def told(text: str, place: str) -> Iterator[Seen]:
    """Give the counts in sentences, such as "61 patients"; "fewer than 11 patients" is none."""
    for match in _SENTENCE.finditer(text):
        if not _GUARDED.fullmatch(match["guard"] or ""):
            yield Seen(place, number_of(match["n"]))


def number_of(text: str) -> int:
    """Read a whole number with or without marks of the thousands."""
    return int(re.sub(r"\D", "", re.sub(r"\.0+$", "", text))[:18] or "0")

"""What a table and a column are, as declared records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from studypkg.errors import UnknownTermError, nearest

Kind = Literal["id", "date", "code", "number", "integer", "age", "flag"]

#: Ages over 89 are one group, because so few people share each of them (45 CFR 164.514(b)(2)).
TOP_AGE_YEARS = 90


@dataclass(frozen=True)
class Column:
    """One column of a table: what it means and what it may hold.

    Parameters
    ----------
    name
        Name in snake case.
    kind
        ``id`` a pseudonymous key kept as text; ``date`` a calendar day; ``code`` a word of a closed
        list; ``number`` and ``integer``; ``age`` whole years, ``90+`` for everyone over 89;
        ``flag`` yes or no.
    meaning
        One sentence for the data dictionary.
    required
        The source must supply the column, and no row may leave it empty.
    minimum, maximum
        Inclusive limits of a number, in `unit`.
    unit
        Unit of a number.
    allowed
        The closed list of a code, where the schema itself gives it.
    vocabulary
        The vocabulary section that gives the closed list instead; aliases are resolved.
    default
        Value of the column when the source has none.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    allowed: tuple[str, ...] = ()
    vocabulary: str | None = None
    default: str | None = None


@dataclass(frozen=True)
class Order:
    """Two columns of one row that must not be the wrong way round: `low` ≤ `high` where both are there."""

    low: str
    high: str


@dataclass(frozen=True)
class Plan:
    """Rows of another table of the same episode say on which days a row was due.

    Parameters
    ----------
    table
        The table of the plans.
    what, side
        Column that plan and row have in common, and the side in either.
    since, until
        First and last day of a plan; without a last day it stands.
    """

    table: str
    what: str
    side: str
    since: str
    until: str


@dataclass(frozen=True)
class Agreement:
    """Rows that are equal in `columns` are about one fact, so that `value` must be equal, too."""

    columns: tuple[str, ...]
    value: str


@dataclass(frozen=True)
class Table:
    """A table: what a row is, its columns, its key, and how it hangs on the episodes.

    Parameters
    ----------
    name, row
        Name, and what one row stands for.
    columns
        In the order in which they are stored.
    key
        Columns that identify a row. Two rows with one key and different content contradict each other.
    compulsory
        A study without this table cannot run.
    orders
        Pairs of columns that must be in order.
    event_date
        The column that says when the row happened, if it has one.
    lead_days
        How many days before the start of its episode a row may lie.
    after_end
        Whether a row may lie after the end of its episode.
    late
        Where only some rows may: the column that says which, and its words for them.
    plan
        The plan that a row must keep, if its episode has any.
    agreement
        Rows of one episode, or of two about one complaint of a person, that must not differ.
    waived
        Rules across rows that a study does not keep.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    compulsory: bool = False
    orders: tuple[Order, ...] = ()
    event_date: str | None = None
    lead_days: int = 0
    after_end: bool = False
    late: tuple[str, tuple[str, ...]] | None = None
    plan: Plan | None = None
    agreement: Agreement | None = None
    waived: tuple[str, ...] = ()
    parent: str | None = field(default="episodes")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Find a column by name.

        Raises
        ------
        UnknownTermError
            If the table has no such column; the message names the nearest ones.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownTermError(
            f'table "{self.name}" has no column "{name}".{nearest(name, self.column_names)} '
            f"Its columns are: {', '.join(self.column_names)}."
        )

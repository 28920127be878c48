"""The texts of a file that could be identifiers: each once, written plainly, with how many cells hold it.

Most cells of a study are short codes, numbers, days and hashes. One cheap condition passes them over, on the
different texts of a column where there are few and on its cells where there are many.
"""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from studypkg.privacy import identifier_days as days
from studypkg.privacy import identifier_shapes as shapes

#: A column with more different values than this share of its rows is not grouped first.
_SPREAD = 0.3
#: Rows at the head of the file that tell what its columns are like.
_HEAD = 100_000
#: Of so small a share of a column, a cell is odd in it.
ODD_SHARE = 0.05
#: A column has so many filled cells before one of them can be odd.
ODD_FROM = 20
#: Short words and numbers without a blank, a point or an at-sign cost no pattern at all.
_SHORT = (
    "strlen(v) < 9 AND v >= '0' AND v < '{' AND NOT contains(v, ' ') AND NOT contains(v, '.') "
    "AND NOT contains(v, '@') AND NOT contains(v, '/') AND NOT regexp_full_match(v, '[A-Z][a-z].*')"
)
#: A long number, or a day: looked at where the column holds others than such.
_LONG = r"[0-9]{7}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

#: Figures and signs of other scripts, full-width letters, dashes and blanks, each with its plain sign.
_OTHERS = {
    **{chr(start + n): str(n) for start in (0xFF10, 0x660, 0x6F0, 0x966, 0x9E6) for n in range(10)},
    **{chr(0xFF21 + n): chr(65 + n) for n in range(26)},
    **{chr(0xFF41 + n): chr(97 + n) for n in range(26)},
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\uff0d\ufe63", "-"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
    "\uff20": "@", "\uff0e": ".", "\uff0f": "/", "\uff1a": ":", "\uff08": "(", "\uff09": ")", "\uff0b": "+", "\uff0c": ",",
}  # fmt: skip
#: Signs that nobody sees: joiners, marks of direction, soft hyphens.
_UNSEEN = r"[\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{FEFF}]"


@dataclass(frozen=True)
class Column:
    """One column of the file.

    Parameters
    ----------
    number
        Its place in the table of texts.
    name
        Its header.
    texts
        DuckDB relation of (v, n): its different texts and how many cells hold each, or all its cells.
    filled, notable
        Filled cells, and those that are not passed over.
    figures
        Share of the filled cells, at the head of the file, that hold a figure.
    dated
        Share that look like a day.
    spread
        Different texts as a share of the filled cells, there.
    wide
        Share that have seven signs or more, and a figure among them.
    """

    number: int
    name: str
    texts: str
    filled: int
    notable: int
    figures: float
    dated: float
    spread: float
    wide: float

    @property
    def plain(self) -> float:
        """Share of the filled cells that are passed over."""
        return 1 - self.notable / self.filled if self.filled else 1.0

    def odd(self, cells: int) -> bool:
        """Say whether so many cells do not belong to the rest of the column."""
        return self.filled >= ODD_FROM and cells <= ODD_SHARE * self.filled


def folded(cell: str) -> str:
    """Write the SQL that makes a text plain: figures and letters of one width, no unseen signs, one kind of dash."""
    given, plain = "".join(_OTHERS), "".join(_OTHERS.values())
    changed = f"regexp_replace(translate(nfc_normalize({cell}), {text(given)}, {text(plain)}), {text(_UNSEEN)}, '', 'g')"
    return f"trim(CASE WHEN strlen({cell}) = length({cell}) THEN {cell} ELSE {changed} END)"


def collect(connection: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str]) -> list[Column]:
    """Fill the temporary table `_notable` of (c, v, n), and say what each column is like.

    Parameters
    ----------
    connection
        Holds the relation.
    relation
        Its columns are all text.
    names
        Columns to look at.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE _notable (c INTEGER, v VARCHAR, n BIGINT)")
    heads = _heads(connection, relation, names)
    columns = []
    for number, (name, head) in enumerate(zip(names, heads, strict=True)):
        cell = ident(name)
        texts = f"(SELECT {cell} AS v, 1 AS n FROM {ident(relation)} WHERE {cell} <> '')"
        if head.grouped or _repeats(connection, relation, cell):
            # A table and no view: else the patterns would be put to every cell before the texts are grouped.
            table = f"_texts_{number}"
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT v, count(*) AS n FROM {texts} GROUP BY v"
            )
            texts = table
        passed = f"({_SHORT}) OR regexp_full_match(v, {text(shapes.PLAIN)})"
        odd = [one for one, looked in ((_LONG, head.wide <= 0.5), (_DAY, head.dated <= 0.5)) if looked]
        # Sixteen figures are a hash by their shape, and could be a card.
        wanted = f"NOT ({passed}) OR (strlen(v) BETWEEN 16 AND 19 AND regexp_full_match(v, '[0-9]+'))"
        if odd:
            wanted += f" OR (strlen(v) >= 7 AND regexp_matches(v, {text('|'.join(odd))}))"
        connection.execute(
            f"INSERT INTO _notable SELECT {number}, w, n FROM (SELECT {folded('v')} AS w, n FROM {texts} "
            f"WHERE {wanted}) WHERE w <> ''"
        )
        columns.append((number, name, texts, head))
    filled = first(
        connection,
        f"SELECT {', '.join(f'(SELECT coalesce(sum(n), 0)::BIGINT FROM {texts})' for _, _, texts, _ in columns)}",
    )
    counted = dict(connection.execute("SELECT c, sum(n)::BIGINT FROM _notable GROUP BY c").fetchall())
    return [
        Column(
            number,
            name,
            texts,
            cells,
            counted.get(number, 0),
            head.figures,
            head.dated,
            head.spread,
            head.wide,
        )
        for (number, name, texts, head), cells in zip(columns, filled, strict=True)
    ]


def _repeats(connection: duckdb.DuckDBPyConnection, relation: str, cell: str) -> bool:
    """Say whether a column repeats its texts in the whole file, as ids of episodes do though not at its head."""
    different, cells = first(
        connection, f"SELECT approx_count_distinct({cell}), count(*) FROM {ident(relation)}"
    )
    return different <= _SPREAD * cells


def forget(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> None:
    """Drop the temporary tables."""
    for column in columns:
        if not column.texts.startswith("("):
            connection.execute(f"DROP TABLE IF EXISTS {column.texts}")
    for left in ("_notable", "_days"):
        connection.execute(f"DROP TABLE IF EXISTS {left}")


@dataclass(frozen=True)
class _Head:
    grouped: bool
    spread: float
    figures: float
    dated: float
    wide: float


def _heads(connection: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str]) -> list[_Head]:
    """Look at the first rows: how different the texts are, and what share has figures, days, many figures."""
    day = text(days.SHAPE)
    asked = []
    for name in names:
        cell = ident(name)
        asked += [
            f"approx_count_distinct({cell})",
            f"count(*) FILTER (WHERE {cell} <> '')",
            f"count(*) FILTER (WHERE regexp_matches({cell}, '[0-9]'))",
            f"count(*) FILTER (WHERE strlen({cell}) BETWEEN 6 AND 30 AND regexp_full_match({cell}, {day}))",
            f"count(*) FILTER (WHERE strlen({cell}) >= 7 AND regexp_matches({cell}, '[0-9]'))",
        ]
    rows, *counts = first(
        connection,
        f"SELECT count(*), {', '.join(asked)} FROM (SELECT * FROM {ident(relation)} LIMIT {_HEAD})",
    )
    heads = []
    for place in range(len(names)):
        different, filled, figures, dated, wide = counts[5 * place : 5 * place + 5]
        share = [count / filled if filled else 0.0 for count in (figures, dated, wide)]
        heads.append(_Head(different <= _SPREAD * rows, different / filled if filled else 0.0, *share))
    return heads


def first(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    """Give the only row of a query."""
    row = connection.execute(query).fetchone()
    return tuple(row) if row is not None else ()


def ident(name: str) -> str:
    """Quote the name of a column or a table."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a text."""
    return "'" + value.replace("'", "''") + "'"

"""Codes and labels of choices: which of the two an export holds, and how one becomes the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb

from studypkg.errors import DataRejectedError
from studypkg.records.quoting import ident, literal
from studypkg.records.redcap.dictionary import Field

#: What the labelled export writes for the state of a form, and for a box.
STATUS = (("0", "Incomplete"), ("1", "Unverified"), ("2", "Complete"))
TICK = (("1", "Checked"), ("0", "Unchecked"))


def pairs_of(column: str, fields: Mapping[str, Field]) -> tuple[tuple[str, str], ...]:
    """List the codes and labels that a column can hold; none for a column without choices."""
    field = fields.get(column)
    if field is None:
        return STATUS if column.endswith("_complete") else ()
    return TICK if field.kind == "checkbox" else field.choices


def holds_labels(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], fields: Mapping[str, Field]
) -> bool:
    """Say whether an export holds labels rather than codes, by the cells of all its choice columns.

    Notes
    -----
    One column may hold old values that are no choice any more, or labels that look like codes; all
    columns together tell.
    """
    counts = []
    for column in columns:
        pairs = pairs_of(column, fields)
        if pairs:
            codes, labels = ({pair[at] for pair in pairs} for at in (0, 1))
            counts.append((_count(column, codes - labels), _count(column, labels - codes)))
    if not counts:
        return False
    sums = [" + ".join(pair[at] for pair in counts) for at in (0, 1)]
    row = connection.execute(f"SELECT {sums[0]}, {sums[1]} FROM {ident(relation)}").fetchone()
    return row is not None and int(row[1]) > int(row[0])


def as_code(cell: str, pairs: Iterable[tuple[str, str]], *, column: str, file: str) -> str:
    """Write the SQL that turns a label into its code.

    Raises
    ------
    DataRejectedError
        If two choices have one label.
    """
    labels = [label for _, label in pairs]
    if len(set(labels)) < len(labels):
        raise DataRejectedError(
            f'{file}: two choices of "{column}" have the same label, so labels cannot be told apart. Export '
            f"raw data (codes). Nothing was replaced."
        )
    return _translated(cell, [(label, code) for code, label in pairs])


def as_label(cell: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Write the SQL that turns a code into its label."""
    return _translated(cell, list(pairs))


def _translated(cell: str, pairs: Sequence[tuple[str, str]]) -> str:
    if not pairs:
        return cell
    cases = " ".join(f"WHEN {literal(found)} THEN {literal(meant)}" for found, meant in pairs)
    return f"CASE trim({cell}) {cases} ELSE {cell} END"


def _count(column: str, words: Iterable[str]) -> str:
    listed = ", ".join(literal(word) for word in sorted(words))
    return f"count(*) FILTER (WHERE trim({ident(column)}) IN ({listed}))" if listed else "0"

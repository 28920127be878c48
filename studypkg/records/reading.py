"""How a source writes its days and numbers: as declared, or as its own values leave no doubt."""

from __future__ import annotations

import duckdb

from studypkg.columns import Table
from studypkg.errors import DataRejectedError
from studypkg.records.cells import ISO_FORMATS, Reading
from studypkg.records.dates import Ambiguous, detect_date_order, detect_decimal
from studypkg.records.mapping import Mapped
from studypkg.records.raw import RawTable
from studypkg.records.texts import texts_of
from studypkg.sources import Source


def find_reading(
    connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source, table: Table, mapped: Mapped
) -> Reading:
    """Settle for every column of a mapped source how its texts are to be read.

    Parameters
    ----------
    connection
        Where the mapped source lives.
    raw
        The file, for messages.
    source
        Its declaration; `date_format` and `decimal` hold for the whole file.
    table
        The table it feeds.
    mapped
        The source as text under the table's names, missing cells NULL.

    Returns
    -------
    Reading
        Formats, decimal signs and scales by column.

    Raises
    ------
    DataRejectedError
        If the values of a column can be read in two ways and the declaration does not say which.

    Notes
    -----
    Days written YYYY-MM-DD can be read in one way only and are understood in every column. Constants
    are written in the declaration's own way: YYYY-MM-DD, decimal point.
    """
    formats, signs = {}, {}
    for column in table.columns:
        if column.name in mapped.constants or column.name in mapped.absent:
            continue
        if column.kind == "date":
            declared = (source.date_format,) if source.date_format else None
            found = declared or _date_formats(connection, raw, mapped, column.name)
            formats[column.name] = tuple(dict.fromkeys((*found, *ISO_FORMATS)))
        elif column.kind in ("number", "integer", "age"):
            signs[column.name] = source.decimal or _decimal_sign(connection, raw, mapped, column.name)
    return Reading(formats, signs, dict(source.scale))


def _date_formats(
    connection: duckdb.DuckDBPyConnection, raw: RawTable, mapped: Mapped, name: str
) -> tuple[str, ...]:
    found = detect_date_order(
        connection, mapped.relation, name, texts=texts_of(connection, mapped.relation, name).relation
    )
    if isinstance(found, Ambiguous):
        raise _asked(raw, mapped, name, found, "date_format")
    return found.formats


def _decimal_sign(connection: duckdb.DuckDBPyConnection, raw: RawTable, mapped: Mapped, name: str) -> str:
    found = detect_decimal(
        connection, mapped.relation, name, texts=texts_of(connection, mapped.relation, name).relation
    )
    if isinstance(found, Ambiguous):
        raise _asked(raw, mapped, name, found, "decimal")
    return found.sign


def _asked(raw: RawTable, mapped: Mapped, name: str, found: Ambiguous, key: str) -> DataRejectedError:
    """Word the refusal; it names the column of the file as well as that of the table."""
    origins = ", ".join(dict.fromkeys(f'"{origin}"' for origin in mapped.origins[name] if origin))
    choices = " or ".join(f'{key} = "{candidate}"' for candidate in found.candidates)
    move = f"Declare {choices} in its [[sources]]." if choices else "Mend the file's export."
    return DataRejectedError(
        f"{raw.name}: column {origins} ({name}): {found.reason}. {move} Nothing was replaced."
    )

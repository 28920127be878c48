"""Excel → text columns in DuckDB: the sheet is checked from its XML, then read by a process apart."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from studypkg.errors import DataRejectedError, nearest
from studypkg.records import spreadsheet_child
from studypkg.records.apart import limits, run_apart
from studypkg.records.header import check_header, refuse_repeated_header
from studypkg.records.otherbook import UNSEEN, list_other_sheets, other_format
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import RawTable, relation_name, sha256_of, shown
from studypkg.records.workbook import Extent, Sheet, letters, list_sheets, scan_sheet


def read_sheet(
    connection: duckdb.DuckDBPyConnection, path: Path, *, sheet: str | None = None, header_row: int = 1
) -> RawTable:
    """Read one sheet of a workbook as text.

    Parameters
    ----------
    connection
        Where the table is made.
    path
        The workbook: .xlsx or .xlsm, or with fewer checks .xls, .xlsb or .ods.
    sheet
        Name of the sheet; `None` takes the only visible one that holds something.
    header_row
        Row of the header, from 1.

    Returns
    -------
    RawTable
        All rows below the header that hold something; `_row` is the row of the sheet.

    Raises
    ------
    DataRejectedError
        If the sheet is not clear, too large, or not a plain table: merged cells, columns without a name,
        formulas that were never computed.

    Notes
    -----
    A number is written with the fewest digits that give it back (7, not 7.0), a day as YYYY-MM-DD, a
    time stamp as YYYY-MM-DD HH:MM:SS, a logical value as true or false, a formula as its stored
    result. An Excel error stays the text that one sees, such as ``#DIV/0!``, so that a rule sets its
    row aside where the column is used; it is never an empty cell.
    """
    file = shown(path)
    other = other_format(path)
    sheets = list_other_sheets(path, other, file=file) if other else list_sheets(path, file=file)
    chosen = _choose(sheets, sheet, file)
    extent = Extent() if other else scan_sheet(path, chosen, file=file)
    if not (extent.last_row or (other and chosen.filled)):
        raise DataRejectedError(f'{file}: the sheet "{chosen.name}" is empty. Nothing was replaced.')
    if not other and extent.last_row < header_row:
        raise DataRejectedError(
            f'{file}: the sheet "{chosen.name}" ends at row {extent.last_row}, above its header in row '
            f"{header_row}. Mend header_row. Nothing was replaced."
        )
    _refuse_traps(extent, chosen.name, header_row, file)
    sha256 = sha256_of(path)
    relation = relation_name(sha256, "excel", chosen.name, header_row)
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        target = Path(private) / "sheet.parquet"
        _run_child(path, sheets.index(chosen), target, file, chosen.name)
        columns, blank, n_rows = _load(connection, target, relation, extent, header_row, file)
    refuse_repeated_header(connection, relation, columns, file=file, unit="row")
    notes = [f'sheet "{chosen.name}"'] if len(sheets) > 1 else []
    notes += _remarks(extent, sheets, chosen, blank)
    if other:
        notes.append(UNSEEN.format(kind=other))
    if not n_rows:
        notes.append("the sheet holds a header and no records")
    return RawTable(file, sha256, relation, columns, n_rows, notes=tuple(notes))


def _choose(sheets: Sequence[Sheet], name: str | None, file: str) -> Sheet:
    listed = ", ".join(f'"{one.name}"' for one in sheets if one.filled) or "none"
    if name is not None:
        for one in sheets:
            if one.name == name:
                return one
        names = [one.name for one in sheets]
        raise DataRejectedError(
            f'{file}: there is no sheet "{name}".{nearest(name, names)} Sheets that hold something: {listed}.'
        )
    filled = [one for one in sheets if one.filled and one.visible]
    if len(filled) == 1:
        return filled[0]
    fault = f"{len(filled)} sheets hold something" if filled else "no visible sheet holds anything"
    raise DataRejectedError(
        f"{file}: {fault}, so it is not clear which one to read. Declare sheet = one of: {listed}. "
        f"Nothing was replaced."
    )


def _refuse_traps(extent: Extent, sheet: str, header_row: int, file: str) -> None:
    cells, number = extent.uncomputed
    if number:
        raise DataRejectedError(
            f'{file}: {number} formula{"s" * (number != 1)} of the sheet "{sheet}" '
            f"({', '.join(cells)}{', …' * (number > len(cells))}) were never computed: their values are not "
            f"in the file. Open it in Excel, save it, and deliver it again. Nothing was replaced."
        )
    for left, top, right, bottom in extent.merged:
        within = left <= extent.last_column and right >= extent.first_column and top <= extent.last_row
        if within and bottom >= header_row:
            raise DataRejectedError(
                f'{file}: the cells {letters(left)}{top}:{letters(right)}{bottom} of the sheet "{sheet}" are '
                f"merged, so only one of them has a value. Un-merge them. Nothing was replaced."
            )


def _run_child(path: Path, number: int, target: Path, file: str, sheet: str) -> None:
    """Let the child read the sheet; whatever happens to it, this process goes on and says what to do."""
    if not run_apart(spreadsheet_child.__file__, (str(path.resolve()), str(number), str(target)), target):
        raise DataRejectedError(
            f'{file}: the sheet "{sheet}" cannot be read {limits()}, or is damaged. Export it as CSV. '
            f"Nothing was replaced."
        )


def _load(
    connection: duckdb.DuckDBPyConnection,
    parquet: Path,
    relation: str,
    extent: Extent,
    header_row: int,
    file: str,
) -> tuple[tuple[str, ...], int, int]:
    """Make the table from the child's file: names of the columns, blank rows left out, and records."""
    source = f"read_parquet({literal(str(parquet))})"
    cells = [
        row[0] for row in connection.execute(f"DESCRIBE SELECT * EXCLUDE (_row) FROM {source}").fetchall()
    ]
    used = connection.execute(
        f"SELECT {', '.join(f'coalesce(bool_or(length({c}) > 0), false)' for c in cells)} FROM {source} "
        f"WHERE _row >= {header_row}"
    ).fetchone()
    kept = [cell for cell, has in zip(cells, used or (), strict=True) if has]
    if not kept:
        raise DataRejectedError(f"{file}: nothing stands in row {header_row} or below. Mend header_row.")
    top = connection.execute(f"SELECT {', '.join(kept)} FROM {source} WHERE _row = {header_row}").fetchone()
    names = [cell or "" for cell in top or ()]
    for cell, name in zip(kept, names, strict=True):
        if not name.strip():
            number = cells.index(cell)
            column = letters(extent.first_column + number) if extent.first_column else f"{number + 1} (used)"
            raise DataRejectedError(
                f"{file}: column {column} holds values and has no name in row {header_row}, the header. "
                f"Name it or empty it, or mend header_row. Nothing was replaced."
            )
    columns = check_header(names, file=file, place=f"row {header_row}")
    texts = ", ".join(f"coalesce({c}, '') AS {ident(n)}" for c, n in zip(kept, columns, strict=True))
    filled = " OR ".join(f"length(trim({cell})) > 0" for cell in kept)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(relation)} AS SELECT _row, {texts} FROM {source} "
        f"WHERE _row > {header_row} AND ({filled}) ORDER BY _row"
    )
    counts = connection.execute(
        f"SELECT count(*) FILTER (WHERE _row > {header_row}), (SELECT count(*) FROM {ident(relation)}) "
        f"FROM {source}"
    ).fetchone()
    below, n_rows = counts or (0, 0)
    return columns, int(below) - int(n_rows), int(n_rows)


def _remarks(extent: Extent, sheets: Sequence[Sheet], chosen: Sheet, blank: int) -> list[str]:
    notes = []
    cells, number = extent.errors
    if number:
        notes.append(
            f"{number} cell{'s' * (number != 1)} with an Excel error kept as its text: "
            f"{', '.join(cells)}{', …' * (number > len(cells))}"
        )
    if extent.formulas:
        notes.append(
            f"{extent.formulas} formula{'s' * (extent.formulas != 1)} read as the stored "
            f"result{'s' * (extent.formulas != 1)}"
        )
    hidden = ", ".join(letters(column) for column in sorted(extent.hidden_columns)[:10])
    if hidden:
        notes.append(f"hidden columns were read too: {hidden}")
    if extent.hidden_rows:
        notes.append(f"{extent.hidden_rows} hidden row{'s' * (extent.hidden_rows != 1)} were read too")
    if not chosen.visible:
        notes.append("the sheet is hidden")
    others = [f'"{one.name}"' for one in sheets if one.filled and one is not chosen]
    if others:
        notes.append(f"other sheets were not read: {', '.join(others)}")
    if blank:
        notes.append(f"{blank} blank row{'s' * (blank != 1)} left out")
    return notes

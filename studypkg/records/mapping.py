"""A file's columns become the columns of a table, still as text: names, words, constants, wide to long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from studypkg.columns import Table
from studypkg.errors import ConfigError, DataRejectedError, nearest
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import RawTable
from studypkg.records.texts import forget_texts
from studypkg.sources import Series, Source

#: Blanks that people cannot see: space, tab, line ends, no-break space.
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"


@dataclass(frozen=True)
class Mapped:
    """A source under the names of its table, every cell still text, missing cells NULL.

    Parameters
    ----------
    relation
        DuckDB view with the schema's columns, `_row` (physical row of the file) and `_series`
        (number of the score column of a wide file, else 0). One row per record.
    records
        Rows of the file.
    series
        Score columns of a wide file; 1 for a long one.
    empty
        Cells of a wide file without a score. They are no record.
    origins
        For each schema column the source column it came from, one per series; empty for a constant.
    constants
        Schema columns that the declaration fills.
    absent
        Schema columns that nothing supplies.
    ignored
        Source columns that the mapping neither uses nor drops.
    """

    relation: str
    records: int
    series: int
    empty: int
    origins: Mapping[str, tuple[str, ...]]
    constants: tuple[str, ...]
    absent: tuple[str, ...]
    ignored: tuple[str, ...]


def map_source(
    connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source, table: Table, *, into: str
) -> Mapped:
    """Make the view `into` with the columns of `table` from a file as read, still as text.

    Parameters
    ----------
    connection
        Where `raw` lives.
    raw
        The file as text, one row per row of the file.
    source
        Its declaration.
    table
        The table it feeds, with the study's covariates.
    into
        Name of the DuckDB view that is made.

    Returns
    -------
    Mapped
        The text table and what the mapping did.

    Raises
    ------
    ConfigError
        If the declaration contradicts itself.
    DataRejectedError
        If the file lacks a column that the declaration names or that every row needs.

    Notes
    -----
    A cell is trimmed, then `missing_when` may empty it, then `values` may translate it, then it is
    missing if it is blank or one of the `missing` words. So a word that is translated is never missing.
    """
    fixed = _series_constants(source, table)
    places = _places(source, table, raw)
    supplied = {*places, *source.constants, *fixed[0], *((source.melt.value,) if source.melt else ())}
    for column in table.columns:
        if column.required and column.name not in supplied:
            raise DataRejectedError(
                f'{raw.name}: table "{table.name}" needs a column "{column.name}" and the file has none.'
                f"{nearest(column.name, raw.columns)} Map it under [sources.columns], or give it one value "
                f"under [sources.constants]. Nothing was replaced."
            )
    series = source.melt.series if source.melt else (Series(column=""),)
    selects, origins = [], {name: [""] * len(series) for name in table.column_names}
    for number, one in enumerate(series):
        cells = {}
        for name in table.column_names:
            origin = one.column if source.melt and name == source.melt.value else places.get(name, "")
            constant = fixed[number].get(name, source.constants.get(name))
            if constant is not None:
                cells[name] = literal(constant)
            elif origin:
                cells[name] = _cell(source, name, origin, one, tidy=raw.tidy)
                origins[name][number] = origin
            else:
                cells[name] = "NULL::VARCHAR"
        listed = ", ".join(f"{cell} AS {ident(name)}" for name, cell in cells.items())
        keep = f" WHERE {cells[source.melt.value]} IS NOT NULL" if source.melt else ""
        selects.append(f"SELECT _row, {number} AS _series, {listed} FROM {ident(raw.relation)}{keep}")
    forget_texts(connection, into, table.column_names)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {ident(into)} AS {' UNION ALL '.join(selects)}")
    return Mapped(
        relation=into,
        records=raw.n_rows,
        series=len(series),
        empty=_count_empty(connection, raw, source),
        origins={name: tuple(columns) for name, columns in origins.items()},
        constants=tuple(name for name in table.column_names if name in source.constants or name in fixed[0]),
        absent=tuple(name for name in table.column_names if name not in supplied),
        ignored=_ignored(raw, source, places.values()),
    )


def _places(source: Source, table: Table, raw: RawTable) -> dict[str, str]:
    """Find the source column of every schema column that has one; every named column must be there."""
    named = [*source.columns.values(), *source.drop]
    named += [column for conditions in source.missing_when.values() for column in conditions]
    series = source.melt.series if source.melt else ()
    named += [name for one in series for name in (one.column, *one.missing_when)]
    for name in named:
        if name not in raw.columns:
            raise DataRejectedError(
                f'{raw.name}: the mapping of table "{table.name}" names a column "{name}" and the file has '
                f"none.{nearest(name, raw.columns)} `study check` lists its columns. "
                f"Nothing was replaced."
            )
    filled = {*source.constants, *(source.melt.series[0].set if source.melt else ())}
    places = {}
    for name in table.column_names:
        place = source.columns.get(name, name)
        if place in raw.columns and name not in filled and place not in source.drop:
            places[name] = place
    if source.melt:
        places.pop(source.melt.value, None)
    return places


def _series_constants(source: Source, table: Table) -> tuple[dict[str, str], ...]:
    """List what each series sets, after making sure that the declaration does not contradict itself."""
    label = f'[[sources]] of table "{table.name}"'
    for name in source.columns:
        if name in source.constants:
            raise ConfigError(
                f'{label}: "{name}" stands under columns and under constants. Keep one of them.'
            )
        if source.columns[name] in source.drop:
            raise ConfigError(f'{label}: the source column of "{name}" is also dropped. Keep one of them.')
    sets = tuple(dict(one.set) for one in source.melt.series) if source.melt else ({},)
    if source.melt:
        if source.melt.value in source.columns or source.melt.value in source.constants:
            raise ConfigError(f'{label}: "{source.melt.value}" comes from melt.series; remove it elsewhere.')
        for one in sets:
            if one.keys() != sets[0].keys():
                raise ConfigError(f"{label}: every melt.series must set the same columns.")
        for name in sets[0]:
            if name in source.columns or name in source.constants or name == source.melt.value:
                raise ConfigError(f'{label}: "{name}" is set by melt.series; remove it elsewhere.')
    for values in (*sets, source.constants):
        for name, value in values.items():
            if table.column(name).kind == "date" and not _is_iso_day(value):
                raise ConfigError(f'{label}: the constant of "{name}" must be a day as YYYY-MM-DD.')
    return sets


def _is_iso_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _cell(source: Source, name: str, place: str, one: Series, *, tidy: bool) -> str:
    """Write the SQL of one cell: trimmed, emptied, translated, or missing."""
    text = _trimmed(place, tidy=tidy)
    cases = []
    conditions = dict(source.missing_when.get(name, {}))
    if source.melt is not None and name == source.melt.value:
        conditions |= one.missing_when
    for other, word in conditions.items():
        cases.append(f"WHEN {_holds(source, other, word, tidy=tidy)} THEN NULL")
    for word, meaning in source.values.get(name, {}).items():
        cases.append(f"WHEN {text} = {literal(word.strip())} THEN nullif({literal(meaning.strip())}, '')")
    cases.append(f"WHEN {text} IN ({_missing_words(source)}) THEN NULL")
    return f"CASE {' '.join(cases)} ELSE {text} END"


def _holds(source: Source, place: str, word: str, *, tidy: bool) -> str:
    """Write SQL that is true where a source cell is a word; a word for "missing" stands for all of them."""
    word = word.strip()
    if not word or word in source.missing:
        return f"{_trimmed(place, tidy=tidy)} IN ({_missing_words(source)})"
    return f"{_trimmed(place, tidy=tidy)} = {literal(word)}"


def _missing_words(source: Source) -> str:
    return ", ".join(literal(word) for word in sorted({"", *(word.strip() for word in source.missing)}))


def _trimmed(place: str, *, tidy: bool) -> str:
    """Write the SQL of a cell without blanks at its edges; where the file has none, trimming is spared."""
    return ident(place) if tidy else f"trim(coalesce({ident(place)}, ''), {_BLANKS})"


def _count_empty(connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> int:
    """Count the cells without a score in the score columns of a wide file; the file itself is asked."""
    if source.melt is None:
        return 0
    counts = " + ".join(
        f"count(*) FILTER (WHERE {_cell(source, source.melt.value, one.column, one, tidy=raw.tidy)} IS NULL)"
        for one in source.melt.series
    )
    row = connection.execute(f"SELECT {counts} FROM {ident(raw.relation)}").fetchone()
    return int(row[0]) if row else 0


def _ignored(raw: RawTable, source: Source, places: Iterable[str]) -> tuple[str, ...]:
    used = {*places, *source.drop, *(c for when in source.missing_when.values() for c in when)}
    series = source.melt.series if source.melt else ()
    used |= {name for one in series for name in (one.column, *one.missing_when)}
    return tuple(column for column in raw.columns if column not in used)

"""One form of a REDCap export as rows: who belongs to it, what its fields are called, what was left out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from studypkg.errors import ConfigError, DataRejectedError, IdentifierFoundError
from studypkg.records.arrivals import Arrival
from studypkg.records.cutting import drop_relation
from studypkg.records.delimited import read_delimited
from studypkg.records.dialect import open_text
from studypkg.records.quoting import ident
from studypkg.records.raw import RawTable, relation_name, shown
from studypkg.records.redcap.cells import Cells
from studypkg.records.redcap.choices import holds_labels
from studypkg.records.redcap.dictionary import Dictionary, chosen_form, read_dictionary
from studypkg.records.redcap.events import read_event_forms, read_event_names
from studypkg.records.redcap.extract import write_extract
from studypkg.records.redcap.selection import Selection, select
from studypkg.sources import Source
from studypkg.systems import Redcap


@dataclass(frozen=True)
class _Companions:
    """The files beside an export, by what they are."""

    dictionary: Path
    event_forms: Path | None
    event_names: Path | None


def read_redcap(connection: duckdb.DuckDBPyConnection, arrival: Arrival, source: Source) -> RawTable:
    """Read the rows of one form from a record export.

    Parameters
    ----------
    connection
        Where the table is made.
    arrival
        The export, its data dictionary and, where declared, the event files.
    source
        The declaration; `[sources.redcap]` says which form.

    Returns
    -------
    RawTable
        Columns ``redcap_record``, ``redcap_event``, ``redcap_arm``, ``redcap_instance`` and
        ``redcap_group`` (data access group), then the fields of the form and of the forms beside it.
        Fields that can identify a person are not among them. `_row` is the line of the export. The notes
        say where every other row of the export went.

    Raises
    ------
    DataRejectedError
        If the export does not belong to the dictionary, or a record has two rows for one event and
        instance.
    IdentifierFoundError
        If the record's id is flagged as an identifier.
    ConfigError
        If the declaration names a form, an event or a field that there is not, or one that is left out.
    """
    options = source.redcap or Redcap()
    beside = _companions(arrival, options)
    dictionary = read_dictionary(beside.dictionary)
    file = arrival.name
    form = chosen_form(dictionary, options)
    _refuse_identifiers(source, dictionary, file)
    raw = _read(connection, arrival.files[0], dictionary, source, options, file)
    try:
        return _taken(connection, raw, dictionary, beside, arrival, source, options, form)
    finally:
        drop_relation(connection, raw.relation)


def _taken(
    connection: duckdb.DuckDBPyConnection,
    raw: RawTable,
    dictionary: Dictionary,
    beside: _Companions,
    arrival: Arrival,
    source: Source,
    options: Redcap,
    form: str,
) -> RawTable:
    """Take the rows of a form from an export that is read."""
    file = arrival.name
    fields = dictionary.field_of_column
    cells = Cells(
        columns=frozenset(raw.columns),
        fields=fields,
        labelled=holds_labels(connection, raw.relation, raw.columns, fields),
        give_labels=options.labels,
        give_choices=options.checkboxes == "choices",
        missing=tuple(options.missing_codes),
        events=read_event_names(beside.event_names) if beside.event_names else (),
        forms=dictionary.forms,
        file=file,
        comma=source.decimal == ",",
    )
    designated = read_event_forms(beside.event_forms) if beside.event_forms else {}
    found = select(connection, raw, dictionary, cells, form, options, designated)
    relation = relation_name(arrival.sha256, "redcap", repr(options), source.encoding, source.delimiter)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {ident(relation)} AS {found.sql}")
    row = connection.execute(f"SELECT count(*) FROM {ident(relation)}").fetchone()
    n_rows = int(row[0]) if row else 0
    _refuse_twice(connection, relation, file)
    notes = (*raw.notes, *_account(found, n_rows, raw.n_rows, form), *_left_out(found, dictionary))
    return RawTable(file, arrival.sha256, relation, found.columns, n_rows, raw.encoding, raw.delimiter, notes)


def _companions(arrival: Arrival, options: Redcap) -> _Companions:
    """Take the files apart in the order in which `delivery.fetch` lists them."""
    rest = list(arrival.files[2:])
    forms = rest.pop(0) if options.event_forms or options.live else None
    names = rest.pop(0) if options.event_names or options.live else None
    return _Companions(arrival.files[1], forms, names)


def _read(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    dictionary: Dictionary,
    source: Source,
    options: Redcap,
    file: str,
) -> RawTable:
    """Read the export through the strict gate, under variable names and without what finds a person."""
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as private:
        text = open_text(path, encoding=source.encoding, folder=Path(private))
        extract = write_extract(
            text, Path(private), dictionary,
            name=shown(path), declared=source.delimiter, missing=options.missing_codes,
        )  # fmt: skip
        if extract is not None and extract.path is not None:
            raw = read_delimited(connection, extract.path, delimiter=extract.delimiter)
            return replace(raw, encoding=text.encoding, notes=(*text.notes, *raw.notes))
        raw = read_delimited(connection, path, encoding=source.encoding, delimiter=source.delimiter)
    if extract is None:
        drop_relation(connection, raw.relation)
        raise DataRejectedError(
            f"{file}: a record of the export cannot be cut into cells, so nothing can be left out of it. "
            f"Export it again. Nothing was replaced."
        )
    return raw


def _refuse_identifiers(source: Source, dictionary: Dictionary, file: str) -> None:
    """Refuse a mapping that asks for a field which the project itself calls an identifier."""
    record = dictionary.record_field
    hashed = "redcap_record" in source.pseudonymise or bool(
        {name for name, place in source.columns.items() if place == "redcap_record"}
        & set(source.pseudonymise)
    )
    if record.why_left_out and not hashed:
        raise IdentifierFoundError(
            f'{file}: the record id "{record.name}" is {record.why_left_out} in the data dictionary. Export '
            f'with "Hash the Record ID field" ticked and the flag removed, or name the column under '
            f"`pseudonymise` of this source. Nothing was replaced."
        )
    named = {*source.columns.values(), *(c for when in source.missing_when.values() for c in when)}
    named |= {one.column for one in source.melt.series} if source.melt else set()
    named |= set(source.withdrawn)
    for column in sorted(named):
        field = dictionary.field_of_column.get(column)
        if field is not None and field is not record and field.why_left_out:
            raise ConfigError(
                f'{file}: the mapping names the field "{column}" and the data dictionary says it is '
                f"{field.why_left_out}: such fields are never read. Take it out of the mapping, or mend "
                f"the dictionary in REDCap if it is wrong."
            )


def _refuse_twice(connection: duckdb.DuckDBPyConnection, relation: str, file: str) -> None:
    """Refuse an export in which one form of a record stands twice."""
    row = connection.execute(
        f"SELECT count(*), min(first) FROM (SELECT min(_row) AS first FROM {ident(relation)} "
        f"GROUP BY redcap_record, redcap_event, redcap_instance HAVING count(*) > 1)"
    ).fetchone()
    if row and row[0]:
        raise DataRejectedError(
            f"{file}: {row[0]} form(s) stand twice for one record, event and instance, the first at line "
            f"{row[1]}. Two exports were joined: export again in one piece. Nothing was replaced."
        )


def _account(found: Selection, taken: int, rows: int, form: str) -> list[str]:
    """Say where every row of the export went; the parts add up to it."""
    parts = [
        (found.outside, "of other events"),
        (found.elsewhere, f"without data of {form}, which belong to other forms"),
        (found.incomplete, f"with {form} not marked complete"),
    ]
    if taken + sum(count for count, _ in parts) != rows:
        raise DataRejectedError(
            f"the export holds {rows} rows and the rows of {form} and of all else do not add up to them. "
            f"Nothing was replaced. Please report this as a fault of the package."
        )
    told = "; ".join(f"{count} {what}" for count, what in parts if count)
    return [f"{taken} of {rows} rows of the export hold {form}" + (f"; not read: {told}" if told else "")]


def _left_out(found: Selection, dictionary: Dictionary) -> list[str]:
    if not found.left_out:
        return []
    listed = ", ".join(f"{name} ({dictionary.by_name[name].why_left_out})" for name in found.left_out)
    return [f"fields never read: {listed}"]

"""Which rows of an export hold a form, and which columns they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import duckdb

from studypkg.errors import ConfigError, DataRejectedError, nearest
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import RawTable
from studypkg.records.redcap.beside import join_of
from studypkg.records.redcap.cells import Cells
from studypkg.records.redcap.dictionary import Dictionary, Field
from studypkg.systems import Redcap

#: Columns that every row gets.
KEYS = ("redcap_record", "redcap_event", "redcap_arm", "redcap_instance", "redcap_group")


@dataclass(frozen=True)
class Selection:
    """The rows of a form as a query, and the account of all others.

    Parameters
    ----------
    sql
        The query: `_row` and `columns`, all text.
    columns
        Names of the columns.
    outside, elsewhere, incomplete
        Rows of other events, rows without data of the form, and rows whose form is not complete.
    left_out
        Fields of the forms that never enter a study.
    """

    sql: str
    columns: tuple[str, ...]
    outside: int
    elsewhere: int
    incomplete: int
    left_out: tuple[str, ...]


def select(
    connection: duckdb.DuckDBPyConnection,
    raw: RawTable,
    dictionary: Dictionary,
    cells: Cells,
    form: str,
    options: Redcap,
    designated: Mapping[str, Sequence[str]],
) -> Selection:
    """Find the rows of a form and give them columns.

    Parameters
    ----------
    connection, raw
        The export as text.
    dictionary
        Its fields.
    cells
        How its cells are read.
    form
        The form.
    options
        Events, completeness, forms beside it.
    designated
        Events that each form belongs to, where the project says so.

    Notes
    -----
    In the flat export every form of an event shares one row, and each instance of a repeating form has a
    row of its own that names it. So the rows of a form are those that name it, or name none, and hold
    anything of it. A form that was opened and left empty is no row.
    """
    has = set(raw.columns)
    base = _base(raw, dictionary, cells, has)
    events = tuple(options.events) or designated.get(form, ())
    known = {one.unique for one in cells.events} | {name for names in designated.values() for name in names}
    _check_events(connection, base, options.events, known, raw.name)
    inside = f"_event IN ({_listed(events)})" if events else "true"
    holds = f"(_instrument = '' OR _instrument = {literal(form)}) AND {_holds(dictionary, cells, form, has)}"
    status = f"{form}_complete"
    done = "true"
    if options.complete:
        if status not in has:
            raise DataRejectedError(
                f'{raw.name}: complete = true needs the column "{status}" and the export has none. Export '
                f"with form status fields. Nothing was replaced."
            )
        done = f"{cells.code(status)} = '2'"
    row = connection.execute(
        f"SELECT count(*) FILTER (WHERE NOT ({inside})), "
        f"count(*) FILTER (WHERE ({inside}) AND NOT ({holds})), "
        f"count(*) FILTER (WHERE ({inside}) AND ({holds}) AND NOT ({done})) FROM ({base})"
    ).fetchone()
    outside, elsewhere, incomplete = row or (0, 0, 0)
    kept = f"SELECT * FROM ({base}) WHERE ({inside}) AND ({holds}) AND ({done})"
    selects = ["b._row", *(f"b._{key.removeprefix('redcap_')} AS {key}" for key in KEYS)]
    names = list(KEYS)
    left: list[str] = []
    joins = []
    for number, one in enumerate((form, *options.beside)):
        alias = f"f{number}" if number else "b"
        fields = dictionary.of_form(one)
        left += [field.name for field in fields if field.why_left_out]
        if number:
            rows = f"SELECT * FROM ({base}) WHERE {_holds(dictionary, cells, one, has)}"
            joins.append(join_of(connection, rows, kept, one, alias, designated.get(one, ()), raw.name))
        for column in _columns(fields, has):
            selects.append(f"coalesce({cells.value(column, alias)}, '') AS {ident(column)}")
            names.append(column)
    sql = f"SELECT {', '.join(selects)} FROM ({kept}) b {' '.join(joins)}"
    return Selection(sql, tuple(names), int(outside), int(elsewhere), int(incomplete), tuple(left))


def _base(raw: RawTable, dictionary: Dictionary, cells: Cells, has: set[str]) -> str:
    """Write the export with its structure under fixed names, empty where the project has no such thing."""

    def there(column: str, sql: str) -> str:
        return sql if column in has else "''"

    record = ident(dictionary.record_field.name)
    return (
        f"SELECT *, {record} AS _record, {there('redcap_event_name', cells.event())} AS _event, "
        f"{there('redcap_event_name', cells.arm())} AS _arm, "
        f"{there('redcap_repeat_instrument', cells.instrument())} AS _instrument, "
        f"{there('redcap_repeat_instance', ident('redcap_repeat_instance'))} AS _instance, "
        f"{there('redcap_data_access_group', ident('redcap_data_access_group'))} AS _group "
        f"FROM {ident(raw.relation)}"
    )


def _holds(dictionary: Dictionary, cells: Cells, form: str, has: set[str]) -> str:
    """Write SQL that is true where a row holds anything of a form that a study may have."""
    tests = [cells.filled(column) for column in _columns(dictionary.of_form(form), has)]
    status = f"{form}_complete"
    if status in has:
        tests.append(f"{cells.code(status)} IN ('1', '2')")
    return f"({' OR '.join(tests)})" if tests else "false"


def _columns(fields: Sequence[Field], has: set[str]) -> list[str]:
    return [c for field in fields if not field.why_left_out for c in field.columns if c in has]


def _check_events(
    connection: duckdb.DuckDBPyConnection, base: str, events: Sequence[str], known: Set[str], file: str
) -> None:
    """Refuse an event that neither the export nor the lists of events know."""
    if not events:
        return
    rows = connection.execute(f"SELECT DISTINCT _event FROM ({base}) ORDER BY 1").fetchall()
    found = sorted({row[0] for row in rows if row[0]} | known)
    for name in events:
        if name not in found:
            there = ", ".join(found) or "none: the project is not longitudinal"
            raise ConfigError(
                f'[sources.redcap] events: {file} has no row of an event "{name}".{nearest(name, found)} Its '
                f"events are: {there}."
            )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(literal(word) for word in words)

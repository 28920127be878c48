"""Which rows of an export hold a form, and which columns they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from studypkg.errors import ConfigError, DataRejectedError, nearest
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import RawTable
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
    designated: Sequence[str],
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
        Events that the form belongs to, where the project says so.

    Notes
    -----
    In the flat export every form of an event shares one row, and each instance of a repeating form has a
    row of its own that names it. So the rows of a form are those that name it, or name none, and hold
    anything of it. A form that was opened and left empty is no row.
    """
    has = set(raw.columns)
    base = _base(raw, dictionary, cells, has)
    events = tuple(options.events) or tuple(designated)
    _check_events(connection, base, options.events, raw.name)
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
    own = [field for field in dictionary.of_form(form) if field.name != dictionary.record_field.name]
    selects = [
        "b._row", "b._record AS redcap_record", "b._event AS redcap_event",
        "regexp_extract(b._event, '_arm_([0-9]+)$', 1) AS redcap_arm",
        "b._instance AS redcap_instance", "b._group AS redcap_group",
    ]  # fmt: skip
    names = list(KEYS)
    left = [field.name for field in own if field.why_left_out]
    for column in _columns(own, has):
        selects.append(f"{_of(cells.value(column), 'b', raw.columns)} AS {ident(column)}")
        names.append(column)
    joins = []
    for number, other in enumerate(options.beside):
        alias = f"f{number}"
        fields = list(dictionary.of_form(other))
        left += [field.name for field in fields if field.why_left_out]
        joins.append(_join(connection, base, dictionary, cells, other, alias, has, raw.name))
        for column in _columns(fields, has):
            value = _of(cells.value(column), alias, raw.columns)
            selects.append(f"coalesce({value}, '') AS {ident(column)}")
            names.append(column)
    kept = f"SELECT * FROM ({base}) WHERE ({inside}) AND ({holds}) AND ({done})"
    sql = f"SELECT {', '.join(selects)} FROM ({kept}) b {' '.join(joins)}"
    return Selection(sql, tuple(names), int(outside), int(elsewhere), int(incomplete), tuple(left))


def _base(raw: RawTable, dictionary: Dictionary, cells: Cells, has: set[str]) -> str:
    """Write the export with its structure under fixed names, empty where the project has no such thing."""

    def there(column: str, sql: str) -> str:
        return sql if column in has else "''"

    record = ident(dictionary.record_field.name)
    return (
        f"SELECT *, {record} AS _record, {there('redcap_event_name', cells.event())} AS _event, "
        f"{there('redcap_repeat_instrument', cells.instrument())} AS _instrument, "
        f"{there('redcap_repeat_instance', ident('redcap_repeat_instance'))} AS _instance, "
        f"{there('redcap_data_access_group', ident('redcap_data_access_group'))} AS _group "
        f"FROM {ident(raw.relation)}"
    )


def _holds(dictionary: Dictionary, cells: Cells, form: str, has: set[str]) -> str:
    """Write SQL that is true where a row holds anything of a form."""
    columns = [c for field in dictionary.of_form(form) for c in field.columns if c in has]
    tests = [cells.filled(column) for column in columns]
    status = f"{form}_complete"
    if status in has:
        tests.append(f"{cells.code(status)} IN ('1', '2')")
    return f"({' OR '.join(tests)})" if tests else "false"


def _columns(fields: Sequence[Field], has: set[str]) -> list[str]:
    return [c for field in fields if not field.why_left_out for c in field.columns if c in has]


def _join(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    dictionary: Dictionary,
    cells: Cells,
    form: str,
    alias: str,
    has: set[str],
    file: str,
) -> str:
    """Write the join with another form: by record if each has it once, else by record and event."""
    rows = f"SELECT * FROM ({base}) WHERE _instrument = '' AND {_holds(dictionary, cells, form, has)}"
    for keys in (("_record",), ("_record", "_event")):
        listed = ", ".join(keys)
        row = connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM ({rows}) GROUP BY {listed} HAVING count(*) > 1)"
        ).fetchone()
        if row and row[0] == 0:
            match = " AND ".join(f"{alias}.{key} = b.{key}" for key in keys)
            return f"LEFT JOIN ({rows}) {alias} ON {match}"
    raise DataRejectedError(
        f'{file}: the form "{form}" stands several times for one record and event, so it cannot be set '
        f"beside another one. Take it out of `beside`. Nothing was replaced."
    )


def _check_events(connection: duckdb.DuckDBPyConnection, base: str, events: Sequence[str], file: str) -> None:
    if not events:
        return
    found = [
        row[0] for row in connection.execute(f"SELECT DISTINCT _event FROM ({base}) ORDER BY 1").fetchall()
    ]
    for name in events:
        if name not in found:
            there = ", ".join(found) if any(found) else "none: the project is not longitudinal"
            raise ConfigError(
                f'[sources.redcap] events: {file} has no row of an event "{name}".{nearest(name, found)} Its '
                f"events are: {there}."
            )


def _of(sql: str, alias: str, columns: Sequence[str]) -> str:
    """Write a cell's SQL for one of several joined copies of the export."""
    for column in columns:
        sql = sql.replace(ident(column), f"{alias}.{ident(column)}")
    return sql


def _listed(words: Sequence[str]) -> str:
    return ", ".join(literal(word) for word in words)

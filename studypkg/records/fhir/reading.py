"""One reading of a FHIR delivery for one table: the tables of resources, what they mean, where rows go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from studypkg.records.fhir.codings import map_sql, needles
from studypkg.records.fhir.delivery import Delivery
from studypkg.records.fhir.extraction import Extract, extract
from studypkg.records.fhir.references import resolve
from studypkg.records.fhir.shapes import SHAPES
from studypkg.records.quoting import ident, literal
from studypkg.systems import Fhir

#: Statuses of any resource that take it back.
ERROR = "entered-in-error"
FATE_ERROR = "entered in error, so withdrawn"
FATE_DELETED = "deleted in the source, so withdrawn"
FATE_OLDER = "an older version of another resource in the delivery"
FATE_MODIFIED = "with a modifier extension, which may turn its meaning round"
FATE_PATIENT = "about no patient, or one that cannot be told apart"


@dataclass
class Reading:
    """What the tables of one reading share.

    Parameters
    ----------
    connection
        Where they are.
    delivery
        The files.
    options
        `[sources.fhir]`.
    prefix
        What the names of this reading's tables begin with.
    place
        What messages call the block of the declaration.
    counts, passed
        Resources read, by type, and how many of them hold no code of the study.
    others
        Resources of types that are not needed.
    deleted
        Resources that the source has deleted, as ``Type/id``.
    """

    connection: duckdb.DuckDBPyConnection
    delivery: Delivery
    options: Fhir
    prefix: str
    place: str
    counts: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    others: int = 0
    deleted: set[str] = field(default_factory=set)

    def table(self, kind: str) -> str:
        """Name the table of a type of resource."""
        return f"{self.prefix}_{kind}"

    def read(
        self,
        kinds: Iterable[str],
        *,
        codes: Mapping[str, Mapping[str, str]] | None = None,
        words: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Read some types of resources, all in one pass over the files, and settle their references.

        Parameters
        ----------
        kinds
            Types; one that the files do not hold gives an empty table.
        codes, words
            By type, the codes and the words that mean something.
        """
        tables = {kind: self.table(kind) for kind in kinds}
        # Each row says where it stands, so DuckDB need not keep them in order.
        self.sql("SET preserve_insertion_order = false")
        found: Extract = extract(
            self.connection, self.delivery, tables,
            {kind: map_sql(one) for kind, one in (codes or {}).items()},
            {kind: map_sql(one) for kind, one in (words or {}).items()},
            {"Observation": needles((codes or {}).get("Observation", {}))},
        )  # fmt: skip
        self.counts, self.passed = dict(found.counts), dict(found.passed)
        self.others, self.deleted = found.others, set(found.deleted)
        self._link(tables)
        for kind, name in tables.items():
            resolve(self.connection, name, SHAPES[kind].references, self.table("links"))

    def _link(self, tables: Mapping[str, str]) -> None:
        """List what else resources are called: the address of a Bundle's entry, a patient's identifiers."""
        links = self.table("links")
        self.sql(f"CREATE OR REPLACE TEMP TABLE {links} (type VARCHAR, alias VARCHAR, id VARCHAR)")
        for kind, name in tables.items():
            self.sql(
                f"INSERT INTO {links} SELECT DISTINCT {literal(kind)}, url, id FROM {ident(name)} "
                f"WHERE url IS NOT NULL AND id IS NOT NULL AND url <> id"
            )
        if "Patient" in tables:
            # An identifier of two patients means neither.
            self.sql(
                f"INSERT INTO {links} SELECT 'Patient', alias, min(id) FROM (SELECT id, unnest(aliases) "
                f"AS alias "
                f"FROM {ident(tables['Patient'])}) GROUP BY alias HAVING count(DISTINCT id) = 1"
            )

    def sql(self, statement: str) -> None:
        """Run a statement."""
        self.connection.execute(statement)

    def number(self, query: str) -> int:
        """Ask for one number."""
        row = self.connection.execute(query).fetchone()
        return int(row[0] or 0) if row else 0

    def fates(self, kind: str) -> str:
        """Write the SQL of what becomes of a resource before anything else is asked.

        Returns
        -------
        str
            An expression over the columns of `current`, NULL where the resource goes on.
        """
        return (
            f"CASE WHEN _deleted THEN {literal(FATE_DELETED)} WHEN _older THEN {literal(FATE_OLDER)} "
            f"WHEN status = {literal(ERROR)} THEN {literal(FATE_ERROR)} "
            f"WHEN modified THEN {literal(FATE_MODIFIED)} "
            f"WHEN patient IS NULL OR patient = '#contained' OR starts_with(patient, 'sealed:') "
            f"THEN {literal(FATE_PATIENT)} END"
        )

    def current(self, kind: str) -> str:
        """Write the SQL of a type's table with `_deleted` and `_older` beside its columns.

        Notes
        -----
        Of several versions of a resource the one updated last counts, and of those the one with the
        highest number. Where nothing says which is newer, all stay, and the screening finds that they
        contradict each other.
        """
        name = self.table(kind)
        gone = [one.split("/")[1] for one in self.deleted if one.startswith(f"{kind}/")]
        self.sql(f"CREATE OR REPLACE TEMP TABLE {name}_gone (id VARCHAR)")
        if gone:
            self.connection.executemany(f"INSERT INTO {name}_gone VALUES (?)", [(one,) for one in gone])
        moment, number = "try_cast({0}updated AS TIMESTAMPTZ)", "coalesce({0}version, -1)"
        newest = f"struct_pack(m := {moment}, v := {number})"
        self.sql(
            f"CREATE OR REPLACE TEMP TABLE {name}_last AS SELECT id, "
            f"max({newest.format('')}) FILTER ({moment.format('')} IS NOT NULL) AS last, "
            f"CASE WHEN count({moment.format('')}) = 0 AND count(version) = count(*) "
            f"THEN max(version) END AS top FROM {name} WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1"
        )
        return (
            f"(SELECT t.*, t.id IN (SELECT id FROM {name}_gone) AS _deleted, "
            f"coalesce(CASE WHEN {moment.format('t.')} IS NULL THEN t.version < l.top "
            f"ELSE {newest.format('t.')} < l.last END, false) AS _older "
            f"FROM {name} t LEFT JOIN {name}_last l ON l.id = t.id)"
        )

"""Research tables from internal ones: no real date, no id of the clinic's, bands of age, areas of ZIP codes.

Every patient's days are moved by the same secret number of days, so that everything between two of the
patient's days stays as it was. Nothing else of a row is changed, and no row is added or lost.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import pyarrow as pa

from studypkg.columns import TOP_AGE_YEARS, Column, Table
from studypkg.declaration import Research
from studypkg.errors import QualityGateError
from studypkg.privacy.areas import zip3_sql
from studypkg.privacy.keys import SecretKey
from studypkg.privacy.policies import NAMES, RENAMED
from studypkg.privacy.pseudonyms import Normalisation, pseudonymise

#: The day of every patient's first intake where dates are relative; it is no real day of anybody.
DAY_ZERO = date(2000, 1, 1)
#: Ids of the internal tables are hashed as they are.
_AS_IS = Normalisation(blanks="keep")
_PEOPLE, _IDS = "_people", "_names"


@dataclass(frozen=True)
class Coarsening:
    """How internal tables become research tables.

    Parameters
    ----------
    research
        The declared options.
    columns
        What becomes of the columns that only this study has.
    key
        The secret from which shifts and pseudonyms follow.
    """

    research: Research
    columns: Mapping[str, str]
    key: SecretKey

    def shift_days(self, patient: str) -> int:
        """Say by how many days a patient's dates are moved; the same for ever under the same key.

        Returns
        -------
        int
            From ``-max_shift_days`` to ``max_shift_days``, each equally often, and never 0.
        """
        digest = hmac.digest(self.key.derived("dates"), patient.encode("utf-8"), hashlib.sha256)
        most = self.research.max_shift_days
        place = int.from_bytes(digest) % (2 * most)
        return place - most if place < most else place - most + 1


def coarsen(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table], how: Coarsening
) -> dict[str, duckdb.DuckDBPyRelation]:
    """Derive the research tables from the internal ones.

    Parameters
    ----------
    connection
        Holds a view or table under the name of each internal table.
    tables
        What is declared of each table that is there; the episodes among them.
    how
        The declared way, with the key.

    Returns
    -------
    dict of str to duckdb.DuckDBPyRelation
        For each table its research rows, in the order of their new keys.

    Raises
    ------
    QualityGateError
        If a row belongs to no patient, so that nobody can say how its dates are moved.
    """
    _list_people(connection, how)
    _list_ids(connection, tables, how)
    return {name: _derive(connection, table, how) for name, table in tables.items()}


def band_sql(age: str, width: int) -> str:
    """Write the SQL of the middle of the band that an age is in; 90 stands for everyone over 89.

    Notes
    -----
    The last band below 90 ends at 89, whatever the width. The middle, in whole years, is what models use;
    with a width of 5, ages 40 to 44 are 42.
    """
    low = f"floor({age} / {width}) * {width}"
    middle = f"floor(({low} + least({low} + {width - 1}, {TOP_AGE_YEARS - 1})) / 2)"
    return f"CASE WHEN {age} >= {TOP_AGE_YEARS} THEN {TOP_AGE_YEARS} ELSE {middle} END"


def _list_people(connection: duckdb.DuckDBPyConnection, how: Coarsening) -> None:
    """Make the table of episodes, each with the number of days by which its patient is moved."""
    first = connection.execute(
        "SELECT patient_id, min(start_date) FROM episodes GROUP BY patient_id"
    ).fetchall()
    if how.research.dates == "relative":
        days = [(DAY_ZERO - _day(start)).days for _, start in first]
    else:
        days = [how.shift_days(patient) for patient, _ in first]
    patients = pa.array([patient for patient, _ in first], pa.string())
    _write(connection, "_shifts", {"patient_id": patients, "days": pa.array(days, pa.int64())})
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_PEOPLE} AS SELECT episode_id, days FROM episodes "
        f"JOIN _shifts USING (patient_id)"
    )


def _list_ids(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table], how: Coarsening) -> None:
    """Make the table of new pseudonyms; those of patients, episodes, clinics and staff share nothing."""
    kinds: list[str] = []
    was: list[str] = []
    now: list[str] = []
    for kind, places in _ids(tables, how).items():
        union = " UNION ".join(
            f'SELECT "{column}"::VARCHAR FROM "{table}" WHERE "{column}" IS NOT NULL'
            for table, column in places
        )
        ids = [line[0] for line in connection.execute(union).fetchall()]
        made = pseudonymise(ids, how.key, _AS_IS, purpose=f"research {kind}").of
        kinds += [kind] * len(made)
        was += made.keys()
        now += made.values()
    text = pa.string()
    columns = {"kind": pa.array(kinds, text), "was": pa.array(was, text), "now": pa.array(now, text)}
    _write(connection, _IDS, columns)


def _ids(tables: Mapping[str, Table], how: Coarsening) -> dict[str, list[tuple[str, str]]]:
    """List where ids stand, by what they are ids of."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, table in tables.items():
        for column in table.columns:
            if _is_renamed(column, how):
                found.setdefault(column.name, []).append((name, column.name))
    return found


def _is_renamed(column: Column, how: Coarsening) -> bool:
    if column.name in how.columns:
        return how.columns[column.name] == "pseudonym"
    return column.name in RENAMED or (column.kind == "id" and column.name not in NAMES)


def _derive(connection: duckdb.DuckDBPyConnection, table: Table, how: Coarsening) -> duckdb.DuckDBPyRelation:
    cells, joins = [], [f"JOIN {_PEOPLE} _p ON _p.episode_id = s.episode_id"]
    for column in table.columns:
        if how.columns.get(column.name) == "drop":
            continue
        place = f's."{column.name}"'
        if _is_renamed(column, how):
            alias = f'"_id_{column.name}"'
            joins.append(
                f"LEFT JOIN {_IDS} {alias} ON {alias}.kind = '{column.name}' AND {alias}.was = {place}"
            )
            place = f"{alias}.now"
        elif how.columns.get(column.name) == "zip3":
            place = zip3_sql(f"{place}::VARCHAR", how.research.zip3)
        elif column.kind == "date":
            place = f"({place} + to_days(_p.days::INTEGER))::TIMESTAMP"
        elif column.kind == "age":
            place = f"({band_sql(place, how.research.age_band_years)})::DOUBLE"
        cells.append(f'{place} AS "{column.name}"')
    made = f"_research_{table.name}"
    key = ", ".join(f'"{name}"' for name in table.key)
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE "{made}" AS SELECT {", ".join(cells)} FROM "{table.name}" s '
        f"{' '.join(joins)} ORDER BY {key}"
    )
    counted = connection.execute(
        f'SELECT (SELECT count(*) FROM "{table.name}"), (SELECT count(*) FROM "{made}")'
    ).fetchall()
    if counted[0][0] != counted[0][1]:
        raise QualityGateError(
            f"{table.name}: some rows belong to no episode of a known patient, so nobody can say how their "
            f"dates are moved. Nothing was replaced. Run `study history --verify`."
        )
    return connection.table(made)


def _write(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, pa.Array]) -> None:
    connection.register("_arrow", pa.table(columns))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM _arrow")
    connection.unregister("_arrow")


def _day(moment: datetime | date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment

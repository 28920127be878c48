"""A FHIR delivery becomes the rows of one table, and the account of every resource that did not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from studypkg.errors import ConfigError, DataRejectedError, QualityGateError
from studypkg.records.arrivals import Arrival
from studypkg.records.fhir import care, episodes, prescriptions, scores
from studypkg.records.fhir.answers import make_answer_macros
from studypkg.records.fhir.codings import (
    declared_tokens,
    make_coding_macros,
    vocabulary_tokens,
    vocabulary_words,
)
from studypkg.records.fhir.delivery import Delivery, sort_delivery
from studypkg.records.fhir.editions import make_edition_macro, settle_edition
from studypkg.records.fhir.episodes import NEEDED, SUBJECT, add_persons, condition_codes, find_episodes
from studypkg.records.fhir.identities import check_ids
from studypkg.records.fhir.instants import check_instants, make_instant_macros
from studypkg.records.fhir.reading import Reading
from studypkg.records.fhir.references import make_reference_macros
from studypkg.records.quoting import ident
from studypkg.records.raw import FILE_BITS, Part, RawTable, relation_name, sha256_of
from studypkg.sources import Source
from studypkg.systems import Fhir
from studypkg.vocabulary import load_vocabulary


@dataclass(frozen=True)
class _Plan:
    """What one table of a study takes from FHIR.

    Parameters
    ----------
    kinds
        Types of resources that become its rows.
    columns
        Its columns that FHIR can fill.
    find
        Makes the table of candidate rows of the tables of resources.
    section
        The section of the vocabulary that gives the meaning of codes and words.
    """

    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    find: Callable[[Reading, str], str]
    section: str | None = None


_PLANS: Mapping[str, _Plan] = {
    "treatments": _Plan(("Procedure",), care.TREATMENT_COLUMNS, care.find_treatments, "modalities"),
    "visits": _Plan(("Encounter", "Appointment"), care.VISIT_COLUMNS, care.find_visits),
    "events": _Plan(
        ("AdverseEvent", "Procedure", "Condition", "ServiceRequest"), care.EVENT_COLUMNS, care.find_events
    ),
    "prescriptions": _Plan(
        ("ServiceRequest", "CarePlan"), prescriptions.COLUMNS, prescriptions.find_prescriptions, "exercises"
    ),
}
_SCORED = ("Observation", "QuestionnaireResponse")


def read_fhir(connection: duckdb.DuckDBPyConnection, arrival: Arrival, source: Source) -> RawTable:
    """Read a FHIR delivery as the rows of the table that its source feeds.

    Parameters
    ----------
    connection
        Where the table is made; it lives as long as the connection.
    arrival
        Bundles, arrays or single resources (.json), or NDJSON with or without its bulk manifest.
    source
        Its declaration; `[sources.fhir]` says what FHIR leaves open.

    Returns
    -------
    RawTable
        Columns under the names of the table, as text. `_row` is the line of an NDJSON file or the
        number of the entry of a Bundle; where one resource gives several rows, the second and later
        ones are told apart in `parts`. `fhir_reason` says what is wrong with a row where it was read
        and cannot be trusted. The notes account for every other resource.

    Raises
    ------
    DataRejectedError
        If a file is not FHIR, is damaged, or is an edition that is not read.
    ConfigError
        If the declaration lacks what FHIR leaves open.
    IdentifierFoundError
        If the ids of patients or episodes are record numbers.
    """
    options = source.fhir or Fhir()
    place = f'[[sources]] of table "{source.table}"'
    if source.table not in (*_PLANS, "episodes", "assessments"):
        raise ConfigError(
            f'{place}: no FHIR resource feeds "{source.table}". Deliver it as a file of its own, such as the '
            f"export of the diary app."
        )
    delivery = sort_delivery(arrival)
    relation = relation_name(arrival.sha256, "fhir", *source.reading)
    reading = Reading(connection, delivery, options, f"fhir_{relation}", place)
    ordered = connection.execute("SELECT current_setting('preserve_insertion_order')").fetchone()
    try:
        return _read(reading, arrival, source.table, relation)
    except duckdb.Error:
        raise DataRejectedError(
            f"{arrival.name}: a resource has a shape that FHIR does not have, and it cannot be told "
            f"which. Check "
            f"the export with a FHIR validator. Nothing was replaced."
        ) from None
    finally:
        connection.execute(f"SET preserve_insertion_order = {bool(ordered and ordered[0])}")
        for name in connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
            if name[0].startswith(reading.prefix):
                connection.execute(f"DROP TABLE IF EXISTS {ident(name[0])}")


def _read(reading: Reading, arrival: Arrival, table: str, relation: str) -> RawTable:
    connection, options = reading.connection, reading.options
    make_edition_macro(connection)
    make_reference_macros(connection)
    make_instant_macros(connection, options.timezone)
    make_coding_macros(connection)
    make_answer_macros(connection)
    wanted = _wanted(table, options)
    kinds = dict.fromkeys((*wanted, *NEEDED[options.episode]))
    codes: dict[str, dict[str, str]] = {"Condition": condition_codes(reading, declared=table == "episodes")}
    words: dict[str, dict[str, str]] = {}
    rules: dict[str, scores.Rule] = {}
    if table == "assessments":
        tokens, rules = scores.score_rules(reading)
        codes |= dict.fromkeys(_SCORED, tokens)
    elif table in _PLANS:
        _add_codes(reading, table, codes, words)
    reading.read(kinds, codes=codes, words=words)
    edition = settle_edition(reading, kinds)
    check_ids(reading, arrival.name)
    asides = check_instants(reading, kinds)
    made = find_episodes(reading)
    columns: tuple[str, ...]
    if table == "episodes":
        add_persons(reading, made)
        rows, columns = made, (*episodes.COLUMNS, "age_years", "sex")
        reading.sql(f"ALTER TABLE {ident(made)} ADD COLUMN nth INTEGER DEFAULT 1")
    elif table == "assessments":
        rows, columns = scores.find_scores(reading, rules, made), scores.COLUMNS
    else:
        rows, columns = _PLANS[table].find(reading, made), _PLANS[table].columns
    return _raw(reading, arrival, rows, columns, wanted, relation, edition, asides)


def _wanted(table: str, options: Fhir) -> tuple[str, ...]:
    """List the types whose resources become rows, each of which is accounted for."""
    if table == "episodes":
        return (SUBJECT[options.episode],)
    return _SCORED if table == "assessments" else _PLANS[table].kinds


def _add_codes(
    reading: Reading, table: str, codes: dict[str, dict[str, str]], words: dict[str, dict[str, str]]
) -> None:
    """Give the types of a table the codes and words that mean something in it."""
    plan = _PLANS[table]
    declared = declared_tokens(reading.options.codes, f"{reading.place} codes")
    vocabulary = load_vocabulary()
    for kind in plan.kinds:
        if table == "events" and kind == "Condition":
            if reading.options.episode != "episode_of_care" and declared:
                raise ConfigError(
                    f'{reading.place}: with episode = "{reading.options.episode}" a Condition is an '
                    f"episode and "
                    f"cannot be an event as well. Declare codes of Procedures or ServiceRequests only."
                )
            codes[kind] = declared
            continue
        known = dict(declared)
        if plan.section:
            known = vocabulary_tokens(vocabulary.section(plan.section).values()) | declared
            words[kind] = vocabulary_words(vocabulary, plan.section)
        codes[kind] = known


def _raw(
    reading: Reading,
    arrival: Arrival,
    rows: str,
    columns: tuple[str, ...],
    wanted: tuple[str, ...],
    relation: str,
    edition: str,
    asides: list[str],
) -> RawTable:
    """Write the rows, and make sure that every resource is a row or has a fate."""
    connection = reading.connection
    files = len(reading.delivery.labels)
    # Several rows of one resource: each further one as if it stood in a further copy of its file.
    number = f"(place + ((nth - 1) * {files} << {FILE_BITS}))"
    listed = ", ".join(f"coalesce({ident(name)}::VARCHAR, '') AS {ident(name)}" for name in columns)
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {ident(relation)} AS SELECT {number} AS _row, {listed}, "
        f"coalesce(reason, '') AS fhir_reason FROM {rows} WHERE fate IS NULL ORDER BY _row"
    )
    read = sum(reading.counts[kind] for kind in wanted)
    used = reading.number(f"SELECT count(DISTINCT place) FROM {rows} WHERE fate IS NULL")
    fates = connection.execute(
        f"SELECT fate, count(DISTINCT place) AS n FROM {rows} WHERE fate IS NOT NULL "
        f"AND place NOT IN (SELECT place FROM {rows} WHERE fate IS NULL) GROUP BY fate ORDER BY n DESC, fate"
    ).fetchall()
    passed = sum(reading.passed[kind] for kind in wanted)
    if passed:
        fates = _joined(fates, scores.OTHER, passed)
    if used + sum(count for _, count in fates) != read:
        raise QualityGateError(
            f"{arrival.name}: {read} resources were read and another number is accounted for. Nothing was "
            f"replaced. Please report this as a fault of the package."
        )
    n_rows = reading.number(f"SELECT count(*) FROM {ident(relation)}")
    most = reading.number(f"SELECT max(nth) FROM {rows} WHERE fate IS NULL") or 1
    notes = [f"read as FHIR {edition}", *reading.delivery.notes]
    kinds = ", ".join(f"{reading.counts[kind]} {kind}" for kind in wanted)
    notes.append(f"{kinds} read: {used} made {n_rows} row(s), {read - used} are not for this table")
    notes += [f"{count} of them: {fate}" for fate, count in fates]
    if reading.others:
        notes.append(f"{reading.others} resource(s) of types that this table does not need were passed over")
    notes += asides
    return RawTable(
        arrival.name, arrival.sha256, relation, (*columns, "fhir_reason"), n_rows, encoding="utf-8",
        notes=tuple(notes), parts=_parts(arrival, reading.delivery, most),
    )  # fmt: skip


def _joined(fates: list[tuple[str, int]], fate: str, number: int) -> list[tuple[str, int]]:
    """Add resources to those of one fate; the commonest fate comes first."""
    counts = dict(fates)
    counts[fate] = counts.get(fate, 0) + number
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _parts(arrival: Arrival, delivery: Delivery, most: int) -> tuple[Part, ...]:
    """Name the file of each row, and which row of its resource it is."""
    if len(arrival.files) == 1 and most == 1:
        return ()
    hashes = [sha256_of(path) for path in arrival.files]
    return tuple(
        Part(label if nth == 1 else f"{label} (row {nth} of the resource)", sha256)
        for nth in range(1, most + 1)
        for label, sha256 in zip(delivery.labels, hashes, strict=True)
    )

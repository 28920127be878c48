"""Resources of one type, from every file of a delivery, as the few columns that a study needs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from studypkg.errors import DataRejectedError
from studypkg.records.fhir.delivery import Delivery, Part, deletions
from studypkg.records.fhir.documents import line_batches, load_document, parse
from studypkg.records.fhir.shapes import SHAPES
from studypkg.records.quoting import ident, literal
from studypkg.records.raw import FILE_BITS

#: Rows of a batch that DuckDB gets at once; several make its threads busy.
_ROWS = 16_384
#: What is wrong with JSON that only some programs read.
_HALF_SIGN = (
    "holds half of a sign (a lone surrogate), which is no text. Ask for a FHIR export that is valid JSON. "
    "Nothing was replaced."
)


@dataclass(frozen=True)
class Extract:
    """What one reading of the files gave.

    Parameters
    ----------
    counts
        Resources read, by type.
    passed
        Those of them that hold none of the codes that are looked for, and are in no table.
    others
        Resources of types that the table does not need.
    deleted
        Resources that a Bundle says are deleted, as ``Type/id``.
    """

    counts: Mapping[str, int]
    passed: Mapping[str, int]
    others: int
    deleted: frozenset[str]


def extract(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Mapping[str, str],
    codes: Mapping[str, str],
    words: Mapping[str, str],
    needles: Mapping[str, Collection[str]],
) -> Extract:
    """Read the resources of some types into tables.

    Parameters
    ----------
    connection
        Where the tables are made; the macros are there.
    delivery
        The files.
    tables
        Type of resource to the name of its table.
    codes, words
        Type of resource to the SQL map of the codes, and of the words, that mean something.
    needles
        Type of resource to texts of which one must stand in a resource that can become a row. Most
        observations of a hospital are about something else and are not looked into.

    Returns
    -------
    Extract
        What was read. Each table has `place` (file and line or entry, unique), `id`, `updated`,
        `edition` and the columns of the type's shape.

    Raises
    ------
    DataRejectedError
        If a line is no resource, not of the type its file is for, or says one thing twice; or if a file
        holds another number of resources than the manifest says.
    """
    nothing = "MAP {'': NULL::VARCHAR}"
    made: set[str] = set()
    selects = {kind: _select(kind, codes.get(kind, nothing), words.get(kind, nothing)) for kind in tables}
    others, deleted, read = 0, set(delivery.deleted), dict.fromkeys((p.number for p in delivery.parts), 0)
    counts = dict.fromkeys(tables, 0)
    for part, rows, besides in each_batch(connection, delivery, tables, deleted):
        others += besides
        read[part.number] += rows
        _check_kind(connection, part)
        seen = {part.resource: rows} if part.resource else _kinds(connection)
        others += sum(number for kind, number in seen.items() if kind not in tables)
        for kind in tables:
            if not seen.get(kind):
                continue
            counts[kind] += seen[kind]
            conditions = [] if part.resource else [f"text->>'$.resourceType' = {literal(kind)}"]
            if needles.get(kind):
                conditions.append(
                    "(" + " OR ".join(f"contains(text, {literal(n)})" for n in needles[kind]) + ")"
                )
            where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
            _check_twice(connection, part, where)
            _fill(connection, tables[kind], selects[kind].replace("/*where*/", where), first=kind not in made)
            made.add(kind)
    for part in delivery.parts:
        if part.resource in tables and part.promised not in (None, read[part.number]):
            raise DataRejectedError(
                f"{part.label}: the manifest promises {part.promised} resources and the file holds "
                f"{read[part.number]}. Fetch the export again. Nothing was replaced."
            )
    for kind in [kind for kind in tables if kind not in made]:
        connection.register("fhir_batch", _batch(pa.array([], pa.int64()), pa.array([], pa.string()), None))
        _fill(connection, tables[kind], selects[kind].replace("/*where*/", ""), first=True)
        connection.unregister("fhir_batch")
    passed = {}
    for kind, name in tables.items():
        row = connection.execute(f"SELECT count(*) FROM {ident(name)}").fetchone()
        passed[kind] = counts[kind] - (int(row[0]) if row else 0)
    return Extract(counts, passed, others, frozenset(deleted))


def _kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the resources of a batch by their type."""
    rows = connection.execute(
        "SELECT text->>'$.resourceType', count(*) FROM fhir_batch GROUP BY 1"
    ).fetchall()
    return {str(kind): int(number) for kind, number in rows}


def each_batch(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    kinds: Collection[str],
    deleted: set[str] | None = None,
) -> Iterator[tuple[Part, int, int]]:
    """Lend the resources of a delivery to DuckDB, batch by batch, as the view `fhir_batch`.

    Parameters
    ----------
    connection
        Where the view is; it goes away after each batch, and with it everything that is not read.
    delivery
        The files; those that are for other types are not opened.
    kinds
        Types of resources that are wanted.
    deleted
        Takes up what a Bundle says is deleted.

    Yields
    ------
    tuple
        The file, its resources in the view (`place`, `text`, `url`), and how many of a document were
        left out because they are of other types.
    """
    gone: set[str] = set() if deleted is None else deleted
    alone = len(delivery.labels) == 1
    for part in delivery.parts:
        if part.resource is not None and part.resource not in kinds:
            continue
        source = _lines(part) if part.shape == "lines" else _documents(part, kinds, gone, alone)
        for batch, others in source:
            connection.register("fhir_batch", batch)
            try:
                yield part, batch.num_rows, others
            finally:
                connection.unregister("fhir_batch")


def _fill(connection: duckdb.DuckDBPyConnection, name: str, select: str, *, first: bool) -> None:
    """Put a batch into its table, which the first batch makes."""
    verb = f"CREATE OR REPLACE TEMP TABLE {ident(name)} AS" if first else f"INSERT INTO {ident(name)}"
    connection.execute(f"{verb} {select}")


def _select(kind: str, codes: str, words: str) -> str:
    """Write the SQL that makes the columns of a type of a batch."""
    shape = SHAPES[kind]
    columns = {"place": "place", "id": "coalesce(fhir_id(r.id), fhir_url(url))", "url": "fhir_url(url)"}
    columns |= {
        "updated": "CASE WHEN regexp_full_match(r.meta.lastUpdated, '[0-9T:.Z+-]{10,40}') THEN "
        "r.meta.lastUpdated END",
        "version": "try_cast(r.meta.versionId AS BIGINT)",
        "modified": "contains(text, '\"modifierExtension\"') OR contains(text, '\"implicitRules\"')",
        "edition": f"coalesce(fhir_profiled(r.meta.profile), {shape.edition})",
        "midnight": f"fhir_midnight({shape.moment})",
    }
    columns |= {
        column: sql.replace("@codes", codes).replace("@words", words) for column, sql in shape.columns.items()
    }
    listed = ", ".join(f"{sql} AS {ident(column)}" for column, sql in columns.items())
    lists = "".join(f", {sql} AS {ident(column)}" for column, sql in shape.lists.items())
    return (
        f"SELECT {listed} FROM (SELECT *{lists} FROM (SELECT place, url, text, "
        f"json_transform(text, {literal(shape.json)}) AS r FROM fhir_batch/*where*/))"
    )


def _check_kind(connection: duckdb.DuckDBPyConnection, part: Part) -> None:
    """Refuse a batch with a line that is no resource of its file; documents have been read before."""
    if part.shape == "document":
        return
    wrong = f"<> {literal(part.resource)}" if part.resource else "IS NULL"
    _refuse_if(connection, part, f" WHERE coalesce(text->>'$.resourceType' {wrong}, true)")


def _check_twice(connection: duckdb.DuckDBPyConnection, part: Part, where: str) -> None:
    """Refuse a batch in which a resource that is read has a key twice, itself or its value."""
    if part.shape == "document":
        return
    twice = " OR ".join(
        f"coalesce(len(list_distinct(json_keys(text, '{path}'))) < len(json_keys(text, '{path}')), false)"
        for path in ("$", "$.valueQuantity")
    )
    _refuse_if(connection, part, f"{where} AND ({twice})" if where else f" WHERE {twice}")


def _refuse_if(connection: duckdb.DuckDBPyConnection, part: Part, bad: str) -> None:
    try:
        row = connection.execute(f"SELECT count(*) FROM fhir_batch{bad}").fetchone()
        good = row is not None and not row[0]
    except duckdb.Error:
        good = False
    if not good:
        _refuse(connection, part)


def _refuse(connection: duckdb.DuckDBPyConnection, part: Part) -> None:
    """Find the first bad line of a batch and say what is wrong with it."""
    other = f"text->>'$.resourceType' <> {literal(part.resource)}" if part.resource else "false"
    found = connection.execute(
        f"""SELECT place, text, CASE WHEN NOT json_valid(text) THEN 'json'
        WHEN json_type(text) <> 'OBJECT' OR text->>'$.resourceType' IS NULL THEN 'kind'
        WHEN {other} THEN 'other' ELSE 'twice' END AS fault FROM fhir_batch ORDER BY place"""
    )
    while rows := found.fetchmany(_ROWS):
        for place, text, fault in rows:
            where = f"{part.label}: line {place & ((1 << FILE_BITS) - 1)}"
            parse(text, where)
            reason = {
                "kind": "no FHIR resource: it has no resourceType",
                "other": f"a resource of another type than {part.resource}, which this file is for",
            }.get(fault)
            if fault == "json":
                raise DataRejectedError(f"{where} {_HALF_SIGN}")
            if reason:
                raise DataRejectedError(
                    f"{where} is {reason}. Ask for NDJSON with one resource on each line, one file for "
                    f"each type. "
                    f"Nothing was replaced."
                )


def _batch(places: pa.Array, texts: pa.Array, urls: pa.Array | None) -> pa.Table:
    url = pa.nulls(len(texts), pa.string()) if urls is None else urls
    table = pa.table({"place": places, "text": texts, "url": url})
    return pa.Table.from_batches(table.to_batches(max_chunksize=_ROWS), table.schema)


def _lines(part: Part) -> Iterator[tuple[pa.Table, int]]:
    shift = part.number << FILE_BITS
    for numbers, texts in line_batches(part.path, part.label):
        places = pc.add(numbers, pa.scalar(shift, pa.int64())) if shift else numbers
        yield _batch(places, texts, None), 0


def _documents(
    part: Part, kinds: Collection[str], deleted: set[str], alone: bool
) -> Iterator[tuple[pa.Table, int]]:
    """Give the resources of a Bundle, an array or a single resource, with the entry number of each."""
    document = load_document(part.path, part.label)
    _refuse_page(document, part, alone)
    deleted |= deletions(document)
    places, texts, urls, others = [], [], [], 0
    for number, resource, url in _entries(document, part):
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str):
            raise DataRejectedError(
                f"{part.label}: entry {number} is no FHIR resource: it has no resourceType. Ask for an R4 "
                f"Bundle "
                f"or bulk NDJSON. Nothing was replaced."
            )
        if kind not in kinds:
            others += 1
            continue
        text = json.dumps(resource, ensure_ascii=False)
        if not _is_text(text) or not _is_text(url or ""):
            raise DataRejectedError(f"{part.label}: entry {number} {_HALF_SIGN}")
        places.append((part.number << FILE_BITS) | number)
        texts.append(text)
        urls.append(url)
    yield (
        _batch(pa.array(places, pa.int64()), pa.array(texts, pa.string()), pa.array(urls, pa.string())),
        others,
    )


def _is_text(text: str) -> bool:
    """Say whether a text has no half of a sign: JSON can spell one, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entries(document: Any, part: Part) -> Iterator[tuple[int, Any, str | None]]:
    if isinstance(document, list):
        yield from ((number, one, None) for number, one in enumerate(document, 1))
        return
    if not isinstance(document, dict) or "resourceType" not in document:
        raise DataRejectedError(
            f"{part.label}: this is JSON and no FHIR: it has no resourceType. Ask for an R4 Bundle or "
            f"bulk NDJSON. "
            f"Nothing was replaced."
        )
    if document["resourceType"] != "Bundle":
        yield 1, document, None
        return
    entries = document.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataRejectedError(
            f'{part.label}: "entry" of the Bundle is no list of entries. Nothing was replaced.'
        )
    for number, entry in enumerate(entries, 1):
        # A deletion has no resource, and was taken up before.
        if "resource" in entry:
            url = entry.get("fullUrl")
            yield number, entry["resource"], url if isinstance(url, str) else None


def _refuse_page(document: Any, part: Part, alone: bool) -> None:
    """Refuse one page of a search that says that there are more."""
    links = document.get("link") if isinstance(document, dict) else None
    listed = links if isinstance(links, list) else []
    more = any(isinstance(one, dict) and one.get("relation") == "next" for one in listed)
    if more and alone:
        raise DataRejectedError(
            f"{part.label}: this is one page of a search, and the server says that more follow. Fetch all "
            f"pages "
            f"into one folder and name the folder. Nothing was replaced."
        )

"""Where the policy is applied: ids are replaced at the way in, and research tables follow from internal ones.

The records are always taken in under `internal`, with real dates, because the rules, the corrections and
the rows set aside need them. Under `research` that happens in a folder of its own, and the folder of
processed data gets nothing but what `privacy.coarsening` derives from it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb

from studypkg.config import Study, study_tables
from studypkg.errors import ConfigError, IdentifierFoundError, nearest
from studypkg.privacy.coarsening import Coarsening, coarsen
from studypkg.privacy.keys import SecretKey, read_key
from studypkg.privacy.policies import check_key, check_mark, internal_policy, mark_of, policy_of, treatments
from studypkg.privacy.pseudonyms import (
    PATTERN,
    Normalisation,
    distinct_ids,
    pseudonymise,
    refuse_pseudonyms,
    replace_ids,
)
from studypkg.records import IngestResult, RawTable, SourceResult
from studypkg.records.ingest import open_database
from studypkg.sources import Source
from studypkg.store import Store

#: What research may know of a source: how many rows came, and why some stayed out.
_COUNTS = (
    "table", "records", "series", "empty", "read", "accepted", "duplicate", "quarantined", "reasons",
    "new", "corrected", "unchanged", "overruled", "withdrawals",
)  # fmt: skip
#: Puts a delivery as read in the place of another, before anything is kept of it.
Veil = Callable[[duckdb.DuckDBPyConnection, RawTable, Source], RawTable]


class MarkedStore(Store):
    """A store that writes the mark of a policy on everything it publishes.

    Parameters
    ----------
    root
        The folder.
    mark
        What is written.
    closed
        No other account may look into the folder.
    """

    def __init__(self, root: Path, mark: Mapping[str, Any], *, closed: bool = False) -> None:
        super().__init__(root)
        self.mark = dict(mark)
        self.closed = closed

    def workspace(self) -> AbstractContextManager[Path]:
        """Lend a private folder; the folder it lies in is closed first."""
        if self.closed:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
        return super().workspace()

    def publish(
        self,
        tables: Mapping[str, Path | duckdb.DuckDBPyRelation],
        manifest: Mapping[str, Any],
        *,
        quarantine: Mapping[str, Sequence[Path]] | None = None,
        waiting: Mapping[str, Path] | None = None,
        history: Mapping[str, Path] | None = None,
        after: str | None = None,
    ) -> str:
        """Publish with the mark; see `Store.publish`."""
        return super().publish(
            tables, {**manifest, "policy": self.mark},
            quarantine=quarantine, waiting=waiting, history=history, after=after,
        )  # fmt: skip


def study_key(study: Study) -> SecretKey:
    """Read the study's secret key; see `privacy.keys.read_key`."""
    ways = study.privacy.pseudonyms
    return read_key(variable=ways.key_variable, file=ways.key_file, root=study.root)


def normalisation_of(study: Study) -> Normalisation:
    """Give the declared rules by which two ways of writing an id are the same id."""
    ways = study.privacy.pseudonyms
    return Normalisation(ways.case, ways.blanks, ways.ignore)


def open_records(study: Study, *, taking_in: bool = False) -> MarkedStore:
    """Open the records as the clinic knows them, to take more in or to look after what is set aside.

    Parameters
    ----------
    study
        The declaration.
    taking_in
        Deliveries will be read, so the key must be there and the one of before.

    Raises
    ------
    QualityGateError
        If they, or the tables derived from them, were made under another policy or with another key.
    """
    policy, internal = policy_of(study), internal_policy(study)
    if policy.name == "research":
        derived = Store(study.processed).manifest()
        if derived and mark_of(derived)["name"] != policy.name:
            check_mark(derived, policy, folder=str(study.study.processed))
    kept = Store(study.internal).manifest()
    check_mark(kept, internal, folder=str(_shown(study)))
    key = mark_of(kept)["key"]
    if taking_in:
        key = study_key(study).id if internal.options else None
        check_key(kept, key)
    return MarkedStore(study.internal, internal.mark(key), closed=policy.name == "research")


def veil_of(study: Study) -> Veil | None:
    """Make the step that replaces declared ids by pseudonyms; None if none are declared."""
    if not internal_policy(study).options:
        return None
    key, normalise = study_key(study), normalisation_of(study)
    done: dict[tuple[object, ...], RawTable] = {}

    def veil(connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> RawTable:
        columns = _columns_of(raw, source)
        what = (raw.relation, columns, source.missing)
        if not columns or what in done:
            return done.get(what, raw)
        blank = set(source.missing)
        ids = [one for one in distinct_ids(connection, raw.relation, columns) if one not in blank]
        refuse_pseudonyms(ids, f'{raw.name}, column "{", ".join(columns)}"')
        into = "veiled_" + hashlib.sha256(repr(what).encode()).hexdigest()[:16]
        made = pseudonymise(ids, key, normalise)
        replace_ids(connection, raw.relation, columns, into=into, of=made.of, blank=source.missing)
        notes = (*raw.notes, f"{len(made.of) - made.merged} ids replaced by pseudonyms of the key {key.id}")
        if made.merged:
            notes += (f"{made.merged} ids were other ways of writing the same id",)
        done[what] = replace(
            raw, relation=into, notes=notes, tidy_relation=into if raw.tidy else raw.tidy_relation
        )
        return done[what]

    return veil


def check_veiled(connection: duckdb.DuckDBPyConnection, raw: RawTable, source: Source) -> None:
    """Refuse a delivery whose declared columns still hold something that is no pseudonym.

    Raises
    ------
    IdentifierFoundError
        Naming the column and the number of cells.
    """
    for column in _columns_of(raw, source, strict=False):
        place = '"' + column.replace('"', '""') + '"'
        found = connection.execute(
            f'SELECT count(*) FROM "{raw.relation}" WHERE NOT regexp_full_match({place}, ?) '
            f"AND NOT list_contains(?, {place})",
            [PATTERN.pattern, ["", *source.missing]],
        ).fetchall()
        if found[0][0]:
            raise IdentifierFoundError(
                f'{raw.name}: {found[0][0]} cell(s) of the column "{column}" hold an id and no pseudonym. '
                f"This study keeps pseudonyms only: leave these cells as they were, and mend them in the "
                f"file of the source. Nothing was replaced."
            )


def derive_research(study: Study) -> bool:
    """Bring the research tables up to the internal ones.

    Returns
    -------
    bool
        Whether anything was written; nothing is under `internal`, or if nothing has changed.
    """
    policy = policy_of(study)
    if policy.name != "research":
        return False
    key, inner = study_key(study), Store(study.internal)
    account = inner.manifest()
    mark = policy.mark(key.id)
    origin = hashlib.sha256(json.dumps(account, sort_keys=True).encode()).hexdigest()
    store = MarkedStore(study.processed, mark)
    before = store.manifest()
    if (before.get("derived_from"), before.get("policy")) == (origin, json.loads(json.dumps(mark))):
        return False
    with store.workspace() as work, open_database(work, "1GB", None) as connection:
        declared = study_tables(study)
        tables = {}
        for name, table in declared.items():
            path = inner.path(name)
            if path is not None:
                source = str(path).replace("'", "''")
                connection.execute(f"CREATE TEMP VIEW \"{name}\" AS FROM read_parquet('{source}')")
                tables[name] = table
        made = coarsen(connection, tables, Coarsening(study.privacy.research, treatments(study), key))
        issue = store.publish(made, {**_account(account), "derived_from": origin})
    if before and mark_of(before) != mark:
        # Rows under two shifts, side by side, would give both away.
        for old in store.root.glob("tables-*"):
            if old.name != f"tables-{issue}":
                shutil.rmtree(old)
    return True


def _account(account: Mapping[str, Any]) -> dict[str, Any]:
    """Give the counts of the records without the days, names and hashes of the files they came in."""
    told = IngestResult.from_manifest(account)
    sources = tuple(
        SourceResult(file=f"source {place}", sha256="", **{name: getattr(one, name) for name in _COUNTS})
        for place, one in enumerate(told.sources, start=1)
    )
    return asdict(IngestResult(told.fingerprint, None, sources, tables=told.tables, inputs=told.inputs))


def _columns_of(raw: RawTable, source: Source, *, strict: bool = True) -> tuple[str, ...]:
    """Find the columns of a delivery that are declared under `pseudonymise`, by either of their names."""
    found = []
    for name in source.pseudonymise:
        place = name if name in raw.columns else source.columns.get(name, name)
        if place in raw.columns:
            found.append(place)
        elif strict:
            raise ConfigError(
                f'{raw.name}: `pseudonymise` names the column "{name}", which the file does not have.'
                f"{nearest(name, raw.columns)} Name a column of the file, or of the table that it feeds."
            )
    return tuple(dict.fromkeys(found))


def _shown(study: Study) -> Path:
    research = study.privacy.policy == "research"
    return study.privacy.research.internal if research else study.study.processed

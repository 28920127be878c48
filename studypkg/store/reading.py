"""What a study's tables say: now, or as they were known at an earlier batch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from studypkg.errors import QualityGateError, UnknownTermError, nearest
from studypkg.store import batches as books
from studypkg.store.batches import AsOf, Batch
from studypkg.store.durable import sha256_of
from studypkg.store.frames import BOOKKEEPING, chosen, plain, read_frame
from studypkg.store.rebuilding import rebuilt, tables_at, versions

#: The account of an issue, in its folder.
MANIFEST = "ingest.json"


class Tables:
    """The tables in a folder of processed data, to be read and not changed.

    Parameters
    ----------
    root
        The folder.
    as_of
        Read everything as it was known then: the number of a batch, a day, or a month (its last day).
        `None` reads what is known now.
    """

    def __init__(self, root: Path, *, as_of: AsOf | None = None) -> None:
        self.root = Path(root)
        self.as_of = as_of

    def manifest(self) -> dict[str, Any]:
        """Read where the tables come from, as they are or as they were; empty before the first issue.

        Raises
        ------
        QualityGateError
            If the account on disk is damaged.
        """
        if self.as_of is not None:
            return dict(self._known(self.as_of)[-1].account)
        issue = self._issue()
        if issue is None:
            return {}
        try:
            found: dict[str, Any] = json.loads((issue / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise QualityGateError(
                f"{issue / MANIFEST} is missing or damaged, so nobody can say where the tables come from. "
                f"Restore the folder from a backup. Nothing was replaced."
            ) from None
        return found

    def head(self) -> str | None:
        """Name the latest batch; None before the first."""
        found: str | None = Tables(self.root).manifest().get("batch")
        return found

    def batches(self) -> tuple[Batch, ...]:
        """List the batches that are known, the first one first; those known at `as_of` where it is set.

        Raises
        ------
        QualityGateError
            If the history on disk is damaged.
        """
        found = books.chain(self.root / "history", self.head())
        return found if self.as_of is None else books.known_at(found, self.as_of)

    def damaged(self) -> list[Path]:
        """List the files of the history, and kept copies of deliveries, that are not what they were.

        A copy in ``raw`` is named after its content; one that is gone was cleared away and is no damage.
        """
        copies = sorted((self.root / "raw").glob("*"))
        changed = [path for path in copies if path.is_file() and sha256_of(path) != path.name]
        return [*books.damaged_files(self.root / "history", self.batches()), *changed]

    def has(self, table: str) -> bool:
        """Say whether there is a table, or was one at `as_of`."""
        return table in self._names(self.as_of)

    def path(self, table: str) -> Path | None:
        """Find the file of a table of the current issue, bookkeeping columns and all."""
        return self._part(f"{table}.parquet")

    def waiting(self, name: str) -> Path | None:
        """Find a file of rows that wait, by its name."""
        return self._part(f"waiting/{name}")

    def quarantine(self, table: str) -> Path | None:
        """Find the file of the rows of a table that are set aside."""
        return self._part(f"quarantine/{table}.parquet")

    def pieces(self, name: str) -> list[Path]:
        """Find the files of one name in all batches, the first batch first."""
        folder = self.root / "history"
        return [folder / batch.name / name for batch in self.batches() if name in batch.files]

    def read(
        self, table: str, columns: Sequence[str] | None = None, *, as_of: AsOf | None = None
    ) -> pd.DataFrame:
        """Read a table with plain dtypes: text as str, days as datetime64, numbers as float64.

        Parameters
        ----------
        table
            Its name.
        columns
            The columns that are needed; all of them if not given.
        as_of
            Read it as it was known then, exactly; if not given, as the store does.

        Raises
        ------
        UnknownTermError
            If there is or was no such table, or the table has no such column.
        ConfigError
            If nothing was known then.
        """
        moment = self.as_of if as_of is None else as_of
        if moment is not None:
            with duckdb.connect() as connection:
                relation = connection.sql(rebuilt(self.root / "history", self._known(moment), table))
                wanted = chosen(table, relation.columns, columns)
                return plain(relation.to_arrow_table().select(wanted))
        path, names = self.path(table), self._names(None)
        if path is None or table not in names:
            raise UnknownTermError(
                f'there is no table "{table}" in {self.root}.{nearest(table, names)} '
                f"It holds: {', '.join(names) or 'nothing yet; run `study ingest`'}."
            )
        return read_frame(path, columns)

    def versions(self, table: str) -> pd.DataFrame:
        """Read every version of every row: the batch that brought it, the one that ended it, and why.

        Raises
        ------
        UnknownTermError
            If no batch has such a table.
        """
        known = self.batches()
        names = tables_at(known)
        if table not in names:
            raise UnknownTermError(
                f'the history has no table "{table}".{nearest(table, names)} '
                f"It has: {', '.join(names) or 'none yet; run `study ingest`'}."
            )
        with duckdb.connect() as connection:
            return plain(connection.sql(versions(self.root / "history", known, table)).to_arrow_table())

    def came(self, table: str, day: str, *, after: int) -> list[tuple[str, int, int]]:
        """Count the rows that later batches brought, by month and batch.

        Parameters
        ----------
        table
            Its name.
        day
            Column of the day that says the month; rows without it are left out.
        after
            Number of the batch after which to begin.

        Returns
        -------
        list of tuple
            Month as ``YYYY-MM``, number of the batch, and new, corrected, mended or returned rows. A row
            that only changed its source is none of them.
        """
        name = f"{table}.in.parquet"
        paths = [
            str(self.root / "history" / batch.name / name)
            for batch in self.batches()
            if batch.number > after and name in batch.files and day in batch.tables[table]["columns"]
        ]
        if not paths:
            return []
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        with duckdb.connect() as connection:
            return connection.execute(
                f"SELECT strftime(\"{day}\", '%Y-%m') AS month, _batch, count(*) "
                f"FROM read_parquet([{listed}], union_by_name = true) "
                f"WHERE \"{day}\" IS NOT NULL AND _why <> 'taken' GROUP BY ALL ORDER BY ALL"
            ).fetchall()

    def quarantined(self, table: str) -> pd.DataFrame:
        """Read the rows of a table that are set aside now, one line per broken rule; for the office only."""
        path = self.quarantine(table)
        if path is None:
            raise UnknownTermError(f'there is no quarantine of a table "{table}" in {self.root}.')
        return read_frame(path, None)

    def query(self, sql: str) -> pd.DataFrame:
        """Put a DuckDB query to the tables, each a view under its name; as they were where `as_of` is set.

        Raises
        ------
        UnknownTermError
            If there are no tables yet.
        """
        names = self._names(self.as_of)
        if not names:
            raise UnknownTermError(f"there are no tables in {self.root} yet. Run `study ingest`.")
        with duckdb.connect() as connection:
            for name in names:
                if self.as_of is not None:
                    rows = rebuilt(self.root / "history", self._known(self.as_of), name)
                else:
                    rows = _plain_columns(str(self.path(name)))
                connection.execute(f'CREATE VIEW "{name}" AS {rows}')
            return plain(connection.sql(sql).to_arrow_table())

    def _known(self, as_of: AsOf) -> tuple[Batch, ...]:
        return books.known_at(books.chain(self.root / "history", self.head()), as_of)

    def _issue(self) -> Path | None:
        """Find the folder of the issue that counts, once, so that one call sees one issue."""
        link = self.root / "tables"
        return self.root / os.readlink(link) if link.is_symlink() else None

    def _part(self, name: str) -> Path | None:
        issue = self._issue()
        return issue / name if issue is not None and (issue / name).is_file() else None

    def _names(self, as_of: AsOf | None) -> tuple[str, ...]:
        if as_of is not None:
            return tables_at(self._known(as_of))
        issue = self._issue()
        return tuple(sorted(path.stem for path in issue.glob("*.parquet"))) if issue is not None else ()


def _plain_columns(path: str) -> str:
    """Write the SQL of a table's file without its bookkeeping."""
    kept = (name for name in pq.read_schema(path).names if not name.startswith(BOOKKEEPING))
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in kept)
    source = path.replace("'", "''")
    return f"SELECT {columns} FROM read_parquet('{source}')"
